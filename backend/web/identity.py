"""From a request to the person behind it: session cookie or Bearer token, and what routes ask for."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi.security import HTTPBearer
from starlette.requests import Request

from backend.accounts.identity import Identity, Scope
from backend.accounts.service import Accounts
from backend.errors import CrossSiteRequest, NotAllowed, NotSignedIn, ScopeMissing

SESSION_COOKIE = "ondol_session"
DEVICE_COOKIE = "ondol_device"

bearer_scheme = HTTPBearer(
    auto_error=False, description="A personal API token, `ondol_…`, made on the account page or by `POST /tokens`."
)
"""Only describes the header on the OpenAPI page; `identity_of` reads it."""


async def identity_of(request: Request) -> Identity | None:
    """Who sent the request, or None. Found once and kept on `request.state.identity`.

    A request with a Bearer token is judged by the token alone, whatever cookie it carries besides.

    Raises:
        DatabaseUnavailable: nobody can be identified now.
    """
    if not hasattr(request.state, "identity"):
        request.state.identity = await _look_up(request)
    found: Identity | None = request.state.identity
    return found


async def require(request: Request) -> Identity:
    """The person behind the request. Raises NotSignedIn."""
    identity = await identity_of(request)
    if identity is None:
        raise NotSignedIn
    return identity


async def require_admin(request: Request) -> Identity:
    """The admin behind the request. Raises NotSignedIn, NotAllowed, and ScopeMissing for an admin's lesser token."""
    identity = await require(request)
    if not identity.may(Scope.ADMIN):
        raise ScopeMissing(scope=Scope.ADMIN)
    if not identity.is_admin:
        raise NotAllowed
    return identity


def require_scope(scope: Scope | str) -> Callable[[Request], Awaitable[Identity]]:
    """A dependency: whoever is signed in, unless it is by a token without `scope`."""
    wanted = Scope(scope)

    async def dependency(request: Request) -> Identity:
        identity = await require(request)
        if not identity.may(wanted):
            raise ScopeMissing(scope=wanted)
        return identity

    return dependency


async def refuse_cross_site(request: Request) -> None:
    """Raises CrossSiteRequest for a form or script of another site that uses the visitor's cookie.

    SameSite=Lax is not enough: other people's pods are siblings under one domain, hence "same-site".
    """
    if request.method in {"GET", "HEAD", "OPTIONS"} or _bearer(request):
        return
    told = request.headers.get("sec-fetch-site")
    if told is not None:
        if told not in {"same-origin", "none"}:
            raise CrossSiteRequest
        return
    origin = request.headers.get("origin")  # sent by browsers too old for the header above; programs send neither
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise CrossSiteRequest


def client_address(request: Request) -> str:
    """The client's address; trusted proxies have been resolved before."""
    return request.client.host if request.client else ""


async def _look_up(request: Request) -> Identity | None:
    accounts: Accounts = request.app.state.accounts
    token = _bearer(request)
    if token:
        return await accounts.identify_token(token)
    cookie = request.cookies.get(SESSION_COOKIE, "")
    return await accounts.identify_session(cookie) if cookie else None


def _bearer(request: Request) -> str:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""
