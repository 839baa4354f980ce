"""A file of reviews: `sniff` says how it has to be read, `rows` reads it in bounded memory.

Both block while they read: call them outside the event loop.
"""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from backend.errors import (
    ReviewColumnsTooMany,
    ReviewColumnUnknown,
    ReviewFileEmpty,
    ReviewFileTooLarge,
    ReviewFileUnknown,
    ReviewTextColumnMissing,
)
from backend.sentiment.labels import Review
from backend.sentiment.reading import columns as of_columns
from backend.sentiment.reading.delimited import DELIMITERS, delimiter_of, is_quoted, records_of
from backend.sentiment.reading.encodings import SAMPLE_BYTES, encoding_of, lines_of
from backend.sentiment.reading.json_records import Row, is_envelope, rows_of_array, rows_of_lines
from backend.sentiment.reading.shape import (
    MAX_COLUMNS,
    MAX_RECORD_CHARACTERS,
    PREVIEW_ROWS,
    SAMPLE_ROWS,
    BadRow,
    FileKind,
    FileShape,
    Mapping,
    Record,
    Unread,
    shown,
)
from backend.sentiment.reading.sheets import opened
from backend.sentiment.reading.values import clean, day_of, is_blank, stars_of

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHER_KINDS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"7z\xbc\xaf", b"SQLite format 3")
_UNREADABLE = 0.3  # share of letters that could not be decoded
_EXCERPT_CHARACTERS = 200
_ID_CHARACTERS = 200


def sniff(path: Path, max_bytes: int) -> FileShape:
    """How a file has to be read, by its first rows.

    Raises:
        ReviewFileTooLarge: before anything is read.
        ReviewFileEmpty: there is no row in it.
        ReviewFileUnknown: it is no table.
        ReviewColumnsTooMany, ReviewFileDamaged, ReviewFileEncrypted, ReviewFileTooHard.
    """
    size = path.stat().st_size
    if size > max_bytes:
        raise ReviewFileTooLarge(limit=max_bytes >> 20)
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if sample.startswith((_ZIP, _OLE)):
        return _sheet(path)
    if sample.startswith(_OTHER_KINDS):
        raise ReviewFileUnknown
    encoding = encoding_of(sample)
    lines = _sample_lines(path, encoding, len(sample))
    start = "".join(lines[:1])[:1]
    if start == "{" or (start == "[" and "".join(lines)[1:].lstrip()[:1] in {"{", '"', "]"}):
        is_lines = start == "{" and not is_envelope("".join(lines)) and _is_json_line(lines[0])
        kind = FileKind.JSON_LINES if is_lines else FileKind.JSON
        return _json(path, kind, encoding, size)
    return _delimited(lines, encoding, size)


def rows(path: Path, shape: FileShape, mapping: Mapping) -> Generator[Review | BadRow]:
    """Reviews, and the rows in which there is none, in the order of the file; `index` is the row's position.

    Rows with nothing at all in them are passed over. Close the iterator if it is not read to the end.

    Raises:
        ReviewTextColumnMissing, ReviewColumnUnknown: the mapping does not fit the columns.
        ReviewFileTooHard: a workbook takes too much memory or time.
    """
    where = _places(shape.columns, mapping)
    most_stars = shape.scales.get(mapping.rating or "")
    joined = shape.delimiter if where.text == len(shape.columns) - 1 else ""
    position = -1
    with _records(path, shape) as records:
        for record in records:
            if isinstance(record, list) and not any(map(str.strip, record)):
                continue
            position += 1
            if isinstance(record, Unread):
                yield BadRow(position, record)
                continue
            if joined and len(record) > len(shape.columns):  # a delimiter in a last column that was not quoted
                record[where.text :] = [joined.join(record[where.text :])]
            yield _review(position, record, where, most_stars)


def check(shape: FileShape, mapping: Mapping) -> None:
    """Raises ReviewTextColumnMissing or ReviewColumnUnknown where a mapping does not fit."""
    _places(shape.columns, mapping)


class _Places(NamedTuple):
    """Indexes of the columns; -1: there is none."""

    text: int
    id: int
    restaurant: int
    date: int
    rating: int


def _places(columns: tuple[str, ...], mapping: Mapping) -> _Places:
    if not mapping.text:
        raise ReviewTextColumnMissing(columns=", ".join(columns[:20]))
    known = {name: number for number, name in enumerate(columns)}
    for name in mapping.as_dict().values():
        if name and name not in known:
            raise ReviewColumnUnknown(column=name[:100], columns=", ".join(columns[:20]))
    return _Places(**{role: known[name] if name else -1 for role, name in mapping.as_dict().items()})


def _review(position: int, cells: list[str], where: _Places, most_stars: float | None) -> Review | BadRow:
    def cell(place: int) -> str:
        return cells[place] if 0 <= place < len(cells) else ""

    text = clean(cell(where.text))
    if is_blank(text):
        return BadRow(position, Unread.BLANK_TEXT, clean(" | ".join(filter(None, cells))[:_EXCERPT_CHARACTERS]))
    if text.count("\ufffd") > _UNREADABLE * len(text):
        return BadRow(position, Unread.UNREADABLE_TEXT, text[:_EXCERPT_CHARACTERS])
    return Review(
        id=clean(cell(where.id))[:_ID_CHARACTERS] or str(position + 1),
        text=text,
        index=position,
        restaurant_id=clean(cell(where.restaurant))[:_ID_CHARACTERS],
        written_at=day_of(cell(where.date)),
        rating=stars_of(cell(where.rating), most_stars),
    )


def _records(path: Path, shape: FileShape) -> AbstractContextManager[Iterator[Record]]:
    """Records below the header."""
    if shape.kind is FileKind.SHEET:
        return _SheetBelow(path, _behind(shape.header_row))
    if shape.kind is FileKind.DELIMITED:
        found = records_of(lines_of(path, shape.encoding), shape.delimiter, is_quoted=shape.is_quoted)
        return nullcontext(islice(found, _behind(shape.header_row), None))
    return nullcontext(_by_column(_objects(path, shape.kind, shape.encoding), shape.columns))


class _SheetBelow(AbstractContextManager[Iterator[Record]]):
    """The rows of a sheet without the first ones."""

    def __init__(self, path: Path, first: int) -> None:
        self._opened, self._first = opened(path), first

    def __enter__(self) -> Iterator[Record]:
        return islice(self._opened.__enter__(), self._first, None)

    def __exit__(self, *how: object) -> None:
        self._opened.__exit__(None, None, None)


def _behind(header: int | None) -> int:
    return 0 if header is None else header + 1


def _objects(path: Path, kind: FileKind, encoding: str) -> Iterator[Row]:
    return rows_of_lines(lines_of(path, encoding)) if kind is FileKind.JSON_LINES else rows_of_array(path, encoding)


def _by_column(found: Iterator[Row], columns: tuple[str, ...]) -> Iterator[Record]:
    for row in found:
        yield row if isinstance(row, Unread) else [row.get(column, "") for column in columns]


def _sheet(path: Path) -> FileShape:
    with opened(path) as sheet:
        first = list(islice(sheet, SAMPLE_ROWS))
        return _shape(FileKind.SHEET, first, sheet.row_count)


def _delimited(lines: list[str], encoding: str, size: int) -> FileShape:
    delimiter = delimiter_of(lines[:SAMPLE_ROWS])
    if delimiter == ",":
        cut = [record for record in records_of(lines[:SAMPLE_ROWS], ",") if isinstance(record, list)]
        delimiter = "" if of_columns.are_sentences(cut) else ","
    if len(lines[0]) > MAX_RECORD_CHARACTERS and max(map(lines[0].count, DELIMITERS)) >= MAX_COLUMNS:
        raise ReviewColumnsTooMany
    quoted = True if delimiter else is_quoted(lines)
    # One that cannot be read counts as well: the header is found again by its number.
    found = [
        [] if isinstance(each, Unread) else each for each in records_of(lines, delimiter, is_quoted=quoted is not False)
    ]
    bytes_a_row = sum(len(line.encode("utf-8", "replace")) for line in lines) / max(len(found), 1)
    shape = _shape(FileKind.DELIMITED, found[:SAMPLE_ROWS], round(size / max(bytes_a_row, 1)))
    if quoted is None:  # none so far; a column with a name is from a program, which writes quotes where they are needed
        quoted = shape.header_row is not None
    return replace(shape, encoding=encoding, delimiter=delimiter, is_quoted=quoted)


def _json(path: Path, kind: FileKind, encoding: str, size: int) -> FileShape:
    found = [row for row in islice(_objects(path, kind, encoding), SAMPLE_ROWS) if not isinstance(row, Unread)]
    names = list(dict.fromkeys(name for row in found for name in row))
    if not names:
        raise ReviewFileEmpty
    _refuse_wide(len(names))
    cells = [[row.get(name, "") for name in names] for row in found]
    bytes_a_row = sum(sum(len(cell.encode("utf-8", "replace")) for cell in row) for row in cells) / len(cells)
    bytes_a_row += sum(len(name.encode("utf-8", "replace")) + 6 for name in names)
    return FileShape(
        kind=kind,
        encoding=encoding,
        delimiter="",
        header_row=None,
        columns=tuple(names),
        row_count=len(found) if len(found) < SAMPLE_ROWS else round(size / bytes_a_row),
        preview=tuple(shown(row, len(names)) for row in cells[:PREVIEW_ROWS]),
        mapping=of_columns.guess(names, cells),
        scales=of_columns.scales(names, cells),
    )


def _shape(kind: FileKind, first: list[list[str]], row_count: int) -> FileShape:
    """What the first rows tell; the encoding and the delimiter are left open."""
    if not any(any(map(str.strip, row)) for row in first):
        raise ReviewFileEmpty
    width = max(map(len, first))
    _refuse_wide(width)
    header = of_columns.header_row(first)
    body = [row for row in first[_behind(header) :] if any(map(str.strip, row))]
    if not body:
        raise ReviewFileEmpty
    if header is not None:  # cells beyond the header are of rows that are torn
        width = max(len(first[header]), 1)
    names = of_columns.unique_names(first[header] if header is not None else [""] * width)
    is_whole = len(first) < SAMPLE_ROWS
    shape = FileShape(
        kind=kind,
        encoding="",
        delimiter="",
        header_row=header,
        columns=names,
        row_count=len(body) if is_whole else max(row_count - _behind(header), len(body)),
        preview=tuple(shown(row, width) for row in body[:PREVIEW_ROWS]),
        mapping=of_columns.guess(names, body, are_named=header is not None),
        scales=of_columns.scales(names, body),
    )
    only = shape.columns[0]
    return replace(shape, mapping=Mapping(text=only)) if len(names) == 1 else shape


def _refuse_wide(width: int) -> None:
    if width > MAX_COLUMNS:
        raise ReviewColumnsTooMany


def _sample_lines(path: Path, encoding: str, sample_bytes: int) -> list[str]:
    """Lines of the sample, without what is before the first character."""
    found: list[str] = []
    size = 0
    for line in lines_of(path, encoding):
        if not found and not line.strip():
            continue
        found.append(line)
        size += min(len(line), MAX_RECORD_CHARACTERS)
        if size >= sample_bytes or len(found) >= 10 * SAMPLE_ROWS:
            break
    if not found:
        raise ReviewFileEmpty
    return found


def _is_json_line(line: str) -> bool:
    return not isinstance(next(rows_of_lines([line]), Unread.BROKEN_JSON), Unread)
