"""Whether tokens are a line of code that does something, or words of a sentence."""

from collections.abc import Sequence
from itertools import pairwise

from backend.hints.source import ASSIGNING, BRACKETS, BUILTINS, KEYWORDS, OPENING, OPERATORS, is_name, is_text, is_word

JOINING = frozenset({"and", "or", "not", "in", "is", "if", "else", "for", "lambda", "as", "import", "await", "async"})
_EVERYDAY = frozenset({"float", "input", "int", "len", "list", "map", "print", "range", "str", ".split", ".strip"})
_WORKED_OUT = 3  # steps of an expression that is as much as a line of code
_PLAIN = frozenset({"[", "]", "{", "}", "-", ",", "None", "True", "False"})


def reads_as_code(row: Sequence[str]) -> bool:
    """Whether no two words stand side by side as they do in a sentence only."""
    for before, after in pairwise(row):
        ends = is_word(before) or before in {")", "]", "}"} or is_text(before)
        if ends and is_word(after) and before not in JOINING | OPENING and after not in JOINING:
            return False
    return bool(row)


def is_statement(row: Sequence[str]) -> bool:
    """Whether the tokens are a line of code that does something: a header, a `return`, an assignment, a call.

    What only names something is none: `else`, `input()`, `n = 3`, `a + b`, `import math`.
    """
    row = [token for token in row if token != "\n"]
    if len(row) < 3 or not reads_as_code(row):
        return len(row) == 2 and row[0] == "return" and is_name(row[1])
    first = row[0]
    if first == "for":
        return "in" in row[2:-1] and all(is_word(token) or token in {",", "(", ")"} for token in row[: row.index("in")])
    if first in {"if", "elif", "while", "return"}:
        return any(token in OPERATORS or token in {"(", "[", "in", "not"} for token in row[1:])
    if first in {"def", "class"}:
        return row[2] in {"(", ":"} and is_word(row[1])
    if first in OPENING or first in KEYWORDS:
        return False
    return _assigns(row) or _calls(row)


def is_worked_out(row: Sequence[str]) -> bool:
    """Whether an expression is as much as a line of code: a comprehension, or three operators, choices and calls.

    Calls that every program has are none: `list(map(int, input().split()))`, `range(len(a) - 1)`.
    """
    if not any(is_name(token) for token in row) or not reads_as_code(row) or row[0] in OPENING:
        return False
    steps = sum(token in OPERATORS or token in {"and", "or", "if"} for token in row)
    steps += sum(_is_call(row, place) and row[place - 1] not in _EVERYDAY for place in range(1, len(row)))
    return steps >= _WORKED_OUT or "for" in row


def is_foreign(row: Sequence[str]) -> bool:
    """Whether it is code, but none of Python: words side by side, and an assignment or a call among them."""
    is_code = any(
        token in ASSIGNING or (_is_call(row, place) and (row[place - 1] in BUILTINS or row[place - 1][0] == "."))
        for place, token in enumerate(row)
        if place
    )
    return is_code and not reads_as_code(row)


def has_call(row: Sequence[str]) -> bool:
    """Whether a function is called with a value."""
    return reads_as_code(row) and any(_is_call(row, place) for place in range(1, len(row)))


def _is_call(row: Sequence[str], place: int) -> bool:
    return (
        row[place] == "(" and is_word(row[place - 1].lstrip(".")) and row[place + 1 : place + 2] not in ([], [")"], ())
    )


def _assigns(row: Sequence[str]) -> bool:
    depth = 0
    for place, token in enumerate(row):
        depth += BRACKETS.get(token, 0)
        if depth == 0 and token in ASSIGNING:
            target, value = row[:place], row[place + 1 :]
            sound = bool(target) and all(
                is_word(each)
                or is_text(each)
                or each[0] == "."
                or each in {",", "[", "]", "(", ")", "*", "-", "+", ":"}
                for each in target
            )
            plain = token == "=" and all(each[0].isdigit() or is_text(each) or each in _PLAIN for each in value)
            return sound and bool(value) and is_word(target[0]) and not target[0][0].isdigit() and not plain
    return False


def _calls(row: Sequence[str]) -> bool:
    """`print(x)` and `numbers.append(x)`, whose work is their effect; `len(x)` only names a value."""
    if row[-1] != ")" or "(" not in row:
        return False
    opened = row.index("(")
    if opened == 0 or opened == len(row) - 2 or not is_word(row[0]):
        return False
    return row[0] == "print" or (opened > 1 and all(token[0] == "." for token in row[1:opened]))
