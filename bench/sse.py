"""Reads server-sent events from the bytes of an HTTP/1.1 connection.

A client library would cost more processor time per token than the server that is measured beside it.
"""

from dataclasses import dataclass

_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `name` is empty for an unnamed one; several data lines are joined by newlines."""

    name: str
    data: bytes


class MalformedStreamError(ValueError):
    """Bytes that are neither chunks nor a body as the response's header announced."""


class ChunkedBody:
    """Decodes `transfer-encoding: chunked`, however the bytes were cut on their way."""

    def __init__(self) -> None:
        self._buffer = b""
        self.is_complete = False

    def feed(self, data: bytes) -> bytes:
        """The payload of the chunks that have become whole. Raises MalformedStreamError."""
        self._buffer += data
        whole: list[bytes] = []
        while not self.is_complete:
            line_end = self._buffer.find(_CRLF)
            if line_end < 0:
                break
            size = _chunk_size(self._buffer[:line_end])
            start = line_end + 2
            if size == 0:
                self.is_complete = True
                break
            if len(self._buffer) < start + size + 2:
                break
            if self._buffer[start + size : start + size + 2] != _CRLF:
                raise MalformedStreamError("a chunk is longer than it said")
            whole.append(self._buffer[start : start + size])
            self._buffer = self._buffer[start + size + 2 :]
        return b"".join(whole)


class EventReader:
    """Splits a body into events; comments and fields other than `event` and `data` are dropped."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Event]:
        """The events that have become whole."""
        *whole, self._buffer = (self._buffer + data.replace(_CRLF, b"\n")).split(b"\n\n")
        return [event for block in whole if (event := _event(block)) is not None]


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise MalformedStreamError(f"{line[:20]!r} is no chunk size") from None


def _event(block: bytes) -> Event | None:
    name, data = "", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.removeprefix(b" ").decode()
        elif field == b"data":
            data.append(value.removeprefix(b" "))
    return Event(name, b"\n".join(data)) if data else None
