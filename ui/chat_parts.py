"""What the chat tab is made of: its components, and the pieces of HTML around them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import gradio as gr

from backend.chat.conversations import Thread
from backend.chat.prompt import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE
from backend.chat.run import Run
from backend.errors import Language
from backend.llm.providers import MAIN
from ui.history import PAGE
from ui.html import act, escape, icon
from ui.text import label, t

_LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
    {"left": "\\[", "right": "\\]", "display": True},
]
_LEAVE_TIMEOUT_S = 1.0  # a page that was closed never takes its last tick


@dataclass
class View:
    """What one open page shows. It is shared by the page's running handlers, so that a stream notices
    that its reader has turned to another conversation.

    Attributes:
        turn: counts what the reader has turned to. Of two clicks the later one counts, whichever is answered first.
    """

    showing: str = ""
    turn: int = 0
    _followed: list[tuple[Run, asyncio.Event]] = field(default_factory=list)

    @contextmanager
    def following(self, run: Run) -> Iterator[None]:
        """Around the painting of an answer."""
        entry = (run, asyncio.Event())
        self._followed.append(entry)
        try:
            yield
        finally:
            self._followed.remove(entry)
            entry[1].set()

    def begin_turn(self) -> int:
        """The reader wants to see something else: what was asked for before is overtaken."""
        self.turn += 1
        return self.turn

    async def turn_to(self, conversation: str) -> None:
        """Shows another conversation. Returns when the painting of others has ended: none of their ticks can arrive
        after what comes now, and the page takes the next question at once."""
        self.showing = conversation
        left = [(run, ended) for run, ended in self._followed if str(run.conversation_id) != conversation]
        for run, _ in left:
            run.nudge()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_TIMEOUT_S):
                for _, ended in left:
                    await ended.wait()


class ChatParts:
    """The components, under the names the handlers know them by."""

    def build(self) -> None:
        """Lays the tab out; call inside its `gr.Tab`."""
        self.view = gr.State(View())
        # Kept by the page and not by the server: a page that outlives a restart still knows where it is.
        self.here = gr.Textbox(elem_id="here", visible="hidden")
        self.editing = gr.Textbox(elem_id="editing", visible="hidden")
        self.shown = gr.Number(PAGE, elem_id="shown", visible="hidden", precision=0)
        self.collections = gr.Textbox(elem_id="collections", visible="hidden")
        self.message = gr.Textbox(elem_id="bridge-message", visible="hidden")
        self.act_now = gr.Button("act", elem_id="bridge-act", visible="hidden")
        self.act_stream = gr.Button("stream", elem_id="bridge-stream", visible="hidden")
        with gr.Row(elem_id="chat", equal_height=False):
            with gr.Column(elem_id="chat-history", scale=0, min_width=248):
                self.new = gr.Button(label("new_chat"), variant="primary", elem_id="new-chat")
                self.search = gr.Textbox(
                    placeholder=label("search"),
                    show_label=False,
                    label=label("search"),
                    container=False,
                    elem_id="history-search",
                )
                self.list = gr.Markdown(elem_id="history-list", sanitize_html=False, latex_delimiters=[])
            with gr.Column(elem_id="chat-thread", scale=1, min_width=0):
                self.head = gr.Markdown(elem_id="thread-head", sanitize_html=False, latex_delimiters=[])
                self.thread = gr.Chatbot(
                    elem_id="thread",
                    label=label("thread"),
                    show_label=False,
                    container=False,
                    height=None,
                    layout="bubble",
                    buttons=[],
                    feedback_options=None,
                    latex_delimiters=_LATEX,
                    group_consecutive_messages=True,
                    allow_file_downloads=False,
                    placeholder="",
                )
                self.notice = gr.Markdown(elem_id="thread-notice", sanitize_html=False, latex_delimiters=[])
                with gr.Row(elem_id="composer", equal_height=True):
                    self.question = gr.Textbox(
                        placeholder=label("ask"),
                        label=label("your_message"),
                        show_label=False,
                        container=False,
                        lines=1,
                        max_lines=10,
                        autofocus=True,
                        elem_id="question",
                        scale=1,
                    )
                    self.send = gr.Button(label("send"), variant="primary", elem_id="send", scale=0, min_width=88)
                    self.stop = gr.Button(label("stop"), elem_id="stop", scale=0, min_width=88, visible=False)
            with gr.Column(elem_id="chat-sources", scale=0, min_width=288):
                self.sources = gr.Markdown(elem_id="sources", sanitize_html=False, latex_delimiters=[])
            with gr.Column(elem_id="chat-settings", scale=0, min_width=288):
                self._build_settings()

    def _build_settings(self) -> None:
        self.settings_head = gr.Markdown(elem_id="settings-head", sanitize_html=False, latex_delimiters=[])
        self.provider = gr.Dropdown([(MAIN, "")], value="", label=label("model"), elem_id="provider")
        self.system = gr.Textbox(
            label=label("system_prompt"),
            info=label("system_prompt_info"),
            lines=4,
            max_lines=12,
            max_length=20_000,
            elem_id="system-prompt",
        )
        self.temperature = gr.Slider(
            0, 2, DEFAULT_TEMPERATURE, step=0.1, label=label("temperature"), info=label("temperature_info")
        )
        self.max_tokens = gr.Slider(64, 8192, DEFAULT_MAX_TOKENS, step=64, label=label("max_tokens"))


def head(thread: Thread | None, language: Language, picker: str = "") -> str:
    """Title of the conversation with its buttons. Its class `at-…` tells the page's script where it is.

    `picker` is the menu of documents.
    """
    drawer = act("drawer", icon("menu"), arg="history", title=t("open_history", language), css="drawer-button")
    settings = act("drawer", icon("sliders"), arg="settings", title=t("settings", language), css="tool")
    if thread is None:
        title, export, identifier = t("untitled", language), "", "new"
    else:
        identifier = str(thread.conversation.id)
        title = thread.conversation.title or t("untitled", language)
        address = f"/api/v1/conversations/{identifier}/export?format="
        export = (
            f"<details class='export'><summary class='tool' title='{escape(t('export', language))}' "
            f"aria-label='{escape(t('export', language))}'>{icon('down')}</summary><div class='menu'>"
            f"<a href='{address}md' download>{escape(t('export_md', language))}</a>"
            f"<a href='{address}json' download>{escape(t('export_json', language))}</a></div></details>"
        )
    return (
        f"<div class='thread-head at-{identifier}'>{drawer}<h2>{escape(title)}</h2>{picker}"
        f"<span class='spring'></span>{export}{settings}</div>"
    )


def settings_head(language: Language) -> str:
    """Title of the settings with the button that closes them."""
    close = act("drawer", icon("close"), arg="settings", title=t("close", language), css="tool")
    title = escape(t("settings_title", language))
    return f"<div class='thread-head'><h2>{title}</h2><span class='spring'></span>{close}</div>"


def welcome(language: Language) -> str:
    """What an empty thread shows: examples to begin with."""
    examples = "".join(act("example", escape(t(key, language))) for key in ("example_1", "example_2", "example_3"))
    return (
        f"<div class='welcome'><h2>{escape(t('welcome', language))}</h2>"
        f"<p>{escape(t('welcome_sub', language))}</p><div class='examples'>{examples}</div></div>"
    )
