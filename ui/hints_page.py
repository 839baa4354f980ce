"""What the hints place shows: everything that is painted when a problem is opened or something happens to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import gradio as gr

from backend.errors import Language, UnknownProblem
from backend.hints.ladder import Tone
from backend.hints.problems import LEVELS
from backend.hints.service import HintService
from backend.llm.providers import MAIN
from ui.hints_ladder import comparison, empty_ladder, ladder
from ui.hints_parts import HintsParts
from ui.hints_problem import before_running, language_name, problem_list, problem_text
from ui.html import act, escape, notice
from ui.session import Visitor
from ui.text import t

Update = dict[Any, Any]
_LANGUAGES = (("한국어", "ko"), ("English", "en"))


@dataclass(frozen=True)
class Filters:
    """Which problems are listed; the texts are what the page's boxes hold."""

    search: str = ""
    level: int | None = None
    tag: str = ""
    solved: bool | None = None

    @staticmethod
    def of(search: str, level: str, tag: str, solved: str) -> "Filters":
        """The filters of what the boxes hold."""
        number = int(level) if level and level.isdecimal() else None
        return Filters((search or "").strip()[:200], number, tag or "", {"yes": True, "no": False}.get(solved or ""))


class HintsPage:
    """Paints the place.

    Args:
        hints: whose problems and hints are shown.
        parts: the components.
        clock: current time, aware.
    """

    def __init__(self, hints: HintService, parts: HintsParts, clock: Callable[[], datetime]) -> None:
        self._hints = hints
        self._clock = clock
        self.parts = parts

    async def choices(self, who: Visitor) -> Update:
        """What can be chosen, in the reader's language."""
        language, parts = who.language, self.parts
        levels = [(t("any_level", language), ""), *((t("level_of", language, n=n), str(n)) for n in LEVELS)]
        tags = await self._hints.bank.tags(language_name(language))
        solved = [(t(f"solved_{each}", language), "" if each == "any" else each) for each in ("any", "yes", "no")]
        tones = [(t(f"tone_{tone}", language), tone.value) for tone in Tone]
        models = [(shown, name) for name, shown in (await self.names(self._hints.router.engines)).items()]
        unchosen = [] if self._hints.router.has_routes else [MAIN]  # none: as the routes say
        return {
            parts.level: gr.update(choices=levels, value=""),
            parts.tag: gr.update(choices=[(t("any_tag", language), ""), *((tag, tag) for tag in tags)], value=""),
            parts.solved: gr.update(choices=solved, value=""),
            parts.tone: gr.update(choices=tones, value=Tone.NOVICE.value),
            parts.language: gr.update(choices=list(_LANGUAGES), value=language_name(language)),
            parts.models: gr.update(choices=models, value=unchosen, visible=len(models) > 1),
            parts.heading: _heading(language),
        }

    async def painted(self, who: Visitor, number: int | None, filters: Filters, *, is_new: bool = False) -> Update:
        """Everything; a problem that is gone is closed with a word about it."""
        try:
            return await self.opened(who, number, filters, is_new=is_new)
        except UnknownProblem as error:
            closed = await self.opened(who, None, filters)
            return closed | {self.parts.notice: notice("error", error.message(who.language))}

    async def opened(self, who: Visitor, number: int | None, filters: Filters, *, is_new: bool = True) -> Update:
        """The place with this problem open, or with none. Raises UnknownProblem.

        `is_new`: nothing of it stands there yet; otherwise what a run has told stays.
        """
        language, parts = who.language, self.parts
        update: Update = {
            parts.list: await self.listed(who, number, filters),
            parts.bar: _bar(language),
            parts.here: "" if number is None else str(number),
            parts.notice: "",
        }
        if number is None:
            return update | {parts.problem: "", parts.results: "", parts.ladder: empty_ladder(language)}
        problem = (await self._hints.bank.get(number)).in_language(language_name(language))
        progress = await self._hints.progress(who.identity.user_id, number)
        update |= {parts.problem: problem_text(problem, progress, language)} | await self.ladder_of(who, number)
        if is_new:
            update |= {parts.compared: "", parts.progress: "", parts.results: before_running(progress, language)}
        return update

    async def listed(self, who: Visitor, number: int | None, filters: Filters) -> str:
        """The list of problems."""
        rows = await self._hints.bank.list(
            who.identity.user_id,
            search=filters.search,
            level=filters.level,
            tag=filters.tag,
            solved=filters.solved,
            language=language_name(who.language),
        )
        return problem_list(rows, number, who.language, is_filtered=filters != Filters())

    async def ladder_of(self, who: Visitor, number: int, unfolded: UUID | None = None) -> Update:
        """The ladder of a problem. Raises UnknownProblem."""
        user, language = who.identity.user_id, who.language
        progress = await self._hints.progress(user, number)
        hints = await self._hints.history(user, number)
        learnt = await self._hints.learnt(user, number, language_name(language)) if progress.solved else None
        painted = ladder(progress, hints, learnt, self._clock(), language, unfolded=unfolded)
        return {self.parts.ladder: painted}

    async def compared(self, who: Visitor, number: int, comparison_id: UUID) -> Update:
        """Hints that were made side by side, as they are now."""
        hints = await self._hints.history(who.identity.user_id, number)
        mine = [hint for hint in hints if hint.comparison_id == comparison_id]
        names = await self.names([hint.provider or MAIN for hint in mine])
        painted = comparison(names, {}, mine, self._clock(), who.language, is_over=True)
        return {self.parts.compared: painted}

    async def names(self, providers: Iterable[str]) -> dict[str, str]:
        """What readers call these engines."""
        found = {}
        for name in providers:
            engine = self._hints.router.engines.get(name)
            model = (await engine.info()).model if engine else ""
            found[name] = model if model and name == MAIN else f"{model or '…'} · {name}"
        return found


def _heading(language: Language) -> str:
    tools = act("reset-code", escape(t("reset_code", language)), css="button")
    tools += act("undo-code", escape(t("undo_reset", language)), css="button")
    title = escape(t("my_code", language))
    saved = f"<span class='facts draft'>{escape(t('draft_saved', language))}</span>"
    return f"<div class='card-head'><h2>{title}</h2>{saved}<span class='spring'></span>{tools}</div>"


def _bar(language: Language) -> str:
    run = act("run", "▶ " + escape(t("run", language)), css="button run", title=t("run_hint", language))
    hint = act("hint", escape(t("get_hint", language)), css="button primary")
    keys = escape(t("code_keys", language))
    return f"<p class='facts keys'>{keys}</p><div class='run-bar'>{run}<span class='spring'></span>{hint}</div>"
