"""The marks `[1]` of an answer: those that cite a passage that exists stay, all others go.

So do the marks around passages, which small models now and then copy.

A filter works while the answer is written: what may still become a mark is held back until it is one, so that a
reader never sees half of one, nor one that is taken away again. Code is left alone: `rows[0]` cites nothing.
"""

import re
from collections.abc import Collection

_NUMBERS = r"\d{1,3}(?:\s*[,、·]\s*\d{1,3})*"
_MARK = re.compile(rf"[ \t]*[\[【［]\s*({_NUMBERS})\s*[\]】］]")
_TAG = re.compile(r"</?passage\b[^>\n]{0,200}>")
_HALF_TAG = r"</?(?:p(?:a(?:s(?:s(?:a(?:g(?:e[^>\n]{0,200})?)?)?)?)?)?)?"
# The end of a text that may become a mark, spaces before it included, because they go with it.
_OPEN = re.compile(rf"[ \t]*(?:[\[【［][\s\d,、·]{{0,40}}|{_HALF_TAG})?\Z")
_TICKS = re.compile(r"`+")


class CitationFilter:
    """Takes an answer piece by piece.

    Args:
        known: numbers of the passages that exist.
    """

    def __init__(self, known: Collection[int]) -> None:
        self._known = frozenset(known)
        self._held = ""
        self._fence = False
        self._span = ""  # the backticks that opened a code span of the present line
        self._line_begins = True

    def feed(self, text: str) -> str:
        """What can be shown now."""
        self._held += text
        shown = []
        while self._held:
            end = self._held.find("\n") + 1
            if end:
                shown.append(self._line(self._held[:end], whole=True))
                self._held = self._held[end:]
                continue
            ready = self._ready(self._held)
            if ready:
                shown.append(self._line(self._held[:ready], whole=False))
                self._held = self._held[ready:]
            break
        return "".join(shown)

    def flush(self) -> str:
        """What is left at the end; half a mark cites nothing."""
        rest, self._held = self._held, ""
        if not self._fence and not self._span:
            rest = re.sub(r"[ \t]*[\[【［][\s\d,、·]*\Z", "", rest)
        return self._line(rest, whole=True)

    def _ready(self, text: str) -> int:
        """How much of an unfinished line can be shown: not what may become a mark or a run of backticks."""
        held = _OPEN.search(text)
        ready = held.start() if held else len(text)
        stripped = text[:ready].rstrip("`")
        if self._line_begins and not stripped.strip(" ~"):
            return 0  # whether the line opens or closes a code block is not yet known
        return len(stripped)

    def _line(self, text: str, *, whole: bool) -> str:
        """The text, which belongs to one line, without marks that cite nothing."""
        begins, self._line_begins = self._line_begins, whole
        if begins and re.match(r" {0,3}(?:```|~~~)", text):
            self._fence = not self._fence
            self._span = ""
            return text
        if self._fence:
            return text
        parts = []
        position = 0
        for ticks in _TICKS.finditer(text):
            parts.append(self._piece(text[position : ticks.start()]))
            parts.append(ticks[0])
            position = ticks.end()
            if not self._span:
                self._span = ticks[0]
            elif self._span == ticks[0]:
                self._span = ""
        parts.append(self._piece(text[position:]))
        if whole:
            self._span = ""  # a span that is still open at the end of its line is none
        return "".join(parts)

    def _piece(self, text: str) -> str:
        return text if self._span else _MARK.sub(self._checked, _TAG.sub("", text))

    def _checked(self, mark: re.Match[str]) -> str:
        spaces = mark[0][: len(mark[0]) - len(mark[0].lstrip(" \t"))]
        numbers = [int(number) for number in re.findall(r"\d+", mark[1])]
        kept = [number for number in dict.fromkeys(numbers) if number in self._known]
        return spaces + "".join(f"[{number}]" for number in kept) if kept else ""


def cited(text: str) -> set[int]:
    """Numbers that a text cites."""
    return {int(number) for mark in _MARK.finditer(text) for number in re.findall(r"\d+", mark[1])}


def without_marks(text: str) -> str:
    """An earlier answer for a later prompt, where its numbers would mean other passages."""
    nothing = CitationFilter(())
    return nothing.feed(text) + nothing.flush()
