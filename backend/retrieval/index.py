"""Passages into the search tables, in the transaction of whoever reads the document: all of it or nothing."""

import asyncio
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.retrieval.folding import cleaned
from backend.retrieval.lexical import weights
from backend.retrieval.terms import terms
from backend.store.database import Database
from backend.store.models import Document

_BATCH = 500  # rows a statement: a few megabytes, and far from the limit of 30 s

_INSERT_CHUNKS = text("""
    INSERT INTO chunks (id, document_id, collection_number, ord, path, page, body, tokens)
    OVERRIDING SYSTEM VALUE
    SELECT id, :document_id, :number, ord, path, page, body, tokens
    FROM unnest(CAST(:ids AS bigint[]), CAST(:ords AS int[]), CAST(:paths AS text[]), CAST(:pages AS int[]),
                CAST(:bodies AS text[]), CAST(:tokens AS int[])) AS new (id, ord, path, page, body, tokens)
""")
_INSERT_LEXICAL = text("""
    INSERT INTO chunk_lex (chunk_id, collection_number, tids, sv)
    SELECT id, :number, CAST(tids AS int[]), CAST(sv AS sparsevec)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tids AS text[]), CAST(:vectors AS text[])) AS new (id, tids, sv)
""")
_NEW_IDS = text("SELECT nextval(pg_get_serial_sequence('chunks', 'id')) FROM generate_series(1, :count)")


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A passage to be stored. `path` is its place in words, `page` counts from 1, `tokens` are the chunker's."""

    path: str
    page: int | None
    body: str
    tokens: int


def prepare(texts: Sequence[str]) -> list["array[int]"]:
    """The costly part of indexing, for a thread or a process of its own: term ids of each passage, as often as each
    occurs (int32, may be pickled).

    Args:
        texts: path and body of each passage, one below the other. The title of the document is added by `add_chunks`.
    """
    return [array("i", found) for found in terms().of_passages(texts)]


async def add_chunks(
    session: AsyncSession,
    document: Document,
    collection_number: int,
    chunks: Sequence[NewChunk],
    *,
    prepared: Sequence[Sequence[int]] | None = None,
    first: int = 0,
    title_terms: Sequence[int] | None = None,
) -> None:
    """Stores passages so that they can be found, as soon as the transaction is committed and the document is ready.

    Args:
        session: the caller's transaction.
        document: its title is found with every passage.
        prepared: what `prepare` gave for `f"{chunk.path}\\n{chunk.body}"` of each; computed here when left out.
        first: place (`ord`) of the first of these within the document.
        title_terms: what `prepare` gave for the title; computed here when left out, for which Kiwi is loaded.
    """
    if prepared is None:
        prepared = await asyncio.to_thread(prepare, [f"{chunk.path}\n{chunk.body}" for chunk in chunks])
    title = title_terms if title_terms is not None else await asyncio.to_thread(terms().of_passage, document.title)
    for begin in range(0, len(chunks), _BATCH):
        part = chunks[begin : begin + _BATCH]
        rows = await asyncio.to_thread(_rows, prepared[begin : begin + _BATCH], title)
        ids = list(await session.scalars(_NEW_IDS, {"count": len(part)}))
        await session.execute(
            _INSERT_CHUNKS,
            {
                "document_id": document.id,
                "number": collection_number,
                "ids": ids,
                "ords": list(range(first + begin, first + begin + len(part))),
                "paths": [cleaned(chunk.path) for chunk in part],
                "pages": [chunk.page for chunk in part],
                "bodies": [cleaned(chunk.body) for chunk in part],
                "tokens": [chunk.tokens for chunk in part],
            },
        )
        await session.execute(
            _INSERT_LEXICAL,
            {
                "number": collection_number,
                "ids": ids,
                "tids": [tids for tids, _ in rows],
                "vectors": [vector for _, vector in rows],
            },
        )


async def remove_chunks(session: AsyncSession, document_id: UUID) -> None:
    """Takes a document's passages out of the chunks and all search tables."""
    await session.execute(
        text("DELETE FROM chunk_lex WHERE chunk_id IN (SELECT id FROM chunks WHERE document_id = :document_id)"),
        {"document_id": document_id},
    )
    await session.execute(text("DELETE FROM chunks WHERE document_id = :document_id"), {"document_id": document_id})


async def refresh_view(database: Database) -> None:
    """What an ingest ends with: `mv_searchable_chunks` brought up to date while others read it, term counts summed up,
    and statistics for the planner."""
    async with database.session() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        if await session.scalar(text("SELECT lex_compact()")):
            # Without it searches right after an ingest take twice as long, until the server does it by itself.
            await session.execute(text("ANALYZE chunks, documents, chunk_lex, chunk_vectors, lex_df, lex_n"))
    async with database.session() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(text("REFRESH MATERIALIZED VIEW CONCURRENTLY mv_searchable_chunks"))


def _rows(prepared: Sequence[Sequence[int]], title: Sequence[int]) -> list[tuple[str, str]]:
    """Term ids and weights of each passage as PostgreSQL writes them."""
    found = (weights([*each, *title]) for each in prepared)
    return [(each.tids_text(), each.vector_text()) for each in found]
