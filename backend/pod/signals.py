"""Asks every source of signals at once, and lets none of them hold the others up.

What is activity: counters of inference that moved, running jobs, growing downloads, SSH sessions, our own requests.
What is not: an open tab, health checks, scrapes of metrics, the console's own polling.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import structlog

from backend.pod.clock import Clock
from backend.pod.sample import Phrase, Signal, Verdict

TIMEOUT_S = 5.0
log = structlog.get_logger()


class Source(Protocol):
    """Something that can tell whether the machine is in use.

    Attributes:
        name: of the signal. timeout_s: after which its word is unknown.
    """

    @property
    def name(self) -> str: ...

    @property
    def timeout_s(self) -> float: ...

    async def read(self, now: datetime) -> Signal | None:
        """Its word; None where there is nothing of the kind on this machine."""


class SignalReader:
    """All sources of a machine.

    What is told by differences of counters is told once: give every reading to the policy, and show others the last.
    """

    def __init__(self, sources: Sequence[Source], clock: Clock) -> None:
        self._sources, self._clock = sources, clock

    async def read(self) -> tuple[Signal, ...]:
        """The word of every source that there is, in their order. Never raises."""
        now = self._clock.now()
        found = await asyncio.gather(*(_word(source, now) for source in self._sources))
        return tuple(signal for signal in found if signal is not None)


async def _word(source: Source, now: datetime) -> Signal | None:
    try:
        return await asyncio.wait_for(source.read(now), source.timeout_s)
    except TimeoutError:
        said: str = Phrase(f"no answer within {source.timeout_s:g} s", f"{source.timeout_s:g}초 안에 답이 없음")
    except Exception as error:  # one broken source must neither stop the pod nor the check
        log.exception("signal_failed", signal=source.name)
        said = type(error).__name__
    return Signal(source.name, Verdict.UNKNOWN, "", now, detail=said)
