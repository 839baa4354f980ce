"""Taking files in: what is refused at the door, what is there already, and the rows of what is new."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.documents import originals
from backend.documents.kinds import HEAD_BYTES, Kind, kind_of
from backend.errors import ArchiveNested, DocumentEmpty, DocumentTooLarge, OndolError
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import Document, DocumentStatus

_NAME_CHARACTERS = 400
_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class Added:
    """A document that was uploaded. `is_duplicate`: the collection had the same file already, and this is that one."""

    document: Document
    is_duplicate: bool


class Uploads:
    """Makes documents of files, without asking who brings them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    def checked(self, file_name: str, size: int, head: bytes) -> Kind:
        """The kind of a file. Raises the reason for which it is not taken."""
        if size == 0:
            raise DocumentEmpty
        if size > self._settings.max_document_bytes:
            raise DocumentTooLarge(limit=self._settings.max_document_bytes)
        return kind_of(file_name, head)

    async def take(self, collection_id: UUID, file_name: str, content: bytes, *, is_member: bool = False) -> Added:
        """Stores a file and makes its document, waiting to be read.

        One that failed or was cancelled before waits again. A member of an archive (`is_member`) that is no
        document becomes a failed one, with the reason; anywhere else that is raised.
        """
        name = clean_name(file_name)
        kind, error = None, None
        try:
            kind = self.checked(name, len(content), content[:HEAD_BYTES])
            if is_member and kind is Kind.ZIP:
                raise ArchiveNested
        except OndolError as refusal:
            if not is_member:
                raise
            error = refusal
        async with self._database.session() as session:
            digest = await originals.keep(session, content) if error is None else hashlib.sha256(content).digest()
            return await _make(session, _row(collection_id, name, kind, len(content), digest, error=error))

    async def refused(self, archive: Document, name: str, error: OndolError) -> Added:
        """A member of an archive that was not even unpacked, as a failed document."""
        name = clean_name(name)
        digest = hashlib.sha256(b"refused\0" + archive.sha256 + name.encode("utf-8", "replace")).digest()
        async with self._database.session() as session:
            return await _make(session, _row(archive.collection_id, name, None, 0, digest, error=error))


def _row(
    collection_id: UUID, name: str, kind: Kind | None, size: int, digest: bytes, *, error: OndolError | None
) -> dict[str, Any]:
    return {
        "collection_id": collection_id,
        "title": title_of(name),
        "file_name": name,
        "media_type": str(kind or _UNKNOWN_TYPE),
        "size_bytes": size,
        "sha256": digest,
        "status": DocumentStatus.FAILED if error else DocumentStatus.QUEUED,
        "progress": 0.0,
        "error_code": error.code if error else None,
        "error_detail": orjson.dumps(error.details, default=str).decode() if error else None,
    }


async def _make(session: AsyncSession, row: dict[str, Any]) -> Added:
    """The document of a row; the one the collection has already, begun anew if that has failed."""
    made = await session.scalars(
        insert(Document)
        .values(**row, chunk_count=0)
        .on_conflict_do_nothing(index_elements=[Document.collection_id, Document.sha256])
        .returning(Document)
    )
    if (document := made.one_or_none()) is not None:
        return Added(document, is_duplicate=False)
    found = await session.scalars(
        select(Document)
        .where(Document.collection_id == row["collection_id"], Document.sha256 == row["sha256"])
        .with_for_update()
    )
    existing = found.one()
    if existing.status in {DocumentStatus.FAILED, DocumentStatus.CANCELLED}:
        for name, value in row.items():
            setattr(existing, name, value)
        existing.updated_at = await session.scalar(select(func.now())) or existing.updated_at
    return Added(existing, is_duplicate=True)


def clean_name(name: str) -> str:
    """A name that can be shown and sent in a header: control characters and marks that turn the direction are out."""
    shown = "".join(letter for letter in name.replace("\\", "/") if letter.isprintable())
    shown = " ".join(shown.encode("utf-8", "ignore").decode().split()).strip("/")
    return shown[-_NAME_CHARACTERS:] or "file"


def title_of(name: str) -> str:
    """The name without folders and ending."""
    return PurePosixPath(name).stem or name
