"""What a hint is compared with: the references against one learner's program, prepared once for all its hints.

Of a reference only what the learner does not have yet can be given away. So its lines are first put into the learner's
names, as far as lines of both agree, and then the learner's own lines are taken out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from backend.hints.disguises import text_of_code, undisguised
from backend.hints.pseudo_code import Step, step
from backend.hints.source import (
    BLIND,
    KEYWORDS,
    Line,
    Tokens,
    blind,
    canonical,
    grams,
    is_name,
    joined,
    physical_rows,
    program_lines,
    shadowed,
    tokens,
)

_MAX_KNOWN_CHARACTERS = 50_000
_MAX_REFERENCES = 20
_MAX_REFERENCE_LINES = 200
_MAX_ROWS = 400
_MAX_LINES = 400  # of the learner's, beside which those of a reference are put
_MAX_LINE_TOKENS = 300  # of a line, that are compared: what is learnt from a pair of lines costs their product
_NEAR = 0.4  # share of a reference's lines that the learner's program has, in which differences are changes
_ALIKE = 0.5  # share of tokens of two lines that are a line and its correction
_IDIOM_WEIGHT = 0.35
_BARE_WEIGHT = 0.15
_BARE = frozenset({"import", "from", "try", "except", "finally"})
_ORNAMENTS = frozenset({BLIND, "(", ")", "[", "]", "{", "}", ",", ":", "."})  # which a sentence may have as well
_READING = frozenset({"input"})  # which stands for `sys.stdin.readline` in many programs
_IDIOMS = frozenset(
    joined(blind(canonical(tokens(code)), shadows))
    for shadows in (frozenset[str](), _READING)
    for code in (
        "n = int(input())", "n = input()", "n = input().strip()", "n = input().split()", "n = float(input())",
        "a, b = map(int, input().split())", "a, b, c = map(int, input().split())", "a, b = input().split()",
        "a = list(map(int, input().split()))", "a = sys.stdin.readline", "a = sys.stdin.read().split()", "n = 0",
        "n = 1", "a = []", "a = {}", "a = set()", "a = ''", "for i in range(n)", "for x in a", "print(n)",
        "return n", "main()", "n += 1", "n += x", "a.append(x)", "a = b",
    )
)  # fmt: skip


# Expressions that everybody names.
_COMMON_GRAMS = set[Tokens]().union(
    *(
        grams(blind(canonical(tokens(code)), shadows))
        for shadows in (frozenset[str](), _READING)
        for code in (
            "int(input())",
            "list(map(int, input().split()))",
            "input().strip()",
            "range(len(a))",
            "(1, n + 1)",
        )
    )
)


@dataclass(frozen=True, slots=True)
class Change:
    """How a learner's line becomes that of a reference: on which line which tokens stand in place of which others."""

    number: int
    before: Tokens
    after: Tokens
    span: tuple[int, int]  # of `after` in the reference's line
    line: Tokens
    mine: Step  # the learner's line


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """A line of a reference.

    Attributes:
        row: its tokens; `here`: the same in the learner's names.
        shape: its blind tokens; `blind`: the same, joined.
        weight: what it tells; little where every program has such a line.
        new: the learner does not have it; `renamed`: he has it with other names only.
    """

    row: Tokens
    here: Tokens
    shape: Tokens
    blind: str
    weight: float
    new: bool
    renamed: bool
    step: Step
    change: Change | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference solution.

    Attributes:
        rows: its physical lines as blind tokens.
        grams: its 4-grams, joined, that the learner has neither written nor been given.
        alike: its names to the learner's.
    """

    lines: tuple[ReferenceLine, ...]
    rows: tuple[Tokens, ...]
    grams: tuple[str, ...]
    alike: dict[str, str]

    @property
    def new_lines(self) -> tuple[ReferenceLine, ...]:
        return tuple(line for line in self.lines if line.new)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What hints about one program for one problem are compared with. `own` and `known` are joined tokens.

    It is equal to itself only, so that what was found with it can be kept.
    """

    references: tuple[Reference, ...]
    own: str
    own_rows: tuple[Tokens, ...]
    own_steps: tuple[Step, ...]
    known: str
    shadows: frozenset[str]

    def has(self, row: Tokens) -> bool:
        """Whether the learner wrote these tokens side by side, or has them from the problem."""
        run = joined(row)
        return run in self.own or run in self.known


def prepare(solutions: Sequence[str], program: str, known: Sequence[str]) -> Material:
    """Material for the hints about one program.

    Args:
        solutions: every reference; broken ones count as text.
        program: the learner's, in whatever state.
        known: what the learner was given: the problem's text, examples and tests.
    """
    program = text_of_code(program)
    written = program_lines(program)
    given = text_of_code("\n".join(known)[:_MAX_KNOWN_CHARACTERS])
    told = tuple(token for token in canonical(tokens(given, comments=True)) if token != "\n")
    codes = [text_of_code(code) for code in dict.fromkeys(solutions[:_MAX_REFERENCES])]
    compared = _compared(written, _MAX_LINES)
    read = [_compared(program_lines(code), _MAX_REFERENCE_LINES) for code in codes]
    shadows = frozenset[str]().union(*(shadowed(line.tokens) for lines in (*read, written) for line in lines))
    known_grams = grams(blind(told, shadows)).union(*(grams(blind(line.tokens, shadows)) for line in written))
    return Material(
        references=tuple(
            _reference(lines, _rows(code, shadows), compared, known_grams, known=joined(told), shadows=shadows)
            for code, lines in zip(codes, read, strict=True)
            if lines
        ),
        own="\n".join(map(joined, (*(line.tokens for line in written), *_as_quoted(program)))),
        own_rows=_rows(program, shadows),
        own_steps=tuple(step(line.tokens) for line in compared[:_MAX_REFERENCE_LINES]),
        known=joined(told),
        shadows=shadows,
    )


def _compared(lines: Sequence[Line], limit: int) -> list[Line]:
    """What is looked at of a program that may have any number of lines, of any length."""
    return [replace(line, tokens=line.tokens[:_MAX_LINE_TOKENS]) for line in lines[:limit]]


def _as_quoted(program: str) -> Iterator[Tokens]:
    """What the guard reads only where a hint quotes a line: disguises undone, comments as if they were code."""
    for line in program.split("\n"):
        seen = undisguised(line)
        if seen != line:
            yield from physical_rows(seen)
        if "#" in seen:
            yield canonical(tokens(seen[seen.index("#") + 1 :], comments=True))


def _rows(code: str, shadows: frozenset[str]) -> tuple[Tokens, ...]:
    return tuple(blind(row, shadows) for row in physical_rows(code)[:_MAX_ROWS])


def _reference(
    lines: Sequence[Line],
    physical: tuple[Tokens, ...],
    written: Sequence[Line],
    known_grams: set[Tokens],
    *,
    known: str,
    shadows: frozenset[str],
) -> Reference:
    rows = [line.tokens for line in lines]
    blinds = [blind(row, shadows) for row in rows]
    own_blinds = [blind(line.tokens, shadows) for line in written]
    matcher = SequenceMatcher(None, own_blinds, blinds, autojunk=False)
    pairs = [(b.a + k, b.b + k) for b in matcher.get_matching_blocks() for k in range(b.size)]
    alike = _alike(
        [(own_blinds[own], blinds[place], written[own].tokens, rows[place]) for own, place in _beside(matcher)],
        shadows,
    )
    near = len(pairs) >= _NEAR * len(rows)
    here = [tuple(alike.get(token, token) for token in row) for row in rows]
    fresh, renamed = _fresh(here, blinds, written, own_blinds, near)
    changes = _changes(written, here) if near else {}
    made = tuple(
        ReferenceLine(
            row=rows[place],
            here=here[place],
            shape=blinds[place],
            blind=joined(blinds[place]),
            weight=_weight(rows[place], blinds[place], known),
            new=fresh[place],
            renamed=renamed[place],
            step=step(rows[place]),
            change=changes.get(place),
        )
        for place in range(len(rows))
    )
    unknown = set[Tokens]().union(*(grams(row) for row in blinds)) - known_grams - _COMMON_GRAMS
    telling = sorted(gram for gram in unknown if len(gram) > 2 and set(gram) - _ORNAMENTS)
    return Reference(made, physical, tuple(map(joined, telling)), alike)


def _beside(matcher: SequenceMatcher[Tokens]) -> Iterator[tuple[int, int]]:
    """Places of lines that are equal, or stand in each other's place."""
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag in {"equal", "replace"}:
            yield from zip(range(start, end), range(first, last), strict=False)


def _alike(pairs: Sequence[tuple[Tokens, Tokens, Tokens, Tokens]], shadows: frozenset[str]) -> dict[str, str]:
    """Names of the reference to the names that stand in their places in the learner's lines, one to one.

    A pair is the blind tokens of both lines, and their tokens.
    """
    votes = Counter[tuple[str, str]]()
    for own_blind, blind_row, own, row in pairs:
        blocks = SequenceMatcher(None, own_blind, blind_row, autojunk=False).get_matching_blocks()
        if 2 * sum(block.size for block in blocks) < _ALIKE * (len(own) + len(row)):
            continue
        for block in blocks:
            for ours, theirs in zip(
                own[block.a : block.a + block.size], row[block.b : block.b + block.size], strict=True
            ):
                if all(is_name(name) or name in shadows for name in (ours, theirs)):
                    votes[theirs, ours] += 1
    found: dict[str, str] = {}
    for (theirs, ours), _ in sorted(votes.items(), key=lambda vote: (-vote[1], vote[0])):
        if theirs not in found and ours not in found.values():
            found[theirs] = ours
    return found


def _fresh(
    here: Sequence[Tokens], blinds: Sequence[Tokens], written: Sequence[Line], own_blinds: Sequence[Tokens], near: bool
) -> tuple[list[bool], list[bool]]:
    """Which lines the learner has not, and which of them he has with other names."""
    exact, shapes = Counter(line.tokens for line in written), Counter(own_blinds)
    fresh = [True] * len(here)
    for place, row in enumerate(here):
        if exact[row]:
            exact[row] -= 1
            shapes[blinds[place]] -= 1
            fresh[place] = False
    renamed = [False] * len(here)
    for place, shape in enumerate(blinds):
        if fresh[place] and shapes[shape] > 0:
            shapes[shape] -= 1
            fresh[place], renamed[place] = near, near
    return fresh, renamed


def _changes(written: Sequence[Line], here: Sequence[Tokens]) -> dict[int, Change]:
    """By line of the reference: the learner's line that stands in its place and how they differ."""
    found: dict[int, Change] = {}
    matcher = SequenceMatcher(None, [line.tokens for line in written], here, autojunk=False)
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag != "replace":
            continue
        for line, place in zip(written[start:end], range(first, last), strict=False):
            change = _change(line, here[place])
            if change:
                found[place] = change
    return found


def _change(line: Line, row: Tokens) -> Change | None:
    matcher = SequenceMatcher(None, line.tokens, row, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return None
    parts = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    if not parts:
        return None
    begin, end = parts[0][3], parts[-1][4]
    before = line.tokens[parts[0][1] : parts[-1][2]]
    return Change(line.number, before, row[begin:end], (begin, end), row, step(line.tokens))


def _weight(row: Tokens, shape: Tokens, known: str) -> float:
    if joined(row) in known or row[0] in _BARE or set(shape) <= KEYWORDS | {"("}:
        return _BARE_WEIGHT
    if row[0] == "def" and row[1:2] and joined(row[1:2]) in known:
        return _BARE_WEIGHT  # the function that the problem asks for
    return _IDIOM_WEIGHT if joined(shape) in _IDIOMS else 1.0
