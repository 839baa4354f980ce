"""Fusion of two rankings, and the weights of BM25."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.retrieval.fusion import Candidate, convex, reciprocal_ranks
from backend.retrieval.lexical import K1, REFERENCE_TERMS, B, idf, weights
from backend.retrieval.terms import TERM_LIMIT

score = st.none() | st.floats(0, 100)
candidates = st.lists(
    st.builds(Candidate, st.integers(1, 50), score, st.none() | st.floats(-1, 1)), unique_by=lambda c: c.chunk_id
)
weight = st.floats(0, 1)


@given(candidates, weight)
def test_every_candidate_comes_once_with_a_score_from_0_to_1_best_first(found: list[Candidate], share: float) -> None:
    fused = convex(found, share)
    assert Counter(c for c, _ in fused) == Counter(found)
    scores = [value for _, value in fused]
    assert all(0 <= value <= 1 for value in scores)
    assert scores == sorted(scores, reverse=True)


@given(candidates, weight)
def test_the_order_of_candidates_does_not_matter(found: list[Candidate], share: float) -> None:
    assert convex(found[::-1], share) == convex(found, share)


@given(st.lists(st.tuples(st.floats(1, 9), st.floats(-1, 1)), min_size=2, max_size=20), weight, st.floats(0.5, 4))
def test_the_scale_of_one_side_does_not_matter(rows: list[tuple[float, float]], share: float, factor: float) -> None:
    plain = convex([Candidate(n, a, b) for n, (a, b) in enumerate(rows)], share)
    scaled = dict(convex([Candidate(n, a * factor, b) for n, (a, b) in enumerate(rows)], share))
    by_id = {candidate.chunk_id: value for candidate, value in scaled.items()}
    assert all(value == pytest.approx(by_id[c.chunk_id], abs=1e-6) for c, value in plain)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(-1, 1)), min_size=1, max_size=20), weight)
def test_what_is_better_on_both_sides_is_never_behind(rows: list[tuple[float, float]], share: float) -> None:
    fused = convex([Candidate(n, a, b) for n, (a, b) in enumerate(rows)], share)
    values = {candidate.chunk_id: value for candidate, value in fused}
    for n, (a, b) in enumerate(rows):
        for m, (c, d) in enumerate(rows):
            if a >= c and b >= d:
                assert values[n] >= values[m] - 1e-12


def test_the_ends_of_the_weight_are_the_sides() -> None:
    found = [Candidate(1, 3.0, 0.1), Candidate(2, 2.0, 0.9), Candidate(3, 1.0, 0.5)]
    assert [c.chunk_id for c, _ in convex(found, 1.0)] == [1, 2, 3]
    assert [c.chunk_id for c, _ in convex(found, 0.0)] == [2, 3, 1]


def test_a_chunk_without_a_vector_is_neither_favoured_nor_buried() -> None:
    found = [Candidate(1, 10.0, 0.9), Candidate(2, 8.0, None), Candidate(3, 2.0, 0.2), Candidate(4, 0.0, 0.1)]
    fused = {candidate.chunk_id: value for candidate, value in convex(found)}
    assert fused[2] == pytest.approx(0.8)
    assert fused[1] > fused[2] > fused[3] > fused[4]


def test_one_side_alone_keeps_its_order() -> None:
    assert [c.chunk_id for c, _ in convex([Candidate(1, 1.0, None), Candidate(2, 5.0, None)])] == [2, 1]
    assert [c.chunk_id for c, _ in convex([Candidate(1, None, 0.2), Candidate(2, None, 0.1)])] == [1, 2]
    assert convex([]) == []


def test_where_no_word_matches_meaning_decides() -> None:
    fused = convex([Candidate(1, 0.0, 0.2), Candidate(2, 0.0, 0.4)])
    assert [(c.chunk_id, value) for c, value in fused] == [(2, pytest.approx(0.2)), (1, 0.0)]


def test_reciprocal_ranks_add_up() -> None:
    assert reciprocal_ranks([[1, 2, 3], [3, 2, 4]]) == [3, 2, 1, 4]
    assert reciprocal_ranks([[], []]) == []


@given(st.lists(st.integers(1, TERM_LIMIT), max_size=300))
def test_weights_are_those_of_bm25(found: list[int]) -> None:
    given_weights = weights(found)
    assert list(given_weights.tids) == sorted(set(found))
    for tid, value in zip(given_weights.tids, given_weights.values, strict=True):
        tf = found.count(tid)
        expected = tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(found) / REFERENCE_TERMS))
        assert math.isclose(value, expected)


def test_more_terms_than_a_sparse_vector_takes_are_cut_to_the_most_frequent() -> None:
    found = weights([*range(1, 20_001), *range(15_000, 20_001)])
    assert len(found.tids) == 16_000
    assert set(range(15_000, 20_001)) <= set(found.tids)


def test_a_rarer_term_is_worth_more_and_none_is_worth_nothing() -> None:
    assert idf(1000, 1) > idf(1000, 10) > idf(1000, 1000) > 0
