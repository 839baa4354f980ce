"""What the differences between a program and the nearest reference say about the learner's idea.

Each rule looks at one pair of lines, or at a line that only the reference has. All of them are guesses with a weight,
ordered so that what nearly always changes the result comes before what is often only another style.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from backend.hints.misconceptions import Misconception
from backend.hints.misconceptions import MisconceptionKind as Kind
from backend.hints.nearest import Match, same_places
from backend.hints.source import Line, Tokens, is_name, is_text

_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})
_STRICTNESS = frozenset({frozenset({"<", "<="}), frozenset({">", ">="})})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>"})
_ADDING = frozenset({"+=", "-=", "*=", "|=", "&=", "^=", "//=", "/=", "%="})
_CONVERSIONS = frozenset({"int", "float"})
_LOOPS = frozenset({"for", "while"})
_ONE = ({"+", "1"}, {"-", "1"})


def findings(match: Match) -> list[Misconception]:
    """Everything that the pairs of a match give rise to."""
    program = [pair.mine for pair in match.pairs if pair.mine is not None]
    reference = [pair.theirs for pair in match.pairs if pair.theirs is not None]
    found: list[Misconception] = []
    for place, pair in enumerate(match.pairs):
        if pair.mine is not None and pair.theirs is not None:
            ours = _renamed(pair.mine.tokens, match)
            found += _nested(pair.mine, pair.theirs, program, reference)
            if ours != pair.theirs.tokens:
                found += _changed(pair.mine, pair.theirs.tokens, ours, pair.similarity)
                if pair.mine.tokens[0] != "for":  # which gives names itself
                    found += _misnamed(pair.mine, pair.theirs.tokens, match)
        elif pair.theirs is not None:
            found += _missing(match, place, pair.theirs)
    return found


def _changed(mine: Line, theirs: Tokens, ours: Tokens, similarity: float) -> Iterator[Misconception]:
    """A line that goes with one of the reference and is not equal. `ours`: the line in the names of the reference."""
    line = mine.number
    if _is_first_value(ours) and _is_first_value(theirs):
        yield Misconception(Kind.WRONG_INITIAL_VALUE, line, _said(mine.tokens[2:]), 0.7)
        return
    if len(ours) == len(theirs) and Counter(ours) == Counter(theirs) and ours[0] != "for":
        yield Misconception(Kind.WRONG_ORDER, line, _said(mine.tokens), 0.7 * similarity)
        return
    if {ours[0], theirs[0]} == {"return", "print"}:
        yield Misconception(Kind.MISSING_RETURN, line, ours[0], 0.9)
    if _forgets_conversion(ours, theirs):
        yield Misconception(Kind.MISSING_CONVERSION, line, _said(mine.tokens), 0.85)
        return
    if _forgets_sum(ours, theirs):
        yield Misconception(Kind.WRONG_ACCUMULATOR, line, _said(mine.tokens), 0.85)
        return
    changes = _opcodes(ours, theirs)
    crowd = 1 / max(len(changes), 1) ** 0.5  # one change is a slip, many are another way
    for start, end, begin, stop in changes:
        kind, weight = _kind(ours, ours[start:end], theirs, theirs[begin:stop])
        if kind is not None:
            evidence = _said(mine.tokens[start:end]) or _said(mine.tokens)
            yield Misconception(kind, line, evidence, weight * crowd * similarity)


def _misnamed(mine: Line, theirs: Tokens, match: Match) -> Iterator[Misconception]:
    """A name where the reference has another one that the program knows as well."""
    for name, there in same_places(mine.tokens, theirs):
        if match.names.get(name, name) != there and there in match.names.values():
            yield Misconception(Kind.WRONG_VARIABLE, mine.number, name, 0.6)


def _kind(row: Tokens, mine: Tokens, whole: Tokens, theirs: Tokens) -> tuple[Kind | None, float]:  # noqa: PLR0911
    """What a replaced, added or dropped run of tokens means within its line."""
    both = frozenset(mine + theirs)
    if len(mine) == len(theirs) == 1:
        if both <= _COMPARISONS:
            return Kind.WRONG_COMPARISON, 0.9 if both in _STRICTNESS else 0.6
        if both <= {"and", "or"}:
            return Kind.WRONG_COMPARISON, 0.8
        if both <= _ADDING | {"="}:
            return (Kind.WRONG_ACCUMULATOR if "=" in both else Kind.WRONG_FORMULA), 0.85
        if both <= _ARITHMETIC:
            return Kind.WRONG_FORMULA, 0.85
        if all(token[0].isdigit() for token in both):
            return _numbers(mine[0], theirs[0])
        if all(is_text(token) for token in both):
            return (Kind.OUTPUT_FORMAT if row[0] == "print" else Kind.WRONG_COMPARISON), 0.5
        if all(token[0] == "." for token in both):
            return Kind.WRONG_ORDER, 0.5
    if not (mine and theirs) and both in _ONE:
        return Kind.OFF_BY_ONE, 0.9
    if not mine and {"and", "or"} & set(theirs):
        return Kind.MISSING_CASE, 0.7
    if both & _COMPARISONS:
        return None, 0.0  # a condition written in another way
    if both & _ARITHMETIC and "input" not in whole:
        return Kind.WRONG_FORMULA, 0.7
    return None, 0.0


def _is_first_value(row: Tokens) -> bool:
    """`x = 0`, `x = -1`, `x = None`"""
    return len(row) in {3, 4} and row[1] == "=" and (row[-1][0].isdigit() or row[-1] in {"None", "True", "False"})


def _numbers(mine: str, theirs: str) -> tuple[Kind | None, float]:
    try:
        is_next = abs(float(mine) - float(theirs)) == 1
    except ValueError:
        return None, 0.0
    return (Kind.OFF_BY_ONE, 0.85) if is_next else (Kind.WRONG_FORMULA, 0.85)


def _forgets_conversion(mine: Tokens, theirs: Tokens) -> bool:
    return bool(_CONVERSIONS & set(theirs)) and not _CONVERSIONS & set(mine) and mine[0] not in {"def", "import"}


def _forgets_sum(mine: Tokens, theirs: Tokens) -> bool:
    """Whether the reference adds to what is there, and the program puts something in its place."""
    if "=" not in mine or ("=" not in theirs and not _ADDING & set(theirs)):
        return False
    if _ADDING & set(theirs):
        return mine[: mine.index("=")] == theirs[: next(k for k, token in enumerate(theirs) if token in _ADDING)]
    equals = theirs.index("=")
    value = theirs[equals + 1 :]
    return (
        mine[: mine.index("=")] == theirs[:equals]
        and theirs[0] in value
        and bool(_ARITHMETIC & set(value))
        and not _ARITHMETIC & set(mine[mine.index("=") :])
    )


def _nested(mine: Line, theirs: Line, program: Sequence[Line], reference: Sequence[Line]) -> Iterator[Misconception]:
    """A line that stands in one loop more than in the reference."""
    word = mine.tokens[0]
    deeper = _loops_around(mine, program) > _loops_around(theirs, reference)
    if deeper and word == theirs.tokens[0] and word in {"print", "return", "break"}:
        kind = Kind.REPEATED_OUTPUT if word == "print" else Kind.EARLY_EXIT
        yield Misconception(kind, mine.number, _said(mine.tokens), 0.9)


def _loops_around(line: Line, lines: Sequence[Line]) -> int:
    indent, count = line.indent, 0
    for other in reversed(lines[: lines.index(line)]):
        if other.indent < indent:
            indent = other.indent
            count += other.tokens[0] in _LOOPS
    return count


def _missing(match: Match, place: int, theirs: Line) -> Iterator[Misconception]:
    """A line that only the reference has."""
    row = theirs.tokens
    line = _next_line(match, place)
    if _is_first_value(row) and theirs.indent and _sets_once(match, row):
        yield Misconception(Kind.MISSING_RESET, line, "", 0.75)
    elif row[1:2] and row[1] in _ADDING and (replaced := _replaces(match, row[0])) is not None:
        yield Misconception(Kind.WRONG_ACCUMULATOR, replaced.number, _said(replaced.tokens), 0.8)
    elif row[0] in {"if", "elif"}:
        yield Misconception(Kind.MISSING_CASE, line, "", 0.6)
    elif row[0] == "return" and not any(pair.mine and pair.mine.tokens[0] == "return" for pair in match.pairs):
        yield Misconception(Kind.MISSING_RETURN, line, "", 0.8)
    elif theirs.indent:
        yield Misconception(Kind.MISSING_CASE, line, "", 0.4)


def _sets_once(match: Match, row: Tokens) -> bool:
    """Whether the program gives the name that value elsewhere."""
    return any(pair.mine is not None and _renamed(pair.mine.tokens, match) == row for pair in match.pairs)


def _replaces(match: Match, name: str) -> Line | None:
    """The first line in a block that gives a name of the reference a new value that does not build on the old one."""
    for pair in match.pairs:
        if pair.mine is not None and pair.mine.indent:
            row = _renamed(pair.mine.tokens, match)
            if row[:2] == (name, "=") and name not in row[2:]:
                return pair.mine
    return None


def _next_line(match: Match, place: int) -> int | None:
    """The line of the program that comes next, else the last one before."""
    later = [
        pair.mine.number for pair in match.pairs[place:] if pair.mine is not None and pair.mine.tokens != ("else",)
    ]
    before = [pair.mine.number for pair in match.pairs[:place] if pair.mine is not None]
    return later[0] if later else before[-1] if before else None


def _opcodes(mine: Tokens, theirs: Tokens) -> list[tuple[int, int, int, int]]:
    matcher = SequenceMatcher(None, mine, theirs, autojunk=False)
    return [tuple(code[1:]) for code in matcher.get_opcodes() if code[0] != "equal"]  # type: ignore[misc]


def _renamed(row: Tokens, match: Match) -> Tokens:
    return tuple(match.names.get(token, token) if is_name(token) else token for token in row)


def _said(row: Sequence[str]) -> str:
    """Tokens as a person would write them, roughly."""
    return " ".join(token + '"' if is_text(token) else token for token in row)[:120]
