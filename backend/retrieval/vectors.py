"""Vectors of passages: several encoders side by side, one of them active.

A new encoder is registered as `building`; its vectors are stored little by little, and the one before stays `active`
until no passage lacks a vector of the new one. It then becomes `retired`: its vectors stay, so that going back only
fills what was added meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from backend.errors import EncoderUnavailable, Text
from backend.retrieval.dense import index_name, index_statement
from backend.store.database import Database
from backend.store.models import Encoder

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

MOST_DIMENSIONS = 4000  # that an HNSW index over halfvec takes
_BATCH = 500
_TOO_MANY = Text(
    f"차원이 1에서 {MOST_DIMENSIONS:,} 사이여야 합니다", f"its vectors must have 1 to {MOST_DIMENSIONS:,} dimensions"
)
_UNUSABLE = Text("벡터가 아닌 것을 보냈습니다", "it sent something that is no vector of its dimensions")

# Passages that count: of ready documents in collections that are there.
_LACKING = """
    FROM chunks c
    JOIN documents d ON d.id = c.document_id AND d.status = 'ready'
    JOIN collections k ON k.id = d.collection_id AND k.deleted_at IS NULL
    WHERE NOT EXISTS (SELECT FROM chunk_vectors v WHERE v.chunk_id = c.id AND v.encoder_id = :encoder_id)
"""
_STORE = text("""
    INSERT INTO chunk_vectors (chunk_id, encoder_id, collection_number, emb)
    SELECT c.id, :encoder_id, c.collection_number, CAST(new.emb AS halfvec)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:vectors AS text[])) AS new (id, emb)
    JOIN chunks c ON c.id = new.id
    ORDER BY c.id
    FOR KEY SHARE OF c
    ON CONFLICT (chunk_id, encoder_id) DO UPDATE SET emb = EXCLUDED.emb
""")


class EncoderState(StrEnum):
    """Where an encoder stands."""

    BUILDING = "building"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A passage without a vector, and the text to encode: title and path, then the passage."""

    chunk_id: int
    text: str


async def register_encoder(database: Database, name: str, dimensions: int) -> Encoder:
    """The encoder of this name and size, with an index for its vectors; known ones are found again.

    A retired one is built again. Raises EncoderUnavailable when its vectors cannot be indexed.
    """
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise EncoderUnavailable(reason=_TOO_MANY)
    async with database.session() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(insert(Encoder).values(name=name, dimensions=dimensions).on_conflict_do_nothing())
        found = select(Encoder).where(Encoder.name == name, Encoder.dimensions == dimensions).with_for_update()
        encoder = (await session.scalars(found)).one()
        if encoder.state == EncoderState.RETIRED:
            encoder.state = EncoderState.BUILDING
        await session.execute(text(index_statement(encoder)))
    return encoder


async def active_encoder(database: Database) -> Encoder | None:
    """The encoder that serves; None: there is none yet."""
    async with database.session() as session:
        return (await session.scalars(select(Encoder).where(Encoder.state == EncoderState.ACTIVE))).one_or_none()


async def missing_vectors(database: Database, encoder_id: int, *, after: int = 0, limit: int = 256) -> list[Unembedded]:
    """Passages without a vector of this encoder, by id, with ids above `after`; empty: there are no more."""
    query = f"""
        SELECT c.id, concat_ws(E'\\n', nullif(d.title, ''), nullif(c.path, ''), c.body) {_LACKING}
        AND c.id > :after ORDER BY c.id LIMIT :limit
    """
    async with database.session() as session:
        rows = await session.execute(text(query), {"encoder_id": encoder_id, "after": after, "limit": limit})
        return [Unembedded(chunk_id, body) for chunk_id, body in rows]


async def count_missing(database: Database, encoder_id: int) -> int:
    """How many passages lack a vector of this encoder."""
    async with database.session() as session:
        query = f"SELECT count(*) {_LACKING}"
        return int(await session.scalar(text(query), {"encoder_id": encoder_id}) or 0)


async def store_vectors(database: Database, encoder: Encoder, chunk_ids: Sequence[int], vectors: Vectors) -> None:
    """One vector a passage, brought to length 1. What was there is replaced; passages that are gone are left out.

    Args:
        vectors: float32 (len(chunk_ids), encoder.dimensions).

    Raises:
        EncoderUnavailable: these are no vectors of this encoder; nothing was stored.
    """
    unit = unit_vectors(vectors, (len(chunk_ids), encoder.dimensions))
    for begin in range(0, len(chunk_ids), _BATCH):
        async with database.session() as session:
            await session.execute(
                _STORE,
                {
                    "encoder_id": encoder.id,
                    "ids": list(chunk_ids[begin : begin + _BATCH]),
                    "vectors": [vector_text(row) for row in unit[begin : begin + _BATCH]],
                },
            )


async def activate_if_complete(database: Database, encoder_id: int) -> bool:
    """Lets an encoder serve when no passage lacks its vector; the one before is retired. True: it serves."""
    switch = f"""
        UPDATE encoders SET state = CASE WHEN id = :encoder_id THEN 'active' ELSE 'retired' END
        WHERE (id = :encoder_id OR state = 'active') AND NOT EXISTS (SELECT {_LACKING})
    """  # noqa: S608 -- no part comes from outside
    async with database.session() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('encoders'))"))
        state = await session.scalar(select(Encoder.state).where(Encoder.id == encoder_id))
        if state != EncoderState.BUILDING:
            return state == EncoderState.ACTIVE
        await session.execute(text(switch), {"encoder_id": encoder_id})
        now = await session.scalar(select(Encoder.state).where(Encoder.id == encoder_id))
        return now == EncoderState.ACTIVE


async def drop_encoder(database: Database, encoder_id: int) -> None:
    """Forgets an encoder with its vectors and its index."""
    async with database.session() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(text(f"DROP INDEX IF EXISTS {index_name(encoder_id)}"))
        await session.execute(text("DELETE FROM encoders WHERE id = :encoder_id"), {"encoder_id": encoder_id})


def unit_vectors(vectors: Vectors, shape: tuple[int, int]) -> Vectors:
    """Vectors of length 1. Raises EncoderUnavailable for another shape, for zeros, and for what is no number."""
    given = np.asarray(vectors, dtype=np.float32)
    if given.shape != shape or not np.isfinite(given).all():
        raise EncoderUnavailable(reason=_UNUSABLE)
    lengths = np.linalg.norm(given, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise EncoderUnavailable(reason=_UNUSABLE)
    return np.asarray(given / lengths, dtype=np.float32)


def vector_text(vector: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> str:
    """A vector as pgvector writes it; five digits are more than half precision keeps."""
    return "[" + ",".join([f"{value:.5g}" for value in vector.tolist()]) + "]"
