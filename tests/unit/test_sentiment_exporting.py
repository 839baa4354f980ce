"""Files of results: nothing in them is a formula, whatever the reviews say."""

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from backend.errors import Language, Text
from backend.sentiment.exporting import ExportFormat, file_name, lines_of, safe, write_workbook
from backend.sentiment.labels import ItemError, Label
from backend.sentiment.pages import ReviewRow

ATTACKS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "\n=1", "＝1+1", "\u200b=1"]


def row(position: int, text: str, *, label: Label | None = Label.POSITIVE) -> ReviewRow:
    return ReviewRow(
        position=position,
        id=f"={position}",
        text=text,
        restaurant="강남점",
        written_at=date(2026, 1, 2),
        rating=-0.5,
        language="ko",
        label=label,
        model_label=label,
        is_corrected=False,
        scores={Label.POSITIVE: 0.8, Label.NEGATIVE: 0.15, Label.NEUTRAL: 0.05} if label else None,
        confidence=0.8 if label else None,
        duplicate_of=None,
        is_cut=position == 1,
        is_skipped=False,
        is_mixed=False,
        aspects=[{"aspect": "맛", "polarity": "positive", "evidence": "국물"}],
        error=None if label else ItemError("no_label", Text("답이 없습니다.", "No answer.")),
    )


UNMEASURED = replace(row(7, "판정만"), scores=None, confidence=None)
ROWS = [*(row(n, attack) for n, attack in enumerate(ATTACKS)), row(99, '보통\n"글", 둘', label=None)]


async def pages(rows: Sequence[ReviewRow] = ROWS) -> AsyncIterator[Sequence[ReviewRow]]:
    for start in range(0, len(rows), 4):
        yield rows[start : start + 4]


async def content(kind: ExportFormat, rows: Sequence[ReviewRow] = ROWS) -> bytes:
    return b"".join([block async for block in lines_of(kind, pages(rows), Language.EN)])


async def test_csv_has_a_mark_for_excel_and_no_formula() -> None:
    data = await content(ExportFormat.CSV)
    assert data.startswith(b"\xef\xbb\xbf")
    read = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [each["text"] for each in read[:-1]] == [f"'{attack}" for attack in ATTACKS]
    assert (read[0]["id"], read[0]["rating"], read[0]["positive"]) == ("'=0", "-0.5", "0.8")
    assert (read[-1]["text"], read[-1]["label"], read[-1]["error"]) == ('보통\n"글", 둘', "", "No answer.")
    assert read[0]["aspects"] == "맛=positive"


async def test_a_workbook_keeps_text_as_text_and_numbers_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    await write_workbook(path, pages([*ROWS, row(100, "x" * 40_000 + "\x01")]), Language.KO)
    sheet = openpyxl.load_workbook(path).worksheets[0]
    header = [cell.value for cell in sheet[1]]
    cells = {
        name: [line[header.index(name)] for line in sheet.iter_rows(min_row=2)] for name in ("text", "id", "rating")
    }
    assert all(cell.data_type in {"s", "inlineStr"} for cell in (*cells["text"], *cells["id"]))
    assert [cell.value for cell in cells["text"]][:4] == ATTACKS[:4]
    assert len(cells["text"][-1].value) == 32_767
    assert cells["rating"][0].value == -0.5


async def test_a_confidence_that_was_not_measured_is_none() -> None:
    read = list(
        csv.DictReader(io.StringIO((await content(ExportFormat.CSV, [UNMEASURED, ROWS[1]])).decode("utf-8-sig")))
    )
    told = [(each["label"], each["positive"], each["confidence"], each["measured"], each["cut"]) for each in read]
    assert told == [("positive", "", "", "False", "False"), ("positive", "0.8", "0.8", "True", "True")]
    (one,) = json.loads(await content(ExportFormat.JSON, [UNMEASURED]))
    assert (one["label"], one["scores"], one["confidence"], one["measured"], one["cut"]) == (
        "positive", None, None, False, False,
    )  # fmt: skip


async def test_json_and_lines_of_json_say_the_same() -> None:
    whole = json.loads(await content(ExportFormat.JSON))
    lines = [json.loads(line) for line in (await content(ExportFormat.NDJSON)).splitlines()]
    assert whole == lines
    assert whole[0]["text"] == ATTACKS[0]
    assert whole[-1]["error"] == {"code": "no_label", "message": "No answer."}
    assert json.loads(await content(ExportFormat.JSON, [])) == []
    assert await content(ExportFormat.NDJSON, []) == b""


@pytest.mark.parametrize("cell", [-1, -0.5, 3, None, True, "좋아요", "1-2", "a=b"])
def test_what_is_no_formula_stays(cell: str | float | None) -> None:
    assert safe(cell) == cell


def test_names_of_files() -> None:
    assert file_name("리뷰 1월.csv", ExportFormat.XLSX) == "리뷰 1월.csv-sentiment.xlsx"
    assert file_name("../../etc/passwd\x00\n", ExportFormat.CSV) == "etc passwd-sentiment.csv"
    assert file_name(" .. ", ExportFormat.CSV) == "reviews-sentiment.csv"
