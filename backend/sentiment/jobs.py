"""Durable jobs: each worker that has a hand free joins the oldest one, and feeds its engine from chunk to chunk.

A job is deferred several times, in slots: a worker does one slot at a time, so as many workers as there are slots
share a job. A slot ends when no chunk is left to take. What dies is found by the recovery that every worker runs.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from uuid import UUID, uuid4

import structlog
from sqlalchemy import text

from backend.errors import DatabaseFull, DatabaseUnavailable, OndolError
from backend.jobs.queue import Jobs
from backend.sentiment.analysts import Analyst, Analysts
from backend.sentiment.chunks import Chunk, Chunks, LeaseLost
from backend.sentiment.importing import Importing
from backend.sentiment.labels import Finding, Review
from backend.sentiment.prompt import Profile
from backend.settings import Settings
from backend.store.database import Database
from backend.work_folders import clear_work_folders

IMPORT, CLASSIFY = "sentiment.import", "sentiment.classify"
SLOTS = 8
"""Workers that may share one job."""
_LOOK_EVERY_S = 0.5
_TURN_S = 30.0  # how long a job keeps a worker that others wait for
_PREFER_EVERY_S = 15.0  # how often a run looks for a cheaper provider that has come back
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 15.0  # for a model that does not answer
log = structlog.get_logger()


class SentimentJobs:
    """Does the jobs in this process.

    Args:
        database, settings: of the process.
        jobs: the queue; the work is registered here.
        analysts: ask the models.
        profile_of: instruction and examples of a job's owner.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        jobs: Jobs,
        analysts: Analysts,
        *,
        profile_of: Callable[[UUID], Awaitable[Profile]],
    ) -> None:
        self._database, self._settings, self._jobs = database, settings, jobs
        self._analysts, self._profile_of = analysts, profile_of
        self._importing = Importing(database, settings)
        jobs.add(IMPORT, self._import, queue="reviews")
        jobs.add(CLASSIFY, self._classify, queue="sentiment")
        jobs.add_recovery(self.recover)

    async def defer_import(self, job_id: UUID) -> None:
        """Asks for the file of a job to be brought into the database."""
        await self._jobs.defer(IMPORT, once=f"{IMPORT}:{job_id}", job_id=str(job_id))

    async def defer(self, job_id: UUID) -> None:
        """Asks for a job to be worked on. Its later slots come after the first ones of others."""
        for slot in range(SLOTS):
            await self._defer_slot(job_id, slot)

    async def recover(self) -> None:
        """Looks for jobs that nobody works on, and clears away what killed processes have left."""
        async with self._database.session() as session:
            queued = (await session.scalars(_NOT_IMPORTED, {"task": IMPORT})).all()
            running = (await session.scalars(_LEFT_ALONE, {"task": CLASSIFY})).all()
            await session.execute(_FINISH_ALL)
        for job_id in queued:
            await self.defer_import(job_id)
        for job_id in running:
            await self.defer(job_id)
        clear_work_folders(self._settings, time.time())

    async def _import(self, job_id: str, attempt: int = 0) -> None:
        if await self._importing.run(UUID(job_id)):
            await self.defer(UUID(job_id))

    async def _defer_slot(self, job_id: UUID, slot: int) -> None:
        key = f"{CLASSIFY}:{job_id}:{slot}"
        await self._jobs.defer(CLASSIFY, once=key, priority=-slot, job_id=str(job_id), slot=slot)

    async def _classify(self, job_id: str, slot: int, attempt: int = 0) -> None:
        """Works on a job until nothing of it is left to take, it is stopped, or others have waited long enough."""
        job, wait_s = UUID(job_id), _FIRST_WAIT_S
        ends_at = time.monotonic() + _TURN_S
        analyst: Analyst | None = None
        failed: set[str] = set()  # since the last chunk that was done
        while True:
            run = None
            try:
                analyst = analyst or await self._analysts.pick()
                run = _Run(Chunks(self._database, job, uuid4()), analyst)
                is_over = await self._watched(run, job, ends_at)
            except (DatabaseUnavailable, DatabaseFull):
                raise
            except Exception as error:
                if run and run.acknowledged:
                    failed.clear()
                if analyst is not None:
                    failed.add(analyst.name)
                    analyst = await self._analysts.instead_of(analyst, error, failed)
                if analyst is not None:  # another goes on at once
                    log.warning("sentiment_goes_on_elsewhere", job=str(job), provider=analyst.name)
                    continue
                await self._waiting(job, error)
                if not await self._still_runs(job, wait_s):
                    return
                failed.clear()
                wait_s = _FIRST_WAIT_S if run and run.acknowledged else min(2 * wait_s, _LONGEST_WAIT_S)
            else:
                if run.acknowledged:
                    self._analysts.succeeded(analyst)
                await self._finish(job)
                if not is_over:
                    await self._defer_slot(job, slot)
                return

    async def _watched(self, run: "_Run", job_id: UUID, ends_at: float) -> bool:
        """One run, with a look every half second at whether it is still wanted.

        False: it is others' turn, or a provider that goes before this one is up again.
        """
        profile = await self._profile_of(job_id)
        async with self._database.session() as session:
            aspects = await session.scalar(_ASPECTS, {"job": job_id})
        work = asyncio.ensure_future(run.classify(profile, aspects or ()))
        is_over, prefer_at = True, time.monotonic() + _PREFER_EVERY_S
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=_LOOK_EVERY_S)
                if work.done():
                    break
                if not await run.chunks.renew():
                    return True
                if is_over and time.monotonic() > ends_at and await self._others_wait(job_id):
                    run.take_no_more()
                    is_over = False
                elif is_over and run.acknowledged and time.monotonic() > prefer_at:
                    prefer_at = time.monotonic() + _PREFER_EVERY_S
                    if await self._analysts.is_better_up(run.analyst):
                        run.take_no_more()
                        is_over = False
            with suppress(LeaseLost):
                await work
            return is_over
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
            with suppress(DatabaseUnavailable):  # else the leases run out
                await run.chunks.release()

    async def _waiting(self, job_id: UUID, error: Exception) -> None:
        """Notes that no model answers; the page says so."""
        if isinstance(error, OndolError):
            log.warning("sentiment_waits_for_model", job=str(job_id), code=error.code)
        else:
            log.exception("sentiment_run_failed", job=str(job_id), exc_info=error)
        async with self._database.session() as session:
            await session.execute(_WAITS, {"job": job_id})

    async def _still_runs(self, job_id: UUID, wait_s: float) -> bool:
        """Waits, unless the job is stopped meanwhile."""
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            async with self._database.session() as session:
                if await session.scalar(_RUNS, {"job": job_id}) is None:
                    return False
            await asyncio.sleep(min(left, _LOOK_EVERY_S))
        return True

    async def _others_wait(self, job_id: UUID) -> bool:
        async with self._database.session() as session:
            return await session.scalar(_OTHERS, {"task": CLASSIFY, "job": job_id}) is not None

    async def _finish(self, job_id: UUID) -> None:
        async with self._database.session() as session:
            await session.execute(_FINISH, {"job": job_id})


class _Run:
    """One stream through the classifier, over as many chunks as there are."""

    def __init__(self, chunks: Chunks, analyst: Analyst) -> None:
        self.chunks, self.analyst = chunks, analyst
        self._aspects: Sequence[str] = ()
        self.acknowledged = 0
        self._taken: deque[Chunk] = deque()
        self._takes_more = True

    def take_no_more(self) -> None:
        """Lets the stream end with what was taken."""
        self._takes_more = False

    async def classify(self, profile: Profile, aspects: Sequence[str]) -> None:
        """Classifies, finds aspects and acknowledges. Raises LeaseLost, and what the classifier raises when no model
        answers."""
        self._aspects = aspects
        findings: list[Finding] = []
        async with aclosing(self.analyst.classifier.classify(self._reviews(), profile)) as found:
            async for finding in found:
                findings.append(finding)
                if len(findings) == len(self._taken[0].reviews):
                    await self._acknowledge(self._taken.popleft(), findings)
                    findings = []

    async def _reviews(self) -> AsyncIterator[Review]:
        while self._takes_more and (chunk := await self.chunks.take()) is not None:
            if not chunk.reviews:  # all of them have their results: only the chunk's end is to be noted
                await self._acknowledge(chunk, [])
                continue
            if self.analyst.hosted:  # from here on they are sent, whatever comes of it
                await self.chunks.leaves()
            self._taken.append(chunk)
            for review in chunk.reviews:
                yield review

    async def _acknowledge(self, chunk: Chunk, findings: list[Finding]) -> None:
        # What is in the classifier's window keeps the engine busy beside this.
        found = await self.analyst.finder.find([review.text for review in chunk.reviews], self._aspects)
        aspects = {review.index: several for review, several in zip(chunk.reviews, found, strict=True)}
        await self.chunks.acknowledge(chunk, findings, self.analyst.classifier.model, aspects)
        self.acknowledged += 1


_NOT_IMPORTED = text("""
    SELECT id FROM sentiment_jobs s WHERE state = 'queued' AND NOT EXISTS (
        SELECT FROM procrastinate_jobs j
        WHERE j.status IN ('todo', 'doing') AND j.task_name = :task AND j.args ->> 'job_id' = s.id::text)
    ORDER BY created_at LIMIT 100""")
_LEFT_ALONE = text("""
    SELECT id FROM sentiment_jobs s WHERE state = 'running' AND EXISTS (
        SELECT FROM sentiment_chunks c
        WHERE c.job_id = s.id AND NOT c.is_done AND (c.leased_until IS NULL OR c.leased_until < now()))
    AND NOT EXISTS (
        SELECT FROM procrastinate_jobs j
        WHERE j.status = 'todo' AND j.task_name = :task AND j.args ->> 'job_id' = s.id::text)
    ORDER BY created_at LIMIT 100""")
_ENDS = (
    "SET state = 'finished', finished_at = now(), waiting_since = NULL WHERE state = 'running' AND NOT EXISTS ("
    "SELECT FROM sentiment_chunks c WHERE c.job_id = s.id AND NOT c.is_done)"
)
_FINISH = text(f"UPDATE sentiment_jobs s {_ENDS} AND s.id = :job")
_FINISH_ALL = text(f"UPDATE sentiment_jobs s {_ENDS}")
_RUNS = text("SELECT id FROM sentiment_jobs WHERE id = :job AND state = 'running'")
_ASPECTS = text("SELECT options -> 'aspects' FROM sentiment_jobs WHERE id = :job")
_WAITS = text("UPDATE sentiment_jobs SET waiting_since = coalesce(waiting_since, now()) WHERE id = :job")
_OTHERS = text("""
    SELECT 1 FROM procrastinate_jobs j JOIN sentiment_jobs s ON s.id::text = j.args ->> 'job_id'
    WHERE j.status = 'todo' AND j.task_name = :task AND s.id <> :job AND s.state = 'running' LIMIT 1""")
