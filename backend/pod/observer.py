"""What the machine does now: every signal, whether it is ready, and the figures an operator reads beside them."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import httpx

from backend.activity import Activity
from backend.pod.clock import Clock
from backend.pod.counters import CounterSource, Readings
from backend.pod.engine_counters import ENGINE, EngineFigures, figures
from backend.pod.local_sources import sources_of
from backend.pod.nvml import GpuFigures, GpuSource
from backend.pod.pods import Pod
from backend.pod.sample import Sample
from backend.pod.signals import SignalReader
from backend.settings import Settings


class Observer:
    """Reads the machine the app runs on.

    Args:
        activity: this process' own work.
        running_jobs: counts background jobs of every worker.
        is_ready: whether a question would be answered now.
        threshold: percent of the GPU from which it is busy, as set now.
        spent_usd: of this calendar month.

    Attributes:
        ready_since: when a question could first be answered. It stays: what ended since is told by the signals.
        latest: the last sample.
        engine: what the model server (the main one, if it counts) did between the last two readings; None when it did
            not tell.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        activity: Activity,
        running_jobs: Callable[[], Awaitable[int]],
        is_ready: Callable[[], Awaitable[bool]],
        threshold: Callable[[], float],
        spent_usd: Callable[[datetime], float | None],
        clock: Clock,
    ) -> None:
        self._is_ready, self._spent_usd, self._clock = is_ready, spent_usd, clock
        self._client = httpx.AsyncClient()
        sources = sources_of(
            settings, activity=activity, running_jobs=running_jobs, client=self._client, threshold=threshold
        )
        self._reader = SignalReader(sources, clock)
        self._gpu = next(source for source in sources if isinstance(source, GpuSource))
        counters = [source for source in sources if isinstance(source, CounterSource)]
        self._engine = next((each for each in counters if each.name.partition(":")[0] == ENGINE), None)
        self._compared: Readings | None = None
        self._started_at: datetime | None = None
        self.ready_since: datetime | None = None
        self.latest: Sample | None = None
        self.engine: EngineFigures | None = None

    @property
    def gpus(self) -> tuple[GpuFigures, ...]:
        """Of the last reading; empty where there is no GPU, or it did not answer."""
        return self._gpu.figures

    async def sample(self, pod: Pod | None) -> Sample:
        """One check.

        Args:
            pod: as just read, None when that failed.
        """
        signals = await self._reader.read()
        self.engine = self._engine_figures()
        now = self._clock.now()
        if self.ready_since is None and await self._is_ready():
            self.ready_since = now
        if pod is not None:
            self._started_at = pod.started_at
        self.latest = Sample(
            at=now,
            monotonic_s=self._clock.monotonic(),
            signals=signals,
            ready_since=self.ready_since,
            started_at=self._started_at,
            spent_usd=self._spent_usd(now),
        )
        return self.latest

    async def close(self) -> None:
        """Closes connections."""
        await self._client.aclose()

    def _engine_figures(self) -> EngineFigures | None:
        """None for a reading that failed: the one before it has been told already."""
        if self._engine is None or self._engine.latest is self._compared:
            return None
        self._compared = self._engine.latest
        return figures(self._engine)
