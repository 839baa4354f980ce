"""The account tab: where one is signed in, API tokens, the way to the password page."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import gradio as gr

from backend.accounts.identity import Scope
from backend.accounts.service import Accounts
from backend.accounts.sessions import SessionInfo
from backend.accounts.tokens import TokenInfo
from backend.errors import Language, OndolError, UnknownToken
from ui.bridge import parsed
from ui.html import act, escape, moment, notice, table
from ui.session import Doorkeeper, Visitor
from ui.text import label, t

Update = dict[Any, Any]


class AccountTab:
    """Components and handlers of the tab.

    Args:
        accounts: what is shown and changed.
        doorkeeper: who is at the page.
        clock: current time, aware.
    """

    def __init__(
        self, accounts: Accounts, doorkeeper: Doorkeeper, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._accounts = accounts
        self._door = doorkeeper
        self._clock = clock

    def build(self) -> None:
        """Lays the tab out; call inside its `gr.Tab`."""
        self.message = gr.Textbox(elem_id="account-message", visible="hidden")
        self.act_now = gr.Button("act", elem_id="account-act", visible="hidden")
        with gr.Column(elem_classes="narrow"):
            self.notice = gr.Markdown(elem_classes="page-notice", sanitize_html=False, latex_delimiters=[])
            with gr.Column(elem_classes="card"):
                self.sessions = gr.Markdown(sanitize_html=False, latex_delimiters=[])
            with gr.Column(elem_classes="card"):
                self.tokens = gr.Markdown(sanitize_html=False, latex_delimiters=[])
                gr.Markdown(label("tokens_info"))
                with gr.Row(equal_height=True):
                    self.name = gr.Textbox(
                        label=label("token_name"), placeholder=label("token_name_hint"), max_length=80, scale=2
                    )
                    self.days = gr.Number(90, label=label("token_days"), precision=0, minimum=0, maximum=3650, scale=1)
                self.scopes = gr.CheckboxGroup(
                    [(label(f"scope_{scope}"), str(scope)) for scope in (Scope.CHAT, Scope.READ, Scope.ADMIN)],
                    value=[str(Scope.CHAT), str(Scope.READ)],
                    label=label("token_scopes"),
                )
                self.create = gr.Button(label("create_token"), variant="primary", elem_id="create-token")
                self.secret = gr.Textbox(
                    label=label("token_once"), visible=False, interactive=False, buttons=["copy"], elem_id="new-token"
                )

    def wire(self, opened: gr.Tab) -> None:
        """Connects events; call inside the Blocks after `build`."""
        shown = [self.sessions, self.tokens, self.notice, self.secret, self.name]
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 16}
        opened.select(self.on_open, None, shown, **quick)
        self.create.click(self.on_create, [self.name, self.scopes, self.days], shown, **quick)
        self.name.submit(self.on_create, [self.name, self.scopes, self.days], shown, **quick)
        self.act_now.click(self.on_act, [self.message], shown, **quick)

    async def on_open(self, request: gr.Request) -> Update:
        """Reads everything anew each time the tab is opened."""
        who = await self._door.visitor(request)
        try:
            return await self._page(who) | {self.notice: "", self.secret: gr.update(value="", visible=False)}
        except OndolError as error:
            return {self.notice: notice("error", error.message(who.language))}

    async def on_create(self, name: str, scopes: list[str], days: float | None, request: gr.Request) -> Update:
        """Makes a token and shows its secret this once."""
        who = await self._door.visitor(request)
        try:
            _, secret = await self._accounts.create_token(who.identity, name, scopes, int(days or 0) or None)
            page = await self._page(who)
        except OndolError as error:
            return {self.notice: notice("error", error.message(who.language))}
        return page | {self.notice: "", self.secret: gr.update(value=secret, visible=True), self.name: ""}

    async def on_act(self, message: str, request: gr.Request) -> Update:
        """Buttons of the tables."""
        who = await self._door.visitor(request)
        wish = parsed(message)
        try:
            done = await self._acted(who, wish)
            return await self._page(who) | {self.notice: notice("ok", done), self.secret: gr.update(visible=False)}
        except OndolError as error:
            return {self.notice: notice("error", error.message(who.language))}

    async def _acted(self, who: Visitor, wish: dict[str, Any]) -> str:
        if wish["do"] == "end-others":
            ended = await self._accounts.revoke_other_sessions(who.identity)
            return t("sessions_gone", who.language, count=ended)
        try:
            target = UUID(str(wish["id"]))
        except ValueError:
            raise UnknownToken from None
        if wish["do"] == "end-session":
            await self._accounts.revoke_session(who.identity, target)
            return t("session_gone", who.language)
        await self._accounts.revoke_token(who.identity, target)
        return t("token_gone", who.language)

    async def _page(self, who: Visitor) -> Update:
        now, language = self._clock(), who.language
        return {
            self.sessions: _sessions(await self._accounts.list_sessions(who.identity), now, language),
            self.tokens: _tokens(await self._accounts.list_tokens(who.identity), now, language),
        }


def _sessions(rows: Sequence[SessionInfo], now: datetime, language: Language) -> str:
    others = any(not row.current for row in rows)
    end_all = act("a-end-others", escape(t("revoke_others", language)), css="button") if others else ""
    head = (
        f"<div class='card-head'><h2>{escape(t('sessions_title', language))}</h2><span class='spring'></span>{end_all}"
        f"<a class='button' href='/password'>{escape(t('change_password', language))}</a></div>"
    )
    body = [
        [
            escape(_device(row.user_agent)),
            escape(row.address),
            moment(row.last_seen_at, now, language),
            f"<span class='badge'>{escape(t('this_browser', language))}</span>"
            if row.current
            else act("a-end-session", escape(t("revoke", language)), target=row.id, css="button"),
        ]
        for row in rows
    ]
    return head + table([t(key, language) for key in ("device", "address", "last_seen", "action")], body)


def _tokens(rows: Sequence[TokenInfo], now: datetime, language: Language) -> str:
    head = f"<div class='card-head'><h2>{escape(t('tokens_title', language))}</h2></div>"
    if not rows:
        return head + f"<p class='muted'>{escape(t('no_tokens', language))}</p>"
    body = [
        [
            f"{escape(row.name)} <code>{escape(row.prefix)}…</code>",
            escape(", ".join(t(f"scope_{scope}", language) for scope in row.scopes)),
            moment(row.last_used_at, now, language) if row.last_used_at else escape(t("never", language)),
            escape(f"{row.expires_at:%Y-%m-%d}" if row.expires_at else t("never", language)),
            act("a-end-token", escape(t("revoke", language)), target=row.id, css="button ask-confirm_revoke"),
        ]
        for row in rows
    ]
    return head + table(
        [t(key, language) for key in ("token_name", "token_scopes", "last_seen", "expires", "action")], body
    )


def _device(user_agent: str) -> str:
    """Browser and system, as far as a user agent tells them; the first word of anything else."""
    browser = next((name for name in ("Edg", "OPR", "Firefox", "Chrome", "Safari") if name in user_agent), "")
    system = next((s for s in ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux") if s in user_agent), "")
    names = {"Edg": "Edge", "OPR": "Opera", "Mac OS": "macOS"}
    found = " · ".join(names.get(part, part) for part in (browser, system) if part)
    return found or (user_agent.split("/", maxsplit=1)[0] or "?")[:40]
