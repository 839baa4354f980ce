"""The rows of one part. A row that cannot be read is one with a problem, never the end of a job."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from backend.corpus.parts import InputKind, Part, records

_CHUNK_ROWS = 8192


class Problem(StrEnum):
    """Why a row has no result."""

    NONE = ""
    UNREADABLE = "unreadable_row"  # no JSON object, broken UTF-8, another number of columns
    NO_TEXT = "no_text"  # the column is missing, empty or no text


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        number: place in the corpus, from 0.
        id: what its id column says, else empty.
    """

    number: int
    id: str
    text: str
    problem: Problem = Problem.NONE


def rows_of(part: Part, text_column: str, id_column: str | None) -> Iterator[Row]:
    """The rows of a part, in order. Raises OSError."""
    read = {InputKind.CSV: _of_csv, InputKind.JSON_LINES: _of_json_lines, InputKind.PARQUET: _of_parquet}[part.kind]
    for number, values in enumerate(read(part), part.first_row):
        yield _row(number, values, text_column, id_column)


def _row(number: int, values: Mapping[str, Any] | None, text_column: str, id_column: str | None) -> Row:
    if values is None:
        return Row(number, "", "", Problem.UNREADABLE)
    given = values.get(id_column) if id_column else None
    name = "" if given is None else str(given)
    text = values.get(text_column)
    if not isinstance(text, str) or not text.strip():
        return Row(number, name, "", Problem.NO_TEXT)
    if any("\ud800" <= letter <= "\udfff" for letter in text + name):
        return Row(number, "", "", Problem.UNREADABLE)
    return Row(number, name, text)


def _of_csv(part: Part) -> Iterator[Mapping[str, Any] | None]:
    columns = next(csv.reader([part.header.decode("utf-8", "surrogateescape")]), [])
    with Path(part.path).open("rb") as file:
        file.seek(part.begin)
        for cells, _ in records(file, part.end):
            yield dict(zip(columns, cells, strict=True)) if len(cells) == len(columns) else None


def _of_json_lines(part: Part) -> Iterator[Mapping[str, Any] | None]:
    with Path(part.path).open("rb") as file:
        file.seek(part.begin)
        lines = file.read(part.end - part.begin).split(b"\n")
    for line in lines:
        if not line.strip(b"\r"):
            continue
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            found = None
        yield found if isinstance(found, dict) else None


def _of_parquet(part: Part) -> Iterator[Mapping[str, Any] | None]:
    """Row groups before the part are passed over without being read."""
    import pyarrow.parquet  # noqa: PLC0415 - optional

    with pyarrow.parquet.ParquetFile(part.path) as file:
        groups, at = [], 0
        skipped: int | None = None
        for group in range(file.metadata.num_row_groups):
            held = file.metadata.row_group(group).num_rows
            if at < part.end and at + held > part.begin:
                groups.append(group)
                skipped = part.begin - at if skipped is None else skipped
            at += held
        batches = file.iter_batches(_CHUNK_ROWS, row_groups=groups)
        rows = (row for batch in batches for row in batch.to_pylist())
        yield from islice(rows, skipped or 0, (skipped or 0) + part.rows)
