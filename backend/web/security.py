"""What a browser is told to refuse, and what is refused from a browser.

The content security policy is the last wall against model text that asks the reader's browser for something: no
address but our own is ever loaded, sent to, or framed by. Gradio's pages need inline scripts and styles; nothing
needs `unsafe-eval` (its bar and line plots would, plotly does not).
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import CrossSiteRequest, NotFound
from backend.settings import Settings
from backend.web.identity import SESSION_COOKIE
from backend.web.problems import problem_response

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'self'; "
    "object-src 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
}
STRICT_TRANSPORT_SECURITY = "max-age=15552000"  # 180 days
# Files that are the same for everybody and may be kept by the browser.
CACHEABLE_PREFIXES = ("/assets/", "/static/", "/page/", "/svelte/")
UNCACHED_TYPES = ("text/html", "application/json", "application/problem+json", "text/event-stream")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Gradio routes that Ondol has no use for: they share conversations by link, run a dashboard, fetch other hosts on the
# reader's behalf, take uploads without an owner, or rewrite the app's source. A path is matched from its start.
DENIED_ROUTES = re.compile(
    r"""^(?:
        /monitoring(?:/|$)
      | /dev(?:/|$)
      | /gradio_api/(?:
            deep_link | monitoring | runs | run-history | proxy= | upload | upload_progress | dev
          | vibe-(?:edit|code|starter-queries) | undo-vibe-edit | process_recording | profiling | custom_component
          | stream | mcp | token | app_id | openapi\.json
        )(?:[/=].*|$)
      | /gradio_api/proxy=
      | /gradio_api/file=\s*[a-zA-Z][a-zA-Z0-9+.-]*:/
    )""",
    re.VERBOSE,
)


class SecurityHeaders:
    """ASGI middleware that adds the headers above to every answer, streamed ones included.

    CORS headers are taken off: no other origin has business here, and Gradio would allow any, with credentials.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _harden(MutableHeaders(scope=message), scope)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class DeniedRoutes:
    """ASGI middleware: the routes above do not exist here, nor does any WebSocket."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http" and DENIED_ROUTES.match(scope["path"]):
            await problem_response(scope, NotFound())(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class CrossSiteGuard:
    """ASGI middleware that refuses writing requests another site made a browser send.

    A request with a Bearer token and no session cookie is a program's and passes: a browser never adds that header by
    itself.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            request = Request(scope)
            by_program = "authorization" in request.headers and SESSION_COOKIE not in request.cookies
            if not by_program and not is_own_origin(request.headers):
                await problem_response(scope, CrossSiteRequest())(scope, receive, send)
                return
        await self.app(scope, receive, send)


def is_own_origin(headers: Headers) -> bool:
    """Whether the browser says that the request comes from our own page.

    `Sec-Fetch-Site` is decisive where it exists, because no script can set it and it holds behind a proxy that changes
    Host. Browsers leave it out on plain http, where `Origin` has to name our host. Neither: no browser of this decade.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return bool(netloc) and netloc == headers.get("host", "").lower()


def _harden(headers: MutableHeaders, scope: Scope) -> None:
    for name in [name for name in headers if name.lower().startswith("access-control-")]:
        del headers[name]
    for name, value in HEADERS.items():
        headers[name] = value
    if scope["scheme"] == "https":
        headers["strict-transport-security"] = STRICT_TRANSPORT_SECURITY
    content_type = headers.get("content-type", "")
    path = scope["path"]
    if content_type.startswith("text/event-stream"):
        headers["x-accel-buffering"] = "no"  # nginx would gather the stream otherwise
    if not path.startswith(CACHEABLE_PREFIXES) and (
        content_type.startswith(UNCACHED_TYPES) or path.startswith(("/api/", "/gradio_api/"))
    ):
        headers["cache-control"] = "no-store"
