"""Text files row by row: whatever programs and people write, each review is read once or listed as left out."""

import csv
import io
import random
from pathlib import Path
from tempfile import NamedTemporaryFile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.sentiment.reading.encodings import encoding_of
from backend.sentiment.reading.shape import BadRow, Mapping, Unread
from backend.sentiment.reading.values import clean, is_blank
from tests.fixtures.reviews_files import MakeFile, read, texts

CHAT = [
    "맛있어요ㅋㅋㅋㅋㅋㅋ",
    "굿",
    "존맛ㅠㅠㅠㅠ",
    "최고에요~~",
    "ㅇㅈ",
    "또 시킬게요ㅎㅎㅎㅎ",
    "잘 먹었습니다♥♥♥",
    "味 좋아요",
]
JAPANESE = ["とても美味しいラメンでした", "お汁が濃厚で最高", "店員さんの態度が不親切", "量が少なくて不満です"]
CHINESE = ["味道很好，服务员很热情，下次还会来", "价格有点贵", "环境不错但是上菜太慢", "排队太久了，不值得"]


def test_lines_without_a_delimiter_are_reviews(make_file: MakeFile) -> None:
    shape, found = read(make_file("a.txt", "맛있어요, 또 올게요\n별로예요\n\n친절하고, 빠르고, 좋아요\n"))
    assert (shape.delimiter, shape.mapping.text) == ("", "column 1")
    assert texts(found) == ["맛있어요, 또 올게요", "별로예요", "친절하고, 빠르고, 좋아요"]


def test_quotes_hold_newlines_and_one_that_is_not_closed_costs_one_row(make_file: MakeFile) -> None:
    quoted = 'id,content\n1,"맛있고\n""최고"" 예요"\n2,좋아요\n'
    assert texts(read(make_file("a.csv", quoted))[1]) == ['맛있고\n"최고" 예요', "좋아요"]
    many = "".join(f"{number},괜찮아요 {number}\n" for number in range(3, 3000))
    _, found = read(make_file("b.csv", f'id,content\n1,좋아요\n2,"열린 따옴표\n{many}'))
    assert [row for row in found if isinstance(row, BadRow)] == [BadRow(1, Unread.UNCLOSED_QUOTE)]
    assert len(texts(found)) == 2998


def numbered(delimiter: str, **instead: str) -> str:
    """A hundred reviews; some rows are given as they are, by number."""
    lines = [f"{number},국물이 진해요 {number},2026-01-0{number % 9 + 1}" for number in range(1, 101)]
    for number, line in instead.items():
        lines[int(number[1:]) - 1] = line
    return "\n".join(["id,내용,작성일", *lines, ""]).replace(",", delimiter)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize(
    ("rows", "left_out"),
    [
        ({"r3": '3,"국물이 끝내줘요,2026-01-01', "r90": '90,"다신 안 가요,2026-01-02'}, [3, 90]),
        ({"r3": '3,"국물이 끝내줘요,2026-01-01', "r90": '90,"국물"이 좋아요,2026-01-02'}, [3]),
        ({"r3": '3,"국물이 끝내줘요,2026-01-01', "r90": '90,이건 "국물"이야,2026-01-02'}, [3]),
        ({"r3": '3,"국물이 끝내줘요,2026-01-01', "r90": '90,"국물, 면",2026-01-02'}, [3]),
        ({"r3": '3,"국물이 끝내줘요,2026-01-01', "r90": '90,피자 12",2026-01-02'}, [3]),
        ({"r3": '"3,국물이 끝내줘요,2026-01-01', "r90": '"90,다신 안 가요,2026-01-02'}, [3, 90]),
        ({"r3": '3,국물이 끝내줘요,"2026-01-01', "r4": '4,다신 안 가요,"2026-01-01'}, [3, 4]),
        ({"r98": '98,12" 피자,"2026-01-01'}, [98]),
    ],
)
def test_a_quote_that_is_not_closed_costs_its_own_row_only(
    make_file: MakeFile, delimiter: str, rows: dict[str, str], left_out: list[int]
) -> None:
    _, found = read(make_file("a.csv", numbered(delimiter, **rows)), Mapping("내용", "id"))
    assert [row.position + 1 for row in found if isinstance(row, BadRow)] == left_out
    assert len(texts(found)) == 100 - len(left_out)
    assert not any("\n" in text for text in texts(found))


def test_quotes_in_a_cell_that_were_not_doubled_keep_it_together(make_file: MakeFile) -> None:
    _, found = read(make_file("a.csv", 'id,내용,별점\n1,"첫 줄\n둘째 "최고" 줄",5\n2,"좋아, 굿",4\n3,별로,1\n'))
    assert texts(found) == ['첫 줄\n둘째 최고" 줄"', "좋아, 굿", "별로"]


def test_one_column_in_quotes_is_read_as_programs_write_it(make_file: MakeFile) -> None:
    reviews = [
        "맛있어요, 또 올게요",
        "별로였어요",
        '그가 "최고"라고 했다',
        "첫째 줄은 좋고\n둘째 줄은 나쁘다",
        "맛; 굿",
        "No!",
    ]
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        for header in (["review"], []):
            written = io.StringIO(newline="")
            csv.writer(written, quoting=quoting, lineterminator="\n").writerows(
                [[cell] for cell in [*header, *reviews]]
            )
            assert texts(read(make_file("a.csv", written.getvalue()))[1]) == reviews
    late = "review\n" + "굿\n" * 3000 + '"좋고,\n나쁘다"\n'
    assert texts(read(make_file("b.csv", late))[1])[-1] == "좋고,\n나쁘다"


def test_lines_of_people_are_reviews_with_their_quotes_and_commas(make_file: MakeFile) -> None:
    quoted = ['"최고"라고들 해요', '"굿"', '"열린 따옴표', '"양"은 적어요', "보통"]
    assert texts(read(make_file("a.txt", "\n".join(quoted)))[1]) == quoted
    commas = ["맛있어요, 또 올게요", "별로예요, 비추", "친절하고, 좋아요"]
    assert texts(read(make_file("b.txt", "\n".join(commas)))[1]) == commas
    assert texts(read(make_file("c.csv", "번호, 내용\n1, 굿\n2, 별로\n"))[1]) == ["굿", "별로"]


@pytest.mark.parametrize("stars", [True, False])
def test_cp949_with_stars_hearts_and_lone_letters_is_found(make_file: MakeFile, stars: bool) -> None:
    chosen = random.Random(2)
    rated = [(chosen.choice(CHAT), number % 5 + 1) for number in range(200)]
    table = "".join(f"{text},{'★' * count + '☆' * (5 - count) if stars else count}\r\n" for text, count in rated)
    shape, found = read(make_file("a.csv", ("내용,별점\r\n" + table).encode("cp949")))
    assert (shape.encoding, texts(found)) == ("cp949", [text for text, _ in rated])
    assert [row.rating for row in found if not isinstance(row, BadRow)] == [count for _, count in rated]


@pytest.mark.parametrize(
    ("reviews", "encoding"),
    [
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gbk"),
        ([*CHAT, "とても美味しい", "味が良い"], "cp949"),
        (CHAT, "utf-32"),
    ],
)
def test_other_encodings_are_not_taken_for_cp949_nor_it_for_them(
    make_file: MakeFile, reviews: list[str], encoding: str
) -> None:
    table = "id,content,rating\n" + "".join(f"{at},{text},{at % 5 + 1}\n" for at, text in enumerate(reviews * 10))
    _, found = read(make_file("a.csv", table.encode(encoding)))
    assert texts(found) == reviews * 10


def test_only_signs_that_are_no_letters_are_cp949() -> None:
    assert encoding_of("content,rating\ngood ♥,★★★\nbad,★☆☆\n".encode("cp949")) == "cp949"


@pytest.mark.parametrize(("above", "left", "columns"), [(0, 0, 2), (1, 0, 1), (3, 2, 2), (20, 2, 1)])
def test_blank_rows_and_columns_around_the_cells_of_a_sheet_cost_no_review(
    tmp_path: Path, above: int, left: int, columns: int
) -> None:
    book = openpyxl.Workbook()
    table = [["내용", "별점"], *([f"국물이 진해요 {number}", number % 5 + 1] for number in range(1, 31))]
    for row, cells in enumerate(table):
        for column, value in enumerate(cells[:columns]):
            # a blank row in the middle, too
            book.active.cell(row=1 + above + row + (row > 10) * 2, column=1 + left + column, value=value)
    book.save(tmp_path / "a.xlsx")
    shape, found = read(tmp_path / "a.xlsx")
    assert (shape.header_row, shape.columns) == (0, ("내용", "별점")[:columns])
    assert texts(found) == [row[0] for row in table[1:]]
    assert [row.rating for row in found if not isinstance(row, BadRow)][-1] == (1.0 if columns == 2 else None)


REVIEW = st.text(alphabet="가ab1★\"', \n.", min_size=1, max_size=30).filter(lambda text: not is_blank(text))


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(
    st.lists(REVIEW, min_size=1, max_size=30),
    st.sampled_from([*"\t;|,", ""]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 12),
)
def test_what_a_program_writes_is_read_as_it_was(
    reviews: list[str], delimiter: str, quoting: int, encoding: str, line_end: str, above: int
) -> None:
    written = io.StringIO(newline="")
    written.write(line_end * above)
    writer = csv.writer(written, delimiter=delimiter or ",", quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerows(
        [["내용"], *([text] for text in reviews)]
        if not delimiter
        else [["매장", "내용", "별점"], *(["강남점", text, "5"] for text in reviews)]
    )
    with NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(written.getvalue().encode(encoding))
        _, found = read(Path(file.name))
    assert [row for row in found if isinstance(row, BadRow)] == []
    assert texts(found) == [clean(text) for text in reviews]
