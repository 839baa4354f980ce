"""The diagnosis of learner programs, also of those that are none."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.hints.diagnosis import Diagnosis, StepState, diagnose
from backend.hints.misconceptions import MisconceptionKind
from backend.hints.problem_files import read_problems
from backend.hints.problems import Problem
from backend.hints.sandbox import CaseResult, Judgement, Verdict
from backend.settings import REPOSITORY

PROBLEMS = {
    problem.problem_id: problem
    for problem in read_problems((REPOSITORY / "data" / "problems_multi_solution.json").read_bytes()).problems
}
BUGGY = json.loads((REPOSITORY / "bench" / "data" / "hints_buggy.json").read_bytes())
TEMPERATURES = PROBLEMS[101]
LAST_OF_EQUALS = next(entry["code"] for entry in BUGGY if entry["id"] == "b01")


def _wrong(problem: Problem, got: str = "", verdict: Verdict = Verdict.WRONG_ANSWER, **more: Any) -> Judgement:
    """The first example failed, the others passed."""
    failed = CaseResult(0, verdict, problem.examples[0].input, problem.examples[0].output, got, 1.0, 1, **more)
    return Judgement((failed,))


def _right(problem: Problem) -> Judgement:
    return Judgement(
        tuple(
            CaseResult(number, Verdict.PASSED, case.input, case.output, case.output, 1.0, 1)
            for number, case in enumerate(problem.cases)
        )
    )


def test_the_buggy_programs_are_well_described() -> None:
    assert len({entry["id"] for entry in BUGGY}) == len(BUGGY)
    assert {entry["kind"] for entry in BUGGY} <= set(MisconceptionKind)
    assert len({entry["problem_id"] for entry in BUGGY}) >= 15
    assert all(entry["bug"].isascii() for entry in BUGGY)


def test_what_a_learner_sees_and_what_a_prompt_is_built_from() -> None:
    diagnosis = diagnose(TEMPERATURES, LAST_OF_EQUALS, _wrong(TEMPERATURES, "4"))
    assert diagnosis.public() == {
        "verdict": "wrong_answer",
        "passed": 0,
        "total": 1,
        "failing": {
            "number": 1,
            "is_example": True,
            "verdict": "wrong_answer",
            "input": "36.5 37.8 36.9 37.8",
            "expected": "2",
            "got": "4",
            "line": None,
            "message": "",
            "call": "",
        },
        "syntax": None,
    }
    facts = diagnosis.facts()
    assert facts["misconception"] == {
        "kind": "wrong_comparison",
        "line": 4,
        "text": "if temps[i] >= temps[best]:",
        "evidence": ">=",
    }
    states = [step["state"] for step in facts["steps"]]
    assert states == ["done", "done", "wrong", "done"]


@pytest.mark.parametrize("entry", BUGGY, ids=lambda entry: entry["id"])
def test_facts_hold_no_line_that_only_a_reference_has(entry: dict[str, Any]) -> None:
    problem = PROBLEMS[int(entry["problem_id"])]
    diagnosis = diagnose(problem, entry["code"], _wrong(problem, "?"))
    said = json.dumps(diagnosis.facts(), ensure_ascii=False)
    own = {line.strip() for line in entry["code"].split("\n")}
    for solution in problem.solutions:
        for line in {line.strip() for line in solution.code.split("\n")} - own:
            assert len(line) < 8 or json.dumps(line)[1:-1] not in said


def test_a_passed_program_has_no_misconception_and_every_step() -> None:
    problem = PROBLEMS[102]
    diagnosis = diagnose(problem, problem.solutions[1].code, _right(problem))
    assert diagnosis.misconception is None
    assert diagnosis.solution_id == 2
    assert {step.state for step in diagnosis.steps} == {StepState.DONE}
    assert diagnosis.public()["failing"] is None


def test_the_nearest_reference_is_found_whatever_the_names_are() -> None:
    for problem in PROBLEMS.values():
        for solution in problem.solutions:
            renamed = solution.code.replace("total", "summe").replace("best", "beste").replace("count", "zahl")
            diagnosis = diagnose(problem, renamed, _wrong(problem))
            assert diagnosis.solution_id == solution.solution_id, (problem.title, solution.name)
            assert diagnosis.similarity > 0.8


def test_missing_steps_are_told() -> None:
    diagnosis = diagnose(TEMPERATURES, "temps = list(map(float, input().split()))\nbest = 0\n", _wrong(TEMPERATURES))
    assert [step.state.value for step in diagnosis.steps] == ["done", "done", "missing", "missing"]
    assert [step.lines for step in diagnosis.steps[:2]] == [(1,), (2,)]


def _kind(code: str, judgement: Judgement | None = None, problem: Problem = TEMPERATURES) -> tuple[str, int | None]:
    found = diagnose(problem, code, judgement or _wrong(problem, "0")).misconception
    assert found is not None
    return found.kind.value, found.line


@pytest.mark.parametrize("code", ["", "\n\n", "# nothing\n", "import math\n", "temps = input().split()\n", "pass\n"])
def test_nothing_yet(code: str) -> None:
    assert _kind(code)[0] == "nothing_yet"


def test_a_function_that_is_not_there_or_empty_is_nothing_yet() -> None:
    problem = PROBLEMS[114]
    for code in ("x = 1\n", "def box_weight(box):\n    pass\n", 'def box_weight(box):\n    """Later."""\n'):
        assert _kind(code, problem=problem)[0] == "nothing_yet"


def test_what_only_the_run_knows() -> None:
    stopped = _wrong(TEMPERATURES, verdict=Verdict.TIME_LIMIT)
    assert _kind("x = 1\nwhile x:\n    x += 1\nprint(x)\n", stopped) == ("infinite_loop", 2)
    deep = _wrong(TEMPERATURES, verdict=Verdict.RUNTIME_ERROR, line=2, message="RecursionError: too deep")
    assert _kind("def f(x):\n    return f(x)\nprint(f(1))\n", deep) == ("infinite_loop", 2)
    refused = _wrong(TEMPERATURES, verdict=Verdict.NOT_ALLOWED, line=1, call="open")
    assert _kind("print(open('x').read())\n", refused) == ("not_allowed", 1)
    error = _wrong(TEMPERATURES, verdict=Verdict.RUNTIME_ERROR, line=1, message="ZeroDivisionError: division by zero")
    assert _kind("print(1 // 0)\n", error) == ("runtime_error", 1)


def test_a_syntax_error_has_its_line() -> None:
    broken = _wrong(TEMPERATURES, verdict=Verdict.SYNTAX_ERROR, line=2)
    diagnosis = diagnose(TEMPERATURES, "temps = input()\nfor t in temps\n    print(t)\n", broken)
    assert diagnosis.syntax_line == 2
    assert diagnosis.public()["syntax"]["message"]
    assert diagnosis.misconception is not None
    assert diagnosis.misconception.kind is MisconceptionKind.SYNTAX


def test_another_idea_altogether_is_not_guessed_at() -> None:
    code = "class Box:\n    def __init__(self):\n        self.label = {}\n\n\nraise SystemExit(Box().label)\n"
    assert _kind(code) == ("unknown", None)


def test_a_very_long_program_is_not_taken_for_an_empty_one() -> None:
    assert _kind("x = 1\n" * 20_000)[0] != "nothing_yet"


def test_a_sign_is_no_matter_of_form() -> None:
    assert _kind("print(-2)\n", _wrong(TEMPERATURES, "-2\n"))[0] != "output_format"
    assert _kind("print('2.')\n", _wrong(TEMPERATURES, "2.\n"))[0] == "output_format"


HOSTILE = [
    "\0",
    "x = '\ud800'",
    "(" * 5_000,
    "-" * 50_000 + "1",
    "x=" * 30_000 + "1",
    "a" * 200_001,
    "print(1)\n" * 20_000,
    "if x:\n" * 2_000,
    "0" + "1" * 10_000,
    "\t\n \r\x0c\u2028=",
    "'" * 99_999,
    "def f(" + ",".join(f"a{n}" for n in range(9_000)) + "): pass",
]


@pytest.mark.parametrize("code", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_programs_are_diagnosed_as_well(code: str) -> None:
    for verdict in set(Verdict) - {Verdict.PASSED}:
        _whole(diagnose(TEMPERATURES, code, _wrong(TEMPERATURES, "\0" * 9_000, verdict, line=99_999)))


@settings(deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from([*LAST_OF_EQUALS, "\n", " ", "print(", "[", ">= ", "1"])).map("".join)
)
def test_no_program_makes_it_fail(code: str) -> None:
    _whole(diagnose(TEMPERATURES, code, _wrong(TEMPERATURES, "4")))


def _whole(diagnosis: Diagnosis) -> None:
    found = diagnosis.misconception
    assert found is not None
    said = json.dumps([diagnosis.public(), diagnosis.facts()], ensure_ascii=False).encode()
    assert len(said) < 100_000
    assert b"\\u0000" not in said  # which the database would refuse
    assert diagnosis.text_of(found.line) == diagnosis.text_of(found.line).strip()
