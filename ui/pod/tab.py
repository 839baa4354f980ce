"""The place of the pod: a console for admins, a short word for everybody else.

The page's script presses the hidden refresh button every few seconds, only while the place is open and in sight.
Nothing that is done here counts as activity of the pod.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import gradio as gr

from backend.errors import InvalidRequest, Language, OndolError
from backend.llm.overview import Overview
from backend.pod.charts import Chart
from backend.pod.console import Console, Standing
from backend.pod.pods import is_pod_id
from backend.pod.service import PodService
from ui.bridge import parsed
from ui.html import act, escape, notice
from ui.pod import settings as form
from ui.pod.audit import audit_card
from ui.pod.charts import charts
from ui.pod.comparison import comparison, prices_of
from ui.pod.engines import engines_card
from ui.pod.fleet import fleet, logs
from ui.pod.live import cards
from ui.pod.spending import awake_words, stop_words
from ui.pod.status import status_card
from ui.session import Doorkeeper, Visitor
from ui.text import t

Update = dict[Any, Any]
_LIVE = {"now", "pods"}  # painted anew all the time; a form that somebody fills in is not
_HOURS = 6.0
_ENGINE_PATIENCE_S = 0.5  # the console is painted all the time; an engine that is slower is shown as it was


class PodTab:
    """Components and handlers of the place.

    Args:
        pod: what is shown and ordered.
        engines: all providers.
        doorkeeper: who is at the page.
    """

    def __init__(self, pod: PodService, engines: Overview, doorkeeper: Doorkeeper) -> None:
        self._pod, self._engines = pod, engines
        self._door = doorkeeper

    def build_status(self, who: Visitor) -> None:
        """Lays out what those see who are no admins."""
        refresh = gr.Button("refresh", elem_id="pod-again", visible="hidden")
        with gr.Column(elem_classes="narrow"):
            page = gr.Markdown(self._status(who), sanitize_html=False, latex_delimiters=[])
        refresh.click(self.on_status, None, [page], show_progress="hidden", concurrency_limit=16)

    def build(self, painted: str) -> None:
        """Lays the console out; call where the visitor is known to be an admin.

        The handlers do not rely on that: each asks for the role again. `painted` is what `painted` returns.
        """
        message = gr.Textbox(elem_id="pod-message", visible="hidden")
        act_now = gr.Button("act", elem_id="pod-act", visible="hidden")
        refresh = gr.Button("refresh", elem_id="pod-again", visible="hidden")
        view = gr.Textbox("now", elem_id="pod-view", visible="hidden")
        with gr.Column(elem_classes=["wide", "pod-place"]):
            line = gr.Markdown(elem_classes="page-notice", sanitize_html=False, latex_delimiters=[])
            page = gr.Markdown(painted, elem_id="pod-console", sanitize_html=False, latex_delimiters=[])
            result = gr.Markdown(elem_id="pod-result", sanitize_html=False, latex_delimiters=[])
        shown = [line, page, result, view]
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 4}
        refresh.click(self.on_refresh, [view], shown, **quick)
        act_now.click(self.on_act, [message, view], shown, **quick)

    async def on_status(self, request: gr.Request) -> str:
        """What everybody may know."""
        return self._status(await self._door.visitor(request))

    async def on_refresh(self, view: str, request: gr.Request) -> tuple[Any, ...]:
        """Paints the open part anew; the script asks only where that takes no form from anybody's hands."""
        who = await self._door.admin(request)
        try:
            return _update(page=await self.painted(who, view))
        except OndolError as error:
            return _failed(error, who)

    async def on_act(self, message: str, view: str, request: gr.Request) -> tuple[Any, ...]:
        """Buttons and forms of the place."""
        who = await self._door.admin(request)
        wish = parsed(message)
        try:
            match wish["do"]:
                case "show":
                    page = await self.painted(who, str(wish["arg"]))
                    return _update(line="", page=page, result="", view=str(wish["arg"]))
                case "logs":
                    return _update(line="", page=await self._logs(who, str(wish["id"])), result="", view="logs")
                case "replay":
                    return _update(line="", result=await self._replay(who, str(wish["text"])))
                case "proposal":
                    return _update(line="", result=form.proposal_card(await self._pod.proposal(), who.language))
            told = await self._ordered(who, wish)
            return _update(line=notice("ok", told), page=await self.painted(who, view), result="", view=view)
        except OndolError as error:
            return _failed(error, who)

    async def painted(self, who: Visitor, view: str) -> str:
        """A part of the console, with the line of parts above it.

        Raises:
            InvalidRequest: there is no such part.
            OndolError: of what it shows.
        """
        console, language = self._pod.console(), who.language
        match view:
            case "now":
                body = await self._now(console, language)
            case "costs":
                body = comparison(await self._pod.costs(), console.options, language)
            case "settings":
                body = form.settings_form(console, language)
            case "pods":
                body = fleet(await self._pod.pods(), console, console.view.at, language)
            case "logs":
                return await self._logs(who, "")
            case _:
                raise InvalidRequest(reason=view[:40])
        return _framed(view, body, console, language)

    async def _now(self, console: Console, language: Language) -> str:
        found: Chart | None = None
        try:
            found = await self._pod.history(_HOURS)
            drawn = charts(found, console.view.at, console.options.zone, language)
        except OndolError as error:
            drawn = notice("error", error.message(language))
        listed = engines_card(await self._engines.rows(_ENGINE_PATIENCE_S), language)
        view = console.view
        dialogs = stop_words(console, view.pod, language) if view.pod else ""
        return (
            f"<div class='console'>{cards(console, found, language)}<section class='card engines'>{listed}</section>"
            f"<section class='card history'>"
            f"<div class='card-head'><h2>{escape(t('pod_history', language))}</h2></div>{drawn}</section>"
            f"<section class='card audit'>{audit_card(view.audit, view.progress.incident, view.at, language)}</section>"
            f"</div>{dialogs}{awake_words(language)}"
        )

    async def _logs(self, who: Visitor, pod_id: str) -> str:
        console, language = self._pod.console(), who.language
        if pod_id and not is_pod_id(pod_id):
            raise InvalidRequest(reason="pod")
        try:
            body = logs(await self._pod.logs(pod_id, 200), pod_id or console.view.pod_id, language)
        except OndolError as error:
            body = f"<section class='card'>{notice('error', error.message(language))}</section>"
        return _framed("logs", body, console, language)

    async def _replay(self, who: Visitor, text: str) -> str:
        sent = form.form_of(text)
        changes = form.changes_of(text, self._pod.console())
        return form.replay_card(await self._pod.replay(changes, form.hours_of(sent)), who.language)

    async def _ordered(self, who: Visitor, wish: dict[str, Any]) -> str:
        """Does what changes something; returns what to say."""
        pod, actor, language = self._pod, f"user:{who.identity.username}", who.language
        target = str(wish["id"])
        if target and not is_pod_id(target):
            raise InvalidRequest(reason="pod")
        match wish["do"]:
            case "awake":
                pod.keep_awake(actor, timedelta(minutes=_minutes(wish["arg"])))
                return t("pod_done_awake", language)
            case "awake-until":
                pod.keep_awake(actor, _moment(str(wish["text"])))
                return t("pod_done_awake", language)
            case "cancel":
                pod.cancel(actor)
                return t("pod_done_cancel", language)
            case "stop" if target:
                await pod.stop(actor, pod_id=target, reason=" ".join(str(wish["text"]).split())[:200])
                return t("pod_done_stop", language)
            case "start":
                await pod.start(actor, pod_id=target)
                return t("pod_done_start", language)
            case "restart":
                await pod.restart(actor, pod_id=target)
                return t("pod_done_restart", language)
            case "save":
                await pod.change_options(form.changes_of(str(wish["text"]), pod.console()), actor)
                return t("pod_done_save", language)
            case "prices":
                console = pod.console()
                kept = console.options.model_dump(mode="json", include=set(console.changed))
                prices = prices_of(form.form_of(str(wish["text"])))
                await pod.change_options({**kept, "prices": prices}, actor)
                return t("pod_done_save", language)
            case "reset":
                await pod.change_options({}, actor)
                return t("pod_done_reset", language)
        raise InvalidRequest(reason=str(wish["do"])[:40])

    def _status(self, who: Visitor) -> str:
        return status_card(self._pod.brief(), datetime.now(UTC), who.language)


def _framed(view: str, body: str, console: Console, language: Language) -> str:
    """A part with the line of parts above it; its classes tell the script which it is and whether it is painted anew.

    The moment in it makes every picture another one, so that the script sees that its wish was answered.
    """
    parts = ["now", "costs", "settings"]
    if "RUNPOD_API_KEY" not in console.missing:
        parts += ["pods"] if console.standing is Standing.NO_POD else ["logs", "pods"]
    links = "".join(
        act(
            "p-show", escape(t(f"pod_part_{part}", language)), arg=part, css=f"part{' current' if part == view else ''}"
        )
        for part in parts
    )
    live = "live " if view in _LIVE else ""
    nav = f"<nav class='parts' aria-label='{escape(t('pod_parts', language))}'>{links}</nav>"
    return f"<div id='pod-page' class='{live}{view}' data-at='{console.view.at.isoformat()}'>{nav}{body}</div>"


def _update(*, line: Any = None, page: Any = None, result: Any = None, view: Any = None) -> tuple[Any, ...]:
    """Outputs in the order of `build`; what is left out stays as it is."""
    return tuple(gr.skip() if each is None else each for each in (line, page, result, view))


def _failed(error: OndolError, who: Visitor) -> tuple[Any, ...]:
    return _update(line=notice("error", error.message(who.language)))


def _minutes(text: object) -> int:
    if str(text) not in {"30", "120"}:
        raise InvalidRequest(reason="minutes")
    return int(str(text))


def _moment(text: str) -> datetime:
    """An aware moment. Raises InvalidRequest."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(reason="until") from None
    if found.tzinfo is None:
        raise InvalidRequest(reason="until")
    return found
