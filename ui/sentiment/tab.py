"""The sentiment place: handlers. Files are sent by `static/sentiment.js` to the API, which makes jobs of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import gradio as gr

from backend.errors import InvalidRequest, OndolError, UnknownReview, UnknownSentimentJob
from backend.sentiment.labels import Label
from backend.sentiment.pages import MAX_PAGE, ReviewRow
from backend.sentiment.service import GivenReview, SentimentService
from backend.sentiment.store import JobView
from ui.bridge import parsed
from ui.chat_page import uuid_of
from ui.html import act, escape, notice
from ui.sentiment.figures import beside_stars, charts_of, figures, none_yet, telling
from ui.sentiment.job import history, job_card
from ui.sentiment.parts import SentimentParts
from ui.sentiment.rows import UNSURE, WHICH, View, downloads, pasted, rows_table
from ui.sentiment.setup import PREVIEW_PLACE, empty, setup
from ui.sentiment.words import label_word
from ui.session import Doorkeeper, Visitor
from ui.text import t

Update = dict[Any, Any]
_AT_ONCE = 20  # pasted lines that are waited for; more are a job
_OVER = frozenset({"finished", "failed", "cancelled"})
_BACK = "none"  # takes a correction back


class SentimentTab:
    """Handlers of the place.

    Args:
        sentiment: what is shown and changed.
        doorkeeper: who is at the page.
        clock: current time, aware.
    """

    def __init__(
        self,
        sentiment: SentimentService,
        doorkeeper: Doorkeeper,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sentiment = sentiment
        self._door = doorkeeper
        self._clock = clock
        self.parts = SentimentParts(sentiment, doorkeeper)

    def wire(self, demo: gr.Blocks, opened: gr.Tab) -> None:
        """Connects events; call inside the Blocks after `parts.build`."""
        parts = self.parts
        place, shown = parts.place(), parts.shown()
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 16}
        demo.load(self.on_load, None, [parts.setup, parts.preview, parts.open], **quick)
        opened.select(self.on_open, place, shown, **quick)
        parts.refresh.click(self.on_refresh, [*place, parts.seen], shown, **quick)
        # Multiple: who corrects quickly presses the next button before the last one is answered.
        parts.act_now.click(self.on_act, [parts.message, *place], shown, trigger_mode="multiple", **quick)
        filtered = [parts.rows, parts.page, parts.notice]
        parts.words.change(self.on_filter, place, filtered, trigger_mode="always_last", **quick)
        for choice in (parts.which, parts.restaurant):
            choice.input(self.on_filter, place, filtered, **quick)
        pasting: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 4}
        parts.paste_run.click(self.on_paste, [parts.paste, *place], [*shown, parts.pasted, parts.paste], **pasting)
        parts.prompts.wire()

    async def on_load(self, request: gr.Request) -> Update:
        """The page opens: the card for files, and the job of the address."""
        who = await self._door.visitor(request)
        job = uuid_of(request.query_params.get("job", ""))
        return {
            self.parts.setup: setup(self._sentiment.max_file_mb, who.language),
            self.parts.preview: PREVIEW_PLACE,
            self.parts.open: str(job or ""),
        }

    async def on_open(
        self, here: str, which: str, words: str, restaurant: str | None, page: str, request: gr.Request
    ) -> Update:
        """Reads everything anew when the place is opened."""
        return await self.on_refresh(here, which, words, restaurant, page, "", request)

    async def on_refresh(
        self, here: str, which: str, words: str, restaurant: str | None, page: str, seen: str, request: gr.Request
    ) -> Update:
        """Every few seconds while a job runs; results are read only when there are new ones."""
        who = await self._door.visitor(request)
        try:
            return await self._painted(who, uuid_of(here), View.of(which, words, restaurant, page), seen)
        except OndolError as error:
            return {self.parts.notice: notice("error", error.message(who.language))}

    async def on_filter(
        self, here: str, which: str, words: str, restaurant: str | None, page: str, request: gr.Request
    ) -> Update:
        """Another part of the table."""
        who = await self._door.visitor(request)
        view = View.of(which, words, restaurant, 0)
        try:
            job = await self._sentiment.job(who.identity.user_id, _known(uuid_of(here)))
            return {self.parts.rows: await self._rows(who, job, view), self.parts.page: "0", self.parts.notice: ""}
        except OndolError as error:
            return {self.parts.notice: notice("error", error.message(who.language))}

    async def on_act(
        self, message: str, here: str, which: str, words: str, restaurant: str | None, page: str, request: gr.Request
    ) -> Update:
        """Buttons of the jobs and of the table."""
        who = await self._door.visitor(request)
        wish, view = parsed(message), View.of(which, words, restaurant, page)
        try:
            match wish["do"]:
                case "open":
                    told, painted = "", await self._opened(who, uuid_of(str(wish["id"])))
                case "started":
                    job = await self._sentiment.job(who.identity.user_id, _known(uuid_of(str(wish["id"]))))
                    told = notice("ok", t("job_started", who.language, name=job.name))
                    painted = await self._opened(who, job.id)
                case "correct":
                    told = await self._corrected(who, _known(uuid_of(here)), wish)
                    painted = await self._painted(who, uuid_of(here), view)
                case "show" | "page":
                    told, view = "", _other_view(view, wish)
                    painted = await self._painted(who, uuid_of(here), view) | {self.parts.page: str(view.page)}
                    painted |= {self.parts.which: view.which}
                case _:
                    told = await self._turned(who, wish)
                    painted = await self._painted(who, uuid_of(here), view)
        except OndolError as error:
            return {self.parts.notice: notice("error", error.message(who.language))}
        return painted | {self.parts.notice: told}

    async def on_paste(
        self,
        text: str,
        here: str,
        which: str,
        words: str,
        restaurant: str | None,
        page: str,
        request: gr.Request,
    ) -> AsyncIterator[Update]:
        """Answers a few lines at once; many become a job."""
        who = await self._door.visitor(request)
        user, language, parts = who.identity.user_id, who.language, self.parts
        lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
        reviews = [GivenReview(str(number), line) for number, line in enumerate(lines, 1)]
        aspects = t("aspects_built_in", language).split(",")
        if not lines:
            yield {parts.notice: notice("info", t("paste_empty", language))}
            return
        yield {parts.notice: notice("info", t("paste_working", language, count=len(lines))), parts.pasted: ""}
        try:
            if len(lines) > _AT_ONCE:
                name = t("paste_name", language, count=len(lines))
                job = await self._sentiment.start_reviews(user, reviews, name, aspects=aspects)
                done = await self._opened(who, job.id)
                done |= {parts.notice: notice("ok", t("paste_job", language, count=len(lines))), parts.paste: ""}
            else:
                looking = notice("info", t("paste_aspects", language))
                async with aclosing(self._sentiment.analyze_in_steps(user, reviews, aspects=aspects)) as steps:
                    async for found in steps:
                        yield {parts.pasted: pasted(found, lines, language), parts.notice: looking, parts.empty: ""}
                done = {parts.notice: ""}
        except OndolError as error:
            done = {parts.notice: notice("error", error.message(language))}
        yield done

    # --- pieces ------------------------------------------------------------------------------------------

    async def _turned(self, who: Visitor, wish: dict[str, Any]) -> str:
        """Does what a button of a job says; what to tell then."""
        user, language, job_id = who.identity.user_id, who.language, _known(uuid_of(str(wish["id"])))
        name = (await self._sentiment.job(user, job_id)).name
        match wish["do"]:
            case "pause":
                await self._sentiment.pause(user, job_id)
                return notice("ok", t("job_told_paused", language, name=name))
            case "resume":
                await self._sentiment.resume(user, job_id)
                return notice("ok", t("job_told_resumed", language, name=name))
            case "cancel":
                await self._sentiment.cancel(user, job_id)
                return notice("ok", t("job_told_stopped", language, name=name))
            case "retry":
                await self._sentiment.retry_failed(user, job_id)
                return notice("ok", t("job_told_again", language))
            case "delete":
                await self._sentiment.delete(user, job_id)
                return notice("ok", t("job_told_deleted", language, name=name))
        raise InvalidRequest(reason=str(wish["do"])[:40])

    async def _corrected(self, who: Visitor, job_id: UUID, wish: dict[str, Any]) -> str:
        language, target, arg = who.language, str(wish["id"]), str(wish["arg"])
        if not (target.isascii() and target.isdigit() and len(target) < 10):
            raise UnknownReview
        if arg not in {_BACK, *Label}:
            raise InvalidRequest(reason=arg[:40])
        chosen = None if arg == _BACK else Label(arg)
        await self._sentiment.correct(who.identity.user_id, job_id, int(target), chosen)
        if chosen is None:
            return notice("ok", t("row_undone", language))
        undo = act("s-correct", escape(t("row_undo", language)), target=target, arg=_BACK)
        return notice("ok", t("row_told", language, label=label_word(chosen, language)), button=undo)

    async def _opened(self, who: Visitor, job_id: UUID | None) -> Update:
        """Another job, from the top of its table. Raises UnknownSentimentJob."""
        await self._sentiment.job(who.identity.user_id, _known(job_id))
        painted = await self._painted(who, job_id, View())
        parts = self.parts
        top: Update = {parts.page: "0", parts.which: View().which, parts.words: ""}
        return painted | top | {parts.restaurant: {**painted[parts.restaurant], "value": ""}}

    async def _painted(self, who: Visitor, here: UUID | None, view: View, seen: str = "") -> Update:
        """The place with a job; the newest where it is gone or none was asked for."""
        user, language, parts = who.identity.user_id, who.language, self.parts
        jobs = await self._sentiment.list_jobs(user)
        job = next((each for each in jobs if each.id == here), None) or await self._asked_for(user, here, jobs)
        painted: Update = {
            parts.history: history(jobs, job.id if job else None, self._clock(), language),
            parts.open: str(job.id) if job else "",
            parts.empty: "" if job else empty(language),
            parts.results: gr.update(visible=job is not None),
            parts.job_card: gr.update(visible=job is not None),
            parts.job: job_card(job, language) if job else "",
        }
        if job is None:
            return painted | {parts.seen: ""}
        now = f"{job.id} {job.state} {job.done} {job.failed} {job.skipped}"
        if now == seen:
            return painted
        return painted | {parts.seen: now} | await self._results(who, job, view)

    async def _asked_for(self, user: UUID, here: UUID | None, jobs: Sequence[JobView]) -> JobView | None:
        """A job so old that it is not listed any more, or else the newest."""
        if here is not None:
            try:
                return await self._sentiment.job(user, here)
            except UnknownSentimentJob:
                pass
        return jobs[0] if jobs else None

    async def _results(self, who: Visitor, job: JobView, view: View) -> Update:
        user, language, parts = who.identity.user_id, who.language, self.parts
        totals = await self._sentiment.totals(user, job.id)
        found_any = any(totals.counts.values()) or job.state in _OVER
        painted: Update = {
            parts.figures: figures(totals, language) if found_any else none_yet(language),
            parts.telling: telling(totals, language) if found_any else "",
            parts.stars: beside_stars(totals, language),
            parts.rows_head: downloads(job.id, language),
            parts.restaurant: gr.update(
                choices=[(t("rows_all", language), ""), *(group.name for group in totals.restaurants)]
            ),
            parts.rows: await self._rows(who, job, view),
        }
        for name, (words, figure) in charts_of(totals, language).items():
            painted[parts.cards[name]] = gr.update(visible=figure is not None)
            painted[parts.heads[name]] = words
            painted[parts.plots[name]] = figure
        return painted

    async def _rows(self, who: Visitor, job: JobView, view: View) -> str:
        user, rows = who.identity.user_id, self._sentiment
        found: Sequence[ReviewRow]
        if view.which == UNSURE:
            found = await rows.least_sure(user, job.id, MAX_PAGE, view.wanted)
        else:
            found = await rows.results(user, job.id, view.wanted, limit=MAX_PAGE)
        return rows_table(found, view, who.language, is_over=job.state in _OVER)


def _known(job_id: UUID | None) -> UUID:
    if job_id is None:
        raise UnknownSentimentJob
    return job_id


def _other_view(view: View, wish: dict[str, Any]) -> View:
    if wish["do"] == "page":
        return View.of(view.which, view.words, view.restaurant, wish["arg"])
    if wish["arg"] not in WHICH:
        raise InvalidRequest(reason=str(wish["arg"])[:40])
    return View.of(wish["arg"], view.words, view.restaurant, 0)
