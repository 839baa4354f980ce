"""What was measured of a pod and when it ran, in the database: for the charts, the costs and the replays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.pod.costs import Run
from backend.pod.engine_counters import EngineFigures
from backend.pod.nvml import GpuFigures
from backend.pod.sample import Sample, Signal, Verdict
from backend.store.database import Database
from backend.store.models import PodRun, PodSample, PodSettings

KEEP_SAMPLES = timedelta(days=14)
_SIGNALS = TypeAdapter(tuple[Signal, ...])


@dataclass(frozen=True)
class Measured:
    """A recorded check with its figures."""

    sample: Sample
    gpu_percent: float | None
    gpu_memory_percent: float | None
    gpu_celsius: float | None
    gpu_watts: float | None
    prompt_tokens: int | None
    generated_tokens: int | None
    requests_running: int | None
    requests_waiting: int | None


class PodHistory:
    """Samples, runs and settings. Every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, pod_id: str, sample: Sample, gpus: Sequence[GpuFigures], engine: EngineFigures | None
    ) -> None:
        """Keeps one check."""
        values = {
            "at": sample.at,
            "pod_id": pod_id,
            "ready_since": sample.ready_since,
            "signals": _SIGNALS.dump_python(sample.signals, mode="json"),
            **_gpu_values(gpus),
            "prompt_tokens": engine.prompt_tokens if engine else None,
            "generated_tokens": engine.generated_tokens if engine else None,
            "requests_running": engine.running if engine else None,
            "requests_waiting": engine.waiting if engine else None,
        }
        async with self._database.session() as session:
            await session.execute(insert(PodSample).values(values))

    async def samples(self, pod_id: str, since: datetime) -> list[Measured]:
        """Oldest first."""
        wanted = select(PodSample).where(PodSample.pod_id == pod_id, PodSample.at >= since).order_by(PodSample.at)
        async with self._database.session() as session:
            return [_measured(row) for row in await session.scalars(wanted)]

    async def busy_at(self, pod_id: str) -> list[float]:
        """Unix seconds of the kept checks in which something was busy, oldest first: what `learning.propose` takes."""
        busy = PodSample.signals.contains([{"verdict": Verdict.BUSY.value}])
        wanted = select(PodSample.at).where(PodSample.pod_id == pod_id, busy).order_by(PodSample.at)
        async with self._database.session() as session:
            return [at.timestamp() for at in await session.scalars(wanted)]

    async def last_seen(self, pod_id: str, after: datetime, before: datetime) -> datetime | None:
        """When the pod was last checked between two moments; None when it was not."""
        wanted = select(func.max(PodSample.at)).where(
            PodSample.pod_id == pod_id, PodSample.at >= after, PodSample.at < before
        )
        async with self._database.session() as session:
            return await session.scalar(wanted)

    async def purge(self, now: datetime) -> int:
        """Drops samples older than `KEEP_SAMPLES`; how many."""
        async with self._database.session() as session:
            gone = await session.execute(delete(PodSample).where(PodSample.at < now - KEEP_SAMPLES))
            return int(getattr(gone, "rowcount", 0))

    async def running(self, pod_id: str, started_at: datetime, ready_at: datetime | None, rate_usd: float) -> None:
        """A run that was seen: begins it, or brings its rate and readiness up to date. A rate of 0 changes nothing."""
        seen = upsert(PodRun).values(
            pod_id=pod_id, started_at=started_at, ready_at=ready_at, rate_usd=rate_usd, ended_by=""
        )
        changes: dict[str, Any] = {}
        if rate_usd > 0:
            changes["rate_usd"] = rate_usd
        if ready_at is not None:
            changes["ready_at"] = ready_at
        keys = [PodRun.pod_id, PodRun.started_at]
        statement = (
            seen.on_conflict_do_update(index_elements=keys, set_=changes)
            if changes
            else seen.on_conflict_do_nothing(index_elements=keys)
        )
        async with self._database.session() as session:
            await session.execute(statement)

    async def stopped(self, pod_id: str, at: datetime, ended_by: str) -> None:
        """Ends the runs of a pod that are still open."""
        async with self._database.session() as session:
            await session.execute(
                update(PodRun)
                .where(PodRun.pod_id == pod_id, PodRun.stopped_at.is_(None), PodRun.started_at <= at)
                .values(stopped_at=at, ended_by=ended_by)
            )

    async def runs(self, pod_id: str) -> list[Run]:
        """All that were seen, oldest first."""
        wanted = select(PodRun).where(PodRun.pod_id == pod_id).order_by(PodRun.started_at)
        async with self._database.session() as session:
            return [Run(row.started_at, row.stopped_at, row.rate_usd) for row in await session.scalars(wanted)]

    async def settings(self) -> dict[str, Any]:
        """What the operator has changed; empty before the first change."""
        async with self._database.session() as session:
            return dict(await session.scalar(select(PodSettings.values)) or {})

    async def save_settings(self, values: dict[str, Any], now: datetime) -> None:
        """Takes the place of what was there."""
        changed = {"values": values, "updated_at": now}
        statement = upsert(PodSettings).values(id=1, **changed)
        async with self._database.session() as session:
            await session.execute(statement.on_conflict_do_update(index_elements=[PodSettings.id], set_=changed))


def _gpu_values(gpus: Sequence[GpuFigures]) -> dict[str, float | None]:
    used = [gpu.memory_used_bytes for gpu in gpus if gpu.memory_used_bytes is not None]
    there = [gpu.memory_bytes for gpu in gpus if gpu.memory_bytes]
    watts = [gpu.watts for gpu in gpus if gpu.watts is not None]
    return {
        "gpu_percent": max((gpu.percent for gpu in gpus if gpu.percent is not None), default=None),
        "gpu_memory_percent": 100 * sum(used) / sum(there) if there else None,
        "gpu_celsius": max((gpu.celsius for gpu in gpus if gpu.celsius is not None), default=None),
        "gpu_watts": sum(watts) if watts else None,
    }


def _measured(row: PodSample) -> Measured:
    # A clock that never jumps is not kept; between recorded moments the wall clock's differences stand for it.
    sample = Sample(row.at, row.at.timestamp(), _SIGNALS.validate_python(row.signals), row.ready_since)
    return Measured(
        sample,
        row.gpu_percent,
        row.gpu_memory_percent,
        row.gpu_celsius,
        row.gpu_watts,
        row.prompt_tokens,
        row.generated_tokens,
        row.requests_running,
        row.requests_waiting,
    )
