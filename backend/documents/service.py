"""What people do with their documents: bring them in, see how far they are, open them, let them go."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.activity import Activity
from backend.documents import originals
from backend.documents.children import PICTURE_TIMEOUT_S, ask_once
from backend.documents.collections import CollectionInfo, Collections, changeable, readable_by, remove_unused_files
from backend.documents.indexing import Indexing
from backend.documents.ingest import INDEX, READ, Ingest
from backend.documents.kinds import Kind
from backend.documents.uploads import Added, Uploads
from backend.embedding import EmbeddingClient
from backend.errors import DocumentDamaged, DocumentNotWaiting, OndolError, UnknownDocument, UnknownPage, error_of
from backend.jobs.queue import Jobs
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import Collection, Document, DocumentFile, DocumentStatus
from backend.work_folders import work_folder

__all__ = ["Added", "CollectionInfo", "Documents", "failure_of"]

_PICTURES = 64
_PICTURES_AT_ONCE = 2
_WAITING = frozenset({DocumentStatus.QUEUED, DocumentStatus.READING})
_ENDED = frozenset({DocumentStatus.FAILED, DocumentStatus.CANCELLED})


class Documents:
    """The documents of everyone; every method sees only what the given person may see.

    Args:
        database, settings: of the process.
        jobs: where reading and indexing are done; the work is registered here.
        encoder: makes vectors; None: words are enough.
        activity: of the process; uploads are counted there, and refused while it drains.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        jobs: Jobs,
        encoder: EmbeddingClient | None,
        activity: Activity | None = None,
    ) -> None:
        self._activity = activity or Activity()
        self._database, self._settings, self._jobs = database, settings, jobs
        self.collections = Collections(database)
        self.uploads = Uploads(database, settings)
        self.ingest = Ingest(database, settings, jobs, self.uploads)
        self.indexing = Indexing(database, encoder)
        self._pictures: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._drawing = asyncio.Semaphore(_PICTURES_AT_ONCE)
        jobs.add(READ, self.ingest.run, queue="documents")
        jobs.add(INDEX, self.indexing.run, queue="index")
        jobs.add_recovery(self.ingest.recover)

    async def close(self) -> None:
        """Ends the processes that are kept."""
        await self.ingest.close()

    async def index_if_behind(self) -> None:
        """Asks for vectors where passages lack those of the encoder that answers now."""
        if await self.indexing.is_behind():
            await self._jobs.defer(INDEX, once=INDEX)

    async def list_collections(self, user_id: UUID) -> Sequence[CollectionInfo]:
        """What a person sees, their own first."""
        return await self.collections.list(user_id)

    async def create_collection(self, user_id: UUID, name: str, *, shared: bool = False) -> CollectionInfo:
        """A new, empty one. Raises InvalidRequest for an unusable name."""
        return await self.collections.create(user_id, name, shared=shared)

    async def rename_collection(
        self, user_id: UUID, collection_id: UUID, name: str, *, is_admin: bool = False
    ) -> CollectionInfo:
        """Raises UnknownCollection, NotAllowed, InvalidRequest."""
        return await self.collections.change(user_id, collection_id, name=name, is_admin=is_admin)

    async def share_collection(
        self, user_id: UUID, collection_id: UUID, *, shared: bool, is_admin: bool = False
    ) -> CollectionInfo:
        """Opens one for everyone to read, or closes it again. Raises UnknownCollection, NotAllowed."""
        return await self.collections.change(user_id, collection_id, shared=shared, is_admin=is_admin)

    async def delete_collection(self, user_id: UUID, collection_id: UUID, *, is_admin: bool = False) -> CollectionInfo:
        """Can be taken back for seven days. Raises UnknownCollection, NotAllowed."""
        gone = await self.collections.delete(user_id, collection_id, is_admin=is_admin)
        await self._jobs.defer(INDEX, once=INDEX)  # other programs read the view
        return gone

    async def restore_collection(self, user_id: UUID, collection_id: UUID, *, is_admin: bool = False) -> CollectionInfo:
        """Takes a deletion back. Raises UnknownCollection."""
        back = await self.collections.restore(user_id, collection_id, is_admin=is_admin)
        await self._jobs.defer(INDEX, once=INDEX)
        return back

    async def add_file(
        self, user_id: UUID, collection_id: UUID, file_name: str, content: bytes, *, is_admin: bool = False
    ) -> Added:
        """Stores a file and has it read.

        Raises:
            Draining: the machine is being stopped.
            UnknownCollection, NotAllowed: the person may not bring anything into it.
            OndolError: one of the section `documents` says why the file is refused.
        """
        self._activity.admit()
        with self._activity.work("documents"):
            async with self._database.session() as session:
                await changeable(session, user_id, collection_id, is_admin=is_admin)
            added = await self.uploads.take(collection_id, file_name, content)
            if added.document.status == DocumentStatus.QUEUED:
                await self.ingest.defer(added.document.id)
        return added

    async def list_documents(
        self, user_id: UUID, collection_id: UUID, *, limit: int = 500, offset: int = 0
    ) -> Sequence[Document]:
        """The documents of a collection, the newest first. Raises UnknownCollection."""
        async with self._database.session() as session:
            known = await session.scalar(
                select(Collection.id).where(Collection.id == collection_id, readable_by(user_id))
            )
            if known is None:
                await self.collections.get(user_id, collection_id)
            rows = await session.scalars(
                select(Document)
                .where(Document.collection_id == collection_id)
                .order_by(Document.created_at.desc(), Document.file_name, Document.id)
                .limit(limit)
                .offset(offset)
            )
            return rows.all()

    async def get(self, user_id: UUID, document_id: UUID) -> Document:
        """One document. Raises UnknownDocument."""
        async with self._database.session() as session:
            return await _readable(session, user_id, document_id)

    async def cancel(self, user_id: UUID, document_id: UUID, *, is_admin: bool = False) -> Document:
        """Stops the reading of one. Raises UnknownDocument, NotAllowed, DocumentNotWaiting."""
        return await self._turn(user_id, document_id, _WAITING, DocumentStatus.CANCELLED, is_admin=is_admin)

    async def retry(self, user_id: UUID, document_id: UUID, *, is_admin: bool = False) -> Document:
        """Has one read again that failed or was cancelled.

        Raises:
            UnknownDocument, NotAllowed, DocumentNotWaiting, Draining
        """
        self._activity.admit()
        async with self._database.session() as session:
            document = await _readable(session, user_id, document_id)
            kept = await session.scalar(select(DocumentFile.sha256).where(DocumentFile.sha256 == document.sha256))
        if kept is None:  # a member of an archive that was left there
            raise DocumentNotWaiting(state=document.status)
        document = await self._turn(user_id, document_id, _ENDED, DocumentStatus.QUEUED, is_admin=is_admin)
        await self.ingest.defer(document_id)
        return document

    async def delete(self, user_id: UUID, document_id: UUID, *, is_admin: bool = False) -> Document:
        """Removes one with its passages, at once and for good. Raises UnknownDocument, NotAllowed."""
        async with self._database.session() as session:
            document = await _readable(session, user_id, document_id)
            await changeable(session, user_id, document.collection_id, is_admin=is_admin)
            await session.delete(document)
        async with self._database.session() as session:
            await remove_unused_files(session)
        await self._jobs.defer(INDEX, once=INDEX)
        return document

    async def original(self, user_id: UUID, document_id: UUID) -> tuple[Document, bytes]:
        """The file as it was uploaded. Raises UnknownDocument."""
        async with self._database.session() as session:
            document = await _readable(session, user_id, document_id)
            content = await session.scalar(select(DocumentFile.content).where(DocumentFile.sha256 == document.sha256))
        if content is None:
            raise UnknownDocument
        return document, content

    async def page_picture(self, user_id: UUID, document_id: UUID, page: int) -> bytes:
        """A page (1-based) of a PDF as PNG.

        Raises:
            UnknownDocument: it is none of the person's.
            UnknownPage: there is no such page, or the document is no PDF.
            DocumentTooHard: it cannot be drawn within the limits.
        """
        document = await self.get(user_id, document_id)
        if document.media_type != Kind.PDF or not 1 <= page <= (document.pages or 0):
            raise UnknownPage
        key = (document.sha256, page)
        async with self._drawing:
            if key not in self._pictures:
                self._pictures[key] = await self._drawn(document, page)
                if len(self._pictures) > _PICTURES:
                    self._pictures.popitem(last=False)
            self._pictures.move_to_end(key)
            return self._pictures[key]

    async def _drawn(self, document: Document, page: int) -> bytes:
        with work_folder(self._settings, "document") as folder:
            source, picture = folder / "file.pdf", folder / "page.png"
            await originals.write_to(self._database, document.sha256, source)
            await ask_once("picture", timeout_s=PICTURE_TIMEOUT_S, path=str(source), page=page, out=str(picture))
            return await asyncio.to_thread(picture.read_bytes)

    async def _turn(
        self,
        user_id: UUID,
        document_id: UUID,
        from_states: frozenset[DocumentStatus],
        state: DocumentStatus,
        *,
        is_admin: bool,
    ) -> Document:
        async with self._database.session() as session:
            document = await _readable(session, user_id, document_id)
            await changeable(session, user_id, document.collection_id, is_admin=is_admin)
            changed = (
                await session.scalars(
                    update(Document)
                    .where(Document.id == document_id, Document.status.in_(from_states))
                    .values(status=state, progress=0.0, error_code=None, error_detail=None, updated_at=func.now())
                    .returning(Document),
                    execution_options={"populate_existing": True},
                )
            ).one_or_none()
            if changed is None:
                raise DocumentNotWaiting(state=document.status)
            return changed


def failure_of(document: Document) -> OndolError | None:
    """Why a document could not be read, in words of both languages; None where nothing failed."""
    if document.error_code is None:
        return None
    details: Any = orjson.loads(document.error_detail) if document.error_detail else {}
    return error_of(document.error_code, details, DocumentDamaged)


async def _readable(session: AsyncSession, user_id: UUID, document_id: UUID) -> Document:
    found = await session.scalar(
        select(Document)
        .join(Collection, Collection.id == Document.collection_id)
        .where(Document.id == document_id, readable_by(user_id))
    )
    if found is None:
        raise UnknownDocument
    return found
