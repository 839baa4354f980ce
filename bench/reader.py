"""The reader of the streaming benchmark: takes answers from an engine or from Ondol and notes when text comes.

It runs in a process of its own, so that its work is not counted as the server's: a plan comes as JSON on
standard input, the times go as JSON to standard output (`python -m bench.reader`).
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from bench.sse import ChunkedBody, Event, EventReader

_TIMEOUT_S = 120.0


class Protocol(StrEnum):
    """Whose stream it is."""

    ONDOL = "ondol"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class Target:
    """A server on this machine. `model` is only sent to an engine."""

    protocol: Protocol
    port: int
    key: str
    model: str = ""


@dataclass(slots=True)
class Reading:
    """One answer.

    Attributes:
        sent_s: when the request left.
        text_s: when text came. Text that arrives together counts once: a reader sees it at once.
        tokens: the server's own count.
    """

    sent_s: float
    text_s: list[float] = field(default_factory=list)
    tokens: int = 0
    is_done: bool = False

    @property
    def ttft_ms(self) -> float:
        return (self.text_s[0] - self.sent_s) * 1000


class StreamFailedError(Exception):
    """An answer that did not come whole; the message has what the server said."""


async def read_answer(target: Target, prompt: str, max_tokens: int) -> Reading:
    """Asks and reads to the end, over a connection of its own that is opened before the clock starts.

    Raises:
        StreamFailedError: the server refused, broke off, or took longer than two minutes.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            connection, writer = await asyncio.open_connection("127.0.0.1", target.port)
            try:
                return await _exchange(connection, writer, target, _request(target, prompt, max_tokens))
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        raise StreamFailedError(f"{target.protocol}: {type(error).__name__} {error}") from error


async def pairs(first: Target, second: Target, prompts: list[str], max_tokens: int) -> list[tuple[float, float]]:
    """Milliseconds to the first text from both targets, one request at a time, each prompt to both.

    The one that is asked first changes from prompt to prompt, so that neither always meets the warmer machine.
    """
    times = []
    for number, prompt in enumerate(prompts):
        order = (first, second) if number % 2 == 0 else (second, first)
        found = {target.protocol: (await read_answer(target, prompt, max_tokens)).ttft_ms for target in order}
        times.append((found[first.protocol], found[second.protocol]))
    return times


async def together(target: Target, prompts: list[str], max_tokens: int) -> list[Reading]:
    """Reads one answer for each prompt, all at the same time."""
    return await asyncio.gather(*(read_answer(target, prompt, max_tokens) for prompt in prompts))


async def _exchange(
    connection: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target, request: bytes
) -> Reading:
    reading = Reading(sent_s=time.perf_counter())
    writer.write(request)
    head = (await connection.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200 "):
        body = await connection.read(2000)
        raise StreamFailedError(
            f"{target.protocol}: {head.split(bytes([13]))[0].decode()} {body.decode(errors='replace')}"
        )
    chunks = ChunkedBody() if b"transfer-encoding: chunked" in head else None
    events = EventReader()
    note = _note_ondol if target.protocol is Protocol.ONDOL else _note_openai
    while not reading.is_done and (data := await connection.read(65_536)):
        now = time.perf_counter()
        has_text = False
        for event in events.feed(chunks.feed(data) if chunks else data):
            has_text |= note(event, reading)
        if has_text:
            reading.text_s.append(now)
    if not reading.is_done or not reading.text_s:
        raise StreamFailedError(f"{target.protocol}: the stream ended before its answer")
    return reading


def _request(target: Target, prompt: str, max_tokens: int) -> bytes:
    body: dict[str, Any]
    if target.protocol is Protocol.ONDOL:
        path, body = "/api/v1/chat", {"message": prompt}
    else:
        path, body = "/v1/chat/completions", {"model": target.model, "messages": [{"role": "user", "content": prompt}]}
        body["stream_options"] = {"include_usage": True}
    payload = orjson.dumps({**body, "stream": True, "max_tokens": max_tokens})
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{target.port}", "Connection: close"]
    lines += [
        f"Authorization: Bearer {target.key}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + payload


def _note_ondol(event: Event, reading: Reading) -> bool:
    """Whether the event brought text."""
    if event.name == "delta":
        return True
    if event.name == "error":
        raise StreamFailedError(f"ondol: {event.data.decode()}")
    if event.name == "done":
        reading.tokens = (orjson.loads(event.data)["usage"] or {}).get("completion_tokens", 0)
        reading.is_done = True
    return False


def _note_openai(event: Event, reading: Reading) -> bool:
    """Whether the chunk brought text."""
    if event.data == b"[DONE]":
        reading.is_done = True
        return False
    chunk = orjson.loads(event.data)
    if usage := chunk.get("usage"):
        reading.tokens = usage["completion_tokens"]
    return bool(chunk["choices"] and chunk["choices"][0]["delta"].get("content"))


async def _run(plan: dict[str, Any]) -> Any:
    targets = [Target(**{**target, "protocol": Protocol(target["protocol"])}) for target in plan["targets"]]
    if len(targets) == 2:
        return await pairs(targets[0], targets[1], plan["prompts"], plan["max_tokens"])
    return await together(targets[0], plan["prompts"], plan["max_tokens"])


if __name__ == "__main__":
    try:
        result = asyncio.run(_run(orjson.loads(sys.stdin.buffer.read())))
    except StreamFailedError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(orjson.dumps(result))
