"""What a cell says: text that can be stored, a day, stars; in the ways people write them, as far as they are clear."""

import re
import unicodedata
from datetime import date, timedelta

MOST_STARS = 5.0
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_EXCEL_DAY_ZERO = date(1899, 12, 30)
_EXCEL_DAYS = range(32_874, 73_416)  # 1990 to 2100, as Excel counts days
_DAY = re.compile(r"\D?(\d{4}|\d{2})\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,2})(?:\s*[일.])?(?:[\sT(].*)?", re.DOTALL)
_DAY_WITHOUT_MARKS = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[\sT]?\d{2}:?\d{2}.*|\d{4,6})?")
_OF = re.compile(r"(\d+(?:[.,]\d+)?)\s*/\s*(\d+)(?:\s*점)?")
_STARS = re.compile(
    r"(?:별점|평점|rating|score|stars?)?\s*:?\s*(\d+(?:[.,]\d+)?)\s*(?:점|개|stars?|★|⭐)?", re.IGNORECASE
)
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


def stars_of(cell: str) -> float | None:
    """Stars from 0 to 5, None where that is not clear: `4.5`, `4/5`, `8/10`, `별점 4`, `4점`, `★★★★☆`."""
    text = cell.strip()
    if text and set(text) <= set("★☆⭐\ufe0f "):
        return _within(float(text.count("★") + text.count("⭐")))
    if found := _OF.fullmatch(text):
        value, most = _number(found[1]), _number(found[2])
        return _within(round(value * MOST_STARS / most, 2)) if most in {5.0, 10.0, 100.0} and value <= most else None
    if found := _STARS.fullmatch(text):
        return _within(_number(found[1]))
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if _FIRST_YEAR <= year < _LAST_YEAR else None
    except ValueError:
        return None


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _within(stars: float) -> float | None:
    return stars if 0 <= stars <= MOST_STARS else None
