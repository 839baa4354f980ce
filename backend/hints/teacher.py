"""What admins see of learners: who is stuck where, which hints were given, what was kept back, how hints were rated."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import orjson
from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from backend.errors import UnknownProblem
from backend.hints.asking import GUARD_REASONS, Complaint, Source
from backend.hints.bank import ProblemBank
from backend.hints.problems import LanguageName
from backend.hints.sandbox import Verdict
from backend.store.database import Database
from backend.store.models import Hint, HintAttempt, HintBlock, User

_MAX_ROWS = 2_000
_MAX_BLOCKED = 200
_BOM = "\ufeff"  # by which spreadsheets know the encoding
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Stuck:
    """A person at a problem.

    Attributes:
        attempts: different programs that were run.
        last_verdict: of the last one; None where only hints were asked.
        solved: one of them passed.
        hints: how many were given; `deepest_level`: of them.
        last_at: of the last attempt or hint.
    """

    username: str
    problem_id: int
    title: str
    attempts: int
    last_verdict: str | None
    solved: bool
    hints: int
    deepest_level: int | None
    last_at: datetime


@dataclass(frozen=True)
class LevelCount:
    """Hints of one level: how many, by whom they were written, and what learners say of them."""

    level: int
    hints: int
    from_model: int
    from_template: int
    liked: int
    disliked: int
    too_much: int
    too_little: int
    wrong: int


@dataclass(frozen=True)
class Blocked:
    """A text that the leak guard kept back."""

    username: str
    problem_id: int
    level: int
    attempt: int
    reasons: tuple[str, ...]
    text: str
    created_at: datetime


@dataclass(frozen=True)
class Report:
    """Everything at one time.

    Attributes:
        stuck: the unsolved first, of these the ones with most attempts.
        blocked: the last texts that the leak guard kept back, the newest first.
        reasons: how often each kept a text back, those of the validation included.
    """

    stuck: tuple[Stuck, ...]
    levels: tuple[LevelCount, ...]
    blocked: tuple[Blocked, ...]
    reasons: dict[str, int]


class Teacher:
    """Reads what all learners did. Whoever calls it has made sure that an admin asks.

    Args:
        database: attempts, hints and blocked texts.
        bank: names the problems.
    """

    def __init__(self, database: Database, bank: ProblemBank) -> None:
        self._database = database
        self._bank = bank

    async def report(self, language: LanguageName = "ko") -> Report:
        """The report as it is now."""
        return Report(
            stuck=tuple(await self.stuck(language)),
            levels=tuple(await self.levels()),
            blocked=tuple(await self.blocked()),
            reasons=await self.reasons(),
        )

    async def stuck(self, language: LanguageName = "ko") -> Sequence[Stuck]:
        """Every person at every problem that was tried: the unsolved first, of these the ones with most attempts."""
        tried = (
            select(
                HintAttempt.user_id,
                HintAttempt.problem_id,
                func.count().label("attempts"),
                func.bool_or(HintAttempt.verdict == Verdict.PASSED).label("solved"),
                func.max(HintAttempt.created_at).label("last_at"),
            )
            .group_by(HintAttempt.user_id, HintAttempt.problem_id)
            .subquery()
        )
        helped = (
            select(
                Hint.user_id,
                Hint.problem_id,
                func.count().label("hints"),
                func.max(Hint.level_given).label("deepest"),
                func.max(Hint.created_at).label("last_at"),
            )
            .group_by(Hint.user_id, Hint.problem_id)
            .subquery()
        )
        last = (
            select(HintAttempt.user_id, HintAttempt.problem_id, HintAttempt.verdict)
            .ext(distinct_on(HintAttempt.user_id, HintAttempt.problem_id))
            .order_by(HintAttempt.user_id, HintAttempt.problem_id, HintAttempt.created_at.desc())
            .subquery()
        )
        solved = func.coalesce(tried.c.solved, False)
        attempts = func.coalesce(tried.c.attempts, 0)
        user_id = func.coalesce(tried.c.user_id, helped.c.user_id)
        problem_id = func.coalesce(tried.c.problem_id, helped.c.problem_id)
        both = tried.join(
            helped,
            and_(tried.c.user_id == helped.c.user_id, tried.c.problem_id == helped.c.problem_id),
            full=True,
        )
        query = (
            select(
                User.username,
                problem_id.label("problem_id"),
                attempts.label("attempts"),
                last.c.verdict,
                solved.label("solved"),
                func.coalesce(helped.c.hints, 0).label("hints"),
                helped.c.deepest,
                func.greatest(tried.c.last_at, helped.c.last_at).label("last_at"),
            )
            .select_from(both)
            .join(User, User.id == user_id)
            .outerjoin(last, and_(last.c.user_id == user_id, last.c.problem_id == problem_id))
            .order_by(solved, attempts.desc(), User.username, problem_id)
            .limit(_MAX_ROWS)
        )
        async with self._database.session() as session:
            rows = (await session.execute(query)).all()
        titles = {number: await self._title(number, language) for number in {row.problem_id for row in rows}}
        return [
            Stuck(
                username=row.username,
                problem_id=row.problem_id,
                title=titles[row.problem_id],
                attempts=row.attempts,
                last_verdict=row.verdict,
                solved=row.solved,
                hints=row.hints,
                deepest_level=row.deepest,
                last_at=row.last_at,
            )
            for row in rows
        ]

    async def levels(self) -> Sequence[LevelCount]:
        """Hints by the level given, with what learners say of them."""
        counted = func.count()
        query = (
            select(
                Hint.level_given.label("level"),
                counted.label("hints"),
                counted.filter(Hint.source == Source.MODEL).label("from_model"),
                counted.filter(Hint.source == Source.TEMPLATE).label("from_template"),
                counted.filter(Hint.rating == 1).label("liked"),
                counted.filter(Hint.rating == -1).label("disliked"),
                *(counted.filter(Hint.complaint == each).label(each.value) for each in Complaint),
            )
            .group_by(Hint.level_given)
            .order_by(Hint.level_given)
        )
        async with self._database.session() as session:
            return [LevelCount(**row) for row in (await session.execute(query)).mappings()]

    async def blocked(self, limit: int = _MAX_BLOCKED) -> Sequence[Blocked]:
        """Texts that the leak guard kept back, the newest first."""
        query = (
            select(HintBlock, User.username)
            .join(User, User.id == HintBlock.user_id)
            .where(HintBlock.reasons.bool_op("&&")(list(GUARD_REASONS)))
            .order_by(HintBlock.created_at.desc(), HintBlock.id)
            .limit(limit)
        )
        async with self._database.session() as session:
            rows = (await session.execute(query)).all()
        return [
            Blocked(
                username=name,
                problem_id=row.problem_id,
                level=row.level,
                attempt=row.attempt,
                reasons=tuple(row.reasons),
                text=row.text,
                created_at=row.created_at,
            )
            for row, name in rows
        ]

    async def reasons(self) -> dict[str, int]:
        """How often each reason kept a text back, the leak guard's and the others; the most frequent first."""
        each = select(func.unnest(HintBlock.reasons).label("reason")).subquery()
        counted = func.count()
        query = select(each.c.reason, counted).group_by(each.c.reason).order_by(counted.desc(), each.c.reason)
        async with self._database.session() as session:
            return {name: count for name, count in await session.execute(query)}  # noqa: C416 - rows are no pairs to mypy

    async def _title(self, problem_id: int, language: LanguageName) -> str:
        try:
            return (await self._bank.get(problem_id)).in_language(language).title
        except UnknownProblem:  # it was taken out since
            return ""


def as_csv(report: Report) -> bytes:
    """Who is stuck where, as a table that spreadsheets open; no cell of it is taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = [field.name for field in fields(Stuck)]
    writer.writerow(names)
    for row in report.stuck:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    return (_BOM + text.getvalue()).encode()


def as_json(report: Report) -> bytes:
    """The whole report."""
    return orjson.dumps(report, option=orjson.OPT_INDENT_2)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
