"""What the page says where the model did not tell how sure it is, or a review was read in part."""

import pytest

from backend.errors import Language
from backend.sentiment.labels import LABELS, Finding, Label
from backend.sentiment.open_request import Analysis
from backend.sentiment.pages import ReviewRow
from backend.sentiment.totals import BINS, Stars, Telling, Totals
from ui.sentiment.figures import charts_of, figures, telling
from ui.sentiment.rows import View, pasted, rows_table

WHY = {Language.KO: "얼마나 확실한지는 알려 주지 않", Language.EN: "did not say how sure it is"}
CUT = {Language.KO: "앞과 뒤만 읽음", Language.EN: "only its beginning and end were read"}
LANGUAGES = pytest.mark.parametrize("language", list(Language))


def row(confidence: float | None, *, is_cut: bool = False, label: Label | None = Label.POSITIVE) -> ReviewRow:
    return ReviewRow(
        position=0, id="1", text="국물이 진해요", restaurant="", written_at=None, rating=None, language="ko",
        label=label, model_label=label, is_corrected=False, scores=None, confidence=confidence, duplicate_of=None,
        is_cut=is_cut, is_skipped=label is None, is_mixed=False, aspects=(), error=None,
    )  # fmt: skip


def totals(*, unmeasured: int, most_telling: list[Telling]) -> Totals:
    counts = dict.fromkeys(LABELS, 1)
    bins = [0] * (BINS - 1) + [0 if unmeasured == 3 else 1]
    return Totals(
        counts=counts, ratios=dict.fromkeys(LABELS, 1 / 3), failed=0, corrected=0, mixed=0, unmeasured=unmeasured,
        histogram=dict.fromkeys(LABELS, bins), step="day", trend=(), restaurants=(),
        telling=dict.fromkeys(LABELS, most_telling), stars=Stars({}, 0, 0), aspects=(),
    )  # fmt: skip


@LANGUAGES
def test_a_dash_in_the_table_is_explained(language: Language) -> None:
    told = rows_table([row(None)], View(), language, is_over=True)
    assert ">–</td>" in told and WHY[language] in told and CUT[language] not in told
    known = rows_table([row(0.5, is_cut=True), row(None, label=None)], View(), language, is_over=True)
    assert ">0.50</td>" in known and WHY[language] not in known and CUT[language] in known


@LANGUAGES
def test_a_dash_beside_pasted_lines_is_explained(language: Language) -> None:
    def done(finding: Finding) -> str:
        counts = dict.fromkeys(LABELS, 0) | {Label.POSITIVE: 1}
        return pasted(Analysis([finding], [()], counts, 0, "m", False, 0.1), ["국물이 진해요"], language)

    told = done(Finding(0, "", Label.POSITIVE, {}, None, "ko", is_cut=True))
    assert ">–</td>" in told and WHY[language] in told and CUT[language] in told
    known = done(Finding(0, "", Label.POSITIVE, {Label.POSITIVE: 0.9}, 0.9, "ko"))
    assert ">0.90</td>" in known and WHY[language] not in known and CUT[language] not in known


@LANGUAGES
def test_sums_say_of_how_many_nothing_is_known(language: Language) -> None:
    none = totals(unmeasured=3, most_telling=[])
    assert "3" in figures(none, language) and WHY[language].split()[0] in figures(none, language)
    assert charts_of(none, language)["confidence"] == ("", None)
    some = totals(unmeasured=0, most_telling=[Telling(0, "국물이 진해요", "", 0.9)])
    assert charts_of(some, language)["confidence"][1] is not None
    assert figures(some, language) != figures(none, language) and "0.90" in telling(some, language)
    empty = totals(unmeasured=0, most_telling=[])
    assert telling(none, language) != telling(empty, language)
