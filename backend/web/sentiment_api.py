"""The JSON API of sentiment: some reviews at once, jobs over files, their results, exports and corrections."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict
from typing import IO, Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from backend.accounts.identity import Identity, Scope
from backend.errors import Language
from backend.sentiment.aspects import AspectFinding, is_mixed
from backend.sentiment.exporting import MEDIA_TYPES, ExportFormat, as_object, file_name, lines_of
from backend.sentiment.labels import Finding, Label
from backend.sentiment.open_request import Analysis
from backend.sentiment.pages import MAX_PAGE, ReviewRow, RowFilter
from backend.sentiment.service import GivenReview, SentimentService
from backend.sentiment.store import JobView
from backend.settings import Settings
from backend.web.identity import require_scope
from backend.web.language import language_of
from backend.web.leaving import while_there
from backend.web.sentiment_input import FILE, JOB_FORM, field, form_of, options_of, parsed, uploaded
from backend.web.sentiment_profiles import add_profiles
from backend.web.sentiment_schemas import (
    AnalyzeAnswer,
    AnalyzedReview,
    AnalyzeRequest,
    Correction,
    FoundAspect,
    NewSentimentJob,
    ReviewIn,
    ReviewView,
    SentimentJobView,
    ShapeView,
    TotalsView,
)
from backend.work_folders import work_folder

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]
Writer = Annotated[Identity, Depends(require_scope(Scope.CHAT))]
_BLOCK = 1 << 20
_COMPONENTS = "#/components/schemas/{model}"
_A_REVIEW = {"$ref": _COMPONENTS.format(model="ReviewView")}


def router(sentiment: SentimentService, settings: Settings) -> APIRouter:
    """Routes under `/api/v1/sentiment`."""
    api = APIRouter(prefix="/api/v1/sentiment", tags=["sentiment"])
    _add_analysis(api, sentiment, settings)
    _add_jobs(api, sentiment, settings)
    _add_turns(api, sentiment)
    _add_results(api, sentiment, settings)
    add_profiles(api, sentiment)
    return api


def _add_analysis(api: APIRouter, sentiment: SentimentService, settings: Settings) -> None:
    @api.post("/analyze", response_model=AnalyzeAnswer)
    async def analyze(request: Request, who: Writer, body: AnalyzeRequest) -> AnalyzeAnswer | Response:
        """Classifies up to 1,000 reviews and answers when all are done; more are a job."""
        reviews = [_given(review, body.restaurant_id) for review in body.reviews]
        work = sentiment.analyze(who.user_id, reviews, language=body.language, aspects=body.aspects)
        done = await while_there(request, work)
        return done if isinstance(done, Response) else _answer(done, reviews, language_of(request))

    @api.post("/preview", openapi_extra={"requestBody": form_of(FILE)})
    async def preview(request: Request, who: Writer) -> ShapeView:
        """How a file would be read: its columns, which of them seems to be what, and its first rows."""
        async with uploaded(request, settings) as (path, _, _):
            return ShapeView.model_validate(await sentiment.preview(path))


def _add_jobs(api: APIRouter, sentiment: SentimentService, settings: Settings) -> None:
    schema = NewSentimentJob.model_json_schema(ref_template=_COMPONENTS)
    schema.pop("$defs")
    as_json = {"application/json": {"schema": schema}}
    body = {"content": {**form_of(JOB_FORM)["content"], **as_json}, "required": True}

    @api.post("/jobs", status_code=202, openapi_extra={"requestBody": body})
    async def start_job(request: Request, who: Writer) -> SentimentJobView:
        """Starts a job: a file as `multipart/form-data`, or reviews as JSON."""
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with uploaded(request, settings) as (path, name, form):
                view = await sentiment.start_file(who.user_id, path, field(form, "name") or name, **options_of(form))
        else:
            new = parsed(NewSentimentJob, await request.body())
            reviews = (_given(review, new.restaurant_id) for review in new.reviews)
            view = await sentiment.start_reviews(
                who.user_id, reviews, new.name, language=new.language, aspects=new.aspects
            )
        return _view(view, language_of(request))

    @api.get("/jobs")
    async def list_jobs(
        request: Request, who: Reader, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> list[SentimentJobView]:
        """Your jobs, the newest first."""
        language = language_of(request)
        return [_view(view, language) for view in await sentiment.list_jobs(who.user_id, limit)]

    @api.get("/jobs/{job_id}")
    async def get_job(request: Request, who: Reader, job_id: UUID) -> SentimentJobView:
        """One, with how far it is."""
        return _view(await sentiment.job(who.user_id, job_id), language_of(request))

    @api.delete("/jobs/{job_id}", status_code=204)
    async def delete_job(who: Writer, job_id: UUID) -> None:
        """Removes one with its reviews, for good."""
        await sentiment.delete(who.user_id, job_id)


def _add_turns(api: APIRouter, sentiment: SentimentService) -> None:
    @api.post("/jobs/{job_id}/pause")
    async def pause_job(request: Request, who: Writer, job_id: UUID) -> SentimentJobView:
        """Stops work on one for now."""
        return _view(await sentiment.pause(who.user_id, job_id), language_of(request))

    @api.post("/jobs/{job_id}/resume")
    async def resume_job(request: Request, who: Writer, job_id: UUID) -> SentimentJobView:
        """Goes on with one that is paused."""
        return _view(await sentiment.resume(who.user_id, job_id), language_of(request))

    @api.post("/jobs/{job_id}/cancel")
    async def cancel_job(request: Request, who: Writer, job_id: UUID) -> SentimentJobView:
        """Ends one; the results so far stay."""
        return _view(await sentiment.cancel(who.user_id, job_id), language_of(request))

    @api.post("/jobs/{job_id}/retry")
    async def retry_job(request: Request, who: Writer, job_id: UUID) -> SentimentJobView:
        """Asks again about the reviews of a finished job that failed."""
        return _view(await sentiment.retry_failed(who.user_id, job_id), language_of(request))


def _add_results(api: APIRouter, sentiment: SentimentService, settings: Settings) -> None:
    @api.get("/jobs/{job_id}/totals")
    async def get_totals(who: Reader, job_id: UUID) -> TotalsView:
        """Sums of what a job has found by now."""
        return TotalsView.model_validate(await sentiment.totals(who.user_id, job_id))

    @api.get(
        "/jobs/{job_id}/results",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"application/x-ndjson": {"schema": {"$ref": _COMPONENTS.format(model="ReviewView")}}}}
        },
    )
    async def get_results(  # noqa: PLR0917 -- FastAPI passes them by name
        request: Request,
        who: Reader,
        job_id: UUID,
        wanted: Annotated[RowFilter, Depends(_filter)],
        after: Annotated[int, Query(ge=-1, description="The `position` of the last result you have.")] = -1,
        limit: Annotated[int | None, Query(ge=1, le=MAX_PAGE, description="Left out: all of them.")] = None,
    ) -> StreamingResponse:
        """Results of a job, also while it runs: a line of JSON for each review, in the order of the file."""
        if limit is None:
            pages = await sentiment.all_results(who.user_id, job_id, wanted, after=after)
        else:
            pages = _one(await sentiment.results(who.user_id, job_id, wanted, after=after, limit=limit))
        lines = lines_of(ExportFormat.NDJSON, pages, language_of(request))
        return StreamingResponse(lines, media_type=MEDIA_TYPES[ExportFormat.NDJSON])

    @api.get(
        "/jobs/{job_id}/export",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    async def export_job(
        request: Request,
        who: Reader,
        job_id: UUID,
        kind: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.CSV,
    ) -> Response:
        """All results of a job as a file."""
        language = language_of(request)
        job = await sentiment.job(who.user_id, job_id)
        name = quote(file_name(job.name, kind), safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "X-Content-Type-Options": "nosniff"}
        if kind is not ExportFormat.XLSX:
            pages = await sentiment.all_results(who.user_id, job_id)
            return StreamingResponse(lines_of(kind, pages, language), media_type=MEDIA_TYPES[kind], headers=headers)
        with work_folder(settings, "export") as folder:
            path = folder / "results.xlsx"
            left = await while_there(request, sentiment.export_workbook(who.user_id, job_id, path, language))
            if left is not None:
                return left
            blocks = _blocks(path.open("rb"))
        return StreamingResponse(blocks, media_type=MEDIA_TYPES[kind], headers=headers)

    @api.post("/jobs/{job_id}/rows/{position}/correction")
    async def correct_review(
        request: Request, who: Writer, job_id: UUID, position: int, body: Correction
    ) -> ReviewView:
        """Sets the label of a review by hand; null takes it back. It becomes an example for reviews to come."""
        row = await sentiment.correct(who.user_id, job_id, position, body.label)
        return ReviewView.model_validate(as_object(row, language_of(request)))


def _filter(  # noqa: PLR0917 -- FastAPI passes them by name
    label: Label | None = None,
    below: Annotated[float | None, Query(ge=0, le=1, description="Confidence less than this.")] = None,
    contains: Annotated[str | None, Query(max_length=200)] = None,
    restaurant: Annotated[str | None, Query(max_length=200)] = None,
    failed: bool = False,
    contradicting: Annotated[bool, Query(description="The label is the opposite of the stars.")] = False,
) -> RowFilter:
    return RowFilter(label, below, contains, restaurant, failed, contradicting)


def _given(review: ReviewIn, restaurant_id: str) -> GivenReview:
    restaurant = review.restaurant_id or restaurant_id
    return GivenReview(review.id, review.content, restaurant, review.written_at, review.rating)


def _answer(done: Analysis, reviews: list[GivenReview], language: Language) -> AnalyzeAnswer:
    labelled = sum(done.counts.values())
    return AnalyzeAnswer(
        results=[
            _analyzed(finding, aspects, reviews[finding.index], language)
            for finding, aspects in zip(done.findings, done.aspects, strict=True)
        ],
        positive=done.counts[Label.POSITIVE],
        negative=done.counts[Label.NEGATIVE],
        neutral=done.counts[Label.NEUTRAL],
        ratios={label: count / labelled if labelled else 0.0 for label, count in done.counts.items()},
        failed=done.failed,
        model=done.model,
        hosted=done.hosted,
        processing_time=round(done.processing_time, 3),
    )


def _analyzed(
    finding: Finding, aspects: Sequence[AspectFinding], review: GivenReview, language: Language
) -> AnalyzedReview:
    error = finding.error
    return AnalyzedReview(
        id=review.id,
        restaurant_id=review.restaurant_id,
        index=finding.index,
        label=finding.label,
        scores=finding.scores,
        confidence=finding.confidence,
        measured=finding.is_measured,
        cut=finding.is_cut,
        language=finding.language,
        aspects=[FoundAspect.model_validate(each) for each in aspects],
        mixed=is_mixed(aspects),
        duplicate_of=finding.duplicate_of,
        error={"code": error.code, "message": error.message.in_(language)} if error else None,
    )


def _view(job: JobView, language: Language) -> SentimentJobView:
    values = {**asdict(job), "progress": job.progress}
    failure = values.pop("failure")
    return SentimentJobView(**values, error=failure.problem(language) if failure else None)


async def _one(rows: Iterable[ReviewRow]) -> AsyncIterator[list[ReviewRow]]:
    if found := list(rows):
        yield found


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while block := await run_in_threadpool(file.read, _BLOCK):
            yield block
