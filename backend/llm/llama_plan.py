"""Chooses how llama.cpp runs on a machine: context, slots, threads and how its idle threads wait. Pure: no I/O."""

from dataclasses import dataclass
from typing import Literal

from backend.llm.machine import Machine
from backend.models import GgufHeader
from backend.settings import Settings

CONTEXTS = (16_384, 12_288, 8_192, 6_144, 4_096, 2_048)
COMFORTABLE_CONTEXT = 4_096
_RESERVE_BYTES = 768 << 20  # compute buffers, prompt cache (256 MiB) and the rest of the process
_SHARE_OF_THE_REST = 0.5  # the database, the page and the browser live here too
_QUIET_LOAD_PER_CORE = 0.25
_MOST_THREADS = 16


@dataclass(frozen=True)
class Plan:
    """How to run.

    Attributes:
        context: tokens of one conversation; every slot can hold that many at the same time.
        slots: conversations computed at the same time; more of them queue.
        threads: computing threads.
        wait_policy: what idle threads do, `active` spin or `passive` sleep.
        cache_bytes: memory of the caches of keys and values, all slots together.
    """

    context: int
    slots: int
    threads: int
    wait_policy: Literal["active", "passive"]
    cache_bytes: int

    @property
    def total_context(self) -> int:
        """Tokens of all slots: llama.cpp divides what it is given among them."""
        return self.context * self.slots


def plan(machine: Machine, model: GgufHeader, settings: Settings) -> Plan:
    """Chooses what the settings leave open.

    A conversation that fits is worth more than a second one at the same time, so slots go before the context
    falls below `COMFORTABLE_CONTEXT`, and the context beyond that goes before the slots.
    """
    threads = settings.llm_threads or _threads(machine.cores)
    rest = machine.memory_available - model.weights_bytes - _RESERVE_BYTES
    tokens = max(0, int(rest * _SHARE_OF_THE_REST)) // max(1, model.kv_bytes_per_token)
    slots = settings.llm_slots or _slots(machine.cores, tokens, settings.llm_context)
    context = settings.llm_context or _context(tokens // slots, model.context_train)
    if model.context_train > 0:
        context = min(context, model.context_train)
    policy = settings.llm_wait_policy
    return Plan(
        context=context,
        slots=slots,
        threads=threads,
        wait_policy=_wait_policy(machine, threads) if policy == "auto" else policy,
        cache_bytes=context * slots * model.kv_bytes_per_token,
    )


def _threads(cores: int) -> int:
    """All of a small machine; from four cores on one stays free for the page and the database."""
    return min(cores if cores < 4 else cores - 1, _MOST_THREADS)


def _slots(cores: int, tokens: int, context: int | None) -> int:
    """Four, two on a single core, fewer where memory is short.

    Answers computed together share each reading of the weights: on two cores the 0.5B model wrote 18 tokens a
    second in each of two answers, and still 14.6 in each of four (docs/models.md).
    """
    wanted = 4 if cores > 1 else 2
    return max(1, min(wanted, tokens // (context or COMFORTABLE_CONTEXT)))


def _context(tokens: int, trained: int) -> int:
    """The largest step that fits, never more than the model was trained for."""
    limit = min(tokens, trained) if trained > 0 else tokens
    return next((step for step in CONTEXTS if step <= limit), CONTEXTS[-1])


def _wait_policy(machine: Machine, threads: int) -> Literal["active", "passive"]:
    """Spinning is faster on a machine that is idle otherwise, and ruins both sides on one that is not.

    So only where a core stays free for everything else, and nothing much runs now.
    """
    idle = machine.load < _QUIET_LOAD_PER_CORE * machine.cores
    return "active" if idle and threads < machine.cores else "passive"
