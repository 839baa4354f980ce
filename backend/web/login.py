"""The sign-in and password pages: plain HTML of our own, which works before anything else is loaded."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backend.accounts import passwords
from backend.accounts.administration import FIRST_ADMIN
from backend.accounts.identity import Identity
from backend.accounts.service import Accounts
from backend.errors import Language, OndolError, PasswordsDiffer, TooManyLogins
from backend.settings import Settings
from backend.web.identity import DEVICE_COOKIE, SESSION_COOKIE, client_address, identity_of, refuse_cross_site
from backend.web.language import LANGUAGE_COOKIE, language_of
from backend.web.login_text import duration, texts

THEME_COOKIE = "ondol_theme"
# The server decides when a session is over; the cookie only must not go before. Browsers keep one 400 days at most.
_COOKIE_LIFE_S = 400 * 24 * 3600
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

FormField = Annotated[str, Form()]


def router(accounts: Accounts, settings: Settings) -> APIRouter:
    """`/login`, `/logout` and `/password`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    async def show_login(request: Request, lang: str = "", next: str = "/") -> Response:  # noqa: A002 -- its name in the URL
        target = local_path(next)
        try:
            identity = await identity_of(request)
        except OndolError as error:
            return login_page(request, target, error=error)
        if identity is not None and not lang:
            return _see_other(target)
        return _with_language(request, login_page(request, target, chosen=_language(lang)), lang)

    @routes.post("/login")
    async def sign_in(
        request: Request,
        username: FormField = "",
        password: FormField = "",
        next: FormField = "/",  # noqa: A002
    ) -> Response:
        target = local_path(next)
        request.state.identity = None  # whoever was signed in before, this page speaks to somebody new
        if not username.strip() or not password:
            return login_page(request, target, username, problem=texts(language_of(request))["fill_in"], status=422)
        try:
            await refuse_cross_site(request)
            identity, cookie = await accounts.login(
                username,
                password,
                client_address(request),
                request.headers.get("user-agent", ""),
                device=request.cookies.get(DEVICE_COOKIE, ""),
            )
        except OndolError as error:
            request.state.error_code = error.code  # for the log and the metrics, as for errors told as problems
            return login_page(request, target, username, error=error)
        response = _see_other(_password_path(target) if must_change(identity) else target)
        _set_cookie(request, response, SESSION_COOKIE, cookie)
        _set_cookie(request, response, DEVICE_COOKIE, accounts.device_mark(identity.username), path="/login")
        return response

    @routes.get("/logout")
    async def show_logout() -> Response:
        return _see_other("/")  # signing out by a link would let any page do it with an image

    @routes.post("/logout")
    async def sign_out(request: Request) -> Response:
        await refuse_cross_site(request)
        identity = await identity_of(request)
        if identity is not None:
            await accounts.logout(identity)
        response = _see_other("/login")
        response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=_is_https(request))
        return response

    @routes.get("/password")
    async def show_password(request: Request, lang: str = "", next: str = "/") -> Response:  # noqa: A002
        target = local_path(next)
        identity = await identity_of(request)
        if identity is None or identity.session_id is None:
            return _see_other("/login?" + urlencode({"next": _password_path(target)}))
        if lang and identity.language is not None and _language(lang) is not None:
            await accounts.set_language(identity, _language(lang))
        return _with_language(request, password_page(request, identity, target, chosen=_language(lang)), lang)

    @routes.post("/password")
    async def change_password(
        request: Request,
        current: FormField = "",
        new: FormField = "",
        repeat: FormField = "",
        next: FormField = "/",  # noqa: A002
    ) -> Response:
        target = local_path(next)
        identity = await identity_of(request)
        if identity is None or identity.session_id is None:
            return _see_other("/login?" + urlencode({"next": _password_path(target)}))
        try:
            await refuse_cross_site(request)
            if new != repeat:
                raise PasswordsDiffer
            await accounts.change_password(identity, current, new)
        except OndolError as error:
            return password_page(request, identity, target, error=error)
        return _see_other(target)

    def login_page(
        request: Request,
        target: str,
        username: str = "",
        *,
        error: OndolError | None = None,
        problem: str = "",
        status: int = 200,
        chosen: Language | None = None,
    ) -> HTMLResponse:
        language = chosen or language_of(request)
        is_new = accounts.first_password_file.exists()
        return _page(
            "login.html",
            request,
            language,
            error=error,
            status=status,
            next=target,
            username=username[:128],
            problem=problem,
            session_days=settings.session_days,
            first_admin=FIRST_ADMIN,
            first_password_file=accounts.first_password_file.relative_to(settings.data_dir) if is_new else None,
        )

    return routes


def must_change(identity: Identity) -> bool:
    """Whether the person has to choose a password of their own before anything else."""
    return identity.must_change_password and identity.session_id is not None


def local_path(target: str) -> str:
    """`target` if it is a path on this very server, else `/`: the page must not send people elsewhere.

    Browsers read `\\` as `/` and skip control characters, so `/\\evil` and `/<tab>/evil` are refused as well.
    """
    is_path = target.startswith("/") and not target.startswith("//") and len(target) <= 2000
    if not is_path or "\\" in target or not target.isprintable() or " " in target:
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or parts.path in {"/login", "/logout"}:
        return "/"
    return target


def password_page(
    request: Request,
    identity: Identity,
    target: str,
    error: OndolError | None = None,
    chosen: Language | None = None,
) -> HTMLResponse:
    """The page on which one changes one's own password."""
    return _page(
        "password.html",
        request,
        chosen or language_of(request),
        error=error,
        next=target if urlsplit(target).path != "/password" else "/",
        username=identity.username,
        forced=identity.must_change_password,
        minimum=passwords.MINIMUM_LENGTH,
        maximum=passwords.MAXIMUM_LENGTH,
    )


def _page(
    template: str,
    request: Request,
    language: Language,
    *,
    error: OndolError | None,
    status: int = 200,
    problem: str = "",
    **values: object,
) -> HTMLResponse:
    theme = request.cookies.get(THEME_COOKIE, "")
    html = _TEMPLATES.get_template(template).render(
        t=texts(language),
        language=language.value,
        theme=theme if theme in {"light", "dark"} else "",
        error=_explained(error, language) if error else problem,
        **values,
    )
    response = HTMLResponse(html, error.status if error else status, headers={"Cache-Control": "no-store"})
    if error is not None and error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _explained(error: OndolError, language: Language) -> str:
    if isinstance(error, TooManyLogins) and error.retry_after_s is not None:
        wait = texts(language)["wait"].format(duration=duration(error.retry_after_s, language))
        return f"{error.what.in_(language)} {wait}"
    return error.message(language)


def _language(name: str) -> Language | None:
    return Language(name) if name in {language.value for language in Language} else None


def _with_language(request: Request, response: HTMLResponse, name: str) -> HTMLResponse:
    """Remembers the language of the link somebody followed. Scripts of the page may read this cookie."""
    if _language(name) is not None:
        _set_cookie(request, response, LANGUAGE_COOKIE, name, for_scripts=True)
    return response


def _set_cookie(
    request: Request, response: Response, name: str, value: str, *, path: str = "/", for_scripts: bool = False
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=_COOKIE_LIFE_S,
        path=path,
        httponly=not for_scripts,
        samesite="lax",
        secure=_is_https(request),
    )


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def _password_path(target: str) -> str:
    return "/password?" + urlencode({"next": target})


def _see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})
