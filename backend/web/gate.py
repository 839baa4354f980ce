"""Nobody comes in without signing in, and nobody waits in front of a blank page.

Both gates know two kinds of askers: a person who opens a page is led somewhere useful (the sign-in page, a page that
opens by itself when Ondol is up), a program or script gets a problem.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.accounts.identity import Identity
from backend.errors import NotSignedIn, OndolError, PasswordChangeRequired, Starting
from backend.pod.outside import HEARTBEAT_PATH
from backend.settings import Settings
from backend.web.identity import identity_of
from backend.web.notice import notice_page
from backend.web.problems import problem_response

Authenticate = Callable[[Request], Awaitable[Identity | None]]

# All that a signed-out client may reach. `/metrics` asks for its own proof; the heartbeat of the pod is for a watchdog
# on another machine and tells nothing secret.
PUBLIC_PATHS = frozenset({"/health", "/health/live", "/login", "/metrics", HEARTBEAT_PATH})
PUBLIC_PREFIXES = ("/static/login", "/static/favicon")
# All that is open to somebody whose password was set by another person.
PASSWORD_PATHS = frozenset({"/password", "/logout"})
# All that works while the app is starting.
STARTING_PATHS = frozenset({"/health", "/health/live", "/metrics", HEARTBEAT_PATH})
_PROGRAM_PREFIXES = ("/api/", "/gradio_api/")


class StartingGate:
    """ASGI middleware: until `app.state.ready` is true, people see a page that reloads itself, programs a 503."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_ready(scope) or scope["path"] in STARTING_PATHS or _is_public_file(scope):
            await self.app(scope, receive, send)
            return
        await _told(Request(scope), Starting())(scope, receive, send)


class SignInGate:
    """ASGI middleware: whoever is not signed in reaches `PUBLIC_PATHS` and nothing else.

    The identity it finds is in `scope["state"]["identity"]` for everything behind it.

    Args:
        authenticate: finds out who sent a request; None for nobody.
    """

    def __init__(self, app: ASGIApp, settings: Settings, *, authenticate: Authenticate = identity_of) -> None:
        self.app = app
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PUBLIC_PATHS or _is_public_file(scope):
            await self.app(scope, receive, send)
            return
        refusal = await self._refusal(Request(scope))
        await (refusal or self.app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        """What is answered in place of the app, or None when the reader may pass."""
        try:
            identity = await self._authenticate(request)
        except OndolError as error:
            return _told(request, error)
        request.state.identity = identity
        if identity is None:
            if is_navigation(request):
                return _redirect(f"/login?next={quote(_own_target(request), safe='')}")
            return problem_response(request, NotSignedIn())
        if identity.must_change_password and identity.session_id is not None and not _is_password_path(request):
            return (
                _redirect("/password")
                if is_navigation(request)
                else problem_response(request, PasswordChangeRequired())
            )
        return None


def is_navigation(request: Request) -> bool:
    """Whether a person opens a page, as against a script or program fetching something."""
    return (
        request.method in ("GET", "HEAD")
        and "text/html" in request.headers.get("accept", "")
        and request.headers.get("sec-fetch-mode", "navigate") == "navigate"
        and not request.scope["path"].startswith(_PROGRAM_PREFIXES)
    )


def _told(request: Request, error: OndolError) -> Response:
    if is_navigation(request):
        return notice_page(error)
    return problem_response(request, error)


def _redirect(target: str) -> Response:
    return RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})


def _own_target(request: Request) -> str:
    """Path and query to come back to; never an address that a browser would read as another host."""
    path = request.scope["path"]  # not request.url, which is built from the Host header
    if not path.startswith("/") or path[1:2] in ("/", "\\") or not path.isprintable():
        return "/"
    query = request.scope["query_string"].decode("latin-1")
    return f"{quote(path)}?{query}" if query else quote(path)


def _is_ready(scope: Scope) -> bool:
    return bool(getattr(scope["app"].state, "ready", False))


def _is_public_file(scope: Scope) -> bool:
    path = scope["path"]  # `..` is not resolved by the server, so it must not lead from here to another file
    return scope["method"] in ("GET", "HEAD") and path.startswith(PUBLIC_PREFIXES) and ".." not in path


def _is_password_path(request: Request) -> bool:
    path = request.scope["path"]
    return path in PASSWORD_PATHS or path.startswith("/static/")
