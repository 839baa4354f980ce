"""Whether reference solutions pass the cases of their own problem. Verdicts are kept: each is found out once."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from backend.hints.problems import Problem, Solution
from backend.hints.sandbox import Case, CaseResult, Judge, Judgement, Verdict
from backend.store.database import Database
from backend.store.models import ReferenceCheck

_RULES = 1  # one more when the judge begins to judge otherwise
_SHOWN = 60


@dataclass(frozen=True)
class Check:
    """How a solution fared. `detail` is empty for one that passed."""

    verdict: Verdict
    detail: str = ""


def content_hash(problem: Problem, solution: Solution) -> bytes:
    """Names a solution together with everything that it is judged by."""
    judged = [_RULES, problem.kind, problem.function_name, solution.code, [[c.input, c.output] for c in problem.cases]]
    return hashlib.sha256(orjson.dumps(judged)).digest()


class ReferenceChecks:
    """Runs references and keeps the verdicts.

    Args:
        database: where the verdicts are.
        judge: runs the programs.
    """

    def __init__(self, database: Database, judge: Judge) -> None:
        self._database, self._judge = database, judge

    async def unavailable(self) -> str:
        """Empty, or why nothing can be run here."""
        return await self._judge.available()

    async def known(self, hashes: Iterable[bytes]) -> Mapping[bytes, Check]:
        """The verdicts that were found out before."""
        async with self._database.session() as session:
            rows = await session.scalars(select(ReferenceCheck).where(ReferenceCheck.content_hash.in_(list(hashes))))
            return {row.content_hash: Check(Verdict(row.verdict), row.detail) for row in rows}

    async def check(self, problem: Problem, solution: Solution) -> Check:
        """Runs one solution on all cases of its problem and keeps the verdict. Raises SandboxUnavailable."""
        judgement = await self._run(problem, solution)
        if judgement.verdict is Verdict.TIME_LIMIT:  # a busy machine is slow; a program that is slow stays it
            judgement = await self._run(problem, solution)
        failing = judgement.failing
        check = Check(judgement.verdict, _detail(problem, failing) if failing is not None else "")
        row = {"content_hash": content_hash(problem, solution), "verdict": check.verdict, "detail": check.detail}
        async with self._database.session() as session:
            await session.execute(insert(ReferenceCheck).values(row).on_conflict_do_nothing())
        return check

    async def _run(self, problem: Problem, solution: Solution) -> Judgement:
        cases = [Case(case.input, case.output) for case in problem.cases]
        return await self._judge.judge(solution.code, cases, function=problem.function_name, stop_at_first=True)


def _detail(problem: Problem, failing: CaseResult) -> str:
    """`example 2: expected "3", got "4"`; a hidden test is named by its number alone."""
    shown = len(problem.examples)
    place = f"example {failing.index + 1}" if failing.index < shown else f"test {failing.index + 1 - shown}"
    if failing.verdict is Verdict.WRONG_ANSWER:
        return f"{place}: expected {_cut(failing.expected)}, got {_cut(failing.got)}"
    where = f", line {failing.line}" if failing.line else ""
    return f"{place}: {failing.verdict}{where} {failing.message}".strip().replace("\0", "")


def _cut(text: str) -> str:
    line = text.strip().replace("\0", "").replace("\n", "⏎")
    return f'"{line[:_SHOWN]}{"…" if len(line) > _SHOWN else ""}"'
