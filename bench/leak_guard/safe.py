"""Hints as a good tutor gives them: about the learner's own program, and nothing of the solution."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from backend.hints.levels import Level
from backend.hints.problems import Example, Problem
from bench.leak_guard.sentences import (
    ANALOGOUS_BLOCKS,
    ANALOGOUS_FRAME,
    ANALOGOUS_LINES,
    ANALOGOUS_WORDS,
    ANY,
    BY_LEVEL,
)
from bench.leak_guard.states import significant

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class SafeHint:
    text: str
    level: Level


def safe_prose(problem: Problem, program: str, korean: bool, random: Random) -> list[SafeHint]:
    """A hint for each level, and those that fit any level."""
    facts = _facts(problem, program, korean, random)
    found = []
    for level in Level:
        fitting = [text for text in BY_LEVEL[level][korean] if _fits(text, facts)]
        if fitting:
            found.append(SafeHint(random.choice(fitting).format(**facts), level))
        first, second = random.sample([text for text in ANY[korean] if _fits(text, facts)], 2)
        found.append(SafeHint(f"{first} {second}".format(**facts), level))
    return found


def analogous(problem: Problem, others: Sequence[str], korean: bool, random: Random) -> list[SafeHint]:
    """An example of another task for each level, as much of it as the level has room for.

    Args:
        others: programs for other problems, of which some lines are shown as well.
    """
    found = [SafeHint(random.choice(ANALOGOUS_WORDS[korean]), level) for level in (Level.CONCEPT, Level.PLAN)]
    known = problem.description + "".join(solution.code for solution in problem.solutions)
    for level, pool, form in (
        (Level.NEXT_STEP, ANALOGOUS_LINES, "`{}`"),
        (Level.PSEUDO_CODE, ANALOGOUS_BLOCKS, "\n```python\n{}\n```"),
    ):
        foreign = [code for code in pool if not any(line.strip() in known for line in code.split("\n"))]
        found.append(SafeHint(ANALOGOUS_FRAME[korean].format(example=form.format(random.choice(foreign))), level))
        lines = _foreign_lines(others, known, random)[: 1 if level is Level.NEXT_STEP else 3]
        if lines:
            example = form.format("\n".join(lines))
            found.append(SafeHint(ANALOGOUS_FRAME[korean].format(example=example), level))
    return found


def _foreign_lines(others: Sequence[str], known: str, random: Random) -> list[str]:
    """Neighbouring lines of another program that do something of their own; what every program has is no example."""
    code = random.choice(others) if others else ""
    lines = [line for line in significant(code) if len(line.strip()) > 8 and not re.search("input|print|def ", line)]
    start = random.randrange(len(lines)) if lines else 0
    return [line for line in lines[start : start + 3] if line.strip() not in known]


def _facts(problem: Problem, program: str, korean: bool, random: Random) -> dict[str, str]:
    facts = dict[str, str]()
    lines = significant(program)
    if lines:
        at = random.randrange(len(lines))
        facts |= {"line": lines[at].strip(), "at": str(at + 1)}
        names = [name for name in _WORD.findall(lines[at]) if name not in {"for", "in", "if", "print", "int", "input"}]
        if names:
            facts["name"] = names[0]
    case = _short(problem.examples)
    if case:
        facts |= {"given": " ".join(case.input.split()), "wanted": " ".join(case.output.split())}
        facts["got"] = re.sub(r"\d+", lambda number: str(int(number[0]) + 1), facts["wanted"])
    goals = [step.goal for solution in problem.solutions for step in solution.steps if step.goal]
    goals = [goal for goal in goals if korean == any("가" <= each <= "힣" for each in goal)]
    if goals:
        facts["goal"] = random.choice(goals)
    return facts


def _short(cases: Sequence[Example]) -> Example | None:
    return min((case for case in cases if len(case.input) < 80), key=lambda case: len(case.input), default=None)


def _fits(template: str, facts: dict[str, str]) -> bool:
    return all(name in facts for name in re.findall(r"\{(\w+)\}", template))
