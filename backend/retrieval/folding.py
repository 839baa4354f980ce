"""One spelling for what looks the same, with the way back to the places in the text as it was written.

Files from a Mac hold Korean as separate letters (NFD), PDFs hold wide Latin letters and ligatures; a question
holds neither. Everything is compared in NFKC, and ranges are told in characters of the original.
"""

import re
import unicodedata
from dataclasses import dataclass

# Lone halves of a surrogate pair, NUL and other control characters (not tab or line ends): no text, and poison to
# programs behind. Each is replaced by one character, so that places stay what they are.
_UNUSABLE = re.compile(r"[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in NFKC. `_starts[i]` and `_ends[i]` are the range character i came from; empty: the same places."""

    text: str
    _starts: tuple[int, ...] = ()
    _ends: tuple[int, ...] = ()

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original that became `start` to `end` (not empty)."""
        return (self._starts[start], self._ends[end - 1]) if self._starts else (start, end)


def folded(text: str) -> Folded:
    """NFKC of a text without control characters; case is kept."""
    text = cleaned(text)
    if unicodedata.is_normalized("NFKC", text):
        return Folded(text)
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    begin = 0
    for end in range(1, len(text) + 1):
        if end < len(text) and _continues(text[end]):
            continue
        part = unicodedata.normalize("NFKC", text[begin:end])
        parts.append(part)
        starts += [begin] * len(part)
        ends += [end] * len(part)
        begin = end
    return Folded("".join(parts), tuple(starts), tuple(ends))


def cleaned(text: str) -> str:
    """The text with a space in place of every character that is none; as long as before."""
    return _UNUSABLE.sub(" ", text)


def _continues(character: str) -> bool:
    """Whether a character joins the one before: a combining mark, a vowel or final of a Korean syllable, or a
    sound mark of half-wide Japanese."""
    return unicodedata.combining(character) > 0 or "\u1160" <= character <= "\u11ff" or character in "\uff9e\uff9f"
