"""What admins see of the hints place beside everybody's: how learners fare, and where problems come from."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from backend.errors import InvalidRequest, Language, OndolError
from backend.hints.bank import Mode, ProblemBank
from backend.hints.teacher import Teacher
from ui.bridge import parsed
from ui.chat_page import uuid_of
from ui.hints_problem import language_name
from ui.html import act, escape, notice
from ui.session import Doorkeeper, Visitor
from ui.teaching_problems import problems_page, report_of
from ui.teaching_report import report_page
from ui.text import t

_MAX_NAME = 80

Update = tuple[Any, ...]  # notice, report, problems: what `build` lists as outputs


class TeachingTab:
    """Components and handlers of the two sub-places.

    Args:
        bank: the problems.
        teacher: what learners did.
        doorkeeper: who is at the page.
        clock: current time, aware.
    """

    def __init__(
        self,
        bank: ProblemBank,
        teacher: Teacher,
        doorkeeper: Doorkeeper,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bank = bank
        self._teacher = teacher
        self._door = doorkeeper
        self._clock = clock

    def build(self, who: Visitor) -> None:
        """Lays the sub-places out and connects their events; call where the visitor is known to be an admin.

        The handlers do not rely on that: each asks for the role again.
        """
        message = gr.Textbox(elem_id="teach-message", visible="hidden")
        act_now = gr.Button("act", elem_id="teach-act", visible="hidden")
        refresh = gr.Button("refresh", elem_id="teach-refresh", visible="hidden")
        _markdown("teach-nav", _nav(who.language))
        line = _markdown("teach-notice")
        report = _markdown("teach-report")
        problems = _markdown("teach-problems")
        shown = [line, report, problems]
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 4}
        refresh.click(self.on_refresh, None, shown, **quick)
        act_now.click(self.on_act, [message], shown, **quick)

    async def on_refresh(self, request: gr.Request) -> Update:
        """Reads both sub-places anew when one of them is opened."""
        who = await self._door.admin(request)
        try:
            return await self._painted(who, "")
        except OndolError as error:
            return _failed(error, who)

    async def on_act(self, message: str, request: gr.Request) -> Update:
        """Imports a file that the page has read, or takes an import back."""
        who = await self._door.admin(request)
        wish = parsed(message)
        try:
            match wish["do"]:
                case "import":
                    told = await self._imported(who, wish)
                case "undo":
                    target = uuid_of(str(wish["id"]))
                    if target is None:
                        raise InvalidRequest(reason="set")
                    await self._bank.remove_set(target)
                    told = notice("ok", t("import_undone", who.language))
                case other:
                    raise InvalidRequest(reason=other[:40])
            return await self._painted(who, told)
        except OndolError as error:
            return _failed(error, who)

    async def _imported(self, who: Visitor, wish: dict[str, Any]) -> str:
        try:
            mode = Mode(str(wish["arg"]))
        except ValueError:
            raise InvalidRequest(reason="mode") from None
        raw = str(wish["text"]).encode("utf-8", "replace")
        report = await self._bank.import_set(raw, str(wish["id"])[:_MAX_NAME], mode, who.identity.user_id)
        return report_of(report, who.language)

    async def _painted(self, who: Visitor, told: str) -> Update:
        sets, rejected = await self._bank.sets(), await self._bank.rejected()
        report = await self._teacher.report(language_name(who.language))
        return (
            told,
            report_page(report, self._clock(), who.language),
            problems_page(sets, rejected, who.language),
        )


def _failed(error: OndolError, who: Visitor) -> Update:
    return notice("error", error.message(who.language)), gr.skip(), gr.skip()


def _nav(language: Language) -> str:
    places = ("work", "report", "problems")
    items = "".join(act("sub", escape(t(f"sub_{place}", language)), arg=place, css=f"of-{place}") for place in places)
    return f"<nav class='subs' aria-label='{escape(t('sub_places', language))}'>{items}</nav>"


def _markdown(name: str, value: str = "") -> gr.Markdown:
    return gr.Markdown(value, elem_id=name, sanitize_html=False, latex_delimiters=[])
