"""Collections: who may read one, who may change one, and taking back a deletion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import InvalidRequest, NotAllowed, Text, UnknownCollection
from backend.store.database import Database
from backend.store.models import Collection, Document, DocumentFile, DocumentStatus, User

KEPT_AFTER_DELETE = timedelta(days=7)
MAX_NAME = 100
# Uploads hold it shared, clearing away files that no document has any more holds it alone.
FILES_LOCK = "SELECT pg_advisory_xact_lock{}(hashtext('document_files'))"


@dataclass(frozen=True)
class CollectionInfo:
    """A collection as one person sees it.

    Attributes:
        owner: the owner's name.
        mine: whether that is the person.
        documents, ready, failed: how many documents are in it, can be searched, could not be read.
    """

    id: UUID
    name: str
    shared: bool
    owner: str
    mine: bool
    created_at: datetime
    documents: int = 0
    ready: int = 0
    failed: int = 0


def readable_by(user_id: UUID) -> ColumnElement[bool]:
    """Collections a person sees: their own and the shared ones, as long as they are not deleted."""
    return and_(Collection.deleted_at.is_(None), or_(Collection.owner_id == user_id, Collection.shared))


class Collections:
    """Reads and writes collections.

    A private collection is its owner's alone. A shared one is read by everyone, and changed by its owner and admins.

    Args:
        database: where they are.
        clock: current time, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock

    async def create(self, user_id: UUID, name: str, *, shared: bool = False) -> CollectionInfo:
        """A new, empty collection. Raises InvalidRequest for an unusable name."""
        collection = Collection(owner_id=user_id, name=_usable(name), shared=shared, created_at=self._clock())
        async with self._database.session() as session:
            session.add(collection)
            await session.flush()
            return await _info(session, user_id, collection.id)

    async def list(self, user_id: UUID) -> Sequence[CollectionInfo]:
        """What a person sees, their own first, by name."""
        async with self._database.session() as session:
            rows = await session.execute(
                _with_counts(user_id)
                .where(readable_by(user_id))
                .order_by(Collection.owner_id != user_id, Collection.name, Collection.created_at)
            )
            return [CollectionInfo(**row) for row in rows.mappings()]

    async def get(self, user_id: UUID, collection_id: UUID) -> CollectionInfo:
        """One that the person sees. Raises UnknownCollection."""
        async with self._database.session() as session:
            if not await session.scalar(
                select(Collection.id).where(Collection.id == collection_id, readable_by(user_id))
            ):
                raise UnknownCollection
            return await _info(session, user_id, collection_id)

    async def change(
        self,
        user_id: UUID,
        collection_id: UUID,
        *,
        name: str | None = None,
        shared: bool | None = None,
        is_admin: bool = False,
    ) -> CollectionInfo:
        """Renames, shares or unshares one. Raises UnknownCollection, NotAllowed, InvalidRequest."""
        async with self._database.session() as session:
            found = await changeable(session, user_id, collection_id, is_admin=is_admin)
            if name is not None:
                found.name = _usable(name)
            if shared is not None:
                found.shared = shared
            await session.flush()
            return await _info(session, user_id, collection_id)

    async def delete(self, user_id: UUID, collection_id: UUID, *, is_admin: bool = False) -> CollectionInfo:
        """Takes one out of sight; it can be restored for `KEPT_AFTER_DELETE`. Raises UnknownCollection, NotAllowed."""
        async with self._database.session() as session:
            found = await changeable(session, user_id, collection_id, is_admin=is_admin)
            found.deleted_at = self._clock()
            return await _info(session, user_id, collection_id)

    async def restore(self, user_id: UUID, collection_id: UUID, *, is_admin: bool = False) -> CollectionInfo:
        """Takes a deletion back. Raises UnknownCollection."""
        async with self._database.session() as session:
            found = await session.get(Collection, collection_id)
            if found is None or not (found.owner_id == user_id or (is_admin and found.shared)):
                raise UnknownCollection
            found.deleted_at = None
            await session.flush()
            return await _info(session, user_id, collection_id)

    async def purge_deleted(self) -> int:
        """Removes for good what was deleted long enough ago, and files nobody has any more; how many collections."""
        async with self._database.session() as session:
            gone = await session.scalars(
                delete(Collection)
                .where(Collection.deleted_at < self._clock() - KEPT_AFTER_DELETE)
                .returning(Collection.id)
            )
            number = len(gone.all())
        async with self._database.session() as session:
            await remove_unused_files(session)
        return number


async def changeable(
    session: AsyncSession, user_id: UUID, collection_id: UUID, *, is_admin: bool = False
) -> Collection:
    """A collection that the person may change. Raises UnknownCollection, and NotAllowed for one that is only read."""
    found = await session.scalar(select(Collection).where(Collection.id == collection_id, readable_by(user_id)))
    if found is None:
        raise UnknownCollection
    if found.owner_id != user_id and not is_admin:
        raise NotAllowed
    return found


async def remove_unused_files(session: AsyncSession) -> None:
    """Removes the bytes that no document refers to."""
    await session.execute(text(FILES_LOCK.format("")))
    used = exists().where(Document.sha256 == DocumentFile.sha256)
    await session.execute(delete(DocumentFile).where(~used).execution_options(synchronize_session=False))


def _with_counts(user_id: UUID) -> Select[*tuple[Any, ...]]:
    of_status = {
        status: func.count(Document.id).filter(Document.status == status)
        for status in (DocumentStatus.READY, DocumentStatus.FAILED)
    }
    return (
        select(
            Collection.id,
            Collection.name,
            Collection.shared,
            User.username.label("owner"),
            (Collection.owner_id == user_id).label("mine"),
            Collection.created_at,
            func.count(Document.id).label("documents"),
            of_status[DocumentStatus.READY].label("ready"),
            of_status[DocumentStatus.FAILED].label("failed"),
        )
        .join(User, User.id == Collection.owner_id)
        .outerjoin(Document, Document.collection_id == Collection.id)
        .group_by(Collection.id, User.username)
    )


async def _info(session: AsyncSession, user_id: UUID, collection_id: UUID) -> CollectionInfo:
    found = await session.execute(_with_counts(user_id).where(Collection.id == collection_id))
    return CollectionInfo(**found.mappings().one())


def _usable(name: str) -> str:
    cleaned = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not 1 <= len(cleaned) <= MAX_NAME:
        raise InvalidRequest(
            reason=Text(f"문서함 이름은 1~{MAX_NAME}자입니다", f"a collection's name has 1 to {MAX_NAME} characters")
        )
    return cleaned
