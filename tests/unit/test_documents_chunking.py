"""Passages: nothing is lost, the order is kept, limits hold, headings and units are not crossed."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.documents.blocks import Block
from backend.documents.chunking import Passage, passages, tokens_of

LIMIT, OVERLAP = 30, 8


def sentences(text: str) -> list[tuple[int, int]]:
    """A stand-in for Kiwi's: up to a full stop or the end of a line."""
    return [(found.start(), found.end()) for found in re.finditer(r"[^\s.][^.\n]*\.?", text)]


def _passages(*blocks: Block, limit: int = LIMIT, overlap: int = OVERLAP) -> list[Passage]:
    return list(passages(blocks, sentences, limit=limit, overlap=overlap))


_TEXT = st.text(alphabet="가나다라 abc12.,\n①", max_size=200).map(str.strip).filter(bool)
_BLOCKS = st.lists(
    st.builds(
        Block,
        text=_TEXT,
        page=st.none() | st.integers(1, 3),
        path=st.lists(st.sampled_from("AB"), max_size=2).map(tuple),
        is_unit=st.booleans(),
    ),
    max_size=8,
)


@given(_BLOCKS)
@settings(max_examples=200, deadline=None)
def test_nothing_is_lost_and_the_order_is_kept(blocks: list[Block]) -> None:
    found = _passages(*blocks, overlap=0)
    assert "".join("".join(each.body.split()) for each in found) == "".join(
        "".join(block.text.split()) for block in blocks
    )


@given(_BLOCKS)
@settings(max_examples=200, deadline=None)
def test_overlap_repeats_the_end_of_the_passage_before(blocks: list[Block]) -> None:
    whole = "".join("".join(block.text.split()) for block in blocks)
    place = end = 0
    for each in _passages(*blocks):
        body = "".join(each.body.split())
        starts = [start for start in range(place, end + 1) if whole.startswith(body, start)]
        assert starts, "a passage begins within or right after the one before"
        place, end = starts[-1], max(end, starts[-1] + len(body))
    assert end == len(whole)


@given(_BLOCKS)
@settings(max_examples=200, deadline=None)
def test_limits_and_headings_hold(blocks: list[Block]) -> None:
    paths = {" > ".join(block.path) for block in blocks}
    for each in _passages(*blocks):
        assert each.tokens <= LIMIT + 3  # pieces are counted one by one, each rounded up or down for itself
        assert each.tokens == tokens_of(each.body)
        assert each.path in paths


def test_a_heading_is_not_crossed() -> None:
    found = _passages(Block("하나.", path=("가",)), Block("둘.", path=("가",)), Block("셋.", path=("나",)))
    assert [(each.path, each.body) for each in found] == [("가", "하나.\n둘."), ("나", "셋.")]


def test_a_unit_stands_alone_with_its_lead() -> None:
    found = _passages(
        Block("1. 가", path=("제1조",), lead="제1조 다음과 같다.", is_unit=True),
        Block("2. 나", path=("제1조",), is_unit=True),
    )
    assert [each.body for each in found] == ["제1조 다음과 같다.\n1. 가", "2. 나"]


def test_the_page_is_where_the_passage_begins() -> None:
    long = "가나다라마바사아자차 " * 3 + "."
    found = _passages(Block(long, 1), Block(long, 2), Block(long, 3), overlap=0)
    assert [each.page for each in found] == [1, 2, 3]


@st.composite
def _paged(draw: st.DrawFn) -> list[tuple[int, list[str], bool]]:
    """Pages as `(number, sentences, whether the last one runs on)`; each sentence begins with a word of its own."""
    count, pages = 0, []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        written = []
        for words in draw(st.lists(st.integers(0, 14), min_size=1, max_size=6)):
            written.append(f"문장{count}표" + " 말이" * words + " 있다.")
            count += 1
        pages.append((number, written, draw(st.booleans())))
    return pages


def _blocks_of(pages: list[tuple[int, list[str], bool]], *, together: bool) -> list[Block]:
    """A block for each page or each sentence; a sentence that runs on is cut before its last word."""
    blocks, carried = [], ""
    for number, written, runs_on in pages:
        texts = [f"{carried} {written[0]}".strip(), *written[1:]] if together else [carried, *written]
        carried = ""
        if runs_on and number < len(pages):
            texts[-1], _, carried = texts[-1].rpartition(" ")
        texts = [" ".join(texts)] if together else texts
        blocks += [Block(text, number) for text in texts if text]
    return blocks


@given(_paged(), st.booleans(), st.sampled_from((LIMIT, 4 * LIMIT)))
@settings(max_examples=300, deadline=None)
def test_every_sentence_is_on_the_page_that_its_passage_names(
    pages: list[tuple[int, list[str], bool]], together: bool, limit: int
) -> None:
    found = _passages(*_blocks_of(pages, together=together), limit=limit)
    for number, written, _ in pages:
        for sentence in written:
            mark = sentence.split()[0]
            assert {each.page for each in found if mark in each.body} == {number}


def test_a_sentence_that_runs_on_is_finished_on_the_page_where_it_begins() -> None:
    found = _passages(Block("공구는 다섯 날 동안", 1), Block("빌린다. 늦으면 알린다.", 2))
    assert [(each.page, each.body) for each in found] == [(1, "공구는 다섯 날 동안\n빌린다."), (2, "늦으면 알린다.")]


def test_the_title_of_the_next_page_is_no_end_of_a_sentence() -> None:
    found = _passages(Block("매출 현황", 1), Block("인력 계획", 2), Block("- 3 -", 2), Block("둘은 같다.", 3))
    assert [(each.page, each.body) for each in found] == [
        (1, "매출 현황"),
        (2, "인력 계획\n- 3 -"),
        (3, "둘은 같다."),
    ]


def test_a_running_sentence_that_does_not_fit_goes_on_under_the_page_it_goes_on() -> None:
    long = " ".join(["가나다라마바사아자차"] * 3)
    found = _passages(Block(f"하나. 둘. {long}", 1), Block(f"{long} 끝난다. 셋.", 2))
    assert [(each.page, each.body) for each in found] == [(1, f"하나. 둘. {long}"), (2, f"{long} 끝난다.\n셋.")]


def test_a_sentence_that_never_ends_is_cut() -> None:
    found = _passages(Block("가" * 100_000))
    assert all(each.tokens <= LIMIT for each in found)
    assert sum(len(each.body) for each in found) == 100_000


def test_overlap_is_whole_sentences() -> None:
    text = " ".join(f"문장 {number}번이다." for number in range(20))
    found = _passages(Block(text))
    assert len(found) > 2
    for before, after in pairwise(found):
        assert before.body.endswith(after.body.split(".")[0] + ".")


def test_tokens_are_about_those_of_a_vocabulary() -> None:
    assert tokens_of("") == 0
    assert tokens_of("온돌은 따뜻하다.") == 7
    assert tokens_of("internationalization 2026") == 7
