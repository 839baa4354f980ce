"""Attempts, hints and refused texts of learners in the database."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, func, select, update

from backend.errors import UnknownHint
from backend.hints.asking import HIDDEN, Complaint, HintRequest, HintResult, Note, Source
from backend.hints.diagnosis import Diagnosis
from backend.hints.ladder import Given, Tone
from backend.hints.levels import Level
from backend.hints.sandbox import CaseResult, Judgement, Verdict
from backend.hints.written import Written
from backend.store.database import Database
from backend.store.models import Hint, HintAttempt, HintBlock

_KEPT_CHARACTERS = 2_000  # of the texts of a failing case


class Records:
    """Reads and writes what a person did; every method sees only one person's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_attempt(self, user_id: UUID, problem_id: int, code: str, judgement: Judgement) -> UUID:
        """Stores a run; running the same program again is the same attempt."""
        new = HintAttempt(
            id=uuid4(),
            user_id=user_id,
            problem_id=problem_id,
            code=code,
            verdict=judgement.verdict,
            passed=judgement.passed,
            total=judgement.total,
            failing=_stored_case(judgement.failing),
        )
        async with self._database.session() as session:
            last = await session.scalar(_attempts(user_id, problem_id).limit(1))
            if last is not None and last.code == code and last.verdict == new.verdict:
                return last.id
            session.add(new)
        return new.id

    async def attempts(self, user_id: UUID, problem_id: int, limit: int = 30) -> Sequence[HintAttempt]:
        """The last attempts, oldest first."""
        async with self._database.session() as session:
            return list(await session.scalars(_attempts(user_id, problem_id).limit(limit)))[::-1]

    async def count_attempts(self, user_id: UUID, problem_id: int) -> tuple[int, bool]:
        """How many there are, and whether one passed."""
        passed = func.count().filter(HintAttempt.verdict == Verdict.PASSED)
        query = select(func.count(), passed).where(HintAttempt.user_id == user_id, HintAttempt.problem_id == problem_id)
        async with self._database.session() as session:
            row = (await session.execute(query)).one()
        return row[0], row[1] > 0

    async def hints(self, user_id: UUID, problem_id: int | None = None, limit: int = 100) -> Sequence[HintResult]:
        """Hints that were given, oldest first; of all problems for None."""
        query = select(Hint).where(Hint.user_id == user_id).order_by(Hint.created_at.desc(), Hint.id).limit(limit)
        if problem_id is not None:
            query = query.where(Hint.problem_id == problem_id)
        async with self._database.session() as session:
            return [result_of(row) for row in list(await session.scalars(query))[::-1]]

    async def add_hint(
        self,
        user_id: UUID,
        request: HintRequest,
        written: Written,
        *,
        attempt_id: UUID | None,
        diagnosis: Diagnosis,
        comparison_id: UUID | None,
    ) -> HintResult:
        """Stores a hint with the texts that were refused before it."""
        row = Hint(
            id=uuid4(),
            user_id=user_id,
            problem_id=request.problem_id,
            attempt_id=attempt_id,
            level_asked=written.level_asked,
            level_given=written.level,
            tone=request.tone,
            language=request.language,
            provider=written.provider,
            model=written.model,
            hosted=written.hosted,
            text=written.text,
            source=written.source,
            note=written.note,
            diagnosis=diagnosis.facts(),
            guard=written.guard | {"blocked": sum(each.is_leak for each in written.refused)},
            validation=written.validation,
            comparison_id=comparison_id,
            prompt_tokens=written.prompt_tokens,
            completion_tokens=written.completion_tokens,
            duration_ms=written.duration_ms,
        )
        async with self._database.session() as session:
            session.add(row)
            await session.flush()
            session.add_all(
                HintBlock(
                    hint_id=row.id,
                    user_id=user_id,
                    problem_id=request.problem_id,
                    level=each.level,
                    text=storable(each.text),
                    reasons=list(each.reasons),
                    attempt=each.attempt,
                )
                for each in written.refused
            )
            await session.refresh(row, ["created_at"])
        return result_of(row)

    async def rate(self, user_id: UUID, hint_id: UUID, rating: int | None, complaint: Complaint | None) -> HintResult:
        """Stores what the person thinks of a hint; None takes it back. Raises UnknownHint."""
        changed = (
            update(Hint)
            .where(Hint.id == hint_id, Hint.user_id == user_id)
            .values(rating=rating, complaint=complaint)
            .returning(Hint)
        )
        async with self._database.session() as session:
            row = await session.scalar(changed)
        if row is None:
            raise UnknownHint
        return result_of(row)


def result_of(row: Hint) -> HintResult:
    """A stored hint as people see it: without what would tell them what to do."""
    return HintResult(
        hint_id=row.id,
        problem_id=row.problem_id,
        attempt_id=row.attempt_id,
        text=row.text,
        level_asked=Level(row.level_asked),
        level=Level(row.level_given),
        tone=Tone(row.tone),
        language="en" if row.language == "en" else "ko",
        source=Source(row.source),
        note=Note(row.note) if row.note else None,
        provider=row.provider,
        model=row.model,
        hosted=row.hosted,
        diagnosis={name: value for name, value in row.diagnosis.items() if name not in HIDDEN},
        guard=row.guard,
        validation=row.validation,
        comparison_id=row.comparison_id,
        rating=row.rating,
        complaint=Complaint(row.complaint) if row.complaint else None,
        duration_ms=row.duration_ms,
        created_at=row.created_at,
    )


def given(hints: Sequence[HintResult]) -> Sequence[Given]:
    """What counts on the ladder: a comparison once, and hints about programs that passed not at all."""
    steps: dict[UUID, Given] = {}
    for each in hints:
        if each.note is not Note.SOLVED:
            steps[each.comparison_id or each.hint_id] = Given(each.level_asked, each.level)
    return list(steps.values())


def judgement_of(attempt: HintAttempt) -> Judgement:
    """As much of a run as was stored: its smallest failing case."""
    if attempt.failing is None:
        return Judgement(())
    stored = {**attempt.failing, "verdict": Verdict(attempt.failing["verdict"])}
    return Judgement((CaseResult(**stored),))


def storable(text: str) -> str:
    """The text without what neither UTF-8 nor the database can hold."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _attempts(user_id: UUID, problem_id: int) -> Select[HintAttempt]:
    return (
        select(HintAttempt)
        .where(HintAttempt.user_id == user_id, HintAttempt.problem_id == problem_id)
        .order_by(HintAttempt.created_at.desc(), HintAttempt.id)
    )


def _stored_case(case: CaseResult | None) -> dict[str, Any] | None:
    if case is None:
        return None
    texts = {
        name: storable(getattr(case, name)[:_KEPT_CHARACTERS])
        for name in ("input", "expected", "got", "message", "call")
    }
    return asdict(case) | texts | {"verdict": case.verdict.value}
