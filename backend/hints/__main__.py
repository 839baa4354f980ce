"""`python -m backend.hints evaluate | check`: whether hints help a simulated student, and what of a file can be used.

Neither needs the database; `evaluate` needs a model that runs.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog

from backend.errors import Language, OndolError
from backend.hints.asking import Progress
from backend.hints.levels import Level
from backend.hints.problem_files import read_problems
from backend.hints.problems import Problem
from backend.hints.rejections import Reason, why
from backend.hints.sandbox import Judge, Verdict
from backend.hints.simulation import Outcome, simulate
from backend.hints.tasks import judged, task_of
from backend.hints.writing import write
from backend.hints.written import Task, Written
from backend.llm.engine import ContextOverflow, Engine
from backend.llm.providers import MAIN
from backend.llm.router import alone
from backend.llm.routes import Workload, provider_for
from backend.settings import REPOSITORY, ConfigurationError, Settings, load

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130
_PROGRAMS = REPOSITORY / "bench" / "data" / "hints_buggy.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0 done, 1 refused or failed, 2 wrong use or configuration."""
    given = _parser().parse_args(arguments)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        settings = load()
        return asyncio.run(
            _evaluate(given, settings) if given.command == "evaluate" else _check(given.file.read_bytes())
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ConfigurationError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except OndolError as error:
        print(error.message(Language.EN), file=sys.stderr)
    except ContextOverflow:
        print("The model's context is too small for this; take one with 4,096 tokens or more.", file=sys.stderr)
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.hints", description="Hints, from the command line.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    evaluate = commands.add_parser("evaluate", help="does a weak model mend programs more often with the hints?")
    evaluate.add_argument("--provider", default=MAIN, help="engine that writes the hints")
    evaluate.add_argument("--student", default="", help="engine that mends; left out: the same one")
    evaluate.add_argument("--programs", type=Path, default=_PROGRAMS, help="JSON: list of {id, problem_id, code}")
    evaluate.add_argument("--limit", type=_count, default=10, help="programs, spread over all of them")
    evaluate.add_argument("--samples", type=_count, default=4, help="tries without, and again with the hint")
    evaluate.add_argument("--level", type=int, choices=[*map(int, Level)], default=int(Level.NEXT_STEP))
    evaluate.add_argument("--language", choices=["ko", "en"], default="en")
    check = commands.add_parser("check", help="read a problem file and run its references: what loads, what does not")
    check.add_argument("file", type=Path)
    return parser


async def _evaluate(given: argparse.Namespace, settings: Settings) -> int:
    problems = {each.problem_id: each for each in read_problems(settings.problems_path.read_bytes()).problems}
    entries = json.loads(given.programs.read_text(encoding="utf-8"))
    chosen = entries[:: max(1, len(entries) // given.limit)][: given.limit]
    teacher, student = _engine(settings, given.provider), _engine(settings, given.student or given.provider)
    judge = Judge()
    outcomes: list[Outcome] = []
    print(f"{'program':<12}{'written by':<12}{'without':>8}{'with':>6}  helps", file=sys.stderr)
    try:
        for entry in chosen:
            task = await _task(judge, problems[int(entry["problem_id"])], entry["code"], given)
            hint = await _hint(task, teacher)
            outcome = await simulate(student, task.problem, task.code, hint.text, task.passes, samples=given.samples)
            outcomes.append(outcome)
            row = f"{entry['id']!s:<12}{hint.source:<12}{outcome.without:>8}{outcome.with_hint:>6}"
            print(f"{row}  {'yes' if outcome.helps else 'no'}", file=sys.stderr, flush=True)
    finally:
        await teacher.close()
        await student.close()
    print(json.dumps(_figures(outcomes, given)))
    return 0


async def _task(judge: Judge, problem: Problem, code: str, given: argparse.Namespace) -> Task:
    judgement = await judged(judge, problem, code)
    return await task_of(judge, problem, code, judgement, level=Level(given.level), language=given.language)


async def _hint(task: Task, engine: Engine) -> Written:
    async with aclosing(write(task, alone(engine).call(Workload.HEAVY))) as events:
        async for event in events:
            if not isinstance(event, Progress):
                return event
    raise RuntimeError("a hint always comes")


def _figures(outcomes: Sequence[Outcome], given: argparse.Namespace) -> dict[str, Any]:
    tries = sum(each.samples for each in outcomes)
    return {
        "programs": len(outcomes),
        "samples": given.samples,
        "level": given.level,
        "language": given.language,
        "helped": sum(each.helps for each in outcomes),
        "solved_without": round(sum(each.without for each in outcomes) / tries, 3),
        "solved_with": round(sum(each.with_hint for each in outcomes) / tries, 3),
    }


async def _check(raw: bytes) -> int:
    """Lists what cannot be used; 1 when there is something."""
    reading = read_problems(raw)
    judge = Judge()
    reason = await judge.available()
    if reason:
        print(f"References are not run: {reason}", file=sys.stderr)
    for each in reading.rejected:
        print(f"{each.position}: {each.title or each.problem_id or '-'}: {each.why.en}")
    failed = 0
    for problem in () if reason else reading.problems:
        for solution in problem.solutions:
            judgement = await judged(judge, problem, solution.code)
            if judgement.verdict is not Verdict.PASSED:
                failed += 1
                said = why(Reason.REFERENCE_FAILS, judgement.verdict)
                print(f"problem {problem.problem_id}: {solution.name or solution.solution_id}: {said.en}")
    print(f"{len(reading.problems)} problems, {len(reading.rejected)} left out, {failed} references fail")
    return FAILED if reading.rejected or failed else 0


def _engine(settings: Settings, name: str) -> Engine:
    return Engine(provider_for(settings, Workload.HEAVY, name), settings.first_token_timeout_s)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


if __name__ == "__main__":
    raise SystemExit(main())
