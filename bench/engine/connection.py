"""One client's connection: reads requests, routes them, and lets go of everything when the client leaves."""

import asyncio
import hmac
from typing import TYPE_CHECKING, Any

import orjson

from bench.engine import routes, wire
from bench.engine.completion import Completion

if TYPE_CHECKING:
    from bench.engine.server import EngineDouble


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time; a request that comes early waits for its turn."""

    def __init__(self, engine: "EngineDouble", *, is_control: bool = False) -> None:
        self.engine = engine
        self.is_control = is_control
        self.completion: Completion | None = None
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.engine.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.engine.closed(self)
        if self.completion is not None:
            self.completion.abort()
            self.completion = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._next_request()

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def finished(self) -> None:
        """The running completion has been answered: the next request may begin."""
        self.completion = None
        self._next_request()

    def abort(self) -> None:
        """Resets the connection."""
        if self._transport is not None:
            self._transport.abort()

    def routes(self) -> routes.Routes:
        """What this connection's port answers."""
        return routes.CONTROL if self.is_control else routes.PROTOCOL

    def _next_request(self) -> None:
        while self.completion is None and self._transport is not None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            try:
                method, path, headers, length = _head(bytes(self._received[:end]))
            except ValueError as error:
                self.send(wire.http(400, wire.error(f"Not a request: {error}", "BadRequestError", 400)))
                self._transport.close()
                return
            start = end + 4
            if len(self._received) < start + length:
                return
            body = bytes(self._received[start : start + length])
            del self._received[: start + length]
            self._route(method, path, headers, body)

    def _route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        methods = self.routes().get(path)
        if methods is None:
            return self.send(wire.http(404, {"detail": "Not Found"}))
        if method not in methods:
            return self.send(wire.http(405, {"detail": "Method Not Allowed"}))
        if path.startswith("/v1/") and not self._is_authorized(headers):
            return self.send(wire.http(401, {"error": "Unauthorized"}))
        parsed: Any = None
        if method == "POST":
            try:
                parsed = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                return self.send(wire.http(400, wire.error(f"Invalid JSON: {error}", "BadRequestError", 400)))
        methods[method](self.engine, self, parsed)
        return None

    def _is_authorized(self, headers: dict[str, str]) -> bool:
        key = self.engine.config.api_key
        shown = headers.get("authorization", "").removeprefix("Bearer ")
        return not key or hmac.compare_digest(shown.encode(), key.encode())


def _head(head: bytes) -> tuple[str, str, dict[str, str], int]:
    """Method, path, headers and length of the body. Raises ValueError."""
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = request_line.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if "transfer-encoding" in headers:
        raise ValueError("the body must come with a content-length")
    return method, target.partition("?")[0], headers, int(headers.get("content-length", "0"))
