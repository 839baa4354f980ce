"""Expressions of a hint put into a program: "what is printed has to be `max(a) + 1`" is a line though it shows none."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from backend.hints.nearest import parsed

_MAX_EXPRESSIONS = 4
_MAX_LINES = 400
_MAX_LINE = 600  # characters
_MAX_SPOTS = 2_000
_PLACES = 5  # of the program that an expression is put in
_WHOLE = 0.3  # by which all that a line prints, returns, stores or checks goes before a part of that
_HEADER = re.compile(r"(?:if|elif|while|for)\b")
_WORD = re.compile(r"\w+|[^\w\s]")
_WORKING = (
    ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.JoinedStr,
    ast.ListComp, ast.SetComp, ast.Subscript, ast.UnaryOp,
)  # fmt: skip


def expressions(lines: Sequence[str]) -> list[str]:
    """All that a line of a hint works out, the longest first; what only names a value is left out.

    Args:
        lines: code, statements as well as bare expressions.
    """
    found = dict.fromkeys(text for line in lines for _, text, node, whole in _parts(line) if whole and _works_out(node))
    return sorted(found, key=lambda text: -len(text))[:_MAX_EXPRESSIONS]


def programs(written: Sequence[str], expression: str) -> Iterator[str]:
    """The expression printed, alone and behind the program, and in place of those in the program most like it.

    Args:
        written: the lines of the learner's program, which need not parse.
    """
    yield f"print({expression})"
    wanted = Counter(_WORD.findall(expression))
    spots: list[tuple[float, int, int, int]] = []
    for number, line in enumerate(written[:_MAX_LINES]):
        for start, text, _, whole in _parts(line):
            score = _alike(Counter(_WORD.findall(text)), wanted) + _WHOLE * whole
            spots.append((-score, number, start, start + len(text)))
        if len(spots) > _MAX_SPOTS:
            break
    for _, number, start, end in sorted(spots)[:_PLACES]:
        line = written[number]
        yield "\n".join([*written[:number], line[:start] + expression + line[end:], *written[number + 1 :]])
    yield "\n".join([*written, f"print({expression})"])


def _works_out(node: ast.expr) -> bool:
    """Whether it is more than a value or the name of a function, as `input()` is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
        return False
    return isinstance(node, _WORKING) and any(isinstance(part, ast.Name) for part in ast.walk(node))


def _alike(one: Counter[str], other: Counter[str]) -> float:
    return 2 * (one & other).total() / max(one.total() + other.total(), 1)


def _parts(line: str) -> Iterator[tuple[int, str, ast.expr, bool]]:
    """The expressions of one line: where each begins, its text, and whether it is all that the line works out.

    Lines are read one by one, so that those of a program that is broken elsewhere are read as well.
    """
    bare = line.strip()
    indent = len(line) - len(line.lstrip())
    text = re.sub(r"^elif\b", "if  ", bare)
    if _HEADER.match(bare):
        text = text.removesuffix(":") + ": pass"
    if not bare or len(bare) > _MAX_LINE or (tree := parsed(text)) is None:
        return
    wholes = {id(node) for statement in tree.body for node in _wholes(statement)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    characters = text.encode()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.expr)
            and isinstance(getattr(node, "ctx", None), ast.Load | None)
            and id(node) not in called
        ):
            start = len(characters[: node.col_offset].decode(errors="ignore"))
            part = characters[node.col_offset : node.end_col_offset].decode(errors="ignore")
            yield indent + start, part, node, id(node) in wholes


def _wholes(statement: ast.stmt) -> list[ast.expr]:
    """What a statement works out; of `print(x)` that is `x`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name("print"), args=[given, *_])):
            return [given]
        case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.Expr(value=value):
            return [value]
        case ast.Return(value=ast.expr() as value):
            return [value]
        case ast.If(test=test) | ast.While(test=test):
            return [test]
        case ast.For(iter=source):
            return [source]
    return []
