"""The first part of a job: its file becomes rows and chunks in the database, all in one transaction.

Any machine may do it, and begin again after a crash: until the transaction is done there is nothing but the file. From
then on nobody needs the file, and it is removed.
"""

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg
import structlog
from sqlalchemy import func, insert, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import DatabaseFull, DatabaseUnavailable, OndolError, ReviewFileEmpty, TooManyReviews
from backend.sentiment.labels import Review
from backend.sentiment.reading.files import rows
from backend.sentiment.reading.shape import UNREAD_TEXTS, BadRow, FileShape, Mapping
from backend.sentiment.seen import fingerprint, normalised
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import SentimentJob, SentimentJobState, SentimentPiece
from backend.work_folders import work_folder

FOLDERS = "reviews"
MAX_REVIEWS = 2_000_000
PIECE_BYTES = 4 << 20
_BATCH = 1000
_LOOK_EVERY_S = 0.5
_FIRST_CHUNK, _LAST_CHUNK, _OF_A_SIZE = 32, 256, 4
_COLUMNS = (
    "job_id, position, chunk, review_id, text, text_hash, restaurant, written_at, rating, is_skipped, error_code, "
    "error_message"
)
# A review that says what an earlier one says joins its chunk, so that one transaction gives both the same result.
_FIND_DUPLICATES = text("""
    UPDATE sentiment_rows r SET duplicate_of = f.first, chunk = f.first_chunk
    FROM (
        SELECT position, first_value(position) OVER same AS first, first_value(chunk) OVER same AS first_chunk
        FROM sentiment_rows WHERE job_id = :job AND NOT is_skipped
        WINDOW same AS (PARTITION BY text_hash ORDER BY position)
    ) f
    WHERE r.job_id = :job AND r.position = f.position AND f.first <> f.position""")
_MAKE_CHUNKS = text("""
    INSERT INTO sentiment_chunks (job_id, number, rows, is_done, done, failed, attempts)
    SELECT job_id, chunk, count(*), false, 0, 0, 0 FROM sentiment_rows
    WHERE job_id = :job AND NOT is_skipped GROUP BY job_id, chunk""")
_REMOVE_FILE = text("DELETE FROM sentiment_pieces WHERE job_id = :job")
log = structlog.get_logger()


class Unwanted(Exception):
    """The job was cancelled, paused or deleted, or another worker was faster."""


async def keep_file(session: AsyncSession, job_id: UUID, path: Path) -> int:
    """Stores a file in pieces. Returns its size in bytes."""
    size = 0
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            values = {"job_id": job_id, "number": size // PIECE_BYTES, "content": piece}
            await session.execute(insert(SentimentPiece).values(**values))
            size += len(piece)
    return size


class Importing:
    """Brings files of jobs into the database.

    Args:
        database, settings: of the process.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    async def run(self, job_id: UUID) -> bool:
        """Imports a job that is queued; whatever is wrong with the file is written to its row.

        Returns:
            Whether its reviews are now to be classified.

        Raises:
            DatabaseUnavailable, DatabaseFull: it has to be begun again.
        """
        async with self._database.session() as session:
            job = await session.get(SentimentJob, job_id)
        if job is None or job.state != SentimentJobState.QUEUED:
            return job is not None and job.state == SentimentJobState.RUNNING
        try:
            await self._watched(job)
        except Unwanted:
            log.info("sentiment_import_given_up", job=str(job_id))
            return False
        except (DatabaseUnavailable, DatabaseFull):
            raise
        except OndolError as error:
            await self._fail(job_id, error)
            return False
        except Exception:
            log.exception("sentiment_import_failed", job=str(job_id))
            await self._fail(job_id, OndolError())
            return False
        return True

    async def _watched(self, job: SentimentJob) -> None:
        """Does the work and looks meanwhile whether it is still wanted."""
        count = _Count()
        work = asyncio.ensure_future(self._work(job, count))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=_LOOK_EVERY_S)
                if not work.done() and not await self._still_wanted(job.id, count.rows):
                    raise Unwanted
            await work
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    async def _still_wanted(self, job_id: UUID, so_far: int) -> bool:
        async with self._database.session() as session:
            statement = (
                update(SentimentJob)
                .where(SentimentJob.id == job_id, SentimentJob.state == SentimentJobState.QUEUED)
                .values(rows=so_far)
                .returning(SentimentJob.id)
            )
            return await session.scalar(statement) is not None

    async def _work(self, job: SentimentJob, count: "_Count") -> None:
        with work_folder(self._settings, FOLDERS) as folder:
            path = folder / "file"
            await self._write_file(job.id, path)
            try:
                async with self._database.session() as session:
                    await session.execute(text("SET LOCAL statement_timeout = 0"))
                    await self._copy(session, job, path, count)
                    if count.rows == 0:
                        raise ReviewFileEmpty
                    duplicates: Any = await session.execute(_FIND_DUPLICATES, {"job": job.id})
                    await session.execute(_MAKE_CHUNKS, {"job": job.id})
                    await self._begin(session, job.id, count, duplicates.rowcount)
            except (IntegrityError, psycopg.IntegrityError) as error:  # another worker was faster, or the job is gone
                raise Unwanted from error

    async def _write_file(self, job_id: UUID, path: Path) -> None:
        with path.open("wb") as file:
            number = 0
            while True:
                async with self._database.session() as session:
                    piece = await session.get(SentimentPiece, (job_id, number))
                if piece is None:
                    return
                await asyncio.to_thread(file.write, piece.content)
                number += 1

    async def _copy(self, session: AsyncSession, job: SentimentJob, path: Path, count: "_Count") -> None:
        connection: Any = (await (await session.connection()).get_raw_connection()).driver_connection
        found = rows(path, FileShape.of(job.shape), Mapping.of(job.mapping))
        lines = _lines(job.id, found, count)
        try:
            with closing(found), closing(lines):
                async with connection.cursor().copy(f"COPY sentiment_rows ({_COLUMNS}) FROM STDIN") as copy:
                    while block := await _in_thread(lambda: "".join(islice(lines, _BATCH))):
                        await copy.write(block)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable from error

    async def _begin(self, session: AsyncSession, job_id: UUID, count: "_Count", duplicates: int) -> None:
        """The last statements: they count only if the job is still queued."""
        await session.execute(_REMOVE_FILE, {"job": job_id})
        begun = await session.scalar(
            update(SentimentJob)
            .where(SentimentJob.id == job_id, SentimentJob.state == SentimentJobState.QUEUED)
            .values(
                state=SentimentJobState.RUNNING,
                rows=count.rows,
                skipped=count.skipped,
                duplicates=duplicates,
                imported_at=func.now(),
                resumed_at=func.now(),
            )
            .returning(SentimentJob.id)
        )
        if begun is None:
            raise Unwanted

    async def _fail(self, job_id: UUID, error: OndolError) -> None:
        """Writes why the file cannot be read, and removes it: the job does not go on any more."""
        async with self._database.session() as session:
            failed = await session.scalar(
                update(SentimentJob)
                .where(SentimentJob.id == job_id, SentimentJob.state == SentimentJobState.QUEUED)
                .values(
                    state=SentimentJobState.FAILED,
                    error_code=error.code,
                    error_detail=orjson.dumps(error.details, default=str).decode(),
                    finished_at=func.now(),
                )
                .returning(SentimentJob.id)
            )
            if failed is not None:
                await session.execute(_REMOVE_FILE, {"job": job_id})


class _Count:
    """What has been read so far."""

    def __init__(self) -> None:
        self.rows = self.skipped = 0


class _Chunks:
    """Numbers of chunks in the order of the reviews. The first ones are small: there is something to see soon."""

    def __init__(self) -> None:
        self._number, self._left = 0, _FIRST_CHUNK

    def next(self) -> int:
        if self._left == 0:
            self._number += 1
            self._left = min(_FIRST_CHUNK << (self._number // _OF_A_SIZE), _LAST_CHUNK)
        self._left -= 1
        return self._number


async def _in_thread(work: Callable[[], str]) -> str:
    """The result of what blocks. A caller that is cancelled waits for its end: what it reads from is closed then."""
    reading = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(reading)
    finally:
        await asyncio.wait({reading})


def _lines(job_id: UUID, found: Iterator[Review | BadRow], count: _Count) -> Generator[str]:
    """Lines of COPY's text format."""
    chunks, job = _Chunks(), str(job_id)
    for row in found:
        if count.rows + count.skipped >= MAX_REVIEWS:
            raise TooManyReviews(limit=MAX_REVIEWS)
        if isinstance(row, BadRow):
            count.skipped += 1
            told = UNREAD_TEXTS[row.reason]
            message = "{" + ",".join(f'"{sentence}"' for sentence in told) + "}"
            cells: tuple[object, ...] = (
                job, row.position, None, str(row.position + 1), row.excerpt, None, "", None, None, "t", str(row.reason),
                message,
            )  # fmt: skip
        else:
            count.rows += 1
            key = fingerprint(normalised(row.text)).hex()
            cells = (
                job, row.index, chunks.next(), row.id, row.text, f"\\x{key}", row.restaurant_id, row.written_at,
                row.rating, "f", None, None,
            )  # fmt: skip
        yield "\t".join(map(_escaped, cells)) + "\n"


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _escaped(cell: object) -> str:
    if cell is None:
        return "\\N"
    return cell.translate(_ESCAPES) if isinstance(cell, str) else str(cell)
