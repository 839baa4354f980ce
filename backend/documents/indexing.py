"""The job after reading: vectors for the passages that lack them, and the view that other programs read."""

from collections.abc import Callable

import structlog

from backend.embedding import EmbeddingClient
from backend.errors import EncoderUnavailable
from backend.retrieval.index import refresh_view
from backend.retrieval.vectors import (
    activate_if_complete,
    count_missing,
    missing_vectors,
    register_encoder,
    store_vectors,
)
from backend.store.database import Database

_BATCH = 256
_DEADLINE_S = 300.0  # a laptop's encoder takes its time over a batch
log = structlog.get_logger()
Told = Callable[[int, int], None]


class Indexing:
    """Brings the dense side and the view up to date.

    Args:
        database: of the process.
        encoder: makes the vectors; None: words are enough.
    """

    def __init__(self, database: Database, encoder: EmbeddingClient | None) -> None:
        self._database, self._encoder = database, encoder

    async def run(self, attempt: int = 0) -> None:
        """The view first, since that is quick, then the vectors. An encoder that is away is no failure."""
        await refresh_view(self._database)
        try:
            await self.embed()
        except EncoderUnavailable as error:
            log.info("vectors_later", reason=str(error.details.get("reason", "")))

    async def is_behind(self) -> bool:
        """Whether the encoder that answers now is not the active one, or passages lack its vectors."""
        info = await self._encoder.info() if self._encoder is not None else None
        if info is None:
            return False
        encoder = await register_encoder(self._database, info.name, info.dimensions)
        return await count_missing(self._database, encoder.id) > 0

    async def embed(self, told: Told | None = None) -> int:
        """Makes the vectors that are missing, a batch at a time; begun again it goes on where it stopped.

        Args:
            told: called with passages done and passages in all.

        Returns:
            How many vectors were made.

        Raises:
            EncoderUnavailable: there is no encoder, or it went away; what was made is kept.
        """
        info = await self._encoder.info() if self._encoder is not None else None
        if info is None or self._encoder is None:
            raise EncoderUnavailable(reason="none is running")
        encoder = await register_encoder(self._database, info.name, info.dimensions)
        total = await count_missing(self._database, encoder.id)
        done = after = 0
        while batch := await missing_vectors(self._database, encoder.id, after=after, limit=_BATCH):
            texts = [passage.text for passage in batch]
            vectors = await self._encoder.encode(texts, "passage", deadline_s=_DEADLINE_S, encoder=info.name)
            await store_vectors(self._database, encoder, [passage.chunk_id for passage in batch], vectors)
            done, after = done + len(batch), batch[-1].chunk_id
            if told is not None:
                told(done, max(total, done))
        await activate_if_complete(self._database, encoder.id)
        return done
