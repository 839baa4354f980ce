"""Reads what vLLM writes while it starts: whether memory ran out, of which kind, and what else ended it.

The sentences are those of vLLM 0.32 (vllm/v1/core/kv_cache_utils.py, vllm/v1/worker/utils.py, gpu_model_runner.py) and
of the releases before it, found by their stable parts. PyTorch's own message begins with `CUDA out of memory`.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_KEPT_LINES = 400  # a traceback of an engine process, written again by the process that waits for it


class Shortage(StrEnum):
    """In which way the memory of the GPU did not suffice."""

    OCCUPIED = "occupied"  # others hold so much of it that vLLM's share is not free
    CACHE_TOO_SMALL = "cache_too_small"  # what is left for the caches holds no conversation of the full length
    NO_CACHE = "no_cache"  # weights and working area leave nothing for the caches
    OUT_OF_MEMORY = "out_of_memory"  # an allocation failed


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """A start that ran out of memory.

    Attributes:
        longest: tokens of context that would have fitted, by vLLM's own estimate; None: not told.
        free_share: share of the GPU's memory that was free, with OCCUPIED; None: not told.
    """

    shortage: Shortage
    longest: int | None = None
    free_share: float | None = None


_OCCUPIED = re.compile(
    r"Free memory on device\b.{0,40}?\((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\) on startup is less than"
)
_TOO_SMALL = re.compile(
    r"larger than the available KV cache memory|larger than the maximum number of tokens that can be stored in KV cache"
)
_LONGEST = re.compile(
    r"estimated maximum model length is (?P<tokens>\d+)|can be stored in KV cache \((?P<stored>\d+)\)"
)
_NO_CACHE = re.compile(r"No available memory for the cache blocks")
_CUDA = re.compile(
    r"CUDA out of memory|OutOfMemoryError|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED|"
    r"cudaErrorMemoryAllocation"
)

_CAUSE = re.compile(r"\b(?P<cause>(?:[A-Za-z_.]*(?:Error|Exception)): .+|error: .+)$")
_FOLLOWS = ("Engine core initialization failed", "See root cause above", "EngineDeadError", "Engine process failed")


class Output:
    """The end of what one run of vLLM wrote."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def add(self, line: str) -> None:
        self._lines.append(line.rstrip())

    def out_of_memory(self) -> OutOfMemory | None:
        return out_of_memory(self._lines)

    def cause(self) -> str:
        """The line that says best why it ended, at most 300 characters; empty when nothing was written.

        The first error is the cause; the ones after it come from processes that waited for that one.
        """
        errors = [match["cause"] for line in self._lines if (match := _CAUSE.search(line))]
        causes = [error for error in errors if not any(words in error for words in _FOLLOWS)]
        return next(iter(causes or errors or [line for line in reversed(self._lines) if line]), "")[:300]


def out_of_memory(lines: Iterable[str]) -> OutOfMemory | None:
    """The shortage of memory that ended a start; None when something else did.

    A warning about memory in a run that goes on is none: this is asked after the end only.
    """
    text = "\n".join(lines)
    if found := _OCCUPIED.search(text):
        total = float(found["total"])
        return OutOfMemory(Shortage.OCCUPIED, free_share=float(found["free"]) / total if total else None)
    if _TOO_SMALL.search(text):
        told = _LONGEST.search(text)
        longest = int(told["tokens"] or told["stored"]) if told else None
        return OutOfMemory(Shortage.CACHE_TOO_SMALL, longest=longest or None)
    if _NO_CACHE.search(text):
        return OutOfMemory(Shortage.NO_CACHE)
    return OutOfMemory(Shortage.OUT_OF_MEMORY) if _CUDA.search(text) else None
