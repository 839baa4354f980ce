"""Which passages an answer is written from: the relevant ones, cut around what was asked until they fit.

On a processor the context is the cost (about 100 tokens a second are read), so that a passage goes in as the few
sentences that match, and not as it was stored.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from backend.chat.prompt import CountTokens
from backend.llm.providers import Provider
from backend.retrieval.search import Passage
from backend.settings import ServiceType, Settings

Range = tuple[int, int]

_CPU_TOKENS = 600  # six seconds of reading at 96 tokens/s, which 1.5B parameters reach on two cores
_MOST_TOKENS = 4000  # more passages than that bring in more noise than answers
_MOST_PASSAGES = 8
_TOKENS_A_PASSAGE = 150  # the fewest that still tell something
_BYTES_PER_TOKEN = 2.0  # where the engine cannot count
_FIRST_WEIGHT = 2.0  # the best passage may be twice as long as each of the others
_ELLIPSIS = "…"


class Words(Protocol):
    """How text is taken apart (`backend.retrieval.terms.Terms`)."""

    def of_passage(self, text: str) -> list[int]: ...

    def of_query(self, text: str) -> list[int]: ...

    def matched(self, text: str, query: str) -> list[Range]: ...

    def sentences(self, text: str) -> list[Range]: ...


@dataclass(frozen=True)
class Source:
    """A passage as the model read it, and as it is stored with the answer (`Message.sources`).

    Attributes:
        n: its number in the prompt and in the answer, from 1.
        page: 1-based, or None where the document has no pages.
        text: the part that was read; `…` where something was cut off.
        score: 0 to 1.
        terms: character ranges of `text` that match the question.
        degraded: found by words only, because no encoder answered.
    """

    n: int
    chunk_id: int
    document_id: str
    document: str
    path: str
    page: int | None
    text: str
    score: float
    terms: list[Range]
    degraded: bool = False

    def stored(self) -> dict[str, Any]:
        return asdict(self) | {"terms": [list(term) for term in self.terms]}


def passage_budget(settings: Settings, provider: Provider, context: int) -> int:
    """Tokens all passages may have together, before the question is reckoned with."""
    if settings.passage_tokens is not None:
        return settings.passage_tokens
    if provider.service_type is ServiceType.LLAMACPP:
        return _CPU_TOKENS
    return min(context // 4, _MOST_TOKENS)


def relevant(passages: Sequence[Passage], query: str, words: Words, settings: Settings) -> list[Passage]:
    """Passages that have to do with the question; the order stays.

    The scores of a search are relative to its best hit, so that its best hit always looks good. What is absolute is
    which share of the question's words a passage has, and how near the encoder finds the two: either is enough.
    """
    asked = set(words.of_query(query))
    kept = []
    for passage in passages:
        near = passage.dense is not None and passage.dense >= settings.relevance_similarity
        if near or (asked and _share(asked, words.of_passage(passage.text)) >= settings.relevance_words):
            kept.append(passage)
    return kept


async def chosen(
    passages: Sequence[Passage],
    query: str,
    words: Words,
    *,
    budget: int,
    count_tokens: CountTokens,
    degraded: bool = False,
) -> list[Source]:
    """Numbers the passages and cuts them until all together have about `budget` tokens, headings not counted.

    Args:
        passages: the best first.
        budget: tokens.
        count_tokens: the engine's own count, or None where it has none.
        degraded: kept with each source.
    """
    passages = passages[: max(1, min(_MOST_PASSAGES, budget // _TOKENS_A_PASSAGE))]
    sizes = await asyncio.gather(*(_tokens(passage.text, count_tokens) for passage in passages))
    cuts = await asyncio.to_thread(_cut_to, passages, sizes, query, words, budget)
    return [
        Source(
            n=number,
            chunk_id=passage.chunk_id,
            document_id=str(passage.document_id),
            document=passage.document,
            path=passage.path,
            page=passage.page,
            text=text,
            score=round(passage.score, 4),
            terms=terms,
            degraded=degraded,
        )
        for number, (passage, (text, terms)) in enumerate(zip(passages, cuts, strict=True), 1)
    ]


def cut_around(text: str, limit: int, query: str, words: Words) -> str:
    """At most about `limit` characters of a text: the run of sentences in which most of the question's words are.

    A sentence longer than the limit is cut to the characters around its first match.
    """
    if len(text) <= limit:
        return text
    matches = words.matched(text, query)
    sentences = words.sentences(text) or [(0, len(text))]
    begin, end = _best_run(sentences, matches, limit)
    if end - begin > limit:
        inside = [match for match in matches if begin <= match[0] < end]
        centre = inside[0][0] if inside else begin
        begin = max(begin, min(centre - limit // 3, end - limit))
        end = begin + limit
    cut = text[begin:end].strip()
    return f"{_ELLIPSIS if begin > 0 else ''}{cut}{_ELLIPSIS if end < len(text) else ''}"


def _share(asked: set[int], found: Sequence[int]) -> float:
    return len(asked.intersection(found)) / len(asked)


async def _tokens(text: str, count_tokens: CountTokens) -> int:
    counted = await count_tokens(text)
    return max(1, int(len(text.encode()) / _BYTES_PER_TOKEN) if counted is None else counted)


def _cut_to(
    passages: Sequence[Passage], sizes: Sequence[int], query: str, words: Words, budget: int
) -> list[tuple[str, list[Range]]]:
    """Texts with their matches; what a short passage leaves over goes to the ones after it."""
    cuts = []
    weights = [_FIRST_WEIGHT] + [1.0] * (len(passages) - 1)
    left = float(budget)
    for place, (passage, size) in enumerate(zip(passages, sizes, strict=True)):
        allowed = left * weights[place] / sum(weights[place:])
        characters = int(len(passage.text) * min(1.0, allowed / size))
        text = cut_around(passage.text, characters, query, words)
        left -= size * min(1.0, len(text) / max(1, len(passage.text)))
        cuts.append((text, list(words.matched(text, query))))
    return cuts


def _best_run(sentences: Sequence[Range], matches: Sequence[Range], limit: int) -> Range:
    """Begin and end of the neighbouring sentences with most matches that fit; one sentence if none fits."""
    counts = [sum(begin <= match[0] < end for match in matches) for begin, end in sentences]
    best = max(range(len(sentences)), key=lambda place: counts[place])
    best_run, best_key = sentences[best], (-1, 0)
    for first in range(len(sentences)):
        total = 0
        for last in range(first, len(sentences)):
            begin, end = sentences[first][0], sentences[last][1]
            if end - begin > limit:
                break
            total += counts[last]
            key = (total, -abs(first + last - 2 * best))  # ties: the run that lies around the best sentence
            if key > best_key:
                best_run, best_key = (begin, end), key
    return best_run
