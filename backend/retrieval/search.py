"""Passages for a question, from the documents its asker may read.

Words and meaning are searched in one statement; permission, collections and readiness are part of it. Where no
encoder answers in time, the words alone do, and `Found.degraded` says so.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.embedding import EncoderInfo
from backend.errors import EncoderUnavailable
from backend.retrieval.dense import EXACT_UP_TO as DENSE_EXACT_UP_TO
from backend.retrieval.dense import dense_part, tuning
from backend.retrieval.folding import cleaned
from backend.retrieval.fusion import Candidate, convex
from backend.retrieval.lexical import CANDIDATES, EXACT_UP_TO
from backend.retrieval.terms import QUERY_CHARACTERS, terms
from backend.retrieval.vectors import Vectors, unit_vectors, vector_text
from backend.settings import Settings
from backend.store.database import Database

log = structlog.get_logger()

Mode = Literal["lexical", "dense", "hybrid"]

_KNOWN_S = 2.0  # for how long it is not asked again which encoder serves
ENCODE_DEADLINE_S = 1.5  # a reader waits; the words have been found long before
MOST_PASSAGES = 200
_DEPTH = 100  # candidates of each side: more changed nothing, 20 cost a little (docs/retrieval.md)

_SCOPE = text(f"""
    WITH scope AS MATERIALIZED (
        SELECT k.id, k.number FROM collections k
        WHERE k.deleted_at IS NULL AND (k.owner_id = :user_id OR k.shared)
          AND (CAST(:collection_ids AS uuid[]) IS NULL OR k.id = ANY (CAST(:collection_ids AS uuid[])))
    )
    SELECT
        ARRAY(SELECT number FROM scope) AS numbers,
        ARRAY(SELECT c.id FROM documents d JOIN chunks c ON c.document_id = d.id
              WHERE d.status <> 'ready' AND d.collection_id = ANY (ARRAY(SELECT id FROM scope))) AS hidden,
        (SELECT coalesce(sum(n), 0) FROM lex_n WHERE collection_number = ANY (ARRAY(SELECT number FROM scope))) AS size,
        {tuning()}
""")  # noqa: S608 -- settings of our own
_ENCODER = text("SELECT id FROM encoders WHERE state = 'active' AND name = :name AND dimensions = :dimensions")
_LEXICAL = """
    SELECT chunk_id, score AS lexical, NULL AS dense
    FROM bm25(:terms, :numbers, :hidden, :depth, :budget, :exact)
"""
_DENSE = """
    WITH dense AS MATERIALIZED ({dense})
    SELECT chunk_id, NULL AS lexical, 1 - (v.emb <=> CAST(:vector AS halfvec)) AS dense
    FROM dense JOIN chunk_vectors v USING (chunk_id) WHERE v.encoder_id = :encoder_id
"""
# Each side proposes candidates, and each candidate gets its score on both sides. No vector yet: NULL.
_HYBRID = """
    WITH dense AS MATERIALIZED ({dense}),
    lexical AS MATERIALIZED (
        SELECT DISTINCT chunk_id, score
        FROM bm25(:terms, :numbers, :hidden, :depth, :budget, :exact, ARRAY(SELECT chunk_id FROM dense))
    ),
    candidates AS (
        SELECT chunk_id, coalesce(score, 0) AS lexical FROM lexical FULL JOIN dense USING (chunk_id)
    )
    SELECT c.chunk_id, c.lexical, 1 - (v.emb <=> CAST(:vector AS halfvec)) AS dense
    FROM candidates c LEFT JOIN chunk_vectors v ON v.chunk_id = c.chunk_id AND v.encoder_id = :encoder_id
"""
_PASSAGES = text("""
    SELECT c.id, d.id AS document_id, d.title, c.path, c.page, c.body
    FROM chunks c
    JOIN documents d ON d.id = c.document_id AND d.status = 'ready'
    JOIN collections k ON k.id = d.collection_id AND k.deleted_at IS NULL AND (k.owner_id = :user_id OR k.shared)
    WHERE c.id = ANY (:chunk_ids)
""")


class QueryEncoder(Protocol):
    """What makes vectors of questions (`backend.embedding.EmbeddingClient`)."""

    async def info(self) -> EncoderInfo | None: ...

    async def encode(
        self, texts: Sequence[str], kind: Literal["query", "passage"], *, deadline_s: float, encoder: str | None = None
    ) -> Vectors: ...


@dataclass(frozen=True)
class Passage:
    """A passage that was found.

    Attributes:
        document: title of its document.
        path, page: its place in words (headings, `제17조 제1항`), and on which page from 1.
        score: 0 to 1, compared with the other candidates of this question only.
        lexical: BM25; None when words were not searched.
        dense: cosine with the question; None when meaning was not searched, or its vector is still to come.
    """

    chunk_id: int
    document_id: UUID
    document: str
    path: str
    page: int | None
    text: str
    score: float
    lexical: float | None
    dense: float | None


@dataclass
class Found:
    """Passages, best first; how they were searched; `degraded`: by words only, for want of an encoder."""

    passages: list[Passage]
    mode: Mode
    degraded: bool


@dataclass(frozen=True, slots=True)
class _Vector:
    """A question as the active encoder sees it."""

    encoder_id: int
    dimensions: int
    text: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, taken apart: `terms` for the words, `vector` for the meaning, `depth` candidates of each side."""

    user_id: UUID
    collection_ids: Sequence[UUID] | None
    terms: list[int]
    vector: _Vector | None
    mode: Mode
    depth: int


class Search:
    """Searches the documents of one database.

    Args:
        database: where they are.
        settings: `retrieval_mode` and `lexical_weight` are used.
        encoder: of questions; None: words only.
        others: encoders on other servers, for the time in which `encoder` is a new one that has no vectors yet.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        encoder: QueryEncoder | None,
        *,
        others: Sequence[QueryEncoder] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._mode: Mode = settings.retrieval_mode
        self._lexical_weight = settings.lexical_weight
        self._clock = clock
        self._known: tuple[EncoderInfo, float, int | None] | None = None
        self._encoders = [each for each in (encoder, *others) if each is not None]

    async def warm_up(self) -> None:
        """Loads what the first question would wait for."""
        await asyncio.to_thread(terms().load)

    async def search(
        self,
        user_id: UUID,
        query: str,
        *,
        collection_ids: Sequence[UUID] | None,
        limit: int = 8,
        mode: str | None = None,
    ) -> Found:
        """The best passages for a question, of ready documents in collections that are this user's or shared.

        Args:
            user_id: who asks.
            query: of any length; its first 2,000 characters count. Without words nothing is found.
            collection_ids: search only these, as far as the user may read them; None: all.
            limit: 1 to 200 passages.
            mode: `lexical`, `dense` or `hybrid`; None: as the settings say.

        Raises:
            DatabaseUnavailable: the database does not answer. A missing encoder raises nothing.
            ValueError: another mode.
        """
        wanted = self._wanted(mode)
        query = cleaned(query[:QUERY_CHARACTERS]).strip()
        asked = await asyncio.to_thread(terms().of_query, query) if query else []
        if not asked:
            return Found([], wanted, False)
        vector = None if wanted == "lexical" else await self._vector(query)
        used: Mode = "lexical" if vector is None else wanted
        limit = max(1, min(limit, MOST_PASSAGES))
        async with self._database.session() as session:
            candidates = await _candidates(
                session, _Asked(user_id, collection_ids, asked, vector, used, max(limit, _DEPTH))
            )
            best = convex(candidates, self._lexical_weight)[:limit]
            passages = await _passages(session, user_id, best)
        return Found(passages, used, degraded=used != wanted)

    def _wanted(self, mode: str | None) -> Mode:
        match mode:
            case None:
                return self._mode
            case "lexical" | "dense" | "hybrid":
                return mode
        raise ValueError(f"{mode!r} is no mode of search")

    async def _vector(self, query: str) -> _Vector | None:
        """The question's vector by the encoder whose vectors are complete; None: it is not to be had in time."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(ENCODE_DEADLINE_S):
                for encoder in self._encoders:
                    info = await encoder.info()
                    encoder_id = None if info is None else await self._active(info)
                    if info is None or encoder_id is None:
                        continue
                    left = ENCODE_DEADLINE_S - (time.monotonic() - began)
                    found = await encoder.encode([query], "query", deadline_s=left, encoder=info.name)
                    unit = unit_vectors(found, (1, info.dimensions))
                    return _Vector(encoder_id, info.dimensions, vector_text(unit[0]))
        except (EncoderUnavailable, TimeoutError) as error:
            log.warning("search_without_encoder", reason=str(error) or "too late")
        return None

    async def _active(self, info: EncoderInfo) -> int | None:
        """The id of an encoder, if it is the one that serves."""
        now = self._clock()
        if self._known is None or self._known[0] != info or now - self._known[1] > _KNOWN_S:
            self._known = (info, now, await self._asked_active(info))
        return self._known[2]

    async def _asked_active(self, info: EncoderInfo) -> int | None:
        async with self._database.session() as session:
            found = await session.scalar(_ENCODER, {"name": info.name, "dimensions": info.dimensions})
        return None if found is None else int(found)


async def _candidates(session: AsyncSession, asked: _Asked) -> list[Candidate]:
    """What either side proposes, with the scores of both."""
    ids = None if asked.collection_ids is None else list(asked.collection_ids)
    row = (await session.execute(_SCOPE, {"user_id": asked.user_id, "collection_ids": ids})).one()
    if row.size <= 0:
        return []
    parameters: dict[str, object] = {"numbers": row.numbers, "hidden": row.hidden, "depth": asked.depth}
    if asked.mode != "dense":
        parameters |= {"terms": asked.terms, "budget": CANDIDATES, "exact": EXACT_UP_TO}
    if asked.vector is None:
        statement = _LEXICAL
    else:
        vector = asked.vector
        part = dense_part(vector.encoder_id, vector.dimensions, exact=row.size <= DENSE_EXACT_UP_TO)
        statement = (_DENSE if asked.mode == "dense" else _HYBRID).format(dense=part)
        parameters |= {"vector": vector.text, "encoder_id": vector.encoder_id}
    return [Candidate(*found) for found in await session.execute(text(statement), parameters)]


async def _passages(session: AsyncSession, user_id: UUID, best: list[tuple[Candidate, float]]) -> list[Passage]:
    """The texts of the best candidates. Permission is asked again: a collection may have gone since."""
    given = {"user_id": user_id, "chunk_ids": [candidate.chunk_id for candidate, _ in best]}
    rows = {row.id: row for row in await session.execute(_PASSAGES, given)}
    return [
        Passage(row.id, row.document_id, row.title, row.path, row.page, row.body, score, found.lexical, found.dense)
        for found, score in best
        if (row := rows.get(found.chunk_id)) is not None
    ]
