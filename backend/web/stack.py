"""The middlewares of the page and the API, in the one order that works."""

from starlette.middleware import Middleware

from backend.settings import Settings
from backend.web.gate import Authenticate, SignInGate, StartingGate
from backend.web.identity import identity_of
from backend.web.limits import BodyLimit, RateLimit
from backend.web.metrics import HttpMetrics, Metrics
from backend.web.page import PageRewriter
from backend.web.problems import UnexpectedErrors
from backend.web.proxy import ProxyHeaders
from backend.web.request_log import RequestLog
from backend.web.security import CrossSiteGuard, DeniedRoutes, SecurityHeaders


def middleware_stack(
    settings: Settings, *, metrics: Metrics, authenticate: Authenticate = identity_of
) -> list[Middleware]:
    """For `FastAPI(middleware=…)`: the first entry is the outermost.

    Each line needs what the lines above it have settled.
    """
    return [
        Middleware(ProxyHeaders, settings),  # who and which scheme it really is: all others read that
        Middleware(RequestLog, settings),  # refusals are logged and have an id as well
        Middleware(SecurityHeaders, settings),  # refusals carry the headers as well
        Middleware(HttpMetrics, settings, metrics=metrics),
        Middleware(UnexpectedErrors, settings),  # inside the four above, so that a 500 is like any other answer
        Middleware(StartingGate, settings),  # before anything that needs the database
        Middleware(CrossSiteGuard, settings),  # needs no database; the sign-in form is guarded too
        Middleware(SignInGate, settings, authenticate=authenticate),
        Middleware(DeniedRoutes, settings),  # behind the gate: a signed-out client learns nothing about routes
        Middleware(RateLimit, settings, metrics=metrics),  # by user, so behind the gate
        Middleware(BodyLimit, settings),  # innermost that reads: nothing above it touches a body
        Middleware(PageRewriter, settings),
    ]
