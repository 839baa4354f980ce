"""Ways in which an engine fails its clients, each as it was seen on a real one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong with the completions; `none` is a healthy engine."""

    NONE = "none"
    REFUSED = "refused"  # nothing listens on the port
    LOADING = "loading"  # 503 while the weights are read, /health too (llama.cpp)
    HANG_UP = "hang-up"  # the connection is closed before the first byte of the answer
    SERVER_ERROR = "500"
    RATE_LIMITED = "429"
    UNAUTHORIZED = "401"
    OVERFLOW = "overflow"  # 400 as vLLM words it
    OVERFLOW_LLAMACPP = "overflow-llamacpp"  # 400 exceed_context_size_error
    SLOW_FIRST_BYTE = "slow-first-byte"  # `delay_s` seconds of silence, then a whole answer
    DIE_MID_STREAM = "die-mid-stream"  # the connection is reset after `after_tokens` tokens
    STALL = "stall"  # silence after `after_tokens` tokens until the engine is healed
    ERROR_MID_STREAM = "error-mid-stream"  # an `error` object in place of a chunk, then `[DONE]` (vLLM)
    GARBAGE = "garbage"  # a chunk that is no JSON


class InvalidFaultError(ValueError):
    """A fault that cannot be set; the message says which field is wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: what goes wrong.
        after_tokens: tokens that are still written, for the kinds that strike in mid-stream.
        delay_s: seconds of silence of `slow-first-byte`.
        times: completions it strikes before the engine is healthy again; None: until it is changed.
    """

    kind: FaultKind = FaultKind.NONE
    after_tokens: int = 5
    delay_s: float = 3.0
    times: int | None = None


def parse_fault(body: Any) -> Fault:
    """The fault a decoded `POST /fault` asks for. Raises InvalidFaultError."""
    if not isinstance(body, dict):
        raise InvalidFaultError('the body must be an object such as {"kind": "500"}')
    unknown = set(body) - {"kind", "after_tokens", "delay_s", "times"}
    if unknown:
        raise InvalidFaultError(f"unknown field {min(unknown)}")
    try:
        kind = FaultKind(str(body.get("kind", "none")))
    except ValueError:
        raise InvalidFaultError(f"kind must be one of {', '.join(FaultKind)}") from None
    after_tokens, delay_s, times = body.get("after_tokens", 5), body.get("delay_s", 3.0), body.get("times")
    if not isinstance(after_tokens, int) or after_tokens < 0:
        raise InvalidFaultError("after_tokens must be a whole number, 0 or more")
    if not isinstance(delay_s, int | float) or delay_s < 0:
        raise InvalidFaultError("delay_s must be a number of seconds, 0 or more")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise InvalidFaultError("times must be a whole number, 1 or more, or null")
    return Fault(kind, after_tokens, float(delay_s), times)
