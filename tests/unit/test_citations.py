"""Marks of answers: those of passages that exist stay, all others go, and half of one is never seen."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.chat.citations import CitationFilter, cited, without_marks


def filtered(text: str, known: set[int], size: int = 1) -> str:
    marks = CitationFilter(known)
    shown = [marks.feed(text[place : place + size]) for place in range(0, len(text), size)]
    return "".join([*shown, marks.flush()])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("기간은 5일입니다[1].", "기간은 5일입니다[1]."),
        ("기간은 5일입니다 [7].", "기간은 5일입니다."),
        ("둘 다 맞습니다 [1][9] [2].", "둘 다 맞습니다 [1] [2]."),
        ("여럿 [1, 2, 8] 그리고 [8,9].", "여럿 [1][2] 그리고."),
        ("같은 것 [1, 1]", "같은 것 [1]"),
        ("다른 괄호 【1】 ［2］ 【9】", "다른 괄호 [1] [2]"),
        ("괄호 [글] [a1] [ ] 그대로", "괄호 [글] [a1] [ ] 그대로"),
        ("코드 `rows[9]` 밖 [9]", "코드 `rows[9]` 밖"),
        ("```python\nrows[9] = 1\n```\n밖 [9] 끝", "```python\nrows[9] = 1\n```\n밖 끝"),
        ("앞 `열린 [9]\n다음 줄 [9].", "앞 `열린 [9]\n다음 줄."),
        ("큰 수 [12345] 그대로", "큰 수 [12345] 그대로"),
        ("줄\n\n[1] 첫머리", "줄\n\n[1] 첫머리"),
        ("끝나지 않은 [1", "끝나지 않은"),
        ("[0] 없음", " 없음"),
        ('<passage n="1" place="가">5일[1]</passage> <p> a < b', "5일[1] <p> a < b"),
        ("", ""),
    ],
)
def test_only_marks_of_passages_that_exist_stay(text: str, shown: str, size: int) -> None:
    assert filtered(text, {1, 2}, size) == shown


@given(st.text(alphabet="가 나[]0123`,.\n a"), st.integers(1, 9))
def test_pieces_make_no_difference_and_nothing_but_marks_is_lost(text: str, size: int) -> None:
    whole = filtered(text, {1, 2}, 10_000)
    assert filtered(text, {1, 2}, size) == whole
    if "`" not in text:
        assert cited(whole) <= {1, 2}
        assert re.sub(r"[\[\]\d,\s]", "", whole) == re.sub(r"[\[\]\d,\s]", "", text)


def test_a_mark_is_shown_only_when_it_is_complete() -> None:
    marks = CitationFilter({1})
    assert marks.feed("끝 ") == "끝"
    assert marks.feed("[") == ""
    assert marks.feed("1") == ""
    assert marks.feed("]") == " [1]"


def test_text_without_brackets_is_not_held_back() -> None:
    marks = CitationFilter({1})
    assert marks.feed("안녕하세요.") == "안녕하세요."


def test_numbers_of_earlier_answers_are_taken_out() -> None:
    assert without_marks("기간은 5일입니다 [1]. `a[0]`") == "기간은 5일입니다. `a[0]`"


def test_what_is_cited() -> None:
    assert cited("가 [1], 나 [2, 3]") == {1, 2, 3}
