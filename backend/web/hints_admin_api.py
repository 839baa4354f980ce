"""The JSON API of problems and hints for admins: import, take back, export, what was left out, how learners fare."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile

from backend.accounts.identity import Identity
from backend.errors import Language, ProblemFileTooLarge
from backend.hints.bank import Mode
from backend.hints.problem_files import MAX_FILE_BYTES
from backend.hints.rejections import Rejected
from backend.hints.service import HintService
from backend.hints.teacher import Report, Teacher, as_csv
from backend.web.hints_schemas import ImportView, RejectedView, SetView
from backend.web.identity import require_admin
from backend.web.language import language_of

Admin = Annotated[Identity, Depends(require_admin)]


def router(hints: HintService, teacher: Teacher) -> APIRouter:
    """Routes under `/api/v1`. They come before those of single problems, whose address they would match."""
    api = APIRouter(prefix="/api/v1", tags=["hints"])
    bank = hints.bank

    @api.post("/problems/import", status_code=201)
    async def import_problems(
        request: Request,
        who: Admin,
        file: Annotated[UploadFile, File(description="A file of problems.")],
        mode: Mode = Mode.ADD,
        name: Annotated[str, Query(max_length=80)] = "",
    ) -> ImportView:
        """Puts problems on top of those that are there, or in their place; what cannot be used is listed."""
        if (file.size or 0) > MAX_FILE_BYTES:
            raise ProblemFileTooLarge(limit=MAX_FILE_BYTES)
        report = await bank.import_set(await file.read(), name or (file.filename or "")[-80:], mode, who.user_id)
        return ImportView(
            set_id=report.set_id,
            name=report.name,
            mode=report.mode,
            added=list(report.added),
            replaced=list(report.replaced),
            rejected=[_rejected(each, language_of(request)) for each in report.rejected],
        )

    @api.get("/problems/sets")
    async def list_sets(_who: Admin) -> list[SetView]:
        """What was imported, the oldest first."""
        return [SetView.model_validate(each) for each in await bank.sets()]

    @api.delete("/problems/sets/{set_id}", status_code=204)
    async def remove_set(_who: Admin, set_id: UUID) -> None:
        """Takes an import back; what it lay upon is there again."""
        await bank.remove_set(set_id)

    @api.get("/problems/export", response_class=Response, responses={200: {"content": {"application/json": {}}}})
    async def export_problems(_who: Admin) -> Response:
        """All problems as one file."""
        return _file(await bank.export(), "application/json", "problems.json")

    @api.get("/problems/rejected")
    async def list_rejected(request: Request, _who: Admin) -> list[RejectedView]:
        """What of file and imports is left out, and why."""
        return [_rejected(each, language_of(request)) for each in await bank.rejected()]

    @api.get("/hints/report")
    async def read_report(_who: Admin) -> Report:
        """Who is stuck where, hints by level, what was blocked, ratings."""
        return await teacher.report()

    @api.get("/hints/report.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
    async def read_report_as_csv(_who: Admin) -> Response:
        """Who is stuck where, as a table."""
        return _file(as_csv(await teacher.report()), "text/csv; charset=utf-8", "hints.csv")

    return api


def _file(body: bytes, media: str, name: str) -> Response:
    return Response(body, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _rejected(each: Rejected, language: Language) -> RejectedView:
    return RejectedView(
        source=each.source,
        position=each.position,
        problem_id=each.problem_id,
        title=each.title,
        solution=each.solution,
        reason=each.reason,
        why=each.why.in_(language),
    )
