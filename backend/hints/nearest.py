"""The reference solution that a program is nearest to, and which of its lines go with which of the program's.

Both are compared without the names their writers chose: line by line by their tokens, which also works for a program
that does not compile, and as a whole by the kinds of their syntax nodes where it does.
"""

import ast
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from backend.hints.problems import Solution
from backend.hints.source import Line, Tokens, blind, grams, is_name, program_lines, shadowed

_MAX_LINES = 100
MAX_COMPARED = 20_000  # characters of a program; what lies beyond is not looked at
_PAIRED_FROM = 0.4  # lines less alike than this do not go together
_TREE_SHARE = 0.4  # of the similarity of two programs that both compile


@dataclass(frozen=True)
class Pair:
    """A line of the program and the line of the reference it goes with; one of them may be missing."""

    mine: Line | None
    theirs: Line | None
    similarity: float = 0.0


@dataclass(frozen=True)
class Match:
    """A program beside a reference.

    Attributes:
        similarity: 0 to 1.
        pairs: in the order of the programs.
        names: what a name of the program is called in the reference, as far as that is clear.
    """

    solution: Solution
    similarity: float
    pairs: tuple[Pair, ...]
    names: Mapping[str, str]


def nearest(solutions: Sequence[Solution], program: str) -> Match:
    """The most similar of the solutions, the first of several; there has to be one."""
    lines = _Text(program)
    return max((_match(solution, lines) for solution in solutions), key=lambda match: match.similarity)


def parsed(program: str) -> ast.Module | None:
    """The syntax tree, or None for what is no program of Python or too large to be a learner's."""
    if len(program) > MAX_COMPARED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of doubtful escapes in somebody else's text
            return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Text:
    """A program prepared for comparing."""

    def __init__(self, program: str) -> None:
        self.lines = program_lines(program[:MAX_COMPARED])[:_MAX_LINES]
        shadows = shadowed([token for line in self.lines for token in (*line.tokens, "\n")])
        self.rows = [blind(line.tokens, shadows) for line in self.lines]
        self.features = [Counter[object](row) + Counter[object](grams(row, 2)) for row in self.rows]
        self.shape = _shape(program)


@lru_cache(maxsize=256)
def _reference(code: str) -> _Text:
    return _Text(code)


def _match(solution: Solution, mine: _Text) -> Match:
    theirs = _reference(solution.code)
    pairs = _aligned(mine, theirs)
    alike = sum(pair.similarity for pair in pairs)
    similarity = 2 * alike / max(len(mine.lines) + len(theirs.lines), 1)
    if mine.shape and theirs.shape:
        similarity = (1 - _TREE_SHARE) * similarity + _TREE_SHARE * _dice(mine.shape, theirs.shape)
    return Match(solution, similarity, pairs, _names(pairs))


def _aligned(mine: _Text, theirs: _Text) -> tuple[Pair, ...]:
    """The pairing, in order, with the largest sum of similarities; then what is left over, if it was only moved."""
    rows, columns = len(mine.lines), len(theirs.lines)
    alike = [[_likeness(mine, i, theirs, j) for j in range(columns)] for i in range(rows)]
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            together = best[i + 1][j + 1] + alike[i][j] if alike[i][j] else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], together)
    pairs: list[Pair] = []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and alike[i][j] and best[i][j] == best[i + 1][j + 1] + alike[i][j]:
            pairs.append(Pair(mine.lines[i], theirs.lines[j], alike[i][j]))
            i, j = i + 1, j + 1
        elif j == columns or (i < rows and best[i][j] == best[i + 1][j]):
            pairs.append(Pair(mine.lines[i], None))
            i += 1
        else:
            pairs.append(Pair(None, theirs.lines[j]))
            j += 1
    return tuple(pairs)


def _likeness(mine: _Text, i: int, theirs: _Text, j: int) -> float:
    """0, or at least `_PAIRED_FROM`."""
    if mine.rows[i] == theirs.rows[j]:
        same_names = mine.lines[i].tokens == theirs.lines[j].tokens
        return 1.0 if same_names else 0.98
    # A little less than equal lines, so that of two candidates the equal one is taken.
    value = 0.95 * _dice(mine.features[i], theirs.features[j])
    return value if value >= _PAIRED_FROM else 0.0


def _dice(first: Counter[object], second: Counter[object]) -> float:
    return 2 * (first & second).total() / max(first.total() + second.total(), 1)


def _shape(program: str) -> Counter[object]:
    """How often each kind of syntax node stands in each other; empty for what does not compile."""
    tree = parsed(program)
    if tree is None:
        return Counter()
    return Counter(
        (type(node).__name__, type(child).__name__)
        for node in ast.walk(tree)
        for child in ast.iter_child_nodes(node)
        if not isinstance(child, ast.expr_context)
    )


def _names(pairs: Sequence[Pair]) -> dict[str, str]:
    """Names that mostly stand in the same places of lines that are otherwise equal."""
    votes: dict[str, Counter[str]] = {}
    for pair in pairs:
        if pair.mine is None or pair.theirs is None:
            continue
        for mine, theirs in same_places(pair.mine.tokens, pair.theirs.tokens):
            votes.setdefault(mine, Counter())[theirs] += 1
    return {name: counted.most_common(1)[0][0] for name, counted in votes.items()}


def same_places(mine: Tokens, theirs: Tokens) -> list[tuple[str, str]]:
    """Names that stand in the same place of two lines of the same shape."""
    if len(mine) != len(theirs):
        return []
    return [(a, b) for a, b in zip(mine, theirs, strict=True) if is_name(a) and is_name(b)]
