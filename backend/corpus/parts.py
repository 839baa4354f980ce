"""Cuts files into parts of so many rows without reading them into memory; a part is what is done, kept and repeated."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import BinaryIO

_FIELD_BYTES = 10_000_000


class InputKind(StrEnum):
    """What can be read; the values are the endings of the files' names."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Part:
    """Rows of one file.

    Attributes:
        number: of the part, from 0, in the order of the files.
        first_row: place of its first row in the corpus, from 0. rows: how many there are.
        begin, end: bytes of the file; of Parquet rows.
        header: the first line of a CSV file.
    """

    number: int
    path: str
    kind: InputKind
    first_row: int
    rows: int
    begin: int
    end: int
    header: bytes = b""


class UnreadableInput(Exception):
    """A file cannot be taken; the message says why."""


def parts_of(files: Sequence[Path], rows: int) -> Iterator[Part]:
    """The parts of all files, `rows` rows each, at the end of a file fewer.

    Where a record ends in a CSV file only its reader knows, so a file is read once from its beginning to its end.

    Raises:
        OSError: a file cannot be read.
        UnreadableInput: a file is of another kind, or no CSV.
    """
    numbers, first = count(), 0
    for path in files:
        kind = kind_of(path)
        header, spans = (b"", _spans_of_parquet(path, rows)) if kind is InputKind.PARQUET else _text(path, kind, rows)
        for begin, end, held in spans:
            yield Part(next(numbers), str(path), kind, first, held, begin, end, header)
            first += held


def kind_of(path: Path) -> InputKind:
    """By the ending. Raises UnreadableInput."""
    ending = path.suffix.lower().removeprefix(".").replace("ndjson", "jsonl")
    if ending not in set(InputKind):
        raise UnreadableInput(f"{path}: the name must end in .csv, .jsonl, .ndjson or .parquet")
    return InputKind(ending)


def _text(path: Path, kind: InputKind, rows: int) -> tuple[bytes, Iterator[tuple[int, int, int]]]:
    with path.open("rb") as file:
        mark = file.read(3)
        begin = 3 if mark == b"\xef\xbb\xbf" else 0
        if mark.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableInput(f"{path}: the file must be UTF-8")
        file.seek(begin)
        header = b""
        if kind is InputKind.CSV:
            header = file.readline()
            begin += len(header)
    return header, _spans_of_text(path, begin, rows, is_csv=kind is InputKind.CSV)


def records(file: BinaryIO, end: int | None = None) -> Iterator[tuple[list[str], int]]:
    """The records of a CSV file from where it stands, each with the byte behind it.

    What is no UTF-8 is kept as surrogates, so that only the rows that hold it are lost. Raises csv.Error.
    """
    at = file.tell()

    def lines() -> Iterator[str]:
        nonlocal at
        while (end is None or at < end) and (line := file.readline()):
            at += len(line)
            yield line.decode("utf-8", "surrogateescape")

    csv.field_size_limit(_FIELD_BYTES)
    for cells in csv.reader(lines()):
        if cells:
            yield cells, at


def _spans_of_text(path: Path, begin: int, rows: int, *, is_csv: bool) -> Iterator[tuple[int, int, int]]:
    """Begin and end in bytes, and the rows between them. Empty lines are none."""
    held, at = 0, begin
    with path.open("rb") as file:
        file.seek(begin)
        try:
            for at in (end for _, end in records(file)) if is_csv else _line_ends(file):
                held += 1
                if held == rows:
                    yield begin, at, held
                    begin, held = at, 0
        except csv.Error as error:
            raise UnreadableInput(f"{path}, behind byte {at}: {error}") from None
    if held:
        yield begin, at, held


def _line_ends(file: BinaryIO) -> Iterator[int]:
    at = file.tell()
    for line in file:
        at += len(line)
        if line.strip(b"\r\n"):
            yield at


def _spans_of_parquet(path: Path, rows: int) -> Iterator[tuple[int, int, int]]:
    import pyarrow.parquet  # noqa: PLC0415 - optional

    whole = pyarrow.parquet.ParquetFile(path).metadata.num_rows
    for begin in range(0, whole, rows):
        end = min(whole, begin + rows)
        yield begin, end, end - begin
