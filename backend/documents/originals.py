"""The bytes of uploaded files in the database: stored once, read back in pieces."""

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.documents.collections import FILES_LOCK
from backend.errors import UnknownDocument
from backend.store.database import Database
from backend.store.models import DocumentFile

_PIECE = 8 << 20


async def keep(session: AsyncSession, content: bytes) -> bytes:
    """Stores a file unless it is there already, in the transaction that makes its document. Returns its SHA-256."""
    digest = hashlib.sha256(content).digest()
    await session.execute(text(FILES_LOCK.format("_shared")))
    if await session.scalar(select(DocumentFile.sha256).where(DocumentFile.sha256 == digest)) is None:
        await session.execute(
            insert(DocumentFile).values(sha256=digest, content=content).on_conflict_do_nothing(),
        )
    return digest


async def write_to(database: Database, digest: bytes, path: Path) -> None:
    """Writes a stored file to a path, a piece at a time. Raises UnknownDocument when it is gone."""
    async with database.session() as session:
        size = await session.scalar(
            select(func.octet_length(DocumentFile.content)).where(DocumentFile.sha256 == digest)
        )
        if size is None:
            raise UnknownDocument
        with path.open("wb") as file:
            for start in range(0, size, _PIECE):
                piece: Any = await session.scalar(
                    select(func.substring(DocumentFile.content, start + 1, _PIECE)).where(DocumentFile.sha256 == digest)
                )
                file.write(piece)
