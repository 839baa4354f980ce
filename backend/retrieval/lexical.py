"""BM25 weights of a passage, as the index stores them.

The score of a passage is the sum over the terms of the question of idf(term) × weight(term, passage). The weight is
stored; idf, which changes with every document, is applied by the SQL function `bm25` when a question is asked.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backend.retrieval.terms import TERM_LIMIT

K1 = 0.9
B = 0.4
# Terms a passage of usual length has. A fixed number in place of the average: with the average every weight would
# have to be rewritten as documents come and go. Passages are cut by tokens, so that their length hardly varies, and
# half or twice this number costs less than a hundredth of R@1 (docs/retrieval.md).
REFERENCE_TERMS = 400
CANDIDATES = 7000  # chunks scored for a question when the scope is large
EXACT_UP_TO = 5000  # chunks in scope up to which all are scored
_MOST_TERMS = 16_000  # that pgvector takes in one sparse vector


@dataclass(frozen=True, slots=True)
class Weights:
    """Distinct terms of a passage in rising order, and the weight of each."""

    tids: tuple[int, ...]
    values: tuple[float, ...]

    def tids_text(self) -> str:
        """As PostgreSQL writes an int[]."""
        return f"{{{','.join(map(str, self.tids))}}}"

    def vector_text(self) -> str:
        """As pgvector writes a sparsevec."""
        pairs = (f"{tid}:{value:.5g}" for tid, value in zip(self.tids, self.values, strict=True))
        return f"{{{','.join(pairs)}}}/{TERM_LIMIT}"


def weights(terms: Sequence[int], *, k1: float = K1, b: float = B, reference: float = REFERENCE_TERMS) -> Weights:
    """BM25 without idf: tf (k1 + 1) / (tf + k1 (1 - b + b length / reference)).

    Args:
        terms: term ids, as often as each occurs. Of more than 16,000 different ones the most frequent are kept.
        k1, b: how soon more of the same stops counting, and how much long passages are held back.
        reference: length in terms that counts as usual.
    """
    damping = k1 * (1 - b + b * len(terms) / reference)
    counted = sorted(Counter(terms).most_common(_MOST_TERMS))
    return Weights(tuple(tid for tid, _ in counted), tuple(tf * (k1 + 1) / (tf + damping) for _, tf in counted))


def idf(chunks: int, with_term: int) -> float:
    """What a term is worth that `with_term` of `chunks` chunks have; the same formula stands in `bm25`."""
    return math.log(1 + (chunks - with_term + 0.5) / (with_term + 0.5))
