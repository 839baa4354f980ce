"""One chat completion from its request to its last byte, with the fault that strikes it."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.engine import wire, words
from bench.engine.batching import Sequence
from bench.engine.faults import Fault, FaultKind

if TYPE_CHECKING:
    from bench.engine.connection import Connection
    from bench.engine.server import EngineDouble

_numbers = itertools.count(1)

# Bodies as the engines send them: the first five vLLM or what stands before it, the last two llama.cpp.
_REFUSALS: dict[FaultKind, tuple[int, dict[str, Any]]] = {
    FaultKind.SERVER_ERROR: (500, wire.error("Internal server error", "InternalServerError", 500)),
    FaultKind.RATE_LIMITED: (429, wire.error("Too many requests", "RateLimitError", 429)),
    FaultKind.UNAUTHORIZED: (401, {"error": "Unauthorized"}),
    FaultKind.OVERFLOW_LLAMACPP: (
        400,
        {
            "error": {
                "code": 400,
                "message": "request (9000 tokens) exceeds the available context size (4096 tokens)",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 9000,
                "n_ctx": 4096,
            }
        },
    ),
    FaultKind.LOADING: (503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}),
}


class BadRequestError(ValueError):
    """A request the engine would refuse; carries the response."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body["error"]["message"])
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Request:
    """A completion request that can be answered."""

    messages: list[dict[str, Any]]
    prompt_tokens: int
    max_tokens: int | None
    streams: bool
    includes_usage: bool


def parse(body: Any, *, model: str, max_model_len: int) -> Request:
    """Checks a decoded request as vLLM does. Raises BadRequestError."""
    if not isinstance(body, dict):
        raise _bad("The body must be an object.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) and "role" in m for m in messages):
        raise _bad("`messages` must be a list of messages, at least one.", "messages")
    if body.get("model", model) != model:
        text = f"The model `{body['model']}` does not exist."
        raise BadRequestError(404, wire.error(text, "NotFoundError", 404, "model"))
    max_tokens = body.get("max_completion_tokens", body.get("max_tokens"))
    if max_tokens is not None and (not isinstance(max_tokens, int) or max_tokens < 1):
        raise _bad(f"max_tokens must be at least 1, got {max_tokens}.", "max_tokens")
    count = words.prompt_tokens(messages)
    if count + (max_tokens or 1) > max_model_len:
        raise _overflow(count, max_tokens, max_model_len)
    options = body.get("stream_options") or {}
    return Request(messages, count, max_tokens, body.get("stream") is True, options.get("include_usage") is True)


class Completion:
    """An answer on its way to one connection."""

    def __init__(self, engine: "EngineDouble", connection: "Connection", request: Request, fault: Fault) -> None:
        self._engine, self._connection, self._request, self._fault = engine, connection, request, fault
        tokens = engine.answer_tokens(request.messages)
        room = engine.config.max_model_len - request.prompt_tokens
        limit = min(request.max_tokens or room, room)
        self._is_cut = limit < len(tokens)
        self._sequence = Sequence(tokens[:limit], self._on_token)
        self._answer = wire.Answer(
            f"chatcmpl-{next(_numbers):032x}", engine.config.model, request.prompt_tokens, request.includes_usage
        )
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        if self._fault.kind is FaultKind.SLOW_FIRST_BYTE:
            self._timer = loop.call_later(self._fault.delay_s, self._submit)
        else:
            self._submit()

    def abort(self) -> None:
        """The client has left: the engine stops working for it at once."""
        if self._timer is not None:
            self._timer.cancel()
        self._engine.batch.cancel(self._sequence)
        self._engine.counters.aborted += 1

    def _submit(self) -> None:
        if self._request.streams:
            self._connection.send(wire.STREAM_HEAD)
        self._engine.counters.prompt_tokens += self._request.prompt_tokens
        self._engine.batch.submit(self._sequence)

    def _on_token(self, token: str, is_last: bool) -> None:
        counters = self._engine.counters
        if self._sequence.written == 1:
            counters.first_tokens += 1
            counters.first_token_seconds += asyncio.get_running_loop().time() - self._began
        if self._fault.kind is not FaultKind.NONE and self._strikes():
            return
        counters.generated_tokens += 1
        if self._request.streams:
            opening = self._answer.role() if self._sequence.written == 1 else b""
            self._connection.send(opening + self._answer.token(token))
        if is_last:
            self._finish()

    def _strikes(self) -> bool:
        """Whether the fault comes in place of this token."""
        if self._sequence.written <= self._fault.after_tokens:
            return False
        match self._fault.kind:
            case FaultKind.DIE_MID_STREAM:
                self._connection.abort()
            case FaultKind.STALL:
                self._sequence.stalled = True
                self._sequence.written -= 1  # this token comes when the engine is healed
                self._fault = Fault()
            case FaultKind.ERROR_MID_STREAM:
                self._break_off(
                    b'{"error":{"message":"EngineCore encountered an issue.","type":"InternalServerError","code":500}}'
                )
            case FaultKind.GARBAGE:
                self._break_off(b'{"choices": [{"delta": {"content"')
            case _:
                return False
        return True

    def _break_off(self, payload: bytes) -> None:
        self._engine.batch.cancel(self._sequence)
        self._connection.send(wire.event(payload) + wire.event(b"[DONE]") + wire.STREAM_END)
        self._connection.finished()

    def _finish(self) -> None:
        reason = "length" if self._is_cut else "stop"
        if self._is_cut:
            self._engine.counters.cut += 1
        else:
            self._engine.counters.stopped += 1
        if self._request.streams:
            usage = self._answer.usage(self._sequence.written) if self._request.includes_usage else b""
            self._connection.send(self._answer.finish(reason) + usage + wire.event(b"[DONE]") + wire.STREAM_END)
        else:
            self._connection.send(wire.http(200, self._answer.whole(self._sequence.tokens, reason)))
        self._connection.finished()


def refusal(fault: Fault, max_model_len: int) -> bytes | None:
    """The response to a completion that the fault refuses, or None when it is answered at first."""
    if fault.kind is FaultKind.OVERFLOW:
        error = _overflow(max_model_len + 1, None, max_model_len)
        return wire.http(error.status, error.body)
    if fault.kind not in _REFUSALS:
        return None
    status, body = _REFUSALS[fault.kind]
    return wire.http(status, body, retry_after="3") if status == 429 else wire.http(status, body)


def _bad(message: str, param: str | None = None) -> BadRequestError:
    return BadRequestError(400, wire.error(message, "BadRequestError", 400, param))


def _overflow(prompt_tokens: int, max_tokens: int | None, max_model_len: int) -> BadRequestError:
    asked = (
        f"However, you requested {max_tokens or 0} output tokens and your prompt contains {prompt_tokens} input tokens"
    )
    return _bad(
        f"This model's maximum context length is {max_model_len} tokens. {asked}. "
        "Please reduce the length of the input prompt or the number of requested output tokens.",
        "input_tokens",
    )
