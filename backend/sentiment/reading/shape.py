"""What is known of a file of reviews before it is read: its kind, its columns, and which of them means what."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from backend.errors import Text
from backend.sentiment.reading.values import clean

MAX_COLUMNS = 1000
MAX_RECORD_CHARACTERS = 400_000
"""Longest row; a review of 100 kB is well below it."""
SAMPLE_ROWS = 200
PREVIEW_ROWS = 20
_PREVIEW_CHARACTERS = 300


class FileKind(StrEnum):
    DELIMITED = "delimited"  # CSV, TSV and their like; without a delimiter each line is a review
    SHEET = "sheet"  # XLSX and older Excel files
    JSON_LINES = "json_lines"
    JSON = "json"  # an array of objects


@dataclass(frozen=True)
class Mapping:
    """Which column is what, by name. `text` is "" where it cannot be told; the others are None where there is none."""

    text: str = ""
    id: str | None = None
    restaurant: str | None = None
    date: str | None = None
    rating: str | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """From stored JSON."""
        return cls(**values)

    def as_dict(self) -> dict[str, str | None]:
        return asdict(self)


@dataclass(frozen=True)
class FileShape:
    """How a file has to be read.

    Attributes:
        encoding: of text files; "" for sheets.
        delimiter: of delimited files; "" where there is one column.
        header_row: index of the row with the names of the columns; None where there is none.
        columns: their names, each one only once; made up where there is no header.
        row_count: rows below the header; estimated from the size, for sheets with blank rows among them.
        preview: the first rows, their cells cut to what can be shown.
        mapping: what the columns seem to be.
        is_quoted: whether a cell may stand in quotes, with new lines in it; without, a line is a row.
        scales: by column, what its numbers are out of if they are stars: 5, 10 or 100. Where that cannot be told the
            column is not there, and its numbers are no stars.
    """

    kind: FileKind
    encoding: str
    delimiter: str
    header_row: int | None
    columns: tuple[str, ...]
    row_count: int
    preview: tuple[tuple[str, ...], ...]
    mapping: Mapping
    is_quoted: bool = True
    scales: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """What a job keeps: enough to read the file, without its rows."""
        return {**asdict(self), "preview": []}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """From stored JSON."""
        return cls(
            **{
                **values,
                "kind": FileKind(values["kind"]),
                "columns": tuple(values["columns"]),
                "preview": (),
                "mapping": Mapping.of(values["mapping"]),
            }
        )


class Unread(StrEnum):
    """Why a row is left out."""

    BLANK_TEXT = "blank_text"
    UNREADABLE_TEXT = "unreadable_text"
    TOO_LONG = "row_too_long"
    UNCLOSED_QUOTE = "unclosed_quote"
    BROKEN_JSON = "broken_json"


@dataclass(frozen=True)
class BadRow:
    """A row that holds no review. `position` counts rows from 0 below the header."""

    position: int
    reason: Unread
    excerpt: str = ""


Record = list[str] | Unread
"""Cells of a row, in the order of the columns; or why there are none."""


def shown(cells: list[str], width: int) -> tuple[str, ...]:
    """A row as the preview shows it."""
    return tuple(clean(cell[:_PREVIEW_CHARACTERS]) for cell in (cells + [""] * (width - len(cells)))[:width])


UNREAD_TEXTS: dict[Unread, Text] = {
    Unread.BLANK_TEXT: Text("리뷰 내용이 비어 있습니다.", "There is no text in the review."),
    Unread.UNREADABLE_TEXT: Text(
        "글자가 깨져 있습니다. 파일을 UTF-8로 다시 저장해 주세요.", "Its letters are broken; save the file as UTF-8."
    ),
    Unread.TOO_LONG: Text("한 줄이 너무 깁니다(최대 40만 자).", "The row is too long (at most 400,000 characters)."),
    Unread.UNCLOSED_QUOTE: Text("따옴표가 닫히지 않았습니다.", "A quote in the row is not closed."),
    Unread.BROKEN_JSON: Text("JSON 객체가 아닙니다.", "The line is not an object in JSON."),
}
"""What a row that was left out is told with. No double quotes or backslashes: they go into an array of PostgreSQL."""
