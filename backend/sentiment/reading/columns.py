"""Which row is the header, and which column is the review, its id, restaurant, day and stars."""

import re
from collections.abc import Callable, Sequence

from backend.sentiment.reading.shape import Mapping
from backend.sentiment.reading.values import day_of, stars_of

_HEADER_WITHIN = 10  # rows; above it a spreadsheet may have a title
_SURE = 0.8  # share of the filled cells that must be of a kind
_NAME_CHARACTERS = 100
_NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "리뷰내용", "리뷰본문", "후기내용", "내용", "본문", "리뷰", "후기", "댓글", "의견", "코멘트", "평가내용",
        "content", "reviewtext", "reviewbody", "reviewcontent", "text", "body", "comment", "comments", "review",
        "reviews", "document", "message", "feedback",
    ),
    "restaurant": (
        "가게", "가게명", "가게이름", "매장", "매장명", "지점", "지점명", "점포", "점포명", "상호", "상호명",
        "식당", "식당명", "업체", "업체명",
        "restaurant", "restaurantid", "restaurantname", "branch", "branchname", "store", "storeid", "storename", "shop",
        "shopname", "place", "location",
    ),
    "date": (
        "날짜", "작성일", "작성일자", "작성일시", "작성시간", "등록일", "등록일시", "일자", "일시", "리뷰일자",
        "방문일",
        "date", "writtenat", "createdat", "created", "datetime", "timestamp", "time", "reviewdate", "postedat",
    ),
    "rating": ("별점", "평점", "점수", "별", "만족도", "rating", "ratings", "stars", "star", "score", "grade", "rate"),
    "id": ("id", "번호", "순번", "리뷰번호", "리뷰id", "reviewid", "no", "number", "idx", "index", "key", "연번"),
}  # fmt: skip


def header_row(rows: Sequence[list[str]]) -> int | None:
    """Index of the row that names the columns, None where the first row is a review already."""
    for number, row in enumerate(rows[:_HEADER_WITHIN]):
        named = sum(_role(cell) is not None for cell in row)
        filled = sum(bool(cell.strip()) for cell in row)
        if named and named * 2 >= filled:
            return number
    return 0 if len(rows) > 1 and _is_unlike(rows[0], rows[1:]) else None


def unique_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Names of columns: an empty one is called by its number, one that is there twice gets a number behind it."""
    names: list[str] = []
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        base = " ".join(cell.split())[:_NAME_CHARACTERS] or f"column {number}"
        name, again = base, 1
        while name in seen:
            again += 1
            name = f"{base} ({again})"
        seen.add(name)
        names.append(name)
    return tuple(names)


def guess(columns: Sequence[str], rows: Sequence[list[str]]) -> Mapping:
    """What the columns seem to be: by their names, then by what is in them."""
    found: dict[str, str] = {}
    for role, names in _NAMES.items():
        by_name = {_plain(column): column for column in reversed(columns)}
        name = next((each for each in names if each in by_name), None)
        if name is not None:
            found[role] = by_name[name]
    cells = {
        column: [row[number].strip() for row in rows if number < len(row) and row[number].strip()]
        for number, column in enumerate(columns)
        if column not in found.values()
    }
    for role, is_one in (("date", day_of), ("rating", stars_of)):
        if role not in found and (column := _first_of(cells, is_one)) is not None:
            found[role] = column
            del cells[column]
    if "text" not in found and (column := _wordiest(cells)) is not None:
        found["text"] = column
    return Mapping(**found)


def _role(cell: str) -> str | None:
    plain = _plain(cell)
    return next((role for role, names in _NAMES.items() if plain in names), None)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _is_unlike(first: list[str], rest: Sequence[list[str]]) -> bool:
    """Whether a column has numbers or days below a first cell that is neither: a header in words nobody foresaw."""
    for number, cell in enumerate(first):
        below = [row[number] for row in rest if number < len(row) and row[number].strip()]
        if below and cell.strip() and not _is_value(cell) and sum(map(_is_value, below)) >= _SURE * len(below):
            return True
    return False


def _is_value(cell: str) -> bool:
    return re.fullmatch(r"[\d.,:/\s-]+", cell.strip()) is not None or day_of(cell) is not None


def _first_of(cells: dict[str, list[str]], reads: Callable[[str], object]) -> str | None:
    for column, values in cells.items():
        if values and sum(reads(value) is not None for value in values) >= _SURE * len(values):
            return column
    return None


def _wordiest(cells: dict[str, list[str]]) -> str | None:
    """The column with most letters a row; numbers are no reviews."""
    letters = {
        column: sum(sum(map(str.isalpha, value)) for value in values) / len(values)
        for column, values in cells.items()
        if values
    }
    best = max(letters, key=letters.__getitem__, default=None)
    return best if best is not None and letters[best] > 1 else None
