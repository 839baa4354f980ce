"""Which row is the header, which column is what, and what a cell says: days, and stars of any scale."""

import json
from datetime import date

import pytest

from backend.sentiment.labels import Review
from backend.sentiment.reading.shape import BadRow, FileShape, Mapping
from backend.sentiment.reading.values import day_of, scale_of, stars_of
from tests.fixtures.reviews_files import MakeFile, read, texts


def test_english_names_and_columns_without_names_are_understood(make_file: MakeFile) -> None:
    shape, _ = read(make_file("a.csv", "Review ID,Branch,Written At,Stars,Comment\n7,Main,2026-01-02,4,Good soup\n"))
    assert shape.mapping == Mapping("Comment", "Review ID", "Branch", "Written At", "Stars")
    shape, found = read(
        make_file("b.csv", "2026-01-02,5,국물이 진하고 친절했어요\n2026-01-03,1,늦게 나왔습니다 정말\n")
    )
    assert shape.header_row is None
    assert shape.mapping == Mapping("column 3", None, None, "column 1", "column 2")
    assert texts(found) == ["국물이 진하고 친절했어요", "늦게 나왔습니다 정말"]


def test_a_title_above_the_header_and_names_that_are_there_twice(make_file: MakeFile) -> None:
    shape, found = read(make_file("a.csv", "1월 리뷰 모음,,\n,,\n내용,내용,\n좋아요,x,y\n"))
    assert (shape.header_row, shape.columns) == (1, ("내용", "내용 (2)", "column 3"))
    assert texts(found) == ["좋아요"]


@pytest.mark.parametrize("word", ["No!", "별", "내용", "번호", "review", "Date"])
def test_a_review_that_could_be_the_name_of_a_column_hides_none_above_it(make_file: MakeFile, word: str) -> None:
    above = ["국물이 진해요", "면이 불었어요", "친절합니다"]
    shape, found = read(make_file("a.txt", "\n".join([*above, word, "또 갈게요"])))
    assert (shape.header_row, texts(found)) == (None, [*above, word, "또 갈게요"])
    rated = "".join(f"{text},{stars}\n" for text, stars in zip([*above, word], (5, 1, 4, 2), strict=True))
    shape, found = read(make_file("b.csv", rated))
    assert (shape.header_row, texts(found)) == (None, [*above, word])
    shape, found = read(make_file("c.csv", "".join(f"강남점,{text}\n" for text in [*above, word])), Mapping("column 2"))
    assert (shape.header_row, texts(found)) == (None, [*above, word])


@pytest.mark.parametrize(
    "title", ["1월 리뷰,,", "매장,강남점,", "\n\n \n,,\n1월 리뷰,,", '"닫히지 않은 제목', "2026,,"]
)
def test_what_stands_above_the_header_is_no_review(make_file: MakeFile, title: str) -> None:
    shape, found = read(make_file("a.csv", f"{title}\n별점,내용,작성일\n5,좋아요,2026-01-02\n1,별로예요,2026-01-03\n"))
    assert shape.columns == ("별점", "내용", "작성일")
    assert (shape.row_count, texts(found)) == (2, ["좋아요", "별로예요"])


def test_names_and_cells_can_be_stored_and_sent(make_file: MakeFile) -> None:
    table = make_file("a.csv", "id,con\0tent,\1\n1,맛\0있어요,x\1\n2,별로예요 정말로 늦게 나왔어요,y\n3\0,\0,z\n")
    broken = '{"con\\u0000tent": "맛있어요 \\ud83d", "id\\ud83d": "\\udc00"}\n{"id\\ud83d": "2\\u0000"}\n'
    for path, columns in ((table, ("id", "content", "column 3")), (make_file("b.jsonl", broken), ("content", "id?"))):
        shape, found = read(path)
        assert shape.columns == columns
        left_out = [row.excerpt for row in found if isinstance(row, BadRow)]
        told = [*columns, *texts(found), *left_out, *(cell for row in shape.preview for cell in row)]
        assert not any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in "".join(told))
        assert len(left_out) == 1


@pytest.mark.parametrize(
    ("name", "cells", "stars"),
    [
        ("별점", ["5", "4", "1"], [5, 4, 1]),
        ("별점", ["1", "1", "1"], [1, 1, 1]),
        ("평점", ["10", "7", "2"], [5, 3.5, 1]),
        ("점수", ["100", "85", "30"], [5, 4.25, 1.5]),
        ("평점 (10점 만점)", ["3", "2", "1"], [1.5, 1, 0.5]),
        ("고객 별점", ["4.5/5.0", "4점/5점", "9/10"], [4.5, 4, 4.5]),
        ("별점", [*["4"] * 19, "44"], [*[4] * 19, None]),
        ("후기 평가", ["★★★", "★☆☆☆☆", "★4.5"], [3, 1, 4.5]),
        ("후기 평가", ["4점", "2점", "5점"], [4, 2, 5]),
        ("score", ["0.93", "0.1", "0.5"], None),
        ("score", ["1", "0", "1"], None),
        ("점수", ["3", "250", "1000"], None),
        ("점수", ["4", "5", "55"], None),
        ("방문횟수", ["1", "2", "4"], None),
        ("label", ["1", "0", "1"], None),
        ("수량", ["1개", "3개", "2개"], None),
        ("인원", ["4", "2", "5"], None),
    ],
)
def test_stars_are_found_with_their_scale_and_nothing_else_is_taken_for_them(
    make_file: MakeFile, name: str, cells: list[str], stars: list[float | None] | None
) -> None:
    table = "".join(f'국물이 진해요 {number}번째,"{cell}"\n' for number, cell in enumerate(cells))
    shape, found = read(make_file("a.csv", f"내용,{name}\n{table}"))
    assert shape.mapping == Mapping("내용", rating=name if stars else None)
    assert [row.rating for row in found if isinstance(row, Review)] == (stars or [None] * len(cells))
    assert FileShape.of(json.loads(json.dumps(shape.as_dict()))).scales == shape.scales


@pytest.mark.parametrize(
    ("cells", "rating"), [("3142", "column 2"), ("1234", None), ("0101", None), ("1111", None), ("6397", None)]
)
def test_without_names_only_numbers_that_look_like_stars_are_taken_for_them(
    make_file: MakeFile, cells: str, rating: str | None
) -> None:
    table = "".join(f"국물이 진해요,{cell}\n" for cell in cells)
    assert read(make_file("a.csv", table))[0].mapping == Mapping("column 1", rating=rating)


def test_stars_of_a_scale_that_is_not_clear_are_left_out() -> None:
    assert (stars_of("4", None), stars_of("4점", None), stars_of("4/5", None), stars_of("★★★", None)) == (
        None,
        None,
        4,
        3,
    )
    assert (stars_of("7", 10), stars_of("70점", 100), stars_of("11", 10), stars_of("4/5", 10)) == (3.5, 3.5, None, 4)
    assert (scale_of([]), scale_of(["좋음"]), scale_of(["0", "1"]), scale_of(["2", "7점"])) == (None, None, None, 10)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        *((cell, date(2026, 1, 2)) for cell in (
            "2026-01-02", "2026.1.2", "2026. 1. 2.", "2026/01/02 13:05", "20260102", "202601021305", "2026년 1월 2일",
            "2026-01-02T13:05:00+09:00", "2026-01-02 13:05:00", "26.01.02", "46024", "46024.54", "2026-01-02(금)",
        )),
        *((cell, None) for cell in ("", "2026", "5", "2026-13-01", "1.2", "어제", "0001-01-01", "460241", "4.5/5")),
    ],
)  # fmt: skip
def test_days(cell: str, day: date | None) -> None:
    assert day_of(cell) == day


@pytest.mark.parametrize(
    ("cell", "stars"),
    [
        ("4.5", 4.5), ("4,5", 4.5), ("★★★★☆", 4.0), ("⭐⭐", 2.0), ("4/5", 4.0), ("8/10", 4.0), ("별점 4", 4.0),
        ("4점", 4.0), ("4 stars", 4.0), ("4.5/5.0", 4.5), ("4점/5점", 4.0), ("9.0 / 10.0", 4.5), ("4 out of 5", 4.0),
        ("★4.5", 4.5), ("★★★★☆☆☆☆☆☆", 2.0), ("★" * 7, None), ("0", 0.0), ("", None), ("7", None), ("6/5", None),
        ("좋음", None), ("-1", None), ("4/7", None),
    ],
)  # fmt: skip
def test_stars(cell: str, stars: float | None) -> None:
    assert stars_of(cell) == stars
