"""Reviews in JSON: a line each, or one array, read an object at a time."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from backend.sentiment.reading.encodings import blocks_of
from backend.sentiment.reading.shape import MAX_RECORD_CHARACTERS, Unread
from backend.sentiment.reading.values import clean

_TEXT = "text"  # the column of a value that is no object
Row = dict[str, str] | Unread
# An object around the array, as programs send it: {"restaurant_id": "r1", "reviews": [ …
_STRING = r'"(?:[^"\\]|\\.)*+"'
_ENVELOPE = re.compile(
    rf"""\s*+\{{(?:\s*+{_STRING}\s*+:\s*+(?:{_STRING}|[-+.\w]++)\s*+,)*+
    \s*+"(?:reviews|data|items|results|rows|list|리뷰)"\s*+:\s*+\[(?=\s*+[{{"\]])""",
    re.VERBOSE,
)


def rows_of_lines(lines: Iterable[str]) -> Iterator[Row]:
    """An object a line; blank lines are left out."""
    for line in lines:
        if len(line) > MAX_RECORD_CHARACTERS:
            yield Unread.TOO_LONG
        elif line.strip("\ufeff \t\r\n"):
            try:
                yield _row(json.loads(line.strip("\ufeff \t\r\n")))
            except (ValueError, RecursionError):
                yield Unread.BROKEN_JSON


def rows_of_array(path: Path, encoding: str) -> Iterator[Row]:
    """Values of one array, also of one in an object, or one after the other; behind one that is broken reading goes
    on in the next line."""
    source = _Source(blocks_of(path, encoding))
    decoder = json.JSONDecoder()
    source.skip("\ufeff")
    between = " \t\r\n,[]\ufeff"
    if (envelope := _ENVELOPE.match(source.text, source.at)) is not None:
        source.at = envelope.end()
        between = " \t\r\n,"
    while source.skip(between) and source.text[source.at] != "]":
        try:
            value, end = decoder.raw_decode(source.text, source.at)
        except (ValueError, RecursionError):
            if source.left <= MAX_RECORD_CHARACTERS and source.more():
                continue
            yield Unread.BROKEN_JSON
            if not source.skip_to_object():
                return
        else:
            if end == len(source.text) and source.more():
                continue  # a number may go on
            source.at = end
            yield _row(value)


def is_envelope(start: str) -> bool:
    """Whether a text begins with an object around an array of reviews."""
    return _ENVELOPE.match(start) is not None


class _Source:
    """Text that is taken in as it is needed, and forgotten behind the place where reading is."""

    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks = blocks
        self.text, self.at = "", 0

    @property
    def left(self) -> int:
        return len(self.text) - self.at

    def more(self) -> bool:
        """Takes a block in. False at the end."""
        block = next(self._blocks, "")
        self.text, self.at = self.text[self.at :] + block, 0
        return block != ""

    def skip(self, letters: str) -> bool:
        """Goes behind these letters. False at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in letters:
                self.at += 1
            if self.at < len(self.text):
                return True
            if not self.more():
                return False

    def skip_to_object(self) -> bool:
        """Goes to the first object that begins in a later line. False where there is none."""
        for letter in "\n{":
            while (found := self.text.find(letter, self.at)) < 0:
                self.at = len(self.text)
                if not self.more():
                    return False
            self.at = found
        return True


def _row(value: Any) -> Row:
    if isinstance(value, dict):
        return {clean(name): _cell(each) for name, each in value.items()}
    if isinstance(value, str):
        return {_TEXT: value}
    return Unread.BROKEN_JSON


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None or isinstance(value, dict | list) else str(value)
