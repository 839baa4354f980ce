"""What a run and the program itself say about the learner's idea, without any reference."""

import ast
import re
from collections.abc import Iterator, Sequence

from backend.hints.misconceptions import Misconception
from backend.hints.misconceptions import MisconceptionKind as Kind
from backend.hints.problems import Kind as ProblemKind
from backend.hints.problems import Problem
from backend.hints.sandbox import CaseResult, Verdict
from backend.hints.source import Line

_ENDLESS = frozenset({Verdict.TIME_LIMIT, Verdict.OUTPUT_LIMIT, Verdict.MEMORY_LIMIT})
_READING = frozenset({"input", "stdin"})
_WORDS = re.compile(r"(?<!\w)-?\d+(?:\.\d+)?|\w+")


def nothing_yet(problem: Problem, tree: ast.Module) -> Misconception | None:
    """A program that imports and reads, and does nothing with it."""
    body: Sequence[ast.stmt] = tree.body
    if problem.kind is ProblemKind.FUNCTION:
        functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == problem.function_name]
        if not functions:
            return Misconception(Kind.NOTHING_YET, None, "", 0.9)
        body = functions[-1].body
    if all(_does_nothing(statement) for statement in body):
        return Misconception(Kind.NOTHING_YET)
    return None


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
        value = statement.value
        return value is None or isinstance(value, ast.Constant) or (_reads(value) and not _calls(value, "print"))
    return False


def endless(failing: CaseResult, lines: Sequence[Line]) -> Misconception | None:
    """A program that was stopped: the loop without an end is a `while` if there is one."""
    if failing.verdict in _ENDLESS:
        for word in ("while", "for"):
            for line in lines:
                if line.tokens[0] == word:
                    return Misconception(Kind.INFINITE_LOOP, line.number, failing.verdict)
        return Misconception(Kind.INFINITE_LOOP, failing.line, failing.verdict)
    if failing.message.startswith("RecursionError"):
        return Misconception(Kind.INFINITE_LOOP, failing.line, "RecursionError")
    return None


def shared_lists(tree: ast.Module) -> Iterator[Misconception]:
    """`[[0] * n] * m`: m names for one list."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                if isinstance(side, ast.List) and any(_makes_list(element) for element in side.elts):
                    yield Misconception(Kind.SHARED_LIST, node.lineno, ast.unparse(node)[:120], 0.95)


def _makes_list(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return isinstance(node.left, ast.List) or isinstance(node.right, ast.List)
    return isinstance(node, ast.List | ast.ListComp | ast.Dict | ast.Set)


def unread_input(problem: Problem, tree: ast.Module) -> Iterator[Misconception]:
    """Fewer lines are read than there are, and no loop could read more."""
    if problem.kind is ProblemKind.FUNCTION:
        return
    loops = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.FunctionDef)
    if any(isinstance(node, loops) and _reads(node) for node in ast.walk(tree)):
        return
    if any(isinstance(node, ast.Name | ast.Attribute) and _name(node) in {"stdin", "open"} for node in ast.walk(tree)):
        return
    reading = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) == "input"]
    if reading and len(reading) < max(len(case.input.strip("\n").split("\n")) for case in problem.cases):
        last = max(node.lineno for node in reading)
        yield Misconception(Kind.NOT_ALL_INPUT, last, f"{len(reading)}", 0.9)


def wrong_output(failing: CaseResult, lines: Sequence[Line]) -> Iterator[Misconception]:
    """Output that has the right content in another form."""
    if failing.verdict is Verdict.WRONG_ANSWER and failing.got != failing.expected:
        content = _content(failing.expected)
        if content and content == _content(failing.got):
            prints = [line.number for line in lines if line.tokens[0] in {"print", "return"}]
            yield Misconception(Kind.OUTPUT_FORMAT, _most_different(failing, prints), failing.got[:120], 0.9)


def _most_different(failing: CaseResult, prints: Sequence[int]) -> int | None:
    """The output statement of the first wrong line, where there is one statement for each line of output."""
    expected = failing.expected.strip("\n").split("\n")
    got = failing.got.strip("\n").split("\n")
    if len(prints) == len(expected) == len(got):
        for number, one, other in zip(prints, expected, got, strict=True):
            if one.rstrip() != other.rstrip():
                return number
    return prints[-1] if prints else None


def fits_outcome(found: Misconception, failing: CaseResult) -> float:
    """A factor by which the run makes a finding more or less likely."""
    if found.kind is Kind.OFF_BY_ONE and _differ_by_one(failing.got, failing.expected):
        return 1.25
    if found.kind is Kind.REPEATED_OUTPUT:
        return 1.1 if failing.got.count("\n") > failing.expected.count("\n") else 0.5
    if failing.verdict is Verdict.RUNTIME_ERROR:
        return 1.25 if found.line == failing.line else 1.0
    return 1.0


def _differ_by_one(got: str, expected: str) -> bool:
    try:
        return abs(int(got) - int(expected)) == 1
    except ValueError:
        return False


def _content(text: str) -> str:
    """Words and numbers alone; a sign belongs to its number."""
    return "".join(_WORDS.findall(text.casefold()))


def _reads(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Name | ast.Attribute) and _name(part) in _READING for part in ast.walk(node))


def _calls(node: ast.AST, name: str) -> bool:
    return any(isinstance(part, ast.Call) and _name(part.func) == name for part in ast.walk(node))


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
