"""CSV, TSV and the like, a record at a time.

A quote that is never closed must not swallow the rows behind it: the line it is in is left out, and reading goes on
in the next one.
"""

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from backend.sentiment.reading.shape import MAX_RECORD_CHARACTERS, Record, Unread

DELIMITERS = ",\t;|"
_MAX_RECORD_LINES = 500
_ENOUGH = 0.6  # share of records that have as many cells as most
_NONE = "\x1f"  # the delimiter of one column
_FEW_LINES = 5  # with a comma in each a review may look like rows by chance
_IN_QUOTES = re.compile(r'^"(?:[^"]++|"")*+("[ \t]*$)?', re.MULTILINE)
csv.field_size_limit(max(csv.field_size_limit(), 8 * MAX_RECORD_CHARACTERS))  # ours is looked at below


class _TooLong(Exception):
    """The record goes on and on."""


class _Lines(Iterator[str]):
    """Lines of which those of the current record are kept, so that they can be read again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.record: list[str] = []
        self.ended = False
        self._characters = 0

    def __next__(self) -> str:
        if len(self.record) >= _MAX_RECORD_LINES or self._characters > MAX_RECORD_CHARACTERS:
            raise _TooLong
        try:
            line = self._again.popleft() if self._again else next(self._lines)
        except StopIteration:
            self.ended = True
            raise
        self.record.append(line)
        self._characters += len(line)
        return line

    def begin(self) -> None:
        """A new record begins with the next line."""
        self.record = []
        self._characters = 0

    def again_from_second(self) -> None:
        """The lines of the record but the first are to be read once more."""
        self._again.extendleft(reversed(self.record[1:]))
        self.ended = False
        self.begin()


def records_of(lines: Iterable[str], delimiter: str, *, is_quoted: bool = True) -> Iterator[Record]:
    """The records, blank lines left out.

    Args:
        delimiter: "": there is one column.
        is_quoted: cells may stand in quotes; if not, a line is a record. Needed only without a delimiter.
    """
    source = _Lines(lines)
    if not delimiter and not is_quoted:
        yield from _plain(source)
        return
    reader = csv.reader(source, delimiter=delimiter or _NONE)
    while True:
        source.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_TooLong, csv.Error):
            yield Unread.TOO_LONG if len(source.record) == 1 else Unread.UNCLOSED_QUOTE
            source.again_from_second()
            reader = csv.reader(source, delimiter=delimiter or _NONE)
            continue
        if len(source.record) > 1 and (source.ended or _is_torn(source.record, delimiter, len(cells))):
            yield Unread.UNCLOSED_QUOTE
            source.again_from_second()
            reader = csv.reader(source, delimiter=delimiter or _NONE)
        elif sum(map(len, source.record)) > MAX_RECORD_CHARACTERS:
            yield Unread.TOO_LONG
        elif any(map(str.strip, cells)):
            yield cells if delimiter else [_NONE.join(cells)]


def delimiter_of(lines: list[str]) -> str:
    """The delimiter that cuts the lines most evenly; "" where none does."""
    best, best_score = "", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = Counter(len(cells) for cells in records_of(lines, delimiter) if isinstance(cells, list))
        width, count = max(widths.items(), key=lambda found: (found[1], found[0]), default=(0, 0))
        score = (count / max(widths.total(), 1), width)
        if width > 1 and score[0] >= _ENOUGH and score > best_score:
            best, best_score = delimiter, score
    return best


def is_quoted(lines: Iterable[str]) -> bool | None:
    """Whether lines without a delimiter are a column with cells in quotes, as programs write it; None where no line
    begins with a quote. People put a word in quotes, and write on behind it."""
    ends = _IN_QUOTES.findall("\n".join(line.rstrip("\r\n") for line in lines))
    return sum(map(bool, ends)) * 2 > len(ends) if ends else None


def _is_torn(lines: list[str], delimiter: str, width: int) -> bool:
    """Whether a record of several lines is several rows: what ended its quote was a quote of another row.

    Quotes within a cell should be doubled but often are not; these come in pairs.
    """
    cut = re.escape(delimiter or _NONE)
    try:
        next(csv.reader(lines, delimiter=delimiter or _NONE, strict=True))
    except csv.Error:  # a quote ends in the middle of a cell
        behind = "".join(lines[1:])
        begins_cell = rf'^"(?!["\s])|(?<!"){cut}"(?!["\s{cut}])'
        is_even = (lines[0].count('"') + behind.count('"')) % 2 == 0
        return not is_even or re.search(begins_cell, behind, re.MULTILINE) is not None
    few = _FEW_LINES if delimiter == "," else 1
    return width > 1 and len(lines) > few and all(line.count(delimiter) == width - 1 for line in lines)


def _plain(lines: _Lines) -> Iterator[Record]:
    for line in lines:
        lines.begin()
        if line.strip():
            yield Unread.TOO_LONG if len(line) > MAX_RECORD_CHARACTERS else [line.rstrip("\r\n")]
