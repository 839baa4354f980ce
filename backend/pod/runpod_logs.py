"""A pod's log as RunPod streams it: server-sent events, each with a line and its time."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import orjson

_LONGEST_LINE = 64_000  # bytes; a longer one is left out


async def log_lines(chunks: AsyncIterator[bytes], silence_s: float) -> AsyncIterator[str]:
    """The lines of a stream, each after its time; ends with it, or when nothing came for `silence_s` seconds."""
    rest = b""
    try:
        while True:
            async with asyncio.timeout(silence_s):
                rest += await anext(chunks)
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if (text := _log_line(line)) is not None:
                    yield text
            if len(rest) > _LONGEST_LINE:
                rest = b""
    except (StopAsyncIteration, TimeoutError, httpx.ReadTimeout):
        return


def _log_line(line: bytes) -> str | None:
    """`2026-06-01T12:02:03Z Model loaded.` of an event's data line; None for every other line."""
    if not line.startswith(b"data:"):
        return None
    try:
        event = orjson.loads(line[5:])
        return f"{event['ts']} {event['line']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
