"""Programs that come with Ondol, run in the sandbox: references pass, buggy ones fail and are understood."""

import asyncio
import json
import sys

import pytest

from backend.hints.diagnosis import diagnose
from backend.hints.problem_files import read_problems
from backend.hints.problems import Problem, Solution
from backend.hints.sandbox import Case, Judge, Judgement
from backend.settings import REPOSITORY

PROBLEMS = {
    problem.problem_id: problem
    for problem in read_problems((REPOSITORY / "data" / "problems_multi_solution.json").read_bytes()).problems
}
BUGGY = json.loads((REPOSITORY / "bench" / "data" / "hints_buggy.json").read_bytes())
KIND_FLOOR, LINE_FLOOR = 0.9, 0.85


async def _judged(judge: Judge, problem: Problem, code: str, *, stop_at_first: bool = False) -> Judgement:
    cases = [Case(case.input, case.output) for case in problem.cases]
    return await judge.judge(code, cases, function=problem.function_name, stop_at_first=stop_at_first)


async def test_every_reference_passes_all_cases_of_its_problem() -> None:
    judge = Judge(at_once=2)

    async def fails(problem: Problem, solution: Solution) -> str:
        failing = (await _judged(judge, problem, solution.code, stop_at_first=True)).failing
        return f"{problem.problem_id} {solution.name}: {failing}" if failing else ""

    told = await asyncio.gather(
        *(fails(problem, solution) for problem in PROBLEMS.values() for solution in problem.solutions)
    )
    assert not [each for each in told if each]


async def test_every_buggy_program_fails_and_most_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    judge = Judge(at_once=2)
    kinds = lines = 0
    told = []
    for entry in BUGGY:
        problem = PROBLEMS[int(entry["problem_id"])]
        diagnosis = diagnose(problem, entry["code"], await _judged(judge, problem, entry["code"]))
        found = diagnosis.misconception
        assert found is not None, f"{entry['id']} passes every case"
        if found.kind == entry["kind"]:
            kinds += 1
            lines += entry["line"] in (None, found.line)
        else:
            told.append(f"{entry['id']}: {found.kind} in line {found.line}, not {entry['kind']}")
    with capsys.disabled():
        sys.stdout.write(f"\nmisconceptions: kind {kinds}/{len(BUGGY)}, kind and line {lines}/{len(BUGGY)}\n")
    assert len(BUGGY) >= 30
    assert kinds >= KIND_FLOOR * len(BUGGY), told
    assert lines >= LINE_FLOOR * len(BUGGY), told
