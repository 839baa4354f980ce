"""Hints for learners: runs a program, works out what is wrong, has a hint written that helps and gives nothing away."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Protocol
from uuid import UUID, uuid4

from backend.activity import Activity
from backend.errors import NothingToCompare, TooManyHints
from backend.hints.asking import (
    MAX_HISTORY,
    Complaint,
    HintRequest,
    HintResult,
    Learnt,
    Note,
    ProblemProgress,
    Progress,
    Stage,
)
from backend.hints.bank import ProblemBank
from backend.hints.diagnosis import StepState, diagnose
from backend.hints.ladder import level_for, next_level, open_levels
from backend.hints.leak_guard import MAX_EARLIER
from backend.hints.levels import Level
from backend.hints.problems import LanguageName, Problem
from backend.hints.records import Records, given, judgement_of
from backend.hints.sandbox import Judge, Judgement
from backend.hints.side_by_side import side_by_side
from backend.hints.tasks import judged, task_of
from backend.hints.templates import overcome
from backend.hints.written import Task, Written
from backend.llm.call import Call
from backend.llm.router import Router
from backend.llm.routes import Workload
from backend.settings import Settings
from backend.store.database import Database

MAX_COMPARED = 3


class HintMetrics(Protocol):
    """What the metrics of the web layer count of hints."""

    def hint_given(self, *, level: int, source: str) -> None: ...

    def hint_blocked(self, *, reason: str) -> None: ...

    def program_run(self, *, verdict: str) -> None: ...


class HintService:
    """The one way to run a program and to get a hint, for the page and for the API.

    Args:
        database: where attempts and hints are kept.
        settings: limits.
        judge: runs programs.
        bank: the problems.
        router: asks the models.
        metrics: counts.
        activity: of the process; work is counted there, and refused while it drains.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        judge: Judge,
        bank: ProblemBank,
        *,
        router: Router,
        metrics: HintMetrics,
        activity: Activity | None = None,
    ) -> None:
        self._activity = activity or Activity()
        self._settings = settings
        self._metrics = metrics
        self._records = Records(database)
        self._writing: list[UUID] = []
        self.judge = judge
        self.bank = bank
        self.router = router

    async def run(self, user_id: UUID, problem_id: int, code: str) -> Judgement:
        """Runs a program against all cases of a problem and stores the attempt.

        Raises:
            UnknownProblem: there is no such problem.
            ProgramEmpty, ProgramTooLarge, ProgramNotText: nothing was run.
            SandboxUnavailable: no program can be run here.
        """
        problem = await self.bank.get(problem_id)
        self._activity.admit()
        with self._activity.work("hints"):
            judgement = await self._judged(problem, code)
            await self._records.add_attempt(user_id, problem_id, code, judgement)
        return judgement

    async def stream(self, user_id: UUID, request: HintRequest) -> AsyncGenerator[Progress | HintResult, None]:
        """Makes a hint: stages while it is made, then the hint, which is stored. Closing it stops the engine.

        A model that is down, leaks or writes nonsense ends in a template; that is no error.

        Raises:
            UnknownProblem, UnknownProvider, HostedNotAllowed: before anything is done.
            ProgramTooLarge, ProgramNotText, SandboxUnavailable: the program was not run.
            TooManyHints: too many are being made for this person.
        """
        async with aclosing(self._made(user_id, request, [self._call(request.provider)], None)) as events:
            async for event in events:
                yield event

    async def compare(
        self, user_id: UUID, request: HintRequest, providers: Sequence[str]
    ) -> AsyncGenerator[Progress | HintResult, None]:
        """Has up to three engines write the same hint side by side; yields their stages and each hint when it is done.

        Raises what `stream` raises, and NothingToCompare for fewer than two engines or more than `MAX_COMPARED`.
        """
        chosen = list(dict.fromkeys(providers))
        if not 2 <= len(chosen) <= MAX_COMPARED:
            raise NothingToCompare(limit=MAX_COMPARED)
        calls = [self._call(name) for name in chosen]
        async with aclosing(self._made(user_id, request, calls, uuid4())) as events:
            async for event in events:
                yield event

    async def rate(
        self, user_id: UUID, hint_id: UUID, rating: int | None, complaint: Complaint | None = None
    ) -> HintResult:
        """Stores what a person thinks of a hint: 1, -1 or None, and what is wrong with it. Raises UnknownHint."""
        return await self._records.rate(user_id, hint_id, rating, complaint)

    async def history(self, user_id: UUID, problem_id: int | None = None) -> Sequence[HintResult]:
        """Hints of a person, oldest first, of all problems for None."""
        return await self._records.hints(user_id, problem_id)

    async def progress(self, user_id: UUID, problem_id: int) -> ProblemProgress:
        """How far a person is with a problem. Raises UnknownProblem."""
        await self.bank.get(problem_id)
        steps = given(await self._records.hints(user_id, problem_id))
        attempts, solved = await self._records.count_attempts(user_id, problem_id)
        last = next(iter(await self._records.attempts(user_id, problem_id, 1)), None)
        return ProblemProgress(
            problem_id=problem_id,
            attempts=attempts,
            solved=solved,
            code=last.code if last else "",
            verdict=last.verdict if last else None,
            next_level=next_level(steps),
            open_levels=open_levels(steps),
            given={level: sum(step.given is level for step in steps) for level in Level},
        )

    async def learnt(self, user_id: UUID, problem_id: int, language: LanguageName = "ko") -> Learnt:
        """What a person has learnt at a problem so far. Raises UnknownProblem."""
        problem = (await self.bank.get(problem_id)).in_language(language)
        attempts = await self._records.attempts(user_id, problem_id)
        count, solved = await self._records.count_attempts(user_id, problem_id)
        hints = await self._records.hints(user_id, problem_id)
        found = await asyncio.to_thread(lambda: [diagnose(problem, each.code, judgement_of(each)) for each in attempts])
        last = found[-1] if found else None
        still = last.misconception.kind if last and last.misconception else None
        kinds = dict.fromkeys(each.misconception.kind for each in found if each.misconception)
        steps = [each.step.goal for each in last.steps if each.state is StepState.DONE] if last else []
        return Learnt(
            solved=solved,
            attempts=count,
            hints=len(hints),
            steps=tuple(steps),
            overcome=tuple(text for kind in kinds if kind is not still and (text := overcome(kind, language))),
        )

    def _call(self, provider: str | None) -> Call:
        return self.router.call(Workload.HEAVY, provider=provider)

    async def _judged(self, problem: Problem, code: str) -> Judgement:
        judgement = await judged(self.judge, problem, code)
        self._metrics.program_run(verdict=judgement.verdict)
        return judgement

    async def _made(
        self, user_id: UUID, request: HintRequest, calls: Sequence[Call], comparison_id: UUID | None
    ) -> AsyncGenerator[Progress | HintResult, None]:
        problem = await self.bank.get(request.problem_id)
        self._activity.admit()
        with self._place(user_id), self._activity.work("hints"):
            yield Progress(Stage.RUNNING)
            judgement = attempt_id = None
            if request.code.strip():
                judgement = await self._judged(problem, request.code)
                attempt_id = await self._records.add_attempt(user_id, request.problem_id, request.code, judgement)
            yield Progress(Stage.READING)
            task = await self._task(user_id, request, problem, judgement)
            async with aclosing(side_by_side(task, calls)) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        yield event if comparison_id else replace(event, provider=None)
                        continue
                    self._count(event)
                    yield await self._records.add_hint(
                        user_id,
                        request,
                        event,
                        attempt_id=attempt_id,
                        diagnosis=task.diagnosis,
                        comparison_id=comparison_id,
                    )

    async def _task(self, user_id: UUID, request: HintRequest, problem: Problem, judgement: Judgement | None) -> Task:
        before = await self._records.hints(user_id, request.problem_id, limit=MAX_EARLIER)
        level = level_for(request.level, given(before))
        return await task_of(
            self.judge,
            problem,
            request.code,
            judgement,
            level=level,
            level_asked=request.level,
            tone=request.tone,
            language=request.language,
            earlier=[*request.history[-MAX_HISTORY:], *(each.text for each in before if each.note is not Note.SOLVED)],
        )

    def _count(self, written: Written) -> None:
        self._metrics.hint_given(level=written.level, source=written.source)
        for refused in written.refused:
            for reason in refused.reasons:
                self._metrics.hint_blocked(reason=reason)

    @contextmanager
    def _place(self, user_id: UUID) -> Iterator[None]:
        limit = self._settings.streams_per_user
        if self._writing.count(user_id) >= limit:
            raise TooManyHints(limit=limit)
        self._writing.append(user_id)
        try:
            yield
        finally:
            self._writing.remove(user_id)
