"""Many made-up passages: how long a search takes, and how much of the exact BM25 ranking it finds.

Words are drawn by Zipf's law from a made-up vocabulary. The reference is BM25 by the book, with the average length of
these passages and every passage scored, in numpy.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import text

from backend.retrieval.dense import index_name, index_statement
from backend.retrieval.index import NewChunk, add_chunks, refresh_view
from backend.retrieval.lexical import K1, B
from backend.retrieval.search import Search
from backend.retrieval.terms import terms
from backend.retrieval.vectors import activate_if_complete, register_encoder, store_vectors
from backend.settings import Settings
from backend.store.models import Encoder
from bench.figures import percentile
from bench.retrieval.place import Place, add_documents

_VOCABULARY = 30_000
_WORDS = 128  # of a passage on average: about 400 terms, the reference length
_ASKED_WORDS = 6
_QUERIES = 200
_WARM_UP = 10
_BATCH = 2000
_COLLECTIONS = 10
_SHOWN = 10
_PARTICLES = ("은", "는", "을", "에서", "으로", "")

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
Scores = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages as lists of words, words as lists of term ids, and the questions."""

    words: list[str]
    terms: list[list[int]]
    passages: list[Numbers]
    queries: list[str]

    def terms_of(self, passage: Numbers) -> list[int]:
        return [term for word in passage for term in self.terms[word]]


def corpus(count: int, seed: int = 1) -> Corpus:
    """Passages and questions; the same for the same seed."""
    random = np.random.default_rng(seed)
    syllables = [chr(0xAC00 + 28 * int(i)) for i in random.choice(399, 250, replace=False)]
    words = sorted({"".join(random.choice(syllables, random.integers(2, 5))) for _ in range(_VOCABULARY)})
    random.shuffle(words)
    weights = 1 / np.arange(1, len(words) + 1)
    weights /= weights.sum()
    lengths = random.integers(_WORDS // 2, _WORDS * 3 // 2, count)
    drawn = random.choice(len(words), int(lengths.sum()), p=weights)
    passages = np.split(drawn, np.cumsum(lengths)[:-1])
    queries = []
    for place in random.choice(count, _QUERIES + _WARM_UP):
        asked = random.choice(np.unique(passages[place]), _ASKED_WORDS, replace=False)
        queries.append(" ".join(words[word] + str(random.choice(_PARTICLES)) for word in asked))
    return Corpus(words, terms().of_passages(words), passages, queries)


async def measure(here: Place, count: int, encoder: Any, settings: Settings) -> dict[str, Any]:
    """Times of the whole call (hybrid when there is an encoder), and the overlap of its lexical side."""
    made = corpus(count)
    began = time.perf_counter()
    numbers = await _store(here, made)
    index_s = time.perf_counter() - began
    if encoder is not None:
        await _store_vectors(here, encoder, list(numbers))
    search = Search(here.database, settings, encoder)
    await search.warm_up()
    exact = Exact(made)
    times, overlaps = [], []
    for place, query in enumerate(made.queries):
        started = time.perf_counter()
        await search.search(here.user_id, query, collection_ids=None, limit=8)
        if place >= _WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
            found = await search.search(here.user_id, query, collection_ids=None, limit=_SHOWN, mode="lexical")
            overlaps.append(exact.overlap(query, [numbers[passage.chunk_id] for passage in found.passages]))
    return {
        "p50_ms": round(percentile(times, 50), 2),
        "p95_ms": round(percentile(times, 95), 2),
        "overlap_at_10": round(float(np.mean(overlaps)), 4),
        "chunks": count,
        "hybrid": encoder is not None,
        "index_s": round(index_s, 1),
    }


class Exact:
    """BM25 of every passage."""

    def __init__(self, made: Corpus) -> None:
        asked = np.unique(np.concatenate([np.array(terms().of_query(query)) for query in made.queries]))
        keys, lengths = [], []
        for place, passage in enumerate(made.passages):
            found = np.array(made.terms_of(passage))
            lengths.append(len(found))
            at = np.minimum(np.searchsorted(asked, found), len(asked) - 1)
            keys.append(at[asked[at] == found] * len(made.passages) + place)
        pairs, counts = np.unique(np.concatenate(keys), return_counts=True)
        self._terms, self._places = np.divmod(pairs, len(made.passages))
        self._asked, self._counts, self._lengths = asked, counts, np.array(lengths)

    def scores(self, query: str) -> Scores:
        """Of every passage."""
        total = len(self._lengths)
        result: Scores = np.zeros(total)
        for term in terms().of_query(query):
            at = int(np.searchsorted(self._asked, term))
            begin, end = np.searchsorted(self._terms, [at, at + 1])
            if begin == end:
                continue
            places, tf = self._places[begin:end], self._counts[begin:end]
            idf = np.log(1 + (total - len(places) + 0.5) / (len(places) + 0.5))
            damping = K1 * (1 - B + B * self._lengths[places] / self._lengths.mean())
            result[places] += idf * tf * (K1 + 1) / (tf + damping)
        return result

    def overlap(self, query: str, found: Sequence[int]) -> float:
        """Share of the best ten that was found; passages of equal score stand for each other."""
        scores = self.scores(query)
        best = np.sort(scores)[::-1][:_SHOWN]
        wanted = int((best > 0).sum())
        last = best[wanted - 1] * (1 - 1e-4) if wanted else 0.0
        return 1.0 if not wanted else min(1.0, sum(scores[place] >= last for place in found) / wanted)


async def _store(here: Place, made: Corpus) -> dict[int, int]:
    """Passages into the search tables. Returns their places by chunk id."""
    count = len(made.passages)
    share = -(-count // _COLLECTIONS)
    for begin in range(0, count, share):
        collection, (document,) = await add_documents(here, [""])
        places = iter(range(begin, min(begin + share, count)))
        first = 0
        while batch := list(islice(places, _BATCH)):
            chunks = [NewChunk("", None, " ".join(made.words[w] for w in made.passages[p]), _WORDS) for p in batch]
            prepared = [made.terms_of(made.passages[place]) for place in batch]
            async with here.database.session() as session:
                await add_chunks(session, document, collection.number, chunks, prepared=prepared, first=first)
            first += len(batch)
    await refresh_view(here.database)
    async with here.database.session() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(text("ANALYZE"))
        ids = await session.scalars(text("SELECT id FROM chunks ORDER BY id"))
        return {chunk_id: place for place, chunk_id in enumerate(ids)}


async def _store_vectors(here: Place, encoder: Any, chunk_ids: list[int]) -> None:
    """Random vectors: what they mean does not matter for the time. The index is made at the end, which is faster."""
    info = await encoder.info()
    registered: Encoder = await register_encoder(here.database, info.name, info.dimensions)
    async with here.database.session() as session:
        await session.execute(text(f"DROP INDEX {index_name(registered.id)}"))
    random = np.random.default_rng(2)
    for begin in range(0, len(chunk_ids), _BATCH):
        part = chunk_ids[begin : begin + _BATCH]
        vectors = random.standard_normal((len(part), info.dimensions), dtype=np.float32)
        await store_vectors(here.database, registered, part, vectors)
    async with here.database.session() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        await session.execute(text(index_statement(registered)))
    await activate_if_complete(here.database, registered.id)
    await refresh_view(here.database)  # as the command that embeds does
