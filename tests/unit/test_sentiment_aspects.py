"""Clauses, the words of aspects, and what several clauses sum up to. The model is asked in the integration tests."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.sentiment import aspects
from backend.sentiment.aspect_words import BUILT_IN, pattern_of
from backend.sentiment.aspects import AspectFinder, AspectFinding, Polarity, is_mixed
from backend.sentiment.clauses import clauses
from bench.aspects import Known, figures


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in clauses(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("국물은 진한데 직원이 불친절하고 가격도 비싸요. 또 가고 싶진 않네요",
         ["국물은 진한데", "직원이 불친절하고", "가격도 비싸요", "또 가고 싶진 않네요"]),
        ("맛, 서비스, 가격 모두 만족!", ["맛, 서비스, 가격 모두 만족!"]),
        ("맛있어요 근데 비싸요ㅠㅠ 양은 많음 서비스 별로임",
         ["맛있어요", "근데 비싸요ㅠㅠ", "양은 많음", "서비스 별로임"]),
        ("최고 맛집이다 처음 가 봤다", ["최고 맛집이다", "처음 가 봤다"]),
        ("The food was great and service was slow, but prices are fair.",
         ["The food was great", "and service was slow", "but prices are fair"]),
        ("Food, service and prices were great", ["Food, service and prices were great"]),
        ("😀👍", ["😀👍"]),
        (" \n ", []),
    ],
)  # fmt: skip
def test_clauses(text: str, expected: list[str]) -> None:
    assert [part.rstrip(".") for part in parts(text)] == expected


@pytest.mark.parametrize(
    "run", [" ", "!", ".", "~!", "\n", "\t", ")", "ㅋ", "맛, ", "soup, ", "a and ", " - ", "고 ", "!)"]
)
def test_a_long_run_of_anything_is_taken_apart_at_once(run: str) -> None:
    """With a time that grows with the square of the length these would take from minutes to hours."""
    found = parts("맛있어요" + run * (100_000 // len(run)) + "또 올게요")
    assert found[0].startswith("맛있어요") and found[-1].endswith("또 올게요")


async def test_the_event_loop_goes_on_while_reviews_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    def noted(text: str) -> Iterator[tuple[int, int]]:
        threads.add(threading.current_thread())
        return clauses(text)

    monkeypatch.setattr(aspects, "clauses", noted)
    scorer: Any = None  # nothing is said of the aspect, so nobody is asked
    assert await AspectFinder(scorer).find(["역 앞", "두 시간"], ["맛"]) == [[], []]
    assert threads and threading.current_thread() not in threads
    threads.clear()
    assert await AspectFinder(scorer).find(["국물이 진해요"], []) == [[]]
    assert not threads


@given(st.text(alphabet="맛있는데 비싸요.but, and was고~!?ㅠ\n①", max_size=80) | st.text(max_size=80))
def test_every_clause_is_a_part_of_the_review_and_they_do_not_overlap(text: str) -> None:
    end = 0
    for start, until in clauses(text):
        assert end <= start < until <= len(text)
        end = until


@pytest.mark.parametrize(
    ("aspect", "speaks", "silent"),
    [
        ("맛", "국물이 진해요", "진짜 공짜예요"),
        ("Taste", "국물이 진해요", "역 앞이에요"),
        ("가격", "너무 비싸네", "돈까스를 먹었다"),
        ("price", "Way overpriced.", "We had a surprise."),
        ("위생", "Found a hair.", "A chair by the window"),
        ("양", "양이 많아요", "양념이 많아요"),
        ("주차", "주차장이 좁아요", "차를 마셨어요"),
        ("아이 동반", "아이동반으로 갔어요", "아이가 좋아해요"),
        ("parking", "No place to park", "A sparkling drink"),
    ],
)
def test_words_of_aspects(aspect: str, speaks: str, silent: str) -> None:
    assert pattern_of(aspect).search(speaks)
    assert not pattern_of(aspect).search(silent)


@pytest.mark.parametrize("aspect", ["(", "a.*b", "\\", "[맛", "*"])
def test_a_name_is_no_pattern(aspect: str) -> None:
    assert pattern_of(aspect).search(f"x {aspect} x") or aspect in {"(", "\\", "*"}


def test_the_built_in_aspects() -> None:
    assert BUILT_IN == ("맛", "서비스", "가격", "분위기", "위생", "배달", "양")


def test_mixed() -> None:
    def found(*polarities: Polarity) -> list[AspectFinding]:
        return [AspectFinding(str(number), polarity, "x") for number, polarity in enumerate(polarities)]

    assert is_mixed(found(Polarity.POSITIVE, Polarity.NEUTRAL, Polarity.NEGATIVE))
    assert is_mixed(found(Polarity.MIXED))
    assert not is_mixed(found(Polarity.POSITIVE, Polarity.NEUTRAL)) and not is_mixed([])


def test_the_figures_of_the_benchmark_by_hand() -> None:
    reviews = [Known("국물이 진하고 비싸요", {"맛": "positive", "가격": "negative"}), Known("역 앞", {})]
    findings = [
        [AspectFinding("맛", Polarity.POSITIVE, "국물이 진하고"), AspectFinding("양", Polarity.NEUTRAL, "없는 말")],
        [],
    ]
    told = figures(reviews, findings)
    assert (told["aspect_f1"], told["polarity_accuracy"], told["evidence_valid"]) == (0.5, 1.0, 0.5)
