"""Templates for every program of ours that fails: each may be shown, is in its language and names what is there."""

import json

import pytest

from backend.hints.ladder import Tone
from backend.hints.language import is_in
from backend.hints.leak_guard import candidates, check
from backend.hints.levels import Level
from backend.hints.problem_files import read_problems
from backend.hints.problems import LanguageName
from backend.hints.sandbox import Judge
from backend.hints.tasks import judged, task_of
from backend.hints.templates import solved, templates
from backend.hints.validation import Subject, validate
from backend.settings import REPOSITORY
from tests.fixtures.hints import ENDLESS, PROBLEMS, SOLVED, TEMPERATURES, problem

BUGGY = json.loads((REPOSITORY / "bench" / "data" / "hints_buggy.json").read_text(encoding="utf-8"))
# A line that is too long to be quoted, and one that prints what looks like code.
UNQUOTABLE = (
    "print([number for number, value in enumerate(input().split()) if float(value) == 36.5 and number > 0 or not value]"
    " or [2])\n",
    "print('best = temps; ' * 5)  # temps = [float(x) for x in input().split()]\n",
)
ODD = [
    {"problem_id": TEMPERATURES, "code": code}
    for code in (
        *("", "# nothing\n", "for\n", "import socket\n", ENDLESS, "print(1 / 0)\n", "x = [0] * 10**10\n", "💥"),
        *UNQUOTABLE,
    )
]


LANGUAGES: tuple[LanguageName, ...] = ("ko", "en")


async def test_one_of_the_templates_may_always_be_shown() -> None:
    judge = Judge()
    problems = {each.problem_id: each for each in read_problems(PROBLEMS.read_bytes()).problems}
    tones = list(Tone)
    for number, entry in enumerate([*BUGGY, *ODD]):
        posed, code = problems[int(entry["problem_id"])], entry["code"]
        judgement = await judged(judge, posed, code) if code else None
        for language in LANGUAGES:
            task = await task_of(judge, posed, code, judgement, level=Level.ORIENT, language=language)
            for level in Level:
                tone = tones[(number + level) % len(tones)]
                for text in templates(task.problem, task.diagnosis, level, tone=tone, language=language):
                    if check(text, level, task.material).allowed:
                        break
                else:
                    pytest.fail(f"no template for {entry} at {level}")
                found = validate(text, Subject(task.problem, task.diagnosis, level, language))
                assert found.ok, (entry, level, found, text)
                assert is_in(text, language, known=f"{code}\n{task.problem.description}"), text
            assert not [each for each in candidates(text, code) if await task.passes(each)]


@pytest.mark.parametrize("language", ["ko", "en"])
async def test_who_solved_it_reads_what_was_worked_out(language: LanguageName) -> None:
    judge = Judge()
    task = await task_of(judge, problem(), SOLVED, await judged(judge, problem(), SOLVED), level=Level.PLAN)
    text = solved(task.diagnosis, language)
    assert is_in(text, language, known=SOLVED)
    assert "7" in text
