"""The job that reads a document: file → blocks → passages with search terms → rows, all visible at once or not at all.

It may be killed at any point and begun again: until the last transaction nothing of it is in the database but its
progress. Cancelling sets the document's status; the job looks at it twice a second.
"""

import asyncio
import time
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.documents import originals
from backend.documents.child import batches
from backend.documents.children import Child, ask_once
from backend.documents.kinds import Kind
from backend.documents.uploads import Uploads
from backend.errors import (
    DatabaseFull,
    DatabaseUnavailable,
    DocumentDamaged,
    DocumentTooHard,
    OndolError,
    error_of,
)
from backend.jobs.queue import Jobs
from backend.retrieval.index import add_chunks, remove_chunks
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import Collection, Document, DocumentStatus
from backend.work_folders import clear_work_folders, work_folder

READ = "documents.read"
INDEX = "documents.index"
MAX_ATTEMPTS = 4  # a file with which the process dies again and again is left
_FOLDERS = "document"
_LOOK_EVERY_S = 0.5
_ANALYSE_TIMEOUT_S = 3600.0
_KEEP_CHILD_S = 60.0
_TITLE_CHARACTERS = 300
_READ_SHARE, _ANALYSED_SHARE = 0.1, 0.9
log = structlog.get_logger()


class _NoLongerWanted(Exception):
    """The document was cancelled or deleted, or another run has finished it."""


class Ingest:
    """Reads documents, one at a time.

    Args:
        database, settings, jobs: of the process.
        uploads: takes the members of archives in.
    """

    def __init__(self, database: Database, settings: Settings, jobs: Jobs, uploads: Uploads) -> None:
        self._database, self._settings, self._jobs, self._uploads = database, settings, jobs, uploads
        self._analyst = Child()  # keeps the morphological dictionary loaded between documents
        self._rest: asyncio.TimerHandle | None = None

    async def run(self, document_id: str, attempt: int = 0) -> None:
        """Reads one document; whatever is wrong with the file is written to its row.

        Raises:
            DatabaseUnavailable, DatabaseFull: the job failed and has to be begun again.
        """
        document = await self._begin(UUID(document_id))
        if document is None:
            return
        try:
            if attempt >= MAX_ATTEMPTS:
                raise DocumentTooHard
            await self._watched(document)
        except _NoLongerWanted:
            log.info("document_given_up", document=document_id)
        except (DatabaseUnavailable, DatabaseFull):
            raise
        except OndolError as error:
            await self._fail(document.id, error)
        except Exception:
            log.exception("document_failed", document=document_id)
            await self._fail(document.id, OndolError())
        else:
            await self._jobs.defer(INDEX, once=INDEX)

    async def recover(self) -> None:
        """Gives a job to each document that waits for one and has none, and clears away what killed ones left."""
        waiting = text("""
            SELECT d.id FROM documents d JOIN collections c ON c.id = d.collection_id
            WHERE d.status IN ('queued', 'reading') AND c.deleted_at IS NULL AND NOT EXISTS (
                SELECT FROM procrastinate_jobs j
                WHERE j.status IN ('todo', 'doing') AND j.task_name = :task AND j.args ->> 'document_id' = d.id::text)
            ORDER BY d.created_at LIMIT 1000""")
        async with self._database.session() as session:
            found = (await session.scalars(waiting, {"task": READ})).all()
        for document_id in found:
            await self.defer(document_id)
        clear_work_folders(self._settings, time.time())

    async def defer(self, document_id: UUID) -> None:
        """Asks for a document to be read."""
        await self._jobs.defer(READ, once=f"{READ}:{document_id}", document_id=str(document_id))

    async def close(self) -> None:
        """Ends the process that is kept."""
        if self._rest is not None:
            self._rest.cancel()
        await self._analyst.close()

    async def _begin(self, document_id: UUID) -> Document | None:
        async with self._database.session() as session:
            return (
                await session.scalars(
                    update(Document)
                    .where(
                        Document.id == document_id,
                        Document.status.in_([DocumentStatus.QUEUED, DocumentStatus.READING]),
                        Document.collection_id == Collection.id,
                        Collection.deleted_at.is_(None),
                    )
                    .values(status=DocumentStatus.READING, progress=0.0, updated_at=func.now())
                    .returning(Document)
                )
            ).one_or_none()

    async def _watched(self, document: Document) -> None:
        """Does the work and looks meanwhile whether it is still wanted."""
        progress = _Share()
        work = asyncio.ensure_future(self._work(document, progress))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=_LOOK_EVERY_S)
                if not work.done() and not await self._still_wanted(document.id, progress.value):
                    raise _NoLongerWanted
            await work
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    async def _still_wanted(self, document_id: UUID, progress: float) -> bool:
        async with self._database.session() as session:
            return (
                await session.scalar(
                    update(Document)
                    .where(Document.id == document_id, Document.status == DocumentStatus.READING)
                    .values(progress=progress, updated_at=func.now())
                    .returning(Document.id)
                )
            ) is not None

    async def _work(self, document: Document, progress: "_Share") -> None:
        with work_folder(self._settings, _FOLDERS) as folder:
            path = folder / "file"
            await originals.write_to(self._database, document.sha256, path)
            if document.media_type == Kind.ZIP:
                await self._unpack(document, path, folder, progress)
                return
            found = await ask_once("read", path=str(path), file_name=document.file_name, out=str(folder / "blocks"))
            progress.value = _READ_SHARE
            path.unlink()
            document.title = found["title"][:_TITLE_CHARACTERS] or document.title
            title_terms = await self._analyse(folder, document.title, progress)
            await self._store(document, found["pages"], folder / "rows", title_terms)

    async def _analyse(self, folder: Path, title: str, progress: "_Share") -> list[int]:
        """Passages with their terms into `rows`; the terms of the title."""
        if self._rest is not None:
            self._rest.cancel()

        def told(share: float) -> None:
            progress.value = _READ_SHARE + share * (_ANALYSED_SHARE - _READ_SHARE)

        done = await self._analyst.ask(
            "analyse",
            timeout_s=_ANALYSE_TIMEOUT_S,
            progress=told,
            blocks=str(folder / "blocks"),
            title=title,
            out=str(folder / "rows"),
        )
        progress.value = _ANALYSED_SHARE
        loop = asyncio.get_running_loop()
        self._rest = loop.call_later(_KEEP_CHILD_S, lambda: loop.create_task(self._analyst.close()))
        terms: list[int] = done["title_terms"]
        return terms

    async def _store(self, document: Document, pages: int | None, rows: Path, title_terms: list[int]) -> None:
        """Chunks, search rows and status in one transaction."""
        try:
            async with self._database.session() as session:
                number = await session.scalar(select(Collection.number).where(Collection.id == document.collection_id))
                if number is None:
                    raise _NoLongerWanted
                await remove_chunks(session, document.id)  # of the time before, when a document is read again
                count = 0
                with rows.open("rb") as file:
                    for chunks, prepared in batches(file):
                        await add_chunks(
                            session,
                            document,
                            number,
                            chunks,
                            prepared=prepared,
                            first=count,
                            title_terms=title_terms,
                        )
                        count += len(chunks)
                await self._finish(session, document.id, pages=pages, chunk_count=count, title=document.title)
        except IntegrityError as error:  # another run was faster, or the document is gone
            raise _NoLongerWanted from error

    async def _finish(self, session: AsyncSession, document_id: UUID, **values: Any) -> None:
        """The last statement of a transaction: whatever it did counts only if the document is still being read."""
        done = await session.scalar(
            update(Document)
            .where(Document.id == document_id, Document.status == DocumentStatus.READING)
            .values(
                status=DocumentStatus.READY,
                progress=1.0,
                error_code=None,
                error_detail=None,
                updated_at=func.now(),
                **values,
            )
            .returning(Document.id)
        )
        if done is None:
            raise _NoLongerWanted

    async def _unpack(self, document: Document, path: Path, folder: Path, progress: "_Share") -> None:
        """Takes each member in as a document of its own; the archive's row says that it was unpacked."""
        inside = folder / "members"
        inside.mkdir()
        members = await ask_once(
            "unpack", path=str(path), folder=str(inside), max_file_bytes=self._settings.max_document_bytes
        )
        progress.value = _READ_SHARE
        for number, member in enumerate(members):
            name = PurePosixPath(member["name"])
            if member["error"] is None:
                content = await asyncio.to_thread(Path(member["path"]).read_bytes)
                added = await self._uploads.take(document.collection_id, str(name), content, is_member=True)
                if added.document.status == DocumentStatus.QUEUED:
                    await self.defer(added.document.id)
            else:
                error = error_of(member["error"], member["details"], DocumentDamaged)
                await self._uploads.refused(document, str(name), error)
            progress.value = _READ_SHARE + (1 - _READ_SHARE) * (number + 1) / len(members)
        async with self._database.session() as session:
            await self._finish(session, document.id)

    async def _fail(self, document_id: UUID, error: OndolError) -> None:
        async with self._database.session() as session:
            await session.execute(
                update(Document)
                .where(Document.id == document_id, Document.status == DocumentStatus.READING)
                .values(
                    status=DocumentStatus.FAILED,
                    error_code=error.code,
                    error_detail=orjson.dumps(error.details, default=str).decode(),
                    updated_at=func.now(),
                )
            )


class _Share:
    """How far a job is, from 0 to 1."""

    def __init__(self) -> None:
        self.value = 0.0
