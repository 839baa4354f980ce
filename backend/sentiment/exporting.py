"""Results as files. Written row by row, so that a hundred thousand need no more memory than a page of them.

A cell of a stranger's file must not become a formula in the spreadsheet of whoever opens ours: in CSV such text gets an
apostrophe in front, in XLSX every text is stored as text.
"""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from pathlib import Path

import orjson
from openpyxl import Workbook
from openpyxl.cell.cell import WriteOnlyCell

from backend.errors import Language
from backend.sentiment.labels import Label
from backend.sentiment.pages import ReviewRow

_FORMULA = re.compile(r"[\s\ufeff\u200b-\u200f\u2060]*[=+\-@\t\r＝＋－＠]")
_CELL_CHARACTERS = 32_767  # of Excel
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NAME_CHARACTERS = 80
_HEADER = (
    "position", "id", "restaurant", "written_at", "rating", "text", "label", "positive", "negative", "neutral",
    "confidence", "measured", "language", "corrected", "model_label", "duplicate_of", "cut", "mixed", "aspects",
    "error",
)  # fmt: skip
Cell = str | int | float | bool | None


class ExportFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"
    NDJSON = "ndjson"


MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.JSON: "application/json",
    ExportFormat.NDJSON: "application/x-ndjson",
}


def file_name(job_name: str, kind: ExportFormat) -> str:
    """A name that every system takes: that of the job, without marks that mean something in paths."""
    stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', " ", job_name)
    stem = " ".join(stem.split()).strip(". ")[:_NAME_CHARACTERS].strip(". ")
    return f"{stem or 'reviews'}-sentiment.{kind}"


async def lines_of(
    kind: ExportFormat, pages: AsyncIterator[Sequence[ReviewRow]], language: Language
) -> AsyncIterator[bytes]:
    """A CSV, JSON or NDJSON file, a page of rows at a time. Errors are told in `language`."""
    if kind is ExportFormat.CSV:
        yield b"\xef\xbb\xbf" + _csv([_HEADER])
    is_first = True
    async for rows in pages:
        if kind is ExportFormat.CSV:
            yield _csv([tuple(map(safe, _cells(row, language))) for row in rows])
            continue
        separator = b",\n" if kind is ExportFormat.JSON else b"\n"
        body = separator.join(orjson.dumps(as_object(row, language)) for row in rows)
        if kind is ExportFormat.JSON:
            yield (b"[\n" if is_first else separator) + body
            is_first = False
        else:
            yield body + separator
    if kind is ExportFormat.JSON:
        yield b"[]\n" if is_first else b"\n]\n"


async def write_workbook(path: Path, pages: AsyncIterator[Sequence[ReviewRow]], language: Language) -> None:
    """An XLSX file. Rows go to disk as they come."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("sentiment")

    def append(rows: Sequence[ReviewRow]) -> None:
        for row in rows:
            sheet.append([_as_cell(sheet, value) for value in _cells(row, language)])

    sheet.append(_HEADER)
    async for rows in pages:
        await asyncio.to_thread(append, rows)
    await asyncio.to_thread(book.save, path)


def as_object(row: ReviewRow, language: Language) -> dict[str, object]:
    """A review as JSON tells it."""
    return {
        "position": row.position,
        "id": row.id,
        "restaurant": row.restaurant,
        "written_at": row.written_at,
        "rating": row.rating,
        "text": row.text,
        "label": row.label,
        "scores": {label.value: score for label, score in row.scores.items()} if row.scores else None,
        "confidence": row.confidence,
        "measured": row.is_measured,
        "cut": row.is_cut,
        "language": row.language,
        "corrected": row.is_corrected,
        "model_label": row.model_label,
        "duplicate_of": row.duplicate_of,
        "mixed": row.is_mixed,
        "aspects": row.aspects,
        "skipped": row.is_skipped,
        "error": {"code": row.error.code, "message": row.error.message.in_(language)} if row.error else None,
    }


def safe(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula, with an apostrophe in front; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _cells(row: ReviewRow, language: Language) -> tuple[Cell, ...]:
    scores = row.scores or {}
    return (
        row.position,
        row.id,
        row.restaurant,
        row.written_at.isoformat() if row.written_at else None,
        row.rating,
        row.text,
        row.label,
        *(scores.get(label) for label in (Label.POSITIVE, Label.NEGATIVE, Label.NEUTRAL)),
        row.confidence,
        row.is_measured,
        row.language,
        row.is_corrected,
        row.model_label,
        row.duplicate_of,
        row.is_cut,
        row.is_mixed,
        "; ".join(f"{each['aspect']}={each['polarity']}" for each in row.aspects),
        row.error.message.in_(language) if row.error else None,
    )


def _csv(rows: Sequence[Sequence[Cell]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def _as_cell(sheet: object, value: Cell) -> object:
    """Text as text, whatever it begins with."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, _ILLEGAL.sub("", value)[:_CELL_CHARACTERS])
    cell.data_type = "s"
    return cell
