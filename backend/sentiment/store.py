"""Jobs as people see them: made, listed with how far they are, paused, resumed, cancelled, removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import OndolError, SentimentJobNotReady, UnknownSentimentJob, error_of
from backend.sentiment import chunks
from backend.sentiment.importing import keep_file
from backend.sentiment.reading.shape import FileShape, Mapping
from backend.store.database import Database
from backend.store.models import SentimentChunk, SentimentJob, SentimentJobState

_QUEUED, _RUNNING, _PAUSED = SentimentJobState.QUEUED, SentimentJobState.RUNNING, SentimentJobState.PAUSED


class Stage(StrEnum):
    """What an open job is doing."""

    READING = "reading_file"
    CLASSIFYING = "classifying"
    WAITING = "waiting_for_model"


@dataclass(frozen=True)
class JobView:
    """A job with how far it is.

    Attributes:
        stage: what it does now; None when it is paused or has ended.
        rows: reviews, duplicates among them; while the file is read those found so far.
        done, failed: reviews with a label, and with an error in its place.
        skipped: rows of the file that hold no review.
        duplicates: reviews that repeat an earlier one and share its result; they are counted in `rows` and `done`.
        rate: reviews a second, lately; None while nothing comes.
        eta_s: seconds that are left at this rate.
        hosted: reviews were sent to a hosted provider.
        failure: why the whole job failed.
    """

    id: UUID
    name: str
    state: str
    stage: Stage | None
    rows: int
    done: int
    failed: int
    skipped: int
    duplicates: int
    rate: float | None
    eta_s: float | None
    model: str
    hosted: bool
    mapping: dict[str, str | None]
    options: dict[str, Any]
    failure: OndolError | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return (self.done + self.failed) / self.rows if self.rows and self.stage is not Stage.READING else 0.0


@dataclass(frozen=True)
class NewJob:
    """What a job is made of."""

    name: str
    shape: FileShape
    mapping: Mapping
    options: dict[str, Any]


class JobStore:
    """The jobs of everyone; every method sees only those of the given person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, user_id: UUID, new: NewJob, path: Path) -> UUID:
        """Stores a job with its file."""
        async with self._database.session() as session:
            job = SentimentJob(
                user_id=user_id,
                name=new.name,
                shape=new.shape.as_dict(),
                mapping=new.mapping.as_dict(),
                options=new.options,
            )
            session.add(job)
            await session.flush()
            job_id = job.id
            job.size_bytes = await keep_file(session, job_id, path)
            return job_id

    async def newest(self, user_id: UUID, limit: int) -> Sequence[JobView]:
        """The newest first."""
        condition = "j.user_id = :user ORDER BY j.created_at DESC, j.id LIMIT :limit"
        return await self._views(condition, user_id, limit=limit)

    async def get(self, user_id: UUID, job_id: UUID) -> JobView:
        """One job. Raises UnknownSentimentJob."""
        found = await self._views("j.user_id = :user AND j.id = :job", user_id, job=job_id)
        if not found:
            raise UnknownSentimentJob
        return found[0]

    async def pause(self, user_id: UUID, job_id: UUID) -> None:
        """Stops work for now. Raises UnknownSentimentJob, SentimentJobNotReady."""
        async with self._database.session() as session:
            await self._turn(session, user_id, job_id, {_QUEUED, _RUNNING}, state=_PAUSED, waiting_since=None)
            await chunks.take_back(session, job_id)

    async def resume(self, user_id: UUID, job_id: UUID) -> None:
        """Lets work go on. Raises UnknownSentimentJob, SentimentJobNotReady."""
        async with self._database.session() as session:
            job = await self._turn(session, user_id, job_id, {_PAUSED}, state=_QUEUED, resumed_at=func.now())
            if job.imported_at is not None:
                job.state = _RUNNING

    async def cancel(self, user_id: UUID, job_id: UUID) -> None:
        """Ends it; the results so far stay. Raises UnknownSentimentJob, SentimentJobNotReady."""
        async with self._database.session() as session:
            ended = {"state": SentimentJobState.CANCELLED, "finished_at": func.now(), "waiting_since": None}
            await self._turn(session, user_id, job_id, {_QUEUED, _RUNNING, _PAUSED}, **ended)
            await chunks.take_back(session, job_id)
            await session.execute(text("DELETE FROM sentiment_pieces WHERE job_id = :job"), {"job": job_id})

    async def retry_failed(self, user_id: UUID, job_id: UUID) -> int:
        """Makes the failed reviews of a finished job wait again. How many; none changes nothing.

        Raises:
            UnknownSentimentJob, SentimentJobNotReady.
        """
        async with self._database.session() as session:
            again = {"state": _RUNNING, "resumed_at": func.now(), "finished_at": None}
            await self._turn(session, user_id, job_id, {SentimentJobState.FINISHED}, **again)
            count = await chunks.retry_failed(session, job_id)
            if count == 0:
                await session.rollback()
            return count

    async def delete(self, user_id: UUID, job_id: UUID) -> None:
        """Removes it with its reviews, for good. Raises UnknownSentimentJob."""
        async with self._database.session() as session:
            await session.execute(text("SET LOCAL statement_timeout = 0"))
            gone = await session.scalar(
                delete(SentimentJob)
                .where(SentimentJob.id == job_id, SentimentJob.user_id == user_id)
                .returning(SentimentJob.id)
            )
            if gone is None:
                raise UnknownSentimentJob

    async def running(self) -> int:
        """Jobs of anyone that are queued or at work."""
        async with self._database.session() as session:
            found = select(func.count()).where(SentimentJob.state.in_([_QUEUED, _RUNNING]))
            return await session.scalar(found) or 0

    async def analysed_since(self, moment: datetime) -> int:
        """Reviews of all jobs that got a label since then."""
        async with self._database.session() as session:
            counted = await session.scalar(
                select(func.sum(SentimentChunk.done)).where(SentimentChunk.done_at >= moment)
            )
            return int(counted or 0)

    async def _turn(
        self, session: AsyncSession, user_id: UUID, job_id: UUID, from_states: set[SentimentJobState], **values: Any
    ) -> SentimentJob:
        is_theirs = (SentimentJob.id == job_id, SentimentJob.user_id == user_id)
        turned = await session.scalars(
            update(SentimentJob).where(*is_theirs, SentimentJob.state.in_(from_states)).values(**values)
            .returning(SentimentJob)
        )  # fmt: skip
        if (job := turned.one_or_none()) is not None:
            return job
        state = await session.scalar(select(SentimentJob.state).where(*is_theirs))
        if state is None:
            raise UnknownSentimentJob
        raise SentimentJobNotReady(state=state)

    async def _views(self, condition: str, user_id: UUID, **values: object) -> list[JobView]:
        async with self._database.session() as session:
            rows = await session.execute(text(_VIEWS + condition), {"user": user_id, **values})
            return [_view(row) for row in rows]


_VIEWS = """
    SELECT j.*, c.*, extract(epoch FROM now() - j.resumed_at)::float8 AS at_work_s
    FROM sentiment_jobs j LEFT JOIN LATERAL (
        SELECT coalesce(sum(done), 0) AS done, coalesce(sum(failed), 0) AS failed,
            coalesce(sum(rows) FILTER (WHERE done_at > greatest(j.resumed_at, now() - interval '30 s')), 0) AS in_30_s,
            coalesce(sum(rows) FILTER (WHERE done_at > greatest(j.resumed_at, now() - interval '600 s')), 0) AS in_600_s
        FROM sentiment_chunks WHERE job_id = j.id
    ) c ON true
    WHERE """


def _view(row: Row[Any]) -> JobView:
    rate = _rate(row) if row.state == _RUNNING else None
    return JobView(
        id=row.id,
        name=row.name,
        state=row.state,
        stage=_stage(row),
        rows=row.rows,
        done=row.done,
        failed=row.failed,
        skipped=row.skipped,
        duplicates=row.duplicates,
        rate=rate,
        eta_s=(row.rows - row.done - row.failed) / rate if rate else None,
        model=row.model,
        hosted=row.hosted,
        mapping=row.mapping,
        options=row.options,
        failure=_failure(row),
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _stage(row: Row[Any]) -> Stage | None:
    if row.state == _QUEUED:
        return Stage.READING
    if row.state == _RUNNING:
        return Stage.CLASSIFYING if row.waiting_since is None else Stage.WAITING
    return None


def _rate(row: Row[Any]) -> float | None:
    """Over half a minute; over ten where a chunk takes longer than that."""
    for count, window_s in ((row.in_30_s, 30.0), (row.in_600_s, 600.0)):
        if count:
            seconds: float = min(window_s, row.at_work_s)
            return int(count) / max(seconds, 1e-3)
    return None


def _failure(row: Row[Any]) -> OndolError | None:
    if row.error_code is None:
        return None
    return error_of(row.error_code, orjson.loads(row.error_detail) if row.error_detail else {})
