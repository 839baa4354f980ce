"""Chunks of a job: taken by one worker at a time, and acknowledged in the transaction that stores their results.

A chunk is leased with a mark that its worker renews. When the worker dies the lease runs out and another takes the
chunk; should the first one come back after all, its mark is no longer there and its results are not stored. So every
review gets its result exactly once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.sentiment.aspects import AspectFinding
from backend.sentiment.failures import FAILED
from backend.sentiment.labels import Finding, Label, Review
from backend.store.database import Database

LEASE_S = 8.0
MAX_ATTEMPTS = 5  # a chunk with which the process dies again and again is left


@dataclass(frozen=True)
class Chunk:
    """A chunk in this worker's hands. `reviews` are those to be classified; `rows` counts duplicates as well."""

    number: int
    rows: int
    reviews: Sequence[Review]


class LeaseLost(Exception):
    """The chunk is no longer this worker's: the job was paused or cancelled, or the worker was too slow."""


class Chunks:
    """The chunks of one job, as one worker sees them.

    Args:
        database: of the process.
        job_id: the job.
        mark: of the worker; no two have the same.
        lease_s: seconds for which a chunk is the worker's without a renewal.
    """

    def __init__(self, database: Database, job_id: UUID, mark: UUID, lease_s: float = LEASE_S) -> None:
        self._database = database
        self._who = {"job": job_id, "mark": mark, "lease_s": lease_s}

    async def take(self) -> Chunk | None:
        """The next chunk that nobody has; None where there is none, or the job does not run."""
        while True:
            async with self._database.session() as session:
                taken = (await session.execute(_TAKE, self._who)).one_or_none()
                if taken is None:
                    return None
                if taken.attempts <= MAX_ATTEMPTS:
                    rows = await session.execute(_REVIEWS, {**self._who, "chunk": taken.number})
                    return Chunk(taken.number, taken.rows, [Review(*row) for row in rows])
            await self._leave(taken.number)

    async def leaves(self) -> None:
        """Notes that reviews of the job are sent to a hosted provider."""
        async with self._database.session() as session:
            await session.execute(_HOSTED, self._who)

    async def acknowledge(
        self,
        chunk: Chunk,
        findings: Sequence[Finding],
        model: str,
        aspects: Mapping[int, Sequence[AspectFinding]] | None = None,
    ) -> None:
        """Stores the results of a chunk, those of its duplicates too, and that it is done.

        Args:
            aspects: of reviews by their index; duplicates have those of the review they repeat.

        Raises:
            LeaseLost: nothing was stored.
        """
        values = {
            "positions": [finding.index for finding in findings],
            "languages": [finding.language for finding in findings],
            "labels": [finding.label and str(finding.label) for finding in findings],
            **{str(label): [finding.scores.get(label) for finding in findings] for label in Label},
            "confidences": [finding.confidence for finding in findings],
            "cut": [finding.is_cut for finding in findings],
            "codes": [finding.error and finding.error.code for finding in findings],
            "korean": [finding.error and finding.error.message.ko for finding in findings],
            "english": [finding.error and finding.error.message.en for finding in findings],
        }
        async with self._database.session() as session:
            where = {**self._who, "chunk": chunk.number}
            if await session.scalar(_LOCK, where) is None:
                raise LeaseLost
            if findings:
                await session.execute(_STORE, {**where, **values})
            if found := [
                {"job": self._who["job"], "position": index, **vars(each)}
                for index, several in (aspects or {}).items()
                for each in several
            ]:
                await session.execute(_STORE_ASPECT, found)
            await self._close(session, chunk.number, has_duplicates=chunk.rows > len(chunk.reviews))
            await session.execute(_TOLD_MODEL, {**self._who, "model": model})

    async def renew(self) -> bool:
        """Keeps the worker's chunks its own for another while. Whether the job is still to be worked on."""
        async with self._database.session() as session:
            await session.execute(_RENEW, self._who)
            return await session.scalar(_RUNS, self._who) is not None

    async def release(self) -> None:
        """Gives back what was taken and is not done; others may take it at once."""
        async with self._database.session() as session:
            await session.execute(_RELEASE, self._who)

    async def _leave(self, number: int) -> None:
        """Writes a failure to the reviews of a chunk that nobody could finish."""
        async with self._database.session() as session:
            where = {**self._who, "chunk": number}
            if await session.scalar(_LOCK, where) is not None:
                await session.execute(_GIVE_UP, {**where, "code": FAILED.code, "message": list(FAILED.message)})
                await self._close(session, number, has_duplicates=False)

    async def _close(self, session: AsyncSession, number: int, *, has_duplicates: bool) -> None:
        where = {**self._who, "chunk": number}
        if has_duplicates:
            await session.execute(_COPY_TO_DUPLICATES, where)
        await session.execute(_DONE, where)


async def retry_failed(session: AsyncSession, job_id: UUID) -> int:
    """Makes the failed reviews of a job wait again. How many there are."""
    found: CursorResult[object] = await session.execute(_FORGET_FAILURES, {"job": job_id})  # type: ignore[assignment]
    await session.execute(_REOPEN, {"job": job_id})
    return found.rowcount


async def take_back(session: AsyncSession, job_id: UUID) -> None:
    """Takes the chunks of a job out of all hands, so that nothing is stored any more."""
    await session.execute(
        text("""UPDATE sentiment_chunks SET lease = NULL, leased_until = NULL, attempts = 0
                WHERE job_id = :job AND NOT is_done"""),
        {"job": job_id},
    )


# Materialized: as a part of the join the planner may run it once for each row, and take a chunk each time.
_TAKE = text("""
    WITH free AS MATERIALIZED (
        SELECT number FROM sentiment_chunks
        WHERE job_id = :job AND NOT is_done AND (leased_until IS NULL OR leased_until < now())
            AND EXISTS (SELECT FROM sentiment_jobs WHERE id = :job AND state = 'running')
        ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE sentiment_chunks c SET lease = :mark, leased_until = now() + make_interval(secs => :lease_s),
        attempts = attempts + 1
    FROM free
    WHERE c.job_id = :job AND c.number = free.number
    RETURNING c.number, c.rows, c.attempts""")
_REVIEWS = text("""
    SELECT review_id, text, position, restaurant, written_at, rating FROM sentiment_rows
    WHERE job_id = :job AND chunk = :chunk AND duplicate_of IS NULL AND label IS NULL AND error_code IS NULL
    ORDER BY position""")
_LOCK = text("""
    SELECT number FROM sentiment_chunks
    WHERE job_id = :job AND number = :chunk AND lease = :mark AND NOT is_done FOR UPDATE""")
_STORE = text("""
    UPDATE sentiment_rows r SET language = f.language, label = f.label, positive = f.positive, negative = f.negative,
        neutral = f.neutral, confidence = f.confidence, is_cut = f.is_cut, error_code = f.code,
        error_message = CASE WHEN f.code IS NOT NULL THEN ARRAY[f.korean, f.english] END
    FROM unnest(cast(:positions AS int[]), cast(:languages AS text[]), cast(:labels AS text[]),
        cast(:positive AS float8[]), cast(:negative AS float8[]), cast(:neutral AS float8[]),
        cast(:confidences AS float8[]), cast(:cut AS bool[]), cast(:codes AS text[]), cast(:korean AS text[]),
        cast(:english AS text[]))
        AS f(position, language, label, positive, negative, neutral, confidence, is_cut, code, korean, english)
    WHERE r.job_id = :job AND r.position = f.position""")
_STORE_ASPECT = text("""
    INSERT INTO sentiment_aspects (job_id, position, aspect, polarity, evidence)
    VALUES (:job, :position, :aspect, :polarity, :evidence)
    ON CONFLICT (job_id, position, aspect) DO UPDATE SET polarity = excluded.polarity, evidence = excluded.evidence""")
_COPY_TO_DUPLICATES = text("""
    UPDATE sentiment_rows d SET language = o.language, label = o.label, positive = o.positive, negative = o.negative,
        neutral = o.neutral, confidence = o.confidence, is_cut = o.is_cut, error_code = o.error_code,
        error_message = o.error_message
    FROM sentiment_rows o
    WHERE d.job_id = :job AND d.chunk = :chunk AND d.label IS NULL AND d.error_code IS NULL
        AND o.job_id = :job AND o.position = d.duplicate_of""")
_DONE = text("""
    UPDATE sentiment_chunks SET is_done = true, lease = NULL, leased_until = NULL, done_at = now(),
        (done, failed) = (
            SELECT count(*) FILTER (WHERE label IS NOT NULL), count(*) FILTER (WHERE error_code IS NOT NULL)
            FROM sentiment_rows WHERE job_id = :job AND chunk = :chunk)
    WHERE job_id = :job AND number = :chunk""")
_TOLD_MODEL = text("""
    UPDATE sentiment_jobs SET model = :model, waiting_since = NULL
    WHERE id = :job AND (model <> :model OR waiting_since IS NOT NULL)""")
_HOSTED = text("UPDATE sentiment_jobs SET hosted = true WHERE id = :job AND NOT hosted")
_GIVE_UP = text("""
    UPDATE sentiment_rows SET error_code = :code, error_message = :message
    WHERE job_id = :job AND chunk = :chunk AND label IS NULL AND error_code IS NULL""")
_RENEW = text("""
    UPDATE sentiment_chunks SET leased_until = now() + make_interval(secs => :lease_s)
    WHERE job_id = :job AND lease = :mark AND NOT is_done""")
_RUNS = text("SELECT id FROM sentiment_jobs WHERE id = :job AND state = 'running'")
_RELEASE = text("""
    UPDATE sentiment_chunks SET lease = NULL, leased_until = NULL, attempts = attempts - 1
    WHERE job_id = :job AND lease = :mark AND NOT is_done""")
_FORGET_FAILURES = text("""
    UPDATE sentiment_rows SET error_code = NULL, error_message = NULL
    WHERE job_id = :job AND error_code IS NOT NULL AND NOT is_skipped""")
_REOPEN = text("""
    UPDATE sentiment_chunks SET is_done = false, failed = 0, attempts = 0, done_at = NULL
    WHERE job_id = :job AND is_done AND failed > 0""")
