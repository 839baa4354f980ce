"""Corrections told in words: "replace `>=` by `>` on line 4" is a line of the solution though it shows none."""

import re
from collections.abc import Sequence

from backend.hints.material import Change
from backend.hints.pseudo_code import units
from backend.hints.source import OPERATORS, Tokens, joined, tokens

_CHANGING = re.compile(
    r"써야|쓰세요|쓰면|써 보|사용|여야|어야|아야|해야|\buse\b|\bneeds?\b|\bmake it|\bturn\b|correct",
    re.IGNORECASE,
)
_REPLACING = re.compile(
    r"바꾸|바꿔|바꿀|고치|고쳐|수정|변경|교체|→|->|=>|replac|\bchang(?:e|ing)\b|\bswap|\bswitch|should be|must be",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"대신|instead of|rather than|in place of", re.IGNORECASE)
_LINE_NUMBER = re.compile(r"(?:\bline|줄|행)\s?(\d{1,4})\b|(\d{1,4})\s?(?:번째\s?줄|번\s?줄|줄|행)", re.IGNORECASE)
_QUOTED = re.compile(r"`[^`\n]{1,200}`")
_LONGEST = 4  # tokens on either side of what a few words can say
_APART = 7  # tokens from the old to the new in "change 3 to 4"


def speaks_of_change(sentence: str) -> bool:
    """Whether a sentence asks for something to be written in another way."""
    return any(words.search(sentence) for words in (_REPLACING, _INSTEAD, _CHANGING))


def tells(said: Sequence[str], change: Change | None) -> bool:
    """Whether a sentence tells how to change the learner's line."""
    if change is None or not change.after or max(len(change.after), len(change.before)) > _LONGEST:
        return False
    return any(_tells(sentence, change) for sentence in said)


def _tells(sentence: str, change: Change) -> bool:
    replaces = _REPLACING.search(sentence) is not None
    swaps = replaces or _INSTEAD.search(sentence) is not None
    if not speaks_of_change(sentence):
        return False
    row = tokens(sentence, comments=True)
    if len(change.after) == 1 and change.after[0] in OPERATORS:
        stated = change.after[0] in row or (swaps and _says(sentence, change.after[0]))
        return stated and (_has(row, change.before) or _names_line(sentence, change.number))
    return replaces and _has(row, change.after) and _has(row, change.before) and _stand_near(row, change)


def _says(sentence: str, operator: str) -> bool:
    """Whether there is a word for an operator; the names that a sentence quotes are none, whatever they are called."""
    return any(operator in unit.features for unit in units(_QUOTED.sub(" ", sentence)))


def _has(row: Tokens, part: Tokens) -> bool:
    return bool(part) and joined(part) in joined(row)


def _names_line(sentence: str, number: int) -> bool:
    return any(str(number) in found.groups() for found in _LINE_NUMBER.finditer(sentence))


def _stand_near(row: Tokens, change: Change) -> bool:
    """Numbers of a test stand in a sentence by chance; those of a correction stand side by side."""
    old = [place for place, token in enumerate(row) if token == change.before[-1]]
    new = [place for place, token in enumerate(row) if token == change.after[0]]
    return any(0 < abs(one - other) <= _APART for one in old for other in new)
