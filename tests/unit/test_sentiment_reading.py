"""Files of reviews as people have them: any encoding, any delimiter, torn rows, and what is no table at all."""

import json
import tracemalloc
import zipfile
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import (
    OndolError,
    ReviewColumnsTooMany,
    ReviewColumnUnknown,
    ReviewFileDamaged,
    ReviewFileEmpty,
    ReviewFileTooHard,
    ReviewFileTooLarge,
    ReviewFileUnknown,
    ReviewTextColumnMissing,
)
from backend.sentiment.labels import Review
from backend.sentiment.reading.encodings import lines_of
from backend.sentiment.reading.files import rows, sniff
from backend.sentiment.reading.shape import BadRow, FileKind, FileShape, Mapping, Unread
from tests.fixtures.reviews_files import LIMIT, MakeFile, read, texts

TABLE = """번호,매장,내용,별점,작성일
1,강남점,국물이 진하고 친절했어요,5,2026-01-02
2,서면점,면이 불고 늦게 나왔습니다,2,2026.1.3
3,강남점,그냥 그래요,3,2026/01/04 13:05
"""
MAPPED = Mapping(text="내용", id="번호", restaurant="매장", date="작성일", rating="별점")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_encoding_delimiter_and_columns_are_found(make_file: MakeFile, encoding: str, delimiter: str) -> None:
    shape, found = read(make_file("a.csv", TABLE.replace(",", delimiter).encode(encoding)))
    assert (shape.kind, shape.delimiter, shape.header_row) == (FileKind.DELIMITED, delimiter, 0)
    assert shape.encoding == encoding
    assert shape.columns == ("번호", "매장", "내용", "별점", "작성일")
    assert (shape.mapping, shape.row_count, len(shape.preview)) == (MAPPED, 3, 3)
    assert found[1] == Review("2", "면이 불고 늦게 나왔습니다", 1, "서면점", date(2026, 1, 3), 2.0)
    assert FileShape.of(json.loads(json.dumps(shape.as_dict()))).columns == shape.columns


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_end_ends_a_line(make_file: MakeFile, line_end: str) -> None:
    assert len(read(make_file("a.csv", TABLE.replace("\n", line_end)))[1]) == 3


def test_torn_rows_blank_texts_and_bytes_that_are_no_text(make_file: MakeFile) -> None:
    content = "id,store,content\n1,a,맛있어요, 또 올게요\n2\n3,b,\n,,\n4,c, \u200b \n5,d,널\x00자\n6,e,\ufffd\ufffda\n"
    _, found = read(make_file("a.csv", content))
    assert texts(found) == ["맛있어요, 또 올게요", "널자"]
    assert [(row.position, row.reason) for row in found if isinstance(row, BadRow)] == [
        (1, Unread.BLANK_TEXT),
        (2, Unread.BLANK_TEXT),
        (3, Unread.BLANK_TEXT),
        (5, Unread.UNREADABLE_TEXT),
    ]


def test_lines_of_another_encoding_within_a_file_are_read(make_file: MakeFile) -> None:
    mixed = "content\n맛있어요\n".encode() * 3 + "짜고 늦었어요\n".encode("cp949") + "보통\n".encode()
    assert texts(read(make_file("a.csv", mixed))[1]) == ["맛있어요"] + ["content", "맛있어요"] * 2 + [
        "짜고 늦었어요",
        "보통",
    ]


def test_emoji_other_languages_long_rows_and_ids_that_repeat_go_through(make_file: MakeFile) -> None:
    long = "국물이 진하고 " * 5000
    content = f"id,content\n1,😍😍😍\n1,とても美味しい\n1,Очень вкусно\n2,{long}\n2,{'가' * 400_001}\n3,끝\n"
    _, found = read(make_file("a.csv", content))
    assert texts(found) == ["😍😍😍", "とても美味しい", "Очень вкусно", long.strip(), "끝"]
    assert [row.id for row in found if isinstance(row, Review)] == ["1", "1", "1", "2", "3"]
    assert [row.reason for row in found if isinstance(row, BadRow)] == [Unread.TOO_LONG]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ReviewFileEmpty),
        (b"\xef\xbb\xbf\n\n  \n", ReviewFileEmpty),
        (b"id,content\n", ReviewFileEmpty),
        (b"%PDF-1.7 ...", ReviewFileUnknown),
        (bytes(range(256)) * 64, ReviewFileUnknown),
        (b"PK\x03\x04 and no more", ReviewFileDamaged),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ReviewFileDamaged),
        ((",".join(f"c{number}" for number in range(1_000_000)) + "\n1,2\n").encode(), ReviewColumnsTooMany),
        (b"[]", ReviewFileEmpty),
    ],
)
def test_what_is_no_table_of_reviews_is_refused(make_file: MakeFile, content: bytes, error: type[OndolError]) -> None:
    with pytest.raises(error):
        sniff(make_file("a.csv", content), LIMIT)


def test_two_gigabytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(ReviewFileTooLarge, match="64 MB"):
        sniff(path, LIMIT)


def test_a_mapping_has_to_fit(make_file: MakeFile) -> None:
    path = make_file("a.csv", "a,b\n1,2\n3,4\n")
    shape = sniff(path, LIMIT)
    assert shape.mapping.text == ""
    with pytest.raises(ReviewTextColumnMissing):
        list(rows(path, shape, shape.mapping))
    with pytest.raises(ReviewColumnUnknown):
        list(rows(path, shape, Mapping(text="c")))


def test_json_lines_and_arrays(make_file: MakeFile) -> None:
    items = [{"id": 1, "content": "맛있어요", "rating": 4.0}, {"content": "별로\ud800", "extra": None}, {"id": 3}]
    lines = "\n".join(map(json.dumps, items))
    broken = lines + '\n{"content": \n7\n"글만"\n{"id": "4", "content": "끝"}\n' + "[" * 100_000 + "\n"
    shape, found = read(make_file("a.jsonl", broken))
    assert (shape.kind, shape.mapping.text) == (FileKind.JSON_LINES, "content")
    assert texts(found) == ["맛있어요", "별로?", "끝"]
    assert found[0] == Review("1", "맛있어요", 0, rating=4.0)
    reasons = [row.reason for row in found if isinstance(row, BadRow)]
    assert reasons.count(Unread.BLANK_TEXT) == 2 and reasons.count(Unread.BROKEN_JSON) == 3
    for content in (json.dumps(items, indent=2), json.dumps(items), "[" + ",\n".join(map(json.dumps, items))):
        shape, found = read(make_file("a.json", content))
        assert (shape.kind, len(found), texts(found)) == (FileKind.JSON, 3, ["맛있어요", "별로?"])
    for content in (
        json.dumps({"restaurant_id": "r1", "page": 1, "reviews": items, "next": None}),
        json.dumps({"reviews": items}, indent=2, ensure_ascii=True),
    ):
        shape, found = read(make_file("d.json", content))
        assert (shape.kind, len(found), texts(found)) == (FileKind.JSON, 3, ["맛있어요", "별로?"])
    nested = '{"content": "맛있어요", "tags": [{"a": 1}]}\n{"content": "별로"}\n'
    assert texts(read(make_file("e.jsonl", nested))[1]) == ["맛있어요", "별로"]
    whole = make_file("c.json", json.dumps([{"content": f"{n}번째 " + "국물" * 50} for n in range(20_000)]))
    assert len(texts(read(whole)[1])) == 20_000  # one line of 13 MB
    torn = "[\n" + json.dumps(items[0]) + ',\n{"content": "x" "y"},\n' + json.dumps(items[0]) + "\n]"
    assert texts(read(make_file("b.json", torn))[1]) == ["맛있어요", "맛있어요"]


def workbook(path: Path, table: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "빈 시트"
    sheet = book.create_sheet("리뷰")
    for row in table:
        sheet.append(row)
    book.save(path)
    return path


def test_workbooks_with_days_numbers_and_a_title(tmp_path: Path) -> None:
    table: list[list[object]] = [
        ["1월 리뷰"],
        ["번호", "가게", "리뷰 내용", "평점", "날짜"],
        [1, "강남점", "국물이 진해요\n또 올게요", 5, datetime(2026, 1, 2, 13, 5)],
        [2, None, "=SUM(1)처럼 보이는 글", 3.5, date(2026, 1, 3)],
        [3, "서면점", "", None, 46026],
        [4, "서면점", "날짜가 숫자예요", "★★★★☆", 46026],
    ]
    shape, found = read(workbook(tmp_path / "a.xlsx", table))
    assert (shape.kind, shape.header_row, shape.row_count) == (FileKind.SHEET, 1, 4)
    assert shape.mapping == Mapping("리뷰 내용", "번호", "가게", "날짜", "평점")
    assert found[0] == Review("1", "국물이 진해요\n또 올게요", 0, "강남점", date(2026, 1, 2), 5.0)
    assert found[2] == BadRow(2, Unread.BLANK_TEXT, "3 | 서면점 | 46026")
    assert found[3] == Review("4", "날짜가 숫자예요", 3, "서면점", date(2026, 1, 4), 4.0)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["내용"], ["좋아요"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/a.bin", "w") as member:
        for _ in range(60):
            member.write(bytes(1 << 20))
    with pytest.raises(ReviewFileTooHard):
        sniff(path, LIMIT)


def test_a_workbook_with_two_cells_far_apart_takes_down_its_own_process_only(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = "내용"
    book.active["ALL1048576"] = "x"  # 1,000 columns: held at once these are 25 GB
    book.save(path)
    with pytest.raises(ReviewFileTooHard):
        sniff(path, LIMIT)
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD2"] = "내용", "x"
    book.save(path)
    with pytest.raises(ReviewColumnsTooMany):
        sniff(path, LIMIT)


def test_memory_does_not_grow_with_the_file(make_file: MakeFile) -> None:
    row = f'7,"{"국물이 진해요 " * 20}",5\n'
    peaks = []
    for count in (2_000, 20_000):
        path = make_file("a.csv", "id,content,rating\n" + row * count)
        tracemalloc.start()
        shape = sniff(path, LIMIT)
        assert sum(1 for _ in rows(path, shape, shape.mapping)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (8 << 20)


def test_a_line_without_an_end_is_not_taken_in_whole(make_file: MakeFile) -> None:
    path = make_file("a.csv", b"content\n" + b"x" * (20 << 20) + b"\nlast\n")
    assert max(map(len, lines_of(path, "utf-8"))) < 3 << 20
    assert texts(read(path)[1]) == ["last"]


@settings(max_examples=400, deadline=None, database=None, derandomize=True)
@given(st.binary(max_size=200) | st.text(alphabet="a가\"',\t;|\n\r[]{}:\\\ud800\x00=1 ", max_size=120))
def test_whatever_is_in_a_file_is_read_or_refused_in_our_words(content: bytes | str) -> None:
    with NamedTemporaryFile() as file:
        path = Path(file.name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        try:
            shape = sniff(path, LIMIT)
            with closing(rows(path, shape, Mapping(text=shape.columns[0]))) as found:
                positions = [row.index if isinstance(row, Review) else row.position for row in found]
        except OndolError:
            return
        assert positions == list(range(len(positions)))
