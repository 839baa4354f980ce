"""CSV, TSV and the like, a record at a time.

A quote that is never closed must not swallow the rest of the file: the line it is in is left out, and reading goes
on behind it.
"""

import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from backend.sentiment.reading.shape import MAX_RECORD_CHARACTERS, Record, Unread

DELIMITERS = ",\t;|"
_MAX_RECORD_LINES = 500
_ENOUGH = 0.6  # share of records that have as many cells as most
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


def records_of(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The records, blank lines left out."""
    source = _Lines(lines)
    if not delimiter:
        yield from _plain(source)
        return
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        source.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_TooLong, csv.Error):
            yield Unread.TOO_LONG if len(source.record) == 1 else Unread.UNCLOSED_QUOTE
            source.again_from_second()
            reader = csv.reader(source, delimiter=delimiter)
            continue
        if len(source.record) > 1 and source.ended and sum(line.count('"') for line in source.record) % 2:
            yield Unread.UNCLOSED_QUOTE
            source.again_from_second()
            reader = csv.reader(source, delimiter=delimiter)
        elif sum(map(len, source.record)) > MAX_RECORD_CHARACTERS:
            yield Unread.TOO_LONG
        elif any(cells):
            yield cells


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


def _plain(lines: _Lines) -> Iterator[Record]:
    for line in lines:
        lines.begin()
        if line.strip():
            yield Unread.TOO_LONG if len(line) > MAX_RECORD_CHARACTERS else [line.rstrip("\r\n")]
