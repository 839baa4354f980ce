"""A passage where it stands: its document, and what comes before and after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select

from backend.errors import UnknownPassage
from backend.store.database import Database
from backend.store.models import Chunk, Collection, Document, DocumentStatus


@dataclass(frozen=True)
class Place:
    """A passage in its document; `passages` are its neighbours and itself, in order."""

    chunk: Chunk
    document: Document
    passages: Sequence[Chunk]


async def passage_in_place(database: Database, user_id: UUID, chunk_id: int, *, neighbours: int = 2) -> Place:
    """The place of a passage that this user may read. Raises UnknownPassage."""
    async with database.session() as session:
        row = (
            await session.execute(
                select(Chunk, Document)
                .join(Document, Document.id == Chunk.document_id)
                .join(Collection, Collection.id == Document.collection_id)
                .where(
                    Chunk.id == chunk_id,
                    Document.status == DocumentStatus.READY,
                    Collection.deleted_at.is_(None),
                    or_(Collection.owner_id == user_id, Collection.shared),
                )
            )
        ).one_or_none()
        if row is None:
            raise UnknownPassage
        chunk, document = row
        around = await session.scalars(
            select(Chunk)
            .where(
                Chunk.document_id == document.id,
                Chunk.ord.between(chunk.ord - neighbours, chunk.ord + neighbours),
            )
            .order_by(Chunk.ord)
        )
        return Place(chunk, document, around.all())
