"""The users tab, built for admins only: add, disable, reset, promote."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from backend.accounts.administration import UserInfo
from backend.accounts.service import Accounts
from backend.errors import InvalidRequest, Language, OndolError
from backend.store.models import Role
from ui.bridge import parsed
from ui.html import act, escape, moment, notice, table
from ui.session import Doorkeeper, Visitor
from ui.text import label, t

Update = tuple[Any, ...]  # notice, password, list, name: what `build` lists as outputs


class UsersTab:
    """Components and handlers of the tab.

    Args:
        accounts: what is shown and changed; it checks the role once more.
        doorkeeper: who is at the page.
        clock: current time, aware.
    """

    def __init__(
        self, accounts: Accounts, doorkeeper: Doorkeeper, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._accounts = accounts
        self._door = doorkeeper
        self._clock = clock

    def build(self, listed: str) -> None:
        """Lays the tab out and connects its events; call where the visitor is known to be an admin.

        The handlers do not rely on that: each asks for the role again. `listed` is what `listed` returns.
        """
        message = gr.Textbox(elem_id="users-message", visible="hidden")
        act_now = gr.Button("act", elem_id="users-act", visible="hidden")
        refresh = gr.Button("refresh", elem_id="users-refresh", visible="hidden")
        with gr.Column(elem_classes="narrow"):
            line = gr.Markdown(elem_classes="page-notice", sanitize_html=False, latex_delimiters=[])
            password = gr.Textbox(visible=False, interactive=False, buttons=["copy"], elem_id="new-password")
            with gr.Column(elem_classes="card"):
                people = gr.Markdown(listed, sanitize_html=False, latex_delimiters=[], elem_id="users-list")
            with gr.Column(elem_classes="card"):
                with gr.Row(equal_height=True):
                    name = gr.Textbox(label=label("username"), max_length=32, scale=2, elem_id="new-user")
                    role = gr.Dropdown(
                        [(label("role_user"), Role.USER.value), (label("role_admin"), Role.ADMIN.value)],
                        value=Role.USER.value,
                        label=label("role"),
                        scale=1,
                    )
                add = gr.Button(label("add_user"), variant="primary", elem_id="add-user")
        shown = [line, password, people, name]
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 4}
        add.click(self.on_add, [name, role], shown, **quick)
        name.submit(self.on_add, [name, role], shown, **quick)
        act_now.click(self.on_act, [message], shown, **quick)
        refresh.click(self.on_refresh, None, shown, **quick)

    async def on_refresh(self, request: gr.Request) -> Update:
        """Reads the users anew."""
        who = await self._door.admin(request)
        try:
            return _update(notice="", people=await self.listed(who))
        except OndolError as error:
            return _failed(error, who)

    async def on_add(self, name: str, role: str, request: gr.Request) -> Update:
        """Makes a user and shows the first password this once."""
        who = await self._door.admin(request)
        try:
            user, password = await self._accounts.create_user(who.identity, name, _role(role))
            shown = _password(who, user.username, password)
            return _update(notice="", password=shown, people=await self.listed(who), name="")
        except OndolError as error:
            return _failed(error, who)

    async def on_act(self, message: str, request: gr.Request) -> Update:
        """Buttons of the table."""
        who = await self._door.admin(request)
        wish = parsed(message)
        username = str(wish["text"])
        try:
            match wish["do"]:
                case "disable":
                    await self._accounts.disable(who.identity, username)
                case "enable":
                    await self._accounts.enable(who.identity, username)
                case "role":
                    await self._accounts.set_role(who.identity, username, _role(str(wish["arg"])))
                case "reset":
                    password = await self._accounts.reset_password(who.identity, username)
                    shown = _password(who, username, password)
                    return _update(notice="", password=shown, people=await self.listed(who))
                case other:
                    raise InvalidRequest(reason=other[:40])
            done = t("actions_done", who.language, username=username)
            return _update(notice=notice("ok", done), people=await self.listed(who))
        except OndolError as error:
            return _failed(error, who)

    async def listed(self, who: Visitor) -> str:
        """The table of users."""
        return _table(await self._accounts.list_users(who.identity), who, self._clock())


def _update(*, notice: str, people: Any = None, password: Any = None, name: Any = None) -> Update:
    """Outputs in the order of `build`; a password is hidden by whatever is done next."""
    hidden = gr.update(value="", visible=False)
    return (notice, password or hidden, gr.skip() if people is None else people, gr.skip() if name is None else name)


def _failed(error: OndolError, who: Visitor) -> Update:
    return _update(notice=notice("error", error.message(who.language)))


def _password(who: Visitor, username: str, password: str) -> Any:
    return gr.update(value=password, label=t("new_password", who.language, username=username), visible=True)


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise InvalidRequest(reason="role") from None


def _table(rows: Sequence[UserInfo], who: Visitor, now: datetime) -> str:
    language = who.language
    head = f"<div class='card-head'><h2>{escape(t('users_title', language))}</h2></div>"
    titles = [t(key, language) for key in ("username", "role", "state", "last_login", "action")]
    body = [
        [
            f"<span class='username'>{escape(row.username)}</span>",
            escape(t(f"role_{row.role}", language)),
            _state(row, language),
            moment(row.last_login_at, now, language) if row.last_login_at else escape(t("never", language)),
            "" if row.id == who.identity.user_id else _actions(row, language),
        ]
        for row in rows
    ]
    return head + table(titles, body)


def _state(row: UserInfo, language: Language) -> str:
    key, css = ("disabled", "badge warn") if row.disabled_at else ("active", "badge ok")
    return f"<span class='{css}'>{escape(t(key, language))}</span>"


def _actions(row: UserInfo, language: Language) -> str:
    other = Role.USER if row.role == Role.ADMIN else Role.ADMIN
    toggle = (
        act("u-enable", escape(t("enable", language)), css="button")
        if row.disabled_at
        else act("u-disable", escape(t("disable", language)), css="button ask-confirm_disable")
    )
    role = act("u-role", escape(t(f"make_{other}", language)), arg=other, css="button")
    reset = act("u-reset", escape(t("reset_password", language)), css="button ask-confirm_reset")
    return f"<span class='row-actions'>{toggle}{role}{reset}</span>"
