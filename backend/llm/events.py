"""The events of a streamed answer, read from its raw bytes: see `backend/llm/engine.py` for why."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson


@dataclass(frozen=True)
class Usage:
    """Token counts of a finished answer."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Finished:
    """Last event of a stream. `reason` is OpenAI's finish_reason (`stop`, `length`, …)."""

    reason: str
    usage: Usage | None


class StreamBroken(Exception):
    """The engine ended a stream without finishing it, or sent something that is no event."""


async def events(received: AsyncIterator[bytes], deadline: float, gap_s: float) -> AsyncIterator[str | Finished]:
    """Reads the server-sent events of a chat completion.

    Args:
        deadline: loop time, for the first text.
        gap_s: longest silence after it.

    Raises:
        StreamBroken, TimeoutError: what was yielded stays valid.
    """
    reason, usage, rest = "", None, b""
    loop = asyncio.get_running_loop()
    begun = False
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                rest += await anext(received)
        except StopAsyncIteration:
            break
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if not line.startswith(b"data:") or line[5:].strip() == b"[DONE]":
                continue
            text, ended, counted = _read(line[5:])
            reason = ended or reason
            usage = counted or usage
            if text:
                begun = True
                yield text
        if begun:
            deadline = loop.time() + gap_s
    if not reason:
        raise StreamBroken
    yield Finished(reason, usage)


def _read(data: bytes) -> tuple[str, str, Usage | None]:
    """Text, finish reason and token counts of one chunk. Raises StreamBroken for what is no chunk."""
    try:
        chunk = orjson.loads(data)
        if chunk.get("error"):
            raise StreamBroken
        usage = None
        if counted := chunk.get("usage"):
            usage = Usage(int(counted.get("prompt_tokens") or 0), int(counted.get("completion_tokens") or 0))
        text = reason = ""
        for choice in chunk.get("choices") or ():
            reason = choice.get("finish_reason") or reason
            text += (choice.get("delta") or {}).get("content") or ""
    except (ValueError, TypeError, AttributeError):  # no JSON, or JSON of another shape
        raise StreamBroken from None
    return text, reason, usage
