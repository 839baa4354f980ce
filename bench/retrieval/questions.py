"""Questions whose answers are known: how often the right passage comes first, and how long a search takes."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from backend.retrieval.fusion import reciprocal_ranks
from backend.retrieval.index import NewChunk, add_chunks, prepare, refresh_view
from backend.retrieval.search import Search
from backend.settings import Settings
from bench.figures import percentile
from bench.retrieval.place import Place, add_documents, embed

_DEPTH = 100  # of the rankings that reciprocal rank fusion gets
_SHOWN = 10
_WARM_UP = 20


def lines(path: Path) -> list[dict[str, Any]]:
    """A JSONL file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]


def quality(rankings: Sequence[Sequence[str]], relevant: Sequence[Sequence[str]]) -> dict[str, float]:
    """Share of questions with a relevant passage in the first 1, 5, 10; mean of 1 / its place (10 at most)."""
    places = [
        next((place for place, found in enumerate(ranking[:_SHOWN], start=1) if found in wanted), None)
        for ranking, wanted in zip(rankings, relevant, strict=True)
    ]
    count = len(places)
    shares = {
        f"r{most}": round(sum(place is not None and place <= most for place in places) / count, 4)
        for most in (1, 5, _SHOWN)
    }
    return {**shares, "mrr": round(sum(1 / place for place in places if place is not None) / count, 4)}


async def measure(
    here: Place, passages: list[dict[str, Any]], queries: list[dict[str, Any]], encoder: Any, settings: Settings
) -> dict[str, Any]:
    """All figures of one corpus."""
    ids = await _index(here, passages)
    if encoder is not None:
        await embed(here, encoder)
        await refresh_view(here.database)  # as the command that embeds does
    search = Search(here.database, settings, encoder)
    await search.warm_up()
    relevant = [query["relevant"] for query in queries]
    asked = _Asked(search, here.user_id, ids, [query["query"] for query in queries])
    await asked.rankings("hybrid", _SHOWN, first=_WARM_UP)
    lexical, times = await asked.rankings("lexical", _DEPTH)
    result: dict[str, Any] = {"lexical": quality(lexical, relevant), "dense": None, "hybrid": None, "rrf": None}
    hybrid, times = await asked.rankings("hybrid", _SHOWN)
    result["hybrid"] = quality(hybrid, relevant)
    if encoder is not None:
        dense, _ = await asked.rankings("dense", _DEPTH)
        result["dense"] = quality(dense, relevant)
        result["rrf"] = quality([_fused(*pair) for pair in zip(lexical, dense, strict=True)], relevant)
    return {
        **result,
        "p50_ms": round(percentile(times, 50), 2),
        "p95_ms": round(percentile(times, 95), 2),
        "weight": settings.lexical_weight,
        "chunks": len(passages),
        "queries": len(queries),
    }


class _Asked:
    """The questions, put to the search one after another."""

    def __init__(self, search: Search, user_id: UUID, ids: Mapping[UUID, str], queries: list[str]) -> None:
        self._search, self._user_id, self._ids, self._queries = search, user_id, ids, queries

    async def rankings(self, mode: str, limit: int, first: int | None = None) -> tuple[list[list[str]], list[float]]:
        """Ids of the passages found for each of the first questions, and milliseconds of each whole call."""
        rankings, times = [], []
        for query in self._queries[:first]:
            began = time.perf_counter()
            found = await self._search.search(self._user_id, query, collection_ids=None, limit=limit, mode=mode)
            times.append((time.perf_counter() - began) * 1000)
            rankings.append([self._ids[passage.document_id] for passage in found.passages])
        return rankings, times


def _fused(lexical: list[str], dense: list[str]) -> list[str]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys([*lexical, *dense]))}
    names = list(numbers)
    return [names[n] for n in reciprocal_ranks([[numbers[x] for x in lexical], [numbers[x] for x in dense]])]


async def _index(here: Place, passages: list[dict[str, Any]]) -> dict[UUID, str]:
    """Each passage as a document of its own. Returns their ids by document."""
    collection, documents = await add_documents(here, [passage.get("title", "") for passage in passages])
    prepared = prepare([f"\n{passage['text']}" for passage in passages])
    async with here.database.session() as session:
        for document, passage, terms in zip(documents, passages, prepared, strict=True):
            chunk = NewChunk("", None, passage["text"], 0)
            await add_chunks(session, document, collection.number, [chunk], prepared=[terms])
    await refresh_view(here.database)
    return {document.id: passage["id"] for document, passage in zip(documents, passages, strict=True)}
