"""Keeps what each check found: in the database for charts and costs, in the metrics for graphs.

It works beside the keeper and never holds it up; a database that is away costs a gap in the charts and nothing else.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Protocol

import structlog

from backend.errors import OndolError
from backend.pod.audit import AuditEntry
from backend.pod.copies import Copies
from backend.pod.engine_counters import EngineFigures
from backend.pod.history import PodHistory
from backend.pod.ledger import Ledger
from backend.pod.memory import Memory
from backend.pod.nvml import GpuFigures
from backend.pod.observer import Observer
from backend.pod.options import PodOptions
from backend.pod.sample import Sample
from backend.pod.view import PodView

log = structlog.get_logger()


class PodMetrics(Protocol):
    """What the metrics of the web layer count of the pod."""

    def checked(self, *, phase: str, busy: bool | None, idle_checks: int, usd_per_hour: float) -> None: ...

    def event(self, name: str) -> None: ...


class Recorder:
    """Args:
    book: the name under which checks are recorded.
    opened_at: when this process began; a machine of which no provider tells is reckoned from then.
    """

    def __init__(
        self,
        history: PodHistory,
        ledger: Ledger,
        copies: Copies,
        metrics: PodMetrics,
        *,
        book: str,
        opened_at: datetime,
    ) -> None:
        self._history, self._ledger, self._copies, self._metrics = history, ledger, copies, metrics
        self._book, self._opened_at = book, opened_at
        self._sample: Sample | None = None
        self._memory: Memory | None = None
        self._known_line = ""
        self._unsaved: list[AuditEntry] = []
        self._task: asyncio.Task[None] | None = None
        self._told = ""

    def begin_after(self, view: PodView) -> None:
        """Lines of the audit up to now belong to another process: they are copied, and not counted."""
        self._known_line = view.audit[0].id if view.audit else ""
        self._unsaved = list(view.audit)

    def is_due(self, memory: Memory) -> bool:
        """Whether anything happened since the last time."""
        return memory is not self._memory

    def take(self, view: PodView, memory: Memory, observer: Observer, options: PodOptions) -> None:
        """Counts what is new, and has it kept in the background."""
        self._memory = memory
        news = list(takewhile(lambda entry: entry.id != self._known_line, view.audit))
        self._known_line = news[0].id if news else self._known_line
        self._unsaved += news
        for entry in reversed(news):
            self._metrics.event(entry.event)
        sample = view.sample if view.sample is not self._sample else None
        self._sample = view.sample
        if sample is not None and view.decision is not None:
            self._metrics.checked(
                phase=view.progress.phase,
                busy=_busy(sample),
                idle_checks=view.decision.checks,
                usd_per_hour=self._ledger.rate(options) or 0.0,
            )
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(
                self._keep(view, memory, sample, gpus=observer.gpus, engine=observer.engine, options=options)
            )

    async def wait(self) -> None:
        """Waits for what is being kept."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(
        self,
        view: PodView,
        memory: Memory,
        sample: Sample | None,
        *,
        gpus: Sequence[GpuFigures],
        engine: EngineFigures | None,
        options: PodOptions,
    ) -> None:
        entries, self._unsaved = self._unsaved, []
        try:
            if sample is not None:
                await self._history.record(self._book, sample, gpus, engine)
                await self._keep_run(view, sample, options)
            await self._copies.save(memory, entries, view.at)
        except OndolError as error:
            self._unsaved = entries + self._unsaved
            if error.code != self._told:
                log.warning("pod_not_recorded", reason=error.code)
            self._told = error.code
        else:
            self._told = ""

    async def _keep_run(self, view: PodView, sample: Sample, options: PodOptions) -> None:
        if view.pod is not None:
            if view.pod_trouble is None:
                await self._ledger.saw(view.pod, sample.ready_since, view.at, view.audit)
        elif (rate := options.prices.pod_usd_per_hour) is not None:
            await self._ledger.estimates(self._opened_at, sample.ready_since, rate, view.audit)


def _busy(sample: Sample) -> bool | None:
    """True when a signal is busy; None when none is and some are unknown."""
    verdicts = {signal.verdict.value for signal in sample.signals}
    if "busy" in verdicts:
        return True
    return None if "unknown" in verdicts or not verdicts else False
