"""What is known of a learner's program before any hint is written: tests, steps, the likely misconception.

It is worked out from the program, its run and the nearest reference, without a model. `facts` is what a prompt may be
built from: it holds lines of the learner's own and aims of steps, never code of a reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backend.hints.differences import findings
from backend.hints.misconceptions import Misconception
from backend.hints.misconceptions import MisconceptionKind as Kind
from backend.hints.nearest import MAX_COMPARED, Match, Pair, nearest, parsed
from backend.hints.outcomes import endless, fits_outcome, nothing_yet, shared_lists, unread_input, wrong_output
from backend.hints.problems import LogicStep, Problem
from backend.hints.sandbox import CaseResult, Judgement, Verdict
from backend.hints.source import Line, program_lines

_COMPARABLE = 0.35  # a program less like every reference is another idea, and differences mean nothing
_ENOUGH = 0.3  # weight from which a finding is told
_STEP_TOUCHED = 0.5  # similarity from which a line counts as an attempt at a step
_SHOWN = 2_000  # characters of an input or output
_SAID = 300  # characters of a line or a message
_LONGEST = 200_000  # characters of a program
_UNKNOWN = Misconception(Kind.UNKNOWN)


class StepState(StrEnum):
    """How far a step of the nearest solution is."""

    DONE = "done"
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True)
class StepProgress:
    """A step, and the learner's lines (1-based) that do it or try to."""

    step: LogicStep
    state: StepState
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a program.

    Attributes:
        failing: the smallest failing case; None where all passed or nothing was run.
        is_example: whether it is one of the examples that the learner sees anyway.
        syntax_line: where the program stops being Python; None where it compiles.
        solution_id, similarity: the nearest reference, 0 to 1.
        steps: of that reference.
        misconception: None where all cases passed.
        lines: of the program, as written.
    """

    problem_id: int
    verdict: Verdict
    passed: int
    total: int
    failing: CaseResult | None
    is_example: bool
    syntax_line: int | None
    syntax_message: str
    solution_id: int
    similarity: float
    steps: tuple[StepProgress, ...]
    misconception: Misconception | None
    lines: tuple[str, ...]

    def public(self) -> dict[str, Any]:
        """What the learner may see: results, the smallest failing case, where the syntax breaks. No guess, no step."""
        message = _told(self.syntax_message, _SAID)
        return {
            "verdict": self.verdict.value,
            "passed": self.passed,
            "total": self.total,
            "failing": _shown(self.failing, self.is_example) if self.failing is not None else None,
            "syntax": {"line": self.syntax_line, "message": message} if message else None,
        }

    def facts(self) -> dict[str, Any]:
        """What a hint may be written from."""
        found = self.misconception
        return {
            **self.public(),
            "misconception": None
            if found is None
            else {
                "kind": found.kind.value,
                "line": found.line,
                "text": self.text_of(found.line),
                "evidence": _told(found.evidence, _SAID),
            },
            "steps": [
                {"goal": each.step.goal, "state": each.state.value, "lines": list(each.lines)} for each in self.steps
            ],
        }

    def text_of(self, line: int | None) -> str:
        """The learner's line of that number, stripped; empty where there is none."""
        if line is None or not 1 <= line <= len(self.lines):
            return ""
        return _told(self.lines[line - 1].strip(), _SAID).strip()


def diagnose(problem: Problem, program: str, judgement: Judgement) -> Diagnosis:
    """Works out what is known of a program and its run. It never raises, whatever the program is."""
    match = nearest(problem.solutions, program)
    failing = judgement.failing
    line, message = _syntax(program, failing)
    found: Misconception | None = None
    if failing is not None:
        found = (
            Misconception(Kind.SYNTAX, line, message) if message else _misconception(problem, program, failing, match)
        )
    return Diagnosis(
        problem_id=problem.problem_id,
        verdict=judgement.verdict,
        passed=judgement.passed,
        total=judgement.total,
        failing=failing,
        is_example=failing is not None and failing.index < len(problem.examples),
        syntax_line=line,
        syntax_message=message,
        solution_id=match.solution.solution_id,
        similarity=round(match.similarity, 3),
        steps=tuple(_progress(step, match, failing is None, found) for step in match.solution.steps),
        misconception=found,
        lines=tuple(program[:_LONGEST].split("\n")),
    )


def _misconception(problem: Problem, program: str, failing: CaseResult, match: Match) -> Misconception:
    """What is certain where there is such a thing, else the likeliest of all findings."""
    lines = program_lines(program[:MAX_COMPARED])
    tree = parsed(program)
    if not lines:
        return Misconception(Kind.NOTHING_YET)
    if failing.verdict is Verdict.NOT_ALLOWED:
        return Misconception(Kind.NOT_ALLOWED, failing.line, failing.call)
    certain = endless(failing, lines) or (nothing_yet(problem, tree) if tree else None)
    if certain is not None:
        return certain
    found = list(wrong_output(failing, lines))
    if tree is not None:
        found += shared_lists(tree)
        found += unread_input(problem, tree)
    if match.similarity >= _COMPARABLE:
        found += findings(match)
    weighed = [(each.weight * fits_outcome(each, failing), each) for each in found]
    weight, best = max(weighed, key=lambda pair: pair[0], default=(0.0, _UNKNOWN))
    if weight < _ENOUGH and failing.verdict is Verdict.RUNTIME_ERROR:
        return Misconception(Kind.RUNTIME_ERROR, failing.line, failing.message)
    return best if weight >= _ENOUGH else _UNKNOWN


def _syntax(program: str, failing: CaseResult | None) -> tuple[int | None, str]:
    """Line and message of the first place that is not Python; an empty message where the program compiles.

    Of a very long program the sandbox's word is taken.
    """
    if failing is not None and failing.verdict is Verdict.SYNTAX_ERROR:
        told: tuple[int | None, str] = failing.line, failing.message or "invalid syntax"
    else:
        told = None, ""
    if len(program) > MAX_COMPARED or parsed(program) is not None:
        return told
    try:
        compile(program, "program", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno, error.msg or "invalid syntax"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return None, str(error) or type(error).__name__
    return told


def _progress(step: LogicStep, match: Match, is_passed: bool, found: Misconception | None) -> StepProgress:
    """How far a step is, by the learner's lines beside those that the step's pattern stands in."""
    pairs = _pairs_of(step, match)
    touched = [pair for pair in pairs if pair.mine is not None and pair.similarity >= _STEP_TOUCHED]
    lines = tuple(pair.mine.number for pair in touched if pair.mine is not None)
    if is_passed:
        state = StepState.DONE
    elif not pairs or not touched:
        state = StepState.MISSING
    elif found is not None and found.line in lines:
        state = StepState.WRONG
    else:
        state = StepState.DONE if len(touched) == len(pairs) else StepState.MISSING
    return StepProgress(step, state, lines)


def _pairs_of(step: LogicStep, match: Match) -> Sequence[Pair]:
    numbers = _lines_with(step.code_pattern, match.solution.code)
    return [pair for pair in match.pairs if pair.theirs is not None and _covers(pair.theirs, numbers)]


def _covers(line: Line, numbers: range) -> bool:
    return line.number in numbers


def _lines_with(pattern: str, code: str) -> range:
    """The lines (1-based) of the code that a pattern stands in; empty where it does not."""
    wanted = pattern.strip()
    at = code.find(wanted) if wanted else -1
    if at < 0:
        return range(0)
    first = code.count("\n", 0, at) + 1
    return range(first, first + wanted.count("\n") + 1)


def _shown(failing: CaseResult, is_example: bool) -> dict[str, Any]:
    return {
        "number": failing.index + 1,
        "is_example": is_example,
        "verdict": failing.verdict.value,
        "input": _told(failing.input, _SHOWN),
        "expected": _told(failing.expected, _SHOWN),
        "got": _told(failing.got, _SHOWN),
        "line": failing.line,
        "message": _told(failing.message, _SAID),
        "call": _told(failing.call, _SAID),
    }


def _told(text: str, limit: int) -> str:
    """The beginning of a stranger's text, without what neither UTF-8 nor the database can hold."""
    return text[:limit].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
