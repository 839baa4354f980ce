"""What keeping a pod costs the processor, and how long its page takes to refresh: `python -m bench.pod_scheduler`.

The service of the app is ticked through six hours: a tick a second for one of them, a tick a check for the others.
Signals, model server (a double over HTTP), files and database are real; RunPod is an object that answers. Prints one
JSON line: `share_of_core` is the CPU time of those ticks, of the scheduler that calls them and of the double over the
hour; `console_ms` is all that is known now, `refresh_ms` that with the charts of six hours and the audit, both the
slowest of 50 on the clock.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from backend.activity import Activity
from backend.jobs.queue import Jobs
from backend.pod.pods import GpuReading, Pod, PodStatus
from backend.pod.service import PodService
from backend.settings import load
from backend.web.metrics import Metrics
from bench.engine.server import EngineConfig, EngineDouble
from bench.retrieval.place import Place, place

HOUR_S = 3600
HOURS = 6
REFRESHES = 50
_BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class HourClock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return _BEGAN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Provider:
    """A pod that runs."""

    name = "bench"

    async def get(self, pod_id: str) -> Pod:
        return Pod(
            pod_id,
            "ondol",
            PodStatus.RUNNING,
            cost_per_hour=0.69,
            started_at=_BEGAN,
            gpus=(GpuReading(3.0, 60.0),),
            has_runtime=True,
        )

    async def close(self) -> None:
        """Holds nothing."""


async def measure(here: Place, folder: Path) -> dict[str, float]:
    """The figures."""
    clock, activity = HourClock(), Activity()
    jobs = Jobs(here.database.engine.url.render_as_string(hide_password=False))
    async with EngineDouble(EngineConfig()).serving() as engine:
        settings = load(
            _env_file=None, data_dir=folder, llm_url=engine.base_url, service_type="vllm", runpod_pod_id="bench",
            retrieval_mode="lexical", idle_limit=100_000,
        )  # fmt: skip
        pod = PodService(
            settings,
            here.database,
            Provider(),  # type: ignore[arg-type]
            activity=activity,
            running_jobs=jobs.running,
            engine_ready=_always,
            metrics=Metrics().pod,
            clock=clock,
        )
        try:
            await pod.prepare()
            await _ticks(pod, clock, HOUR_S // 60, 60)  # connections are opened, code is loaded
            begun, ticks = time.process_time(), HOUR_S
            await _ticks(pod, clock, ticks, 1)
            cpu_s = time.process_time() - begun
            firing_s = await _firing_s()
            await _ticks(pod, clock, (HOURS - 2) * 60, 60)
            console_ms = await _slowest(lambda: _shown(pod))
            refresh_ms = await _slowest(lambda: _refreshed(pod))
        finally:
            await pod.close()
            await jobs.close()
    return {
        "tick_ms_cpu": round(cpu_s * 1000 / ticks, 4),
        "scheduler_ms_cpu": round(firing_s * 1000, 4),
        "share_of_core": round((cpu_s + ticks * firing_s) / HOUR_S, 6),
        "console_ms": round(console_ms, 2),
        "refresh_ms": round(refresh_ms, 2),
    }


async def _ticks(pod: PodService, clock: HourClock, count: int, step_s: float) -> None:
    for _ in range(count):
        clock.seconds += step_s
        await pod.tick()
        await pod.recorded()


async def _firing_s() -> float:
    """CPU seconds that the scheduler takes to call a job."""
    fired = 0

    async def job() -> None:
        nonlocal fired
        fired += 1

    scheduler = AsyncIOScheduler()
    scheduler.add_job(job, "interval", seconds=0.01, max_instances=2, coalesce=True, misfire_grace_time=None)
    scheduler.start()
    begun = time.process_time()
    await asyncio.sleep(2)
    cpu_s = time.process_time() - begun
    scheduler.shutdown(wait=False)
    return cpu_s / fired


async def _slowest(work: Callable[[], Awaitable[object]]) -> float:
    slowest = 0.0
    for _ in range(REFRESHES):
        begun = time.perf_counter()
        await work()
        slowest = max(slowest, time.perf_counter() - begun)
    return slowest * 1000


async def _shown(pod: PodService) -> None:
    pod.console()


async def _refreshed(pod: PodService) -> None:
    pod.console()
    await pod.history(HOURS)
    await pod.audit()


async def _always() -> bool:
    return True


async def _run() -> dict[str, float]:
    async with place() as here:
        with tempfile.TemporaryDirectory(prefix="ondol-bench-") as folder:
            return await measure(here, Path(folder))


def main() -> int:
    """Prints the figures."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    print(json.dumps(asyncio.run(_run())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
