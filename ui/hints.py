"""The hints place: problem, program, ladder. From left to right it is the way of the work.

The program stays in the browser (`static/hints.js`) until it is run; nothing a handler does writes into its box.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import gradio as gr

from backend.errors import InvalidRequest, OndolError
from backend.hints.asking import Complaint, HintRequest, HintResult, Note, Progress
from backend.hints.ladder import Tone
from backend.hints.levels import Level
from backend.hints.service import HintService
from ui.bridge import parsed
from ui.chat_page import uuid_of
from ui.hints_ladder import comparison, making
from ui.hints_page import Filters, HintsPage
from ui.hints_parts import HintsParts, Making
from ui.hints_problem import results, results_of_hint, running
from ui.html import notice
from ui.session import Doorkeeper, Visitor
from ui.text import t

Update = dict[Any, Any]


class HintsTab:
    """Handlers of the place.

    Args:
        hints: runs programs and makes hints.
        doorkeeper: who is at the page.
        clock: current time, aware.
    """

    def __init__(
        self, hints: HintService, doorkeeper: Doorkeeper, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._hints = hints
        self._door = doorkeeper
        self._clock = clock
        self.parts = HintsParts()
        self._page = HintsPage(hints, self.parts, clock)

    def wire(self, demo: gr.Blocks, opened: gr.Tab) -> None:
        """Connects events; call inside the Blocks after `parts.build`."""
        parts = self.parts
        filters = [parts.search, parts.level, parts.tag, parts.solved]
        place = [parts.here, *filters]
        shown = parts.shown()
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 16}
        demo.load(self.on_load, None, [*shown, *parts.choices()], **quick)
        opened.select(self.on_refresh, place, shown, **quick)
        parts.refresh.click(self.on_refresh, place, shown, **quick)
        parts.search.change(self.on_filter, place, shown, trigger_mode="always_last", **quick)
        for choice in (parts.level, parts.tag, parts.solved):
            choice.input(self.on_filter, place, shown, **quick)
        parts.act_now.click(self.on_act, [parts.message, *place, parts.making], shown, **quick)
        parts.run.click(
            self.on_run, [parts.code, *place, parts.making], shown, show_progress="hidden", concurrency_limit=8
        )
        parts.stream.click(
            self.on_hint,
            [parts.message, parts.code, *place, parts.tone, parts.language, parts.models, parts.making],
            shown,
            show_progress="hidden",
            concurrency_limit=None,
        )

    async def on_load(self, request: gr.Request) -> Update:
        """The page opens: what can be chosen, in the reader's language, and the problem of the address."""
        who = await self._door.visitor(request)
        try:
            painted = await self._page.painted(who, _number(request.query_params.get("p", "")), Filters(), is_new=True)
            return painted | await self._page.choices(who)
        except OndolError as error:
            return self._failed(error, who)

    async def on_refresh(
        self, here: str, search: str, level: str, tag: str, solved: str, request: gr.Request
    ) -> Update:
        """Reads everything anew when the place is opened; the problem of the address may still be on its way."""
        who = await self._door.visitor(request)
        number, filters = _number(here), Filters.of(search, level, tag, solved)
        try:
            if number is None:
                return {self.parts.list: await self._page.listed(who, None, filters)}
            return await self._page.painted(who, number, filters)
        except OndolError as error:
            return self._failed(error, who)

    async def on_filter(self, here: str, search: str, level: str, tag: str, solved: str, request: gr.Request) -> Update:
        """Looks for problems while typing and choosing."""
        who = await self._door.visitor(request)
        try:
            listed = await self._page.listed(who, _number(here), Filters.of(search, level, tag, solved))
        except OndolError as error:
            return self._failed(error, who)
        return {self.parts.list: listed}

    async def on_act(
        self, message: str, here: str, search: str, level: str, tag: str, solved: str, made: Making, request: gr.Request
    ) -> Update:
        """Buttons of the list and of the hints."""
        who = await self._door.visitor(request)
        wish = parsed(message)
        filters = Filters.of(search, level, tag, solved)
        try:
            match wish["do"]:
                case "open":
                    made.turn()
                    return await self._page.opened(who, _number(str(wish["id"])), filters)
                case "cancel":
                    made.end()
                    return {self.parts.notice: ""}
                case "close":
                    return {self.parts.compared: ""}
                case "rate" | "complain":
                    return await self._rated(who, wish, _number(here))
        except OndolError as error:
            return self._failed(error, who)
        return self._failed(InvalidRequest(reason=str(wish["do"])[:40]), who)

    async def on_run(
        self,
        code: str,
        here: str,
        search: str,
        level: str,
        tag: str,
        solved: str,
        made: Making,
        request: gr.Request,
    ) -> AsyncIterator[Update]:
        """Runs the tests and tells how they went."""
        who = await self._door.visitor(request)
        number = _number(here)
        if number is None:
            yield {self.parts.notice: notice("info", t("pick_problem", who.language))}
            return
        yield {self.parts.results: running(who.language), self.parts.notice: ""}
        try:
            judgement = await self._hints.run(who.identity.user_id, number, code or "")
            problem = await self._hints.bank.get(number)
            made.ran = code
            done = {self.parts.results: results(problem, judgement, who.language)}
            done |= await self._page.ladder_of(who, number)
            done[self.parts.list] = await self._page.listed(who, number, Filters.of(search, level, tag, solved))
        except OndolError as error:
            made.ran = ""
            done = self._failed(error, who) | {self.parts.results: ""}
        yield done

    async def on_hint(
        self,
        message: str,
        code: str,
        here: str,
        search: str,
        level: str,
        tag: str,
        solved: str,
        tone: str,
        language: str,
        models: list[str],
        made: Making,
        request: gr.Request,
    ) -> AsyncIterator[Update]:
        """Makes a hint; several models that are chosen write theirs side by side."""
        who = await self._door.visitor(request)
        number = _number(here)
        if number is None:
            yield {self.parts.notice: notice("info", t("pick_problem", who.language))}
            return
        try:
            wish = _wish(number, code or "", str(parsed(message)["arg"]), tone, language, models)
        except ValueError:
            yield self._failed(InvalidRequest(reason="hint"), who)
            return
        yield {self.parts.notice: ""}
        found: list[HintResult] = []
        try:
            async for update in self._made(who, wish, models[:], made, found):
                yield update
        except OndolError as error:
            done = self._failed(error, who)
        else:
            done = {} if found else {self.parts.notice: notice("info", t("making_cancelled", who.language))}
        if found and made.ran != code:
            done[self.parts.results] = results_of_hint(found[-1].diagnosis, who.language)
        try:
            done |= await self._page.ladder_of(who, number)
            if any(hint.note is Note.SOLVED for hint in found):
                done[self.parts.list] = await self._page.listed(who, number, Filters.of(search, level, tag, solved))
        except OndolError as error:
            done |= self._failed(error, who)
        yield done | {self.parts.progress: ""}

    # --- pieces ------------------------------------------------------------------------------------------

    async def _made(
        self, who: Visitor, wish: HintRequest, models: list[str], made: Making, found: list[HintResult]
    ) -> AsyncIterator[Update]:
        """Paints the stages; what was made is added to `found`. Ends early when the reader wants it to."""
        user = who.identity.user_id
        is_compared = len(models) > 1
        names = await self._page.names(models)
        stages: dict[str, Progress] = {}
        steps = self._hints.compare(user, wish, models) if is_compared else self._hints.stream(user, wish)
        with made.running() as is_wanted:
            async with aclosing(steps):
                async for step in steps:
                    if not is_wanted():
                        break
                    if isinstance(step, HintResult):
                        found.append(step)
                    elif is_compared and step.provider is None:
                        stages = dict.fromkeys(models, step)
                    elif is_compared:
                        stages[step.provider or ""] = step
                    else:
                        yield {self.parts.progress: making(step, who.language)}
                    if is_compared:
                        now = self._clock()
                        yield {self.parts.compared: comparison(names, stages, found, now, who.language)}
        if is_compared:
            over = comparison(names, stages, found, self._clock(), who.language, is_over=True)
            yield {self.parts.compared: over if found else ""}

    async def _rated(self, who: Visitor, wish: dict[str, Any], number: int | None) -> Update:
        """Keeps a thumb or a complaint, and the other of the two as it was."""
        user, target = who.identity.user_id, uuid_of(str(wish["id"]))
        if target is None or number is None:
            raise InvalidRequest(reason="hint")
        before = await self._hint(user, number, target)
        if wish["do"] == "rate":
            rating = {"1": 1, "-1": -1}.get(str(wish["arg"]))
            rated = await self._hints.rate(user, target, rating, before.complaint if before else None)
        else:
            known = {each.value: each for each in Complaint}
            complaint = known.get(str(wish["arg"]))
            rated = await self._hints.rate(user, target, before.rating if before else None, complaint)
        update = await self._page.ladder_of(who, number, unfolded=target)
        if rated.comparison_id is not None:
            update |= await self._page.compared(who, number, rated.comparison_id)
        return update

    async def _hint(self, user: UUID, number: int, hint_id: UUID) -> HintResult | None:
        return next((hint for hint in await self._hints.history(user, number) if hint.hint_id == hint_id), None)

    def _failed(self, error: OndolError, who: Visitor) -> Update:
        return {self.parts.notice: notice("error", error.message(who.language)), self.parts.progress: ""}


def _number(text: str | None) -> int | None:
    """The id of a problem in a text, or None."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else None


def _wish(number: int, code: str, level: str, tone: str, language: str, models: list[str]) -> HintRequest:
    """What is asked for. Raises ValueError for a choice that is none."""
    return HintRequest(
        problem_id=number,
        code=code,
        level=Level(int(level)) if level else None,
        tone=Tone(tone),
        language="en" if language == "en" else "ko",
        provider=models[0] if models else None,
    )
