"""The recorded checks, gathered by the database: into even steps for the charts, into sums for the costs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from backend.store.database import Database

_MAX_POINTS = 360
_QUERY = text("""
    SELECT date_bin(make_interval(secs => :step), at, :since) AS step, avg(gpu_percent), avg(gpu_memory_percent),
        max(gpu_celsius), avg(gpu_watts), sum(prompt_tokens)::bigint, sum(generated_tokens)::bigint,
        max(requests_running), max(requests_waiting), bool_or(signals @> '[{"verdict": "busy"}]')
    FROM pod_samples WHERE pod_id = :pod AND at >= :since GROUP BY step ORDER BY step
""")

_SUMS = text("""
    SELECT min(at), coalesce(sum(prompt_tokens), 0)::bigint, coalesce(sum(generated_tokens), 0)::bigint,
        count(DISTINCT date_bin('1 minute', at, :since)) FILTER (WHERE signals @> '[{"verdict": "busy"}]') / 60.0
    FROM pod_samples WHERE pod_id = :pod AND at >= :since
""")


@dataclass(frozen=True)
class Point:
    """One step of a chart; None what nothing told.

    Attributes:
        at: its beginning.
        gpu_percent, gpu_memory_percent, gpu_watts: means. gpu_celsius, requests_running, requests_waiting: the highest.
        prompt_tokens, generated_tokens: in all of it.
        busy: whether any signal was.
    """

    at: datetime
    gpu_percent: float | None
    gpu_memory_percent: float | None
    gpu_celsius: float | None
    gpu_watts: float | None
    prompt_tokens: int | None
    generated_tokens: int | None
    requests_running: int | None
    requests_waiting: int | None
    busy: bool


@dataclass(frozen=True)
class Chart:
    """Points in order, `step_s` seconds each; steps without a check are left out."""

    since: datetime
    step_s: float
    points: tuple[Point, ...]


async def chart(database: Database, pod_id: str, now: datetime, hours: float) -> Chart:
    """The last hours, in 360 steps at most. Raises DatabaseUnavailable."""
    since = now - timedelta(hours=hours)
    step_s = max(60.0, hours * 3600 / _MAX_POINTS)
    async with database.session() as session:
        rows = (await session.execute(_QUERY, {"step": step_s, "since": since, "pod": pod_id})).all()
    return Chart(since, step_s, tuple(Point(*row) for row in rows))


@dataclass(frozen=True)
class Sums:
    """What was recorded since `since`, the first check. `busy_hours` counts minutes with a busy signal."""

    since: datetime
    prompt_tokens: int
    generated_tokens: int
    busy_hours: float


async def sums(database: Database, pod_id: str, since: datetime) -> Sums | None:
    """None where nothing was recorded. Raises DatabaseUnavailable."""
    async with database.session() as session:
        first, prompt, generated, busy = (await session.execute(_SUMS, {"since": since, "pod": pod_id})).one()
    return None if first is None else Sums(first, int(prompt), int(generated), float(busy))
