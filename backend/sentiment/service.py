"""What people do with sentiment: analyse some reviews at once, and run jobs over files of them."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson

from backend.activity import Activity
from backend.errors import InvalidRequest, Language, OndolError, ReviewFileEmpty, Text, TooManyReviews, UnknownReview
from backend.jobs.queue import Jobs
from backend.llm.router import Router
from backend.sentiment.analysts import Analyst, Analysts
from backend.sentiment.calibrations import Calibrations
from backend.sentiment.exporting import write_workbook
from backend.sentiment.importing import FOLDERS, MAX_REVIEWS
from backend.sentiment.jobs import SentimentJobs
from backend.sentiment.labels import Label, Review
from backend.sentiment.open_request import Analysis, OpenRequest
from backend.sentiment.pages import ReviewRow, RowFilter, every, least_sure, page, row_at
from backend.sentiment.profiles import Profiles
from backend.sentiment.reading.files import check, sniff
from backend.sentiment.reading.shape import FileKind, FileShape, Mapping
from backend.sentiment.reading.values import MOST_STARS
from backend.sentiment.store import JobStore, JobView, NewJob
from backend.sentiment.totals import Totals, totals_of
from backend.settings import Settings
from backend.store.database import Database
from backend.work_folders import work_folder

MAX_AT_ONCE = 1000
_DEADLINE_S = 300.0
_NAME_CHARACTERS = 200
_MAX_ASPECTS, _ASPECT_CHARACTERS = 30, 40


@dataclass(frozen=True)
class GivenReview:
    """A review as a program hands it in."""

    id: str
    content: str
    restaurant_id: str = ""
    written_at: str = ""
    rating: float | None = None


class SentimentService:
    """Sentiment for everyone; every method sees only what the given person may see.

    Args:
        database, settings: of the process.
        jobs: where jobs are done; the work is registered here.
        router: asks the models.
        activity: of the process; analyses are counted there, and refused while it drains.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        jobs: Jobs,
        router: Router,
        *,
        activity: Activity | None = None,
    ) -> None:
        self._database, self._settings = database, settings
        self._activity = activity or Activity()
        self._analysts = Analysts(router, Calibrations(database).of)
        self.profiles = Profiles(database)
        self.store = JobStore(database)
        self.jobs = SentimentJobs(database, settings, jobs, self._analysts, profile_of=self.profiles.profile_of_job)

    async def close(self) -> None:
        """Gives the connections to the models back."""
        await self._analysts.close()

    async def analyze(
        self,
        user_id: UUID,
        reviews: Sequence[GivenReview],
        *,
        language: str | None = None,
        aspects: Sequence[str] = (),
    ) -> Analysis:
        """Classifies up to 1,000 reviews now.

        Args:
            language: asks about all reviews with the prompt of this language; None: each in its own.
            aspects: names of those to be found; what is not found in time is left out.

        Raises:
            TooManyReviews: more are a job.
            InvalidRequest: too many aspects, or a name is too long.
            EngineUnavailable, EngineLoading, EngineBusy, EngineRefused, NoEngineAnswers: no model answers.
        """
        async with aclosing(self.analyze_in_steps(user_id, reviews, language=language, aspects=aspects)) as steps:
            return [analysis async for analysis in steps][-1]

    async def analyze_in_steps(
        self,
        user_id: UUID,
        reviews: Sequence[GivenReview],
        *,
        language: str | None = None,
        aspects: Sequence[str] = (),
    ) -> AsyncGenerator[Analysis]:
        """As `analyze`: the labels as soon as they are there, then the same with the aspects if any are asked for."""
        if len(reviews) > MAX_AT_ONCE:
            raise TooManyReviews(limit=MAX_AT_ONCE)
        names = _aspects(aspects)
        self._activity.admit()
        with self._activity.work("sentiment"):
            started = time.perf_counter()
            profile = await self.profiles.profile_of(user_id, language)
            asked = [Review(each.id, each.content, at) for at, each in enumerate(reviews)]
            request = OpenRequest(profile, asked, names)
            for step in (request.classify, request.find_aspects) if names else (request.classify,):
                await self._answered(step, started + _DEADLINE_S)
                yield request.analysis(time.perf_counter() - started)

    async def _answered(self, step: Callable[[Analyst, float], Awaitable[None]], until: float) -> None:
        """Does a step with the first analyst that is up, and goes on with another where one fails."""
        analyst = await self._analysts.pick()
        failed: set[str] = set()
        while True:
            try:
                await step(analyst, until - time.perf_counter())
            except OndolError as error:
                failed.add(analyst.name)
                other = await self._analysts.instead_of(analyst, error, failed)
                if other is None:
                    raise
                analyst = other
            else:
                self._analysts.succeeded(analyst)
                return

    @property
    def max_file_mb(self) -> int:
        """Of a file of reviews."""
        return self._settings.sentiment_max_file_mb

    async def preview(self, path: Path) -> FileShape:
        """How a file would be read. Raises what is wrong with it (`ReviewFile…`, `ReviewColumnsTooMany`)."""
        return await asyncio.to_thread(sniff, path, self._settings.sentiment_max_file_mb << 20)

    async def start_file(
        self,
        user_id: UUID,
        path: Path,
        name: str,
        *,
        mapping: Mapping | None = None,
        language: str | None = None,
        aspects: Sequence[str] = (),
    ) -> JobView:
        """Makes a job of a file.

        Args:
            name: of the job, usually the file's.
            mapping: which column is what; None: as they seem to be.
            language: asks about all reviews with the prompt of this language; None: each in its own.
            aspects: names of those that are asked about.

        Raises:
            ReviewFileTooLarge and others: as `preview`.
            ReviewTextColumnMissing, ReviewColumnUnknown: the mapping does not fit.
        """
        self._activity.admit()
        shape = await self.preview(path)
        chosen = mapping or shape.mapping
        check(shape, chosen)
        options = {"language": language, "aspects": _aspects(aspects)}
        return await self._start(user_id, path, NewJob(_name(name), shape, chosen, options))

    async def start_reviews(
        self,
        user_id: UUID,
        reviews: Iterable[GivenReview],
        name: str,
        *,
        language: str | None = None,
        aspects: Sequence[str] = (),
    ) -> JobView:
        """Makes a job of reviews that were sent or typed. Raises ReviewFileEmpty, TooManyReviews."""
        self._activity.admit()
        with work_folder(self._settings, FOLDERS) as folder:
            path = folder / "reviews.jsonl"
            count = await asyncio.to_thread(_write, path, reviews)
            if count == 0:
                raise ReviewFileEmpty
            if count > MAX_REVIEWS:
                raise TooManyReviews(limit=MAX_REVIEWS)
            mapping = Mapping(text="content", id="id", restaurant="restaurant_id", date="written_at", rating="rating")
            columns = ("id", "content", "restaurant_id", "written_at", "rating")
            stars = {"rating": MOST_STARS}
            shape = FileShape(FileKind.JSON_LINES, "utf-8", "", None, columns, count, (), mapping, scales=stars)
            options = {"language": language, "aspects": _aspects(aspects)}
            return await self._start(user_id, path, NewJob(_name(name), shape, mapping, options))

    async def list_jobs(self, user_id: UUID, limit: int = 50) -> Sequence[JobView]:
        """A person's jobs, the newest first."""
        return await self.store.newest(user_id, limit)

    async def analysed_since(self, moment: datetime) -> int:
        """Reviews that jobs of everyone have classified since then."""
        return await self.store.analysed_since(moment)

    async def job(self, user_id: UUID, job_id: UUID) -> JobView:
        """One with how far it is. Raises UnknownSentimentJob."""
        return await self.store.get(user_id, job_id)

    async def pause(self, user_id: UUID, job_id: UUID) -> JobView:
        """Stops work for now, within a second. Raises UnknownSentimentJob, SentimentJobNotReady."""
        await self.store.pause(user_id, job_id)
        return await self.store.get(user_id, job_id)

    async def resume(self, user_id: UUID, job_id: UUID) -> JobView:
        """Goes on after a pause. Raises UnknownSentimentJob, SentimentJobNotReady."""
        await self.store.resume(user_id, job_id)
        return await self._going_on(user_id, job_id)

    async def cancel(self, user_id: UUID, job_id: UUID) -> JobView:
        """Ends a job within a second; what it found stays. Raises UnknownSentimentJob, SentimentJobNotReady."""
        await self.store.cancel(user_id, job_id)
        return await self.store.get(user_id, job_id)

    async def retry_failed(self, user_id: UUID, job_id: UUID) -> JobView:
        """Asks again about failed reviews of a finished job. Raises UnknownSentimentJob, SentimentJobNotReady."""
        await self.store.retry_failed(user_id, job_id)
        return await self._going_on(user_id, job_id)

    async def delete(self, user_id: UUID, job_id: UUID) -> None:
        """Removes a job with its reviews, for good. Raises UnknownSentimentJob."""
        await self.store.delete(user_id, job_id)

    async def totals(self, user_id: UUID, job_id: UUID) -> Totals:
        """What a job has found by now. Raises UnknownSentimentJob."""
        await self.store.get(user_id, job_id)
        async with self._database.session() as session:
            return await totals_of(session, job_id)

    async def results(
        self, user_id: UUID, job_id: UUID, wanted: RowFilter | None = None, *, after: int = -1, limit: int = 200
    ) -> Sequence[ReviewRow]:
        """A page of at most 2,000 results behind a position. Raises UnknownSentimentJob."""
        await self.store.get(user_id, job_id)
        async with self._database.session() as session:
            return await page(session, job_id, wanted or RowFilter(), after=after, limit=limit)

    async def all_results(
        self, user_id: UUID, job_id: UUID, wanted: RowFilter | None = None, *, after: int = -1
    ) -> AsyncIterator[list[ReviewRow]]:
        """All of them, page by page. Raises UnknownSentimentJob, before the first page."""
        await self.store.get(user_id, job_id)
        return every(self._database, job_id, wanted or RowFilter(), after)

    async def least_sure(
        self, user_id: UUID, job_id: UUID, limit: int = 50, wanted: RowFilter | None = None
    ) -> Sequence[ReviewRow]:
        """Results to look at by hand: the model was least sure of them. Raises UnknownSentimentJob."""
        await self.store.get(user_id, job_id)
        async with self._database.session() as session:
            return await least_sure(session, job_id, wanted or RowFilter(), limit)

    async def correct(self, user_id: UUID, job_id: UUID, position: int, label: Label | None) -> ReviewRow:
        """Sets a label by hand, an example for reviews to come; None takes both back. Raises UnknownReview."""
        await self.profiles.correct(user_id, job_id, position, label)
        async with self._database.session() as session:
            row = await row_at(session, job_id, position)
        if row is None:
            raise UnknownReview
        return row

    async def export_workbook(self, user_id: UUID, job_id: UUID, path: Path, language: Language) -> None:
        """Writes all results to an XLSX file. Raises UnknownSentimentJob."""
        await write_workbook(path, await self.all_results(user_id, job_id), language)

    async def running_jobs(self) -> int:
        """Jobs of anyone that are queued or at work: while there is one the machine is not idle."""
        return await self.store.running()

    async def _start(self, user_id: UUID, path: Path, new: NewJob) -> JobView:
        job_id = await self.store.create(user_id, new, path)
        await self.jobs.defer_import(job_id)
        return await self.store.get(user_id, job_id)

    async def _going_on(self, user_id: UUID, job_id: UUID) -> JobView:
        await self.jobs.defer_import(job_id)  # if it was paused before its file was read; else it asks for workers
        return await self.store.get(user_id, job_id)


def _name(given: str) -> str:
    """One that can be shown and sent in a header."""
    shown = "".join(letter for letter in given if letter.isprintable()).strip()
    return shown.encode("utf-8", "ignore").decode()[-_NAME_CHARACTERS:] or "reviews"


def _aspects(names: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(" ".join(name.split()) for name in names))
    if len(found) > _MAX_ASPECTS or any(not 0 < len(name) <= _ASPECT_CHARACTERS for name in found):
        raise InvalidRequest(reason=_ASPECTS_WRONG)
    return found


def _write(path: Path, reviews: Iterable[GivenReview]) -> int:
    count = 0
    with path.open("wb") as file:
        for count, review in enumerate(reviews, 1):
            text = {name: _storable(value) for name, value in vars(review).items() if isinstance(value, str)}
            text["id"] = text["id"] or str(count)  # a row with nothing in it would not be counted
            file.write(orjson.dumps({**text, "rating": review.rating}) + b"\n")
    return count


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


_ASPECTS_WRONG = Text(
    f"측면은 {_MAX_ASPECTS}개까지, 이름은 1~{_ASPECT_CHARACTERS}자입니다",
    f"there are at most {_MAX_ASPECTS} aspects, with names of 1 to {_ASPECT_CHARACTERS} characters",
)
