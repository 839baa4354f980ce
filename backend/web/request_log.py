"""One log line a request, and an id that ties it to everything logged on its behalf."""

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.settings import Settings
from backend.web.leaving import READER_LEFT

REQUEST_ID_HEADER = "x-request-id"
# Requests nobody reads about: probes and files.
QUIET_PREFIXES = ("/health", "/metrics", "/assets/", "/static/", "/page/", "/svelte/", "/favicon")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_access = structlog.get_logger("ondol.access")


class RequestLog:
    """ASGI middleware: an id for each request, bound to all its log lines, and one line when it is over.

    An incoming `X-Request-ID` is kept when it has 8 to 64 letters, digits or hyphens, otherwise a new one is made. The
    id is in `scope["state"]["request_id"]` and in the answer's header.
    """

    def __init__(self, app: ASGIApp, settings: Settings, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        status: int | None = None
        start = self._clock()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                self._write(scope, status, (self._clock() - start) * 1000)

    def _write(self, scope: Scope, status: int | None, duration_ms: float) -> None:
        fields: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status if status is not None else READER_LEFT,
            "duration_ms": round(duration_ms, 1),
        }
        state = scope["state"]
        if (identity := state.get("identity")) is not None:
            fields["user_id"] = str(identity.user_id)
        if code := state.get("error_code"):
            fields["code"] = code
        quiet = scope["path"].startswith(QUIET_PREFIXES)
        (_access.debug if quiet else _access.info)("request", **fields)


def request_id_of(headers: Headers) -> str:
    """The caller's id if it is harmless, else a new one."""
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex
