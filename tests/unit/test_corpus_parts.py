"""Corpora are cut into parts and read again row by row, whatever stands in their cells."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.corpus.parts import Part, UnreadableInput, parts_of
from backend.corpus.results import OtherJob, OutputKind, Results
from backend.corpus.rows import Problem, Row, rows_of

CELLS = st.text(st.sampled_from('ab가😀",;\n '), max_size=6)


def read(path: Path, rows: int) -> tuple[list[Part], list[Row]]:
    parts = list(parts_of([path], rows))
    return parts, [row for part in parts for row in rows_of(part, "text", "id")]


@given(cells=st.lists(CELLS, min_size=1, max_size=12), rows=st.integers(1, 5), is_crlf=st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_csv_is_the_same_in_parts_and_whole(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], rows: int, is_crlf: bool
) -> None:
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\r\n" if is_crlf else "\n")
    table.writerow(["id", "text"])
    table.writerows([[str(number), cell] for number, cell in enumerate(cells)])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + written.getvalue().encode())
    parts, found = read(path, rows)
    assert [row.number for row in found] == list(range(len(cells)))
    assert [row.id for row in found] == [str(number) for number in range(len(cells))]
    assert [row.text for row in found] == [cell if cell.strip() else "" for cell in cells]
    assert [part.rows for part in parts[:-1]] == [rows] * (len(parts) - 1)
    assert sum(part.rows for part in parts) == len(cells)


def test_a_quote_within_a_cell_does_not_swallow_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,a 5" pizza\n2,good\n3,bad\n')
    parts, found = read(path, 1)
    assert [row.text for row in found] == ['a 5" pizza', "good", "bad"]
    assert [part.rows for part in parts] == [1, 1, 1]


def test_rows_that_cannot_be_read_are_told_and_lose_no_other(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": 7, "text": "좋아요"}, ensure_ascii=False).encode(), b"", b"{broken", b"[1]",
        b'{"text": "\xff"}', json.dumps({"text": 5}).encode(), b'{"text": "\\ud800"}', b'{"text": "last"}',
    ]  # fmt: skip
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\r\n".join(lines))
    _, found = read(path, 3)
    assert [row.problem for row in found] == [
        Problem.NONE, Problem.UNREADABLE, Problem.UNREADABLE, Problem.UNREADABLE, Problem.NO_TEXT,
        Problem.UNREADABLE, Problem.NONE,
    ]  # fmt: skip
    assert (found[0].id, found[-1].text, found[-1].number) == ("7", "last", 6)


def test_several_files_are_one_corpus(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("text\none\ntwo\nthree\n")
    parts = list(parts_of([tmp_path / "a.csv", tmp_path / "b.csv"], 2))
    assert [(part.number, part.first_row, part.rows) for part in parts] == [(0, 0, 2), (1, 2, 1), (2, 3, 2), (3, 5, 1)]


@pytest.mark.parametrize(("name", "content"), [("a.txt", b"x"), ("a.csv", "text\n가".encode("utf-16"))])
def test_what_is_no_corpus_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableInput, match=name):
        list(parts_of([tmp_path / name], 10))


def test_a_folder_belongs_to_one_job(tmp_path: Path) -> None:
    results = Results(tmp_path / "out", OutputKind.JSON_LINES)
    results.claim({"model": "one", "rows": 3})
    results.claim({"rows": 3, "model": "one"})
    with pytest.raises(OtherJob, match="model"):
        results.claim({"model": "two", "rows": 3})
    path = tmp_path / "a.csv"
    path.write_text("text\none\n")
    [part] = parts_of([path], 5)
    assert not results.has(part)
    results.write(part, {"row": [0], "error": [""]})
    assert results.has(part)
    assert (tmp_path / "out" / "part-000000.jsonl").read_text() == '{"row":0,"error":""}\n'


def test_parquet_is_read_across_its_row_groups_and_written_with_the_same_types(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"text": [f"text {number}" for number in range(25)], "id": list(range(25))})
    parquet.write_table(table, path, row_group_size=7)
    parts, found = read(path, 10)
    assert [(row.number, row.id, row.text) for row in found] == [(n, str(n), f"text {n}") for n in range(25)]
    results = Results(tmp_path / "out", OutputKind.PARQUET)
    (tmp_path / "out").mkdir()
    for part, label in zip(parts[:2], ("positive", None), strict=True):
        results.write(part, {"row": [0], "label": [label], "confidence": [None], "error": [""]})
    schemas = [parquet.read_schema(file) for file in sorted((tmp_path / "out").glob("*.parquet"))]
    assert schemas[0] == schemas[1]
