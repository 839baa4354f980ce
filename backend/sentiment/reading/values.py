"""What a cell says: text that can be stored, a day, stars; in the ways people write them, as far as they are clear."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, timedelta

MOST_STARS = 5.0
_SCALES = (MOST_STARS, 10.0, 100.0)
_MOST_OF_ALL = 0.9  # share of the numbers that a scale must hold; a slip of the pen is above it
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_EXCEL_DAY_ZERO = date(1899, 12, 30)
_EXCEL_DAYS = range(32_874, 73_416)  # 1990 to 2100, as Excel counts days
_DAY = re.compile(r"\D?(\d{4}|\d{2})\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,2})(?:\s*[일.])?(?:[\sT(].*)?", re.DOTALL)
_DAY_WITHOUT_MARKS = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[\sT]?\d{2}:?\d{2}.*|\d{4,6})?")
_OF = re.compile(r"(\d+(?:[.,]\d+)?)\s*점?\s*(?:/|out of)\s*(\d+(?:[.,]0+)?)\s*점?", re.IGNORECASE)
_STARS = re.compile(
    r"(?:별점|평점|rating|score|stars?|★|⭐\ufe0f?)?\s*:?\s*(\d+(?:[.,]\d+)?)\s*(?:점|개|stars?|★|⭐\ufe0f?)?",
    re.IGNORECASE,
)
_BARE = re.compile(r"\d+(?:[.,]\d+)?(?:\s*개)?")  # a number that says nothing of what is counted
_UNPRINTABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, ord("\ufeff")))


def clean(text: str) -> str:
    """Text the database takes: without control characters and halves of characters, ends trimmed."""
    shown = text.translate(_UNPRINTABLE).replace("\r\n", "\n").replace("\r", "\n").strip()
    return shown if shown.isascii() else shown.encode("utf-8", "replace").decode("utf-8")


def is_blank(text: str) -> bool:
    """Whether nothing would be seen of it: spaces, marks of width zero, variation selectors only."""
    return all(unicodedata.category(letter) in {"Cc", "Cf", "Zs", "Zl", "Zp", "Mn"} for letter in text)


def day_of(cell: str) -> date | None:
    """The day a cell names, None where that is not clear.

    `2026-01-02`, `2026.1.2`, `2026/01/02 13:05`, `2026년 1월 2일`, `26.1.2`, `20260102`, and Excel's count of days.
    """
    text = cell.strip()
    if found := _DAY_WITHOUT_MARKS.fullmatch(text) or _DAY.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
        return _day(year + 2000 if len(found[1]) == 2 else year, month, day)
    whole, _, rest = text.partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) == len("46024") and int(whole) in _EXCEL_DAYS:
        return _EXCEL_DAY_ZERO + timedelta(days=int(whole)) if not rest or rest.isdigit() else None
    return None


def stars_of(cell: str, most: float | None = MOST_STARS) -> float | None:
    """Stars from 0 to 5, None where that is not clear: `4.5`, `4/5`, `8/10`, `별점 4`, `4점`, `★★★★☆`.

    Args:
        most: what a number is out of if it does not say so itself; None: such a number is not clear.
    """
    text = cell.strip()
    if text and set(text) <= set("★☆⭐\ufe0f "):
        full, empty = text.count("★") + text.count("⭐"), text.count("☆")
        return _out_of(full, MOST_STARS if full + empty <= MOST_STARS else full + empty)
    if found := _OF.fullmatch(text):
        return _out_of(_number(found[1]), _number(found[2]))
    if most is not None and (found := _STARS.fullmatch(text)):
        return _out_of(_number(found[1]), most)
    return None


def says_stars(cell: str) -> bool:
    """Whether a cell shows by itself that it holds stars, as `★★★` and `4점` do and `4` does not."""
    return _BARE.fullmatch(cell.strip()) is None and stars_of(cell, _SCALES[-1]) is not None


def number_of(cell: str) -> float | None:
    """The number in `4.5`, `별점 4` and `4점`; None where there is none, or where it says itself what it is out of."""
    found = _STARS.fullmatch(cell.strip())
    return _number(found[1]) if found else None


def scale_of(cells: Iterable[str]) -> float | None:
    """What the numbers of a column are out of: 5, 10 or 100; None where they cannot be told to be stars."""
    numbers = sorted(number for cell in cells if (number := number_of(cell)) is not None)
    if not numbers or (numbers[-1] <= 1 and numbers[0] < 1):  # shares, or labels 0 and 1
        return None
    scale = next(
        (most for most in _SCALES if sum(each <= most for each in numbers) >= _MOST_OF_ALL * len(numbers)), None
    )
    if scale == _SCALES[-1] and numbers[len(numbers) // 2] <= _SCALES[-2]:
        return None
    return scale


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if _FIRST_YEAR <= year < _LAST_YEAR else None
    except ValueError:
        return None


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _out_of(value: float, most: float) -> float | None:
    return round(value * MOST_STARS / most, 2) if most in _SCALES and value <= most else None
