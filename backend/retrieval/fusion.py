"""One ranking from two: the lexical and the dense score of each candidate.

The convex combination of min-max normalised scores (Bruch, Gai and Ingber 2023) keeps how far apart candidates are,
which ranks forget: with a weak encoder reciprocal rank fusion loses a fifth of the first places, this none
(`docs/retrieval.md`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEXICAL_WEIGHT = 0.8


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk and its scores: BM25, and cosine. None: not known (`lexical`: not searched, `dense`: no vector yet)."""

    chunk_id: int
    lexical: float | None
    dense: float | None


def convex(candidates: Sequence[Candidate], lexical_weight: float = LEXICAL_WEIGHT) -> list[tuple[Candidate, float]]:
    """Candidates with their fused score from 0 to 1, best first; equal ones by chunk id.

    A score that is not known is taken to be like the other one of the same chunk, so that a chunk whose vector is
    still to be computed is neither favoured nor buried.
    """
    lexical = _normalised({c.chunk_id: c.lexical for c in candidates if c.lexical is not None})
    dense = _normalised({c.chunk_id: c.dense for c in candidates if c.dense is not None})
    scored = []
    for candidate in candidates:
        by_words, by_meaning = lexical.get(candidate.chunk_id), dense.get(candidate.chunk_id)
        if by_words is None or by_meaning is None:
            score = by_words if by_words is not None else by_meaning or 0.0
        else:
            score = lexical_weight * by_words + (1 - lexical_weight) * by_meaning
        scored.append((candidate, min(1.0, max(0.0, score))))
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].chunk_id))


def reciprocal_ranks(rankings: Sequence[Sequence[int]], constant: float = 60.0) -> list[int]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009) of rankings of chunk ids; for comparison."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, chunk_id in enumerate(ranking, start=1):
            scores[chunk_id] = scores.get(chunk_id, 0.0) + 1 / (constant + place)
    return sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))


def _normalised(scores: Mapping[int, float]) -> dict[int, float]:
    """Scores stretched to 0 to 1. All alike: all 1, for none is worse than the best; but 0 where nothing matches."""
    if not scores:
        return {}
    lowest, highest = min(scores.values()), max(scores.values())
    width = highest - lowest
    if width <= 0:
        return dict.fromkeys(scores, 1.0 if highest > 0 else 0.0)
    return {chunk_id: (score - lowest) / width for chunk_id, score in scores.items()}
