"""The leak guard, measured on a file of problems: prints one JSON line of the shares that it refuses.

    python -m bench.leak_guard --problems data/problems_multi_solution.json

From each reference solution come programs of learners (`bench.leak_guard.states`), and for each of them hints that
give the solution away (`leaks`) and hints that do not (`safe`). A leak is judged at every level. References that do
not parse are left out unless `--broken` is given, and are counted either way. Times are of the processor, a hint.
"""

import argparse
import ast
import asyncio
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

from backend.hints.leak_guard import GuardReport, Material, candidates, check, prepare
from backend.hints.levels import Level
from backend.hints.problem_files import read_problems
from backend.hints.problems import Kind, Problem, Solution
from backend.hints.sandbox import Case, Judge
from backend.hints.source import program_lines
from bench.leak_guard import leaks, safe
from bench.leak_guard.states import State, states


@dataclass(frozen=True)
class Place:
    """Where a hint is given."""

    problem: Problem
    state: State
    material: Material


class Tally:
    """Hints by kind: how many were judged and how many refused; milliseconds each took; what was judged wrongly."""

    def __init__(self) -> None:
        self.judged, self.refused = Counter[str](), Counter[str]()
        self.times: list[float] = []
        self.wrong: list[str] = []

    def add(self, kind: str, at: Place, level: Level, *, refused: bool, expected: bool, text: str) -> None:
        self.judged[kind] += 1
        self.refused[kind] += refused
        if refused != expected:
            self.wrong.append(
                f"===== {kind}/{at.state.name}\nlevel {level}\n--- program\n{at.state.program}\n"
                f"--- reference\n{at.state.reference}\n--- hints\n{text}\n"
            )

    def shares(self) -> dict[str, float]:
        return {kind: round(self.refused[kind] / count, 4) for kind, count in self.judged.items()}


class Bench:
    """One run over problems with a solution of each. `judge` runs candidates where there is one."""

    def __init__(self, pairs: list[tuple[Problem, Solution]], seed: int, judge: Judge | None) -> None:
        self.pairs, self.seed, self.judge, self.tally = pairs, seed, judge, Tally()

    async def run(self) -> None:
        for problem, solution in self.pairs:
            await self.problem(problem, solution)

    async def problem(self, problem: Problem, solution: Solution) -> None:
        random = Random(f"{self.seed} {problem.problem_id} {solution.solution_id}")
        korean = random.random() < 0.5
        texts = problem.in_language("ko" if korean else "en")
        others = [one.code for other, one in self.pairs if other.problem_id != problem.problem_id]
        for state in states(solution.code, random):
            material = prepare([each.code for each in problem.solutions], state.program, _known(problem))
            at = Place(problem, state, material)
            for kind, make in leaks.KINDS.items():
                if hints := make(state.reference, state.program, korean, random):
                    await self.leak(at, kind, hints)
            for hint in safe.safe_prose(texts, state.program, korean, random):
                await self.safe(at, "safe_prose", hint)
            for hint in safe.analogous(texts, others, korean, random):
                await self.safe(at, "analogous", hint)

    async def leak(self, at: Place, kind: str, hints: list[str]) -> None:
        """Judged at each level; of several hints each with those before it, and one refused is enough."""
        for level in Level:
            reports = [await self.judged(at, level, hint, hints[:count]) for count, hint in enumerate(hints)]
            refused = any(not report.allowed for report in reports)
            self.tally.add(kind, at, level, refused=refused, expected=True, text="\n---\n".join(hints))

    async def safe(self, at: Place, kind: str, hint: safe.SafeHint) -> None:
        report = await self.judged(at, hint.level, hint.text, [])
        text = f"{hint.text}\n{report.reasons} {report.measures.alone}"
        self.tally.add(kind, at, hint.level, refused=not report.allowed, expected=False, text=text)

    async def judged(self, at: Place, level: Level, hint: str, earlier: list[str]) -> GuardReport:
        started = time.process_time()
        report = check(hint, level, at.material, earlier=earlier)
        self.tally.times.append((time.process_time() - started) * 1000)
        if report.allowed and self.judge:
            cases = [Case(case.input, case.output) for case in at.problem.cases]
            for candidate in candidates(hint, at.state.program, earlier):
                if await self.judge.passes(candidate, cases, function=at.problem.function_name):
                    return check(hint, level, at.material, earlier=earlier, executes=True)
        return report


def usable(problems: list[Problem], *, broken: bool) -> list[tuple[Problem, Solution]]:
    """Problems with each reference that has a line of code, calls something and parses, or need not."""
    return [
        (problem, solution)
        for problem in problems
        for solution in problem.solutions
        if _does_something(solution.code) and (broken or _parses(solution.code))
    ]


def _does_something(code: str) -> bool:
    return any("(" in line.tokens for line in program_lines(code)) and "\n...\n" not in code


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True


def _known(problem: Problem) -> list[str]:
    texts = [problem.title, problem.description, problem.input_description, problem.output_description]
    for one in problem.translations:
        texts += [one.title, one.description, one.input_description, one.output_description]
    texts += [text for case in problem.examples for text in (case.input, case.output)]
    return [*texts, problem.function_name] if problem.kind is Kind.FUNCTION else texts


async def measured(options: argparse.Namespace) -> dict[str, Any]:
    reading = read_problems(options.problems.read_bytes())
    problems = [problem for place, problem in enumerate(reading.problems) if options.half in (None, place % 2)]
    problems = problems[: options.limit]
    pairs = usable(problems, broken=options.broken)
    bench = Bench(pairs, options.seed, Judge() if options.execute else None)
    await bench.run()
    for text in bench.tally.wrong[: options.show]:
        print(text, file=sys.stderr)
    return {
        **bench.tally.shares(),
        "problems": len({problem.problem_id for problem, _ in pairs}),
        "solutions": len(pairs),
        "solutions_left_out": sum(len(problem.solutions) for problem in problems) - len(pairs),
        "hints": sum(bench.tally.judged.values()),
        "median_ms": round(statistics.median(bench.tally.times), 2) if bench.tally.times else None,
        "max_ms": round(max(bench.tally.times), 2) if bench.tally.times else None,
        "executed": options.execute,
    }


def main() -> int:
    options = _options()
    try:
        result = asyncio.run(measured(options))
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.leak_guard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=Path, required=True, help="file of problems with solutions")
    parser.add_argument("--limit", type=int, help="only the first N problems")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", type=int, choices=(0, 1), help="only problems at even (0) or odd (1) places")
    parser.add_argument("--broken", action="store_true", help="also references that do not parse")
    parser.add_argument("--execute", action="store_true", help="run candidates in the sandbox as well")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N wrong verdicts to standard error")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
