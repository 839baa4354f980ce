"""The JSON API of hints: problems, running a program, asking for a hint, rating it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from backend.accounts.identity import Identity, Scope
from backend.errors import Language, OndolError, ProgramEmpty
from backend.hints.asking import HintRequest, HintResult, Progress
from backend.hints.levels import Level
from backend.hints.problems import LanguageName, Problem
from backend.hints.sandbox import CaseResult, Judgement
from backend.hints.service import HintService
from backend.web.hints_schemas import (
    CaseView,
    ExampleView,
    HintBody,
    HintRating,
    HintView,
    ProblemQuery,
    ProblemSummary,
    ProblemView,
    RunRequest,
    RunView,
    SolutionView,
)
from backend.web.identity import require_scope
from backend.web.language import language_of
from backend.web.leaving import READER_LEFT

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]
Asker = Annotated[Identity, Depends(require_scope(Scope.CHAT))]
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]


def router(hints: HintService) -> APIRouter:
    """Routes under `/api/v1`."""
    api = APIRouter(prefix="/api/v1", tags=["hints"])
    _add_problems(api, hints)

    @api.post("/run")
    async def run_program(who: Asker, body: RunRequest) -> RunView:
        """Runs a program against all cases of a problem; the attempt is stored."""
        problem = await hints.bank.get(body.problem_id)
        return _run_view(await hints.run(who.user_id, body.problem_id, body.code), len(problem.examples))

    @api.post("/hints", response_model=HintView, responses={200: {"content": {"text/event-stream": {}}}})
    async def ask_for_hint(request: Request, who: Asker, body: HintBody) -> Response | HintView:
        """The next hint for a program. With `stream`, events `status`, then `hint` or `error` follow."""
        if not body.code.strip():
            raise ProgramEmpty
        language = language_of(request)
        wish = HintRequest(
            problem_id=body.problem_id,
            code=body.code,
            level=None if body.level is None else Level(body.level),
            tone=body.tone,
            language=body.language or language.value,
            provider=body.provider,
            history=tuple(body.history),
        )
        events = hints.stream(who.user_id, wish)
        if body.stream:
            first = await anext(events)  # what is wrong with the request is an ordinary error
            sent = _events(first, events, language)
            return StreamingResponse(sent, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        async with aclosing(events):
            async for event in events:
                if isinstance(event, HintResult):
                    return hint_view(event)
                if await request.is_disconnected():  # closing the stream stops the engine
                    break
        return Response(status_code=READER_LEFT)

    @api.get("/hints")
    async def list_hints(
        who: Reader, problem_id: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None
    ) -> list[HintView]:
        """Your last hints, oldest first."""
        return [hint_view(each) for each in await hints.history(who.user_id, problem_id)]

    @api.post("/hints/{hint_id}/rating")
    async def rate_hint(who: Asker, hint_id: UUID, body: HintRating) -> HintView:
        """Says what you think of a hint; null takes it back."""
        return hint_view(await hints.rate(who.user_id, hint_id, body.rating, body.complaint))

    return api


def _add_problems(api: APIRouter, hints: HintService) -> None:
    @api.get("/problems")
    async def list_problems(
        request: Request, who: Reader, wanted: Annotated[ProblemQuery, Query()]
    ) -> list[ProblemSummary]:
        """Problems by level, with whether you have solved them; `search` looks for all its words."""
        found = await hints.bank.list(
            who.user_id,
            search=wanted.search,
            level=wanted.level,
            tag=wanted.tag,
            solved=wanted.solved,
            language=wanted.language or language_of(request).value,
        )
        return [ProblemSummary.model_validate(each) for each in found]

    @api.get("/problems/{problem_id}")
    async def get_problem(
        request: Request, who: Reader, problem_id: Number, language: LanguageName | None = None
    ) -> ProblemView:
        """One problem; admins also get its tests and solutions."""
        problem = await hints.bank.get(problem_id)
        may_see = who.is_admin and who.may(Scope.ADMIN)
        return _problem_view(problem.in_language(language or language_of(request).value), with_solutions=may_see)


def hint_view(hint: HintResult) -> HintView:
    """A hint as the API shows it."""
    return HintView(
        id=hint.hint_id,
        problem_id=hint.problem_id,
        hint=hint.text,
        level=hint.level,
        level_asked=hint.level_asked,
        tone=hint.tone,
        language=hint.language,
        source=hint.source,
        note=hint.note,
        provider=hint.provider,
        model_used=hint.model,
        hosted=hint.hosted,
        diagnosis=dict(hint.diagnosis),
        guard=dict(hint.guard),
        validation=dict(hint.validation),
        rating=hint.rating,
        complaint=hint.complaint,
        processing_time=None if hint.duration_ms is None else round(hint.duration_ms / 1000, 3),
        created_at=hint.created_at,
    )


async def _events(
    first: Progress | HintResult, rest: AsyncGenerator[Progress | HintResult, None], language: Language
) -> AsyncIterator[bytes]:
    """Server-sent events of a hint."""
    yield _event(first)
    async with aclosing(rest):
        try:
            async for event in rest:
                yield _event(event)
        except OndolError as error:
            yield b"event: error\ndata: " + orjson.dumps(error.problem(language)) + b"\n\n"


def _event(event: Progress | HintResult) -> bytes:
    if isinstance(event, HintResult):
        return b"event: hint\ndata: " + hint_view(event).model_dump_json().encode() + b"\n\n"
    return b"event: status\ndata: " + orjson.dumps(asdict(event)) + b"\n\n"


def _run_view(judgement: Judgement, examples: int) -> RunView:
    failing = judgement.failing
    return RunView(
        verdict=judgement.verdict,
        passed=judgement.passed,
        total=judgement.total,
        not_run=judgement.not_run,
        failing=None if failing is None else _case_view(failing, examples, is_told=True),
        results=[
            _case_view(each, examples, is_told=each.index < examples or each is failing) for each in judgement.results
        ],
    )


def _case_view(case: CaseResult, examples: int, *, is_told: bool) -> CaseView:
    """A case; of a hidden one that is not told, only how it went."""
    return CaseView(
        number=case.index + 1,
        verdict=case.verdict,
        is_example=case.index < examples,
        ms=round(case.ms, 1),
        input=case.input if is_told else None,
        expected=case.expected if is_told else None,
        got=case.got if is_told else None,
        line=case.line if is_told else None,
        message=case.message if is_told else "",
        call=case.call,
    )


def _problem_view(problem: Problem, *, with_solutions: bool) -> ProblemView:
    shown: dict[str, Any] = {"solutions": None, "tests": None}
    if with_solutions:
        shown["solutions"] = [SolutionView.model_validate(each, from_attributes=True) for each in problem.solutions]
        shown["tests"] = [ExampleView.model_validate(each) for each in problem.tests]
    return ProblemView(
        problem_id=problem.problem_id,
        title=problem.title,
        level=problem.level,
        tags=list(problem.tags),
        description=problem.description,
        input_description=problem.input_description,
        output_description=problem.output_description,
        examples=[ExampleView.model_validate(each) for each in problem.examples],
        hidden_tests=len(problem.tests),
        kind=problem.kind,
        function_name=problem.function_name,
        language=problem.language,
        url=problem.url,
        step_title=problem.step_title,
        **shown,
    )
