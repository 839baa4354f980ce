"""Terms of texts: what is found whatever its particle, and which words are marked."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.retrieval.folding import folded
from backend.retrieval.terms import QUERY_CHARACTERS, TERM_LIMIT, terms


def marked(text: str, query: str) -> list[str]:
    return [text[start:end] for start, end in terms().matched(text, query)]


@pytest.mark.parametrize("form", ["학교가", "학교는", "학교를", "학교에서는", "학교까지도", "학교입니다"])
def test_a_word_is_found_whatever_its_particle(form: str) -> None:
    assert set(terms().of_query("학교")) <= set(terms().of_passage(f"우리 {form}"))


def test_particles_and_endings_alone_are_no_morphemes() -> None:
    with_particle, without = terms().of_query("학교에서"), terms().of_query("학교")
    extra = set(with_particle) - set(without)
    assert extra == {term for term in terms().of_passage("교에서") if term in extra}  # pairs of characters only
    assert len(extra) == 2


def test_a_verb_is_found_in_another_form() -> None:
    assert set(terms().of_query("빌리다")) & set(terms().of_passage("책을 빌려 갔다"))


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("ROUTER", "the router's light"),
        ("ＧＰＵ", "gpu 서버"),
        ("borшч борщ", "Борщ варят"),
        ("抹茶", "茶道では抹茶を"),
        ("ひらがな", "ひらがなで書く"),
        (unicodedata.normalize("NFD", "도서관"), "도서관에서"),
    ],
)
def test_case_width_normal_form_and_script_do_not_matter(query: str, passage: str) -> None:
    assert set(terms().of_query(query)) & set(terms().of_passage(passage))


def test_passages_repeat_terms_and_queries_do_not() -> None:
    text = "사과 사과 사과"
    assert len(terms().of_passage(text)) > len(set(terms().of_passage(text)))
    assert len(terms().of_query(text)) == len(set(terms().of_query(text)))


@pytest.mark.parametrize("empty", ["", "   \n\t", "?!… —", "\x00\x07", "\ud800"])
def test_what_has_no_words_has_no_terms(empty: str) -> None:
    assert terms().of_query(empty) == terms().of_passage(empty) == []


def test_a_long_passage_has_the_terms_of_its_parts() -> None:
    line = "도서관에서 빌린 책을 제때 반납한다.\n"
    once, often = terms().of_passage(line), terms().of_passage(line * 2000)
    assert set(often) == set(once)
    assert len(often) == 2000 * len(once)


def test_only_the_beginning_of_an_endless_question_counts() -> None:
    question = "도서관 " * QUERY_CHARACTERS
    assert terms().of_query(question + "우주선") == terms().of_query(question)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_ids_within_bounds_and_is_marked_within_itself(text: str) -> None:
    found = terms().of_passage(text)
    assert all(1 <= term <= TERM_LIMIT for term in found)
    assert set(terms().of_query(text)) == set(found)
    for ranges in (terms().matched(text, text), terms().sentences(text)):
        assert all(0 <= start < end <= len(text) for start, end in ranges)
        assert all(left[1] <= right[0] for left, right in pairwise(ranges))


@pytest.mark.parametrize(
    ("text", "query", "words"),
    [
        ("우리 학교에서는 점심을 먹는다.", "학교 점심", ["학교", "점심"]),
        ("제17조 제1항에 따라 연장한다.", "제17조 제1항", ["제17조", "제1항"]),
        ("서울특별시장이 말했다", "서울특별시", ["서울특별시"]),
        ("안녕합니다. 고맙습니다.", "무엇입니까? 그렇습니다.", []),
        ("The Router forgets", "router settings", ["Router"]),
        ("그것은 할 수 있는 것이다", "할 수 있는 것", []),
        ("😀 도서관 😀 도서관", "도서관", ["도서관", "도서관"]),
        ("아무것도 같지 않다", "우주선", []),
        ("", "학교", []),
        ("학교", "", []),
    ],
)
def test_matching_words_are_marked_without_particles(text: str, query: str, words: list[str]) -> None:
    assert marked(text, query) == words


def test_ranges_are_places_of_the_text_as_written() -> None:
    text = unicodedata.normalize("NFD", "가까운 도서관에서")
    assert [unicodedata.normalize("NFC", word) for word in marked(text, "도서관")] == ["도서관"]
    assert marked("ﬁrst ＧＰＵ", "gpu") == ["ＧＰＵ"]


def test_marks_far_into_a_long_text() -> None:
    text = "나무가 자란다. " * 3000 + "우주선이 떴다."
    assert marked(text, "우주선") == ["우주선"]


def test_sentences() -> None:
    text = "  안녕하세요. 저는 학생입니다!\n\nThis is one. 다음 문장이다. "
    assert [text[a:b] for a, b in terms().sentences(text)] == [
        "안녕하세요.",
        "저는 학생입니다!",
        "This is one.",
        "다음 문장이다.",
    ]
    english = 'Mr. Kim and Mrs. Lee came. "It rains," he said. Version 2.4.1 fixes that! OK.'
    assert [english[a:b] for a, b in terms().sentences(english)] == [
        "Mr. Kim and Mrs. Lee came.",
        '"It rains," he said.',
        "Version 2.4.1 fixes that!",
        "OK.",
    ]
    assert terms().sentences("") == terms().sentences(" \n ") == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_folding_keeps_places(text: str) -> None:
    found = folded(text)
    for i in range(len(found.text)):
        start, end = found.original(i, i + 1)
        assert 0 <= start < end <= len(text)
    if found.text:
        assert found.original(0, len(found.text)) == (0, len(text))


def test_several_threads_at_once_get_what_one_gets() -> None:
    texts = [f"{number}번 도서관에서 책을 {number}권 빌렸다." for number in range(200)]
    alone = [terms().of_passage(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(terms().of_passage, texts)) == alone
    assert terms().of_passages(texts) == alone
