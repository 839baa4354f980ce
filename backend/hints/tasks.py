"""From a problem and a program to the task that a hint is written from."""

import asyncio
from collections.abc import Sequence

from backend.errors import ProgramEmpty, ProgramNotText, ProgramTooLarge
from backend.hints.diagnosis import diagnose
from backend.hints.ladder import Tone
from backend.hints.leak_guard import prepare
from backend.hints.levels import Level
from backend.hints.problems import Kind, LanguageName, Problem
from backend.hints.sandbox import Case, Judge, Judgement
from backend.hints.written import Earlier, Task

_MAX_PRINTED = 2_000  # characters of what the program gave, as much as a learner is shown
_NOTHING = "pass\n"  # run in place of an empty program, to know what the problem expects


async def judged(judge: Judge, problem: Problem, code: str) -> Judgement:
    """How a program fares on all cases of a problem. Raises what `Judge.judge` raises."""
    return await judge.judge(code, _cases(problem), function=_function(problem))


async def task_of(
    judge: Judge,
    problem: Problem,
    code: str,
    judgement: Judgement | None,
    *,
    level: Level,
    level_asked: Level | None = None,
    tone: Tone = Tone.NOVICE,
    language: LanguageName = "ko",
    earlier: Sequence[str] = (),
) -> Task:
    """Works out what is known of a program.

    Args:
        problem: in any language; the task has it in that of the hint, where it is translated.
        judgement: of the program; None for an empty one.
        level_asked: None: the same as `level`.
        earlier: hints that the learner has seen, oldest first.
    """
    translated = problem.in_language(language)
    if judgement is None:
        judgement = await judged(judge, problem, _NOTHING)
    known = [
        problem.description,
        translated.description,
        translated.input_description,
        translated.output_description,
        judgement.failing.got[:_MAX_PRINTED] if judgement.failing else "",
        *(part for case in problem.cases for part in (case.input, case.output)),
    ]
    solutions = [solution.code for solution in problem.solutions]

    async def passes(program: str) -> bool:
        try:
            return await judge.passes(program, _cases(problem), function=_function(problem))
        except (ProgramEmpty, ProgramNotText, ProgramTooLarge):
            return False

    return Task(
        problem=translated,
        code=code,
        diagnosis=await asyncio.to_thread(diagnose, translated, code, judgement),
        level_asked=level_asked or level,
        level=level,
        tone=tone,
        language=language,
        material=await asyncio.to_thread(prepare, solutions, code, known),
        earlier=Earlier(tuple(dict.fromkeys(earlier))),
        passes=passes,
    )


def _cases(problem: Problem) -> list[Case]:
    return [Case(each.input, each.output) for each in problem.cases]


def _function(problem: Problem) -> str:
    return problem.function_name if problem.kind is Kind.FUNCTION else ""
