"""Which row is the header, and which column is the review, its id, restaurant, day and stars."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from backend.sentiment.reading.shape import Mapping
from backend.sentiment.reading.values import clean, day_of, number_of, says_stars, scale_of

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
_RATED = re.compile(r"별점|평점|점수|만족도|rating|stars|score")  # somewhere in a name
_OUT_OF = re.compile(r"(5|10|100)점?만점|outof(5|10|100)")


def header_row(rows: Sequence[list[str]]) -> int | None:
    """Index of the row that names most columns, None where the first row is a review already. One row is not blank.

    Only a title may stand above it, which fills fewer cells. A word that could be a name is a review elsewhere.
    """
    first = next(number for number, row in enumerate(rows) if any(map(str.strip, row)))
    if max(map(len, rows)) == 1:
        return first if _role(rows[first][0]) == "text" else None
    found, most, widest = None, 0, 0
    for number, row in enumerate(rows[:_HEADER_WITHIN]):
        filled = [cell for cell in row if cell.strip()]
        named = sum(_role(cell) is not None for cell in filled)
        is_below_title = len(filled) > widest or 1 < len(filled) == named
        if is_below_title and named > most and named * 2 >= len(filled) and not any(map(_is_value, filled)):
            found, most = number, named
        widest = max(widest, len(filled))
    if found is not None:
        return found
    return first if _is_unlike(rows[first], rows[first + 1 :]) else None


def are_sentences(rows: Sequence[list[str]]) -> bool:
    """Whether rows that were cut at commas are sentences of people, who write a space behind one."""
    behind = [cell for row in rows for cell in row[1:]]
    if sum(cell.startswith(" ") for cell in behind) * 2 <= len(behind) or header_row(rows) is not None:
        return False
    columns = list(map(str, range(max(map(len, rows)))))
    return _first_of(_cells(columns, rows), lambda values: _mostly(_is_value, values)) is None


def unique_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Names of columns: an empty one is called by its number, one that is there twice gets a number behind it."""
    names: list[str] = []
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        base = " ".join(clean(cell).split())[:_NAME_CHARACTERS] or f"column {number}"
        name, again = base, 1
        while name in seen:
            again += 1
            name = f"{base} ({again})"
        seen.add(name)
        names.append(name)
    return tuple(names)


def scales(columns: Sequence[str], rows: Sequence[list[str]]) -> dict[str, float]:
    """What the numbers of each column are out of if they are stars: 5, 10 or 100. Columns of others are left out."""
    found: dict[str, float] = {}
    for column, values in _cells(columns, rows).items():
        said = _OUT_OF.search(_plain(column))
        scale = float(said[1] or said[2]) if said else scale_of(values)
        if scale is not None:
            found[column] = scale
    return found


def guess(columns: Sequence[str], rows: Sequence[list[str]], *, are_named: bool = True) -> Mapping:
    """What the columns seem to be: by their names, then by what is in them.

    A number may count anything: a column of them holds stars if its name says so, or if no column has a name
    (`are_named`) and the numbers look like stars.
    """
    found: dict[str, str] = {}
    all_cells = _cells(columns, rows)
    for role, names in _NAMES.items():
        by_name = {_plain(column): column for column in reversed(columns)}
        name = next((each for each in names if each in by_name), None)
        if name is not None and (role != "rating" or _may_be_stars(all_cells[by_name[name]])):
            found[role] = by_name[name]
    cells = {column: values for column, values in all_cells.items() if column not in found.values()}
    if "date" not in found and (column := _first_of(cells, lambda values: _mostly(_is_day, values))) is not None:
        found["date"] = column
        del cells[column]
    if "rating" not in found and (column := _rated(cells, are_named=are_named)) is not None:
        found["rating"] = column
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
    return re.fullmatch(r"[\d.,:/\s-]+", cell.strip()) is not None or _is_day(cell)


def _is_day(cell: str) -> bool:
    return day_of(cell) is not None


def _is_number(cell: str) -> bool:
    return number_of(cell) is not None


def _cells(columns: Sequence[str], rows: Sequence[list[str]]) -> dict[str, list[str]]:
    """What is in each column, without empty cells."""
    return {
        column: [row[number].strip() for row in rows if number < len(row) and row[number].strip()]
        for number, column in enumerate(columns)
    }


def _first_of(cells: dict[str, list[str]], is_one: Callable[[list[str]], bool]) -> str | None:
    return next((column for column, values in cells.items() if values and is_one(values)), None)


def _mostly(is_one: Callable[[str], bool], values: list[str]) -> bool:
    return sum(map(is_one, values)) >= _SURE * len(values)


def _may_be_stars(values: list[str]) -> bool:
    """Whether a column whose name says stars can hold them. One that is empty so far may."""
    return not values or any(map(says_stars, values)) or scale_of(values) is not None


def _rated(cells: dict[str, list[str]], *, are_named: bool) -> str | None:
    """The column of stars: where cells or the name say so, or where there are no names and the numbers look so."""
    by_name = {column: values for column, values in cells.items() if _RATED.search(_plain(column))}
    column = _first_of(by_name, lambda values: _mostly(_is_number, values) and scale_of(values) is not None)
    column = column or _first_of(cells, lambda values: _mostly(says_stars, values))
    return column if column or are_named else _first_of(cells, _look_like_stars)


def _look_like_stars(values: list[str]) -> bool:
    """Whether these are whole and half numbers from 1 to 5, neither all 1 nor counting the rows."""
    numbers = [number or 0 for number in map(number_of, values)]
    if not all(1 <= number <= 5 and number * 2 % 1 == 0 for number in numbers) or max(numbers) == 1:
        return False
    return not all(after - before == 1 for before, after in pairwise(numbers))


def _wordiest(cells: dict[str, list[str]]) -> str | None:
    """The column with most letters a row; numbers are no reviews."""
    letters = {
        column: sum(sum(map(str.isalpha, value)) for value in values) / len(values)
        for column, values in cells.items()
        if values
    }
    best = max(letters, key=letters.__getitem__, default=None)
    return best if best is not None and letters[best] > 1 else None
