"""What the hints place is made of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr

from backend.hints.ladder import Tone
from backend.hints.service import MAX_COMPARED
from backend.llm.providers import MAIN
from ui.text import label

CODE_LINES = 18


@dataclass
class Making:
    """What one open page is having made. Its running handlers share it, so that a later one can end an earlier.

    Attributes:
        number: of hints begun or ended.
        ran: the program whose test results the page shows.
    """

    number: int = 0
    ran: str = ""

    def end(self) -> None:
        """Whatever is being made is not wanted any more."""
        self.number += 1

    def turn(self) -> None:
        """The reader goes to another problem."""
        self.end()
        self.ran = ""

    @contextmanager
    def running(self) -> Iterator[Callable[[], bool]]:
        """Around the making of a hint; what it gives says whether the hint is still wanted."""
        self.end()
        mine = self.number
        yield lambda: self.number == mine


class HintsParts:
    """The components, under the names the handlers know them by."""

    def build(self) -> None:
        """Lays the place out; call inside its `gr.Column`."""
        self.making = gr.State(Making())
        self.message = gr.Textbox(elem_id="hints-message", visible="hidden")
        self.act_now = gr.Button("act", elem_id="hints-act", visible="hidden")
        self.stream = gr.Button("stream", elem_id="hints-stream", visible="hidden")
        self.run = gr.Button("run", elem_id="hints-run", visible="hidden")
        self.refresh = gr.Button("refresh", elem_id="hints-refresh", visible="hidden")
        self.here = gr.Textbox(elem_id="hints-here", visible="hidden")
        self.notice = _markdown("hints-notice")
        self.compared = _markdown("hints-compared")
        with gr.Row(elem_id="hints-work", equal_height=False):
            with gr.Column(elem_id="hints-left", elem_classes="pane", min_width=0):
                with gr.Column(elem_id="hints-picker", min_width=0):
                    self._build_picker()
                self.problem = _markdown("hints-problem")
                self.results = _markdown("hints-results")
            with gr.Column(elem_id="hints-middle", elem_classes="pane", min_width=0):
                self._build_program()
            with gr.Column(elem_id="hints-right", elem_classes="pane", min_width=0):
                self.progress = _markdown("hints-progress")
                self.ladder = _markdown("hints-ladder")

    def shown(self) -> list[Any]:
        """What handlers paint."""
        return [
            self.here, self.notice, self.compared, self.list, self.problem, self.results, self.progress, self.ladder,
            self.bar,
        ]  # fmt: skip

    def choices(self) -> list[Any]:
        """What can be chosen; filled when the page opens."""
        return [self.level, self.tag, self.solved, self.tone, self.language, self.models, self.heading]

    def _build_picker(self) -> None:
        plain: dict[str, Any] = {"show_label": False, "container": False, "min_width": 0}
        self.search = gr.Textbox(
            label=label("problem_search"), placeholder=label("problem_search"), elem_id="hints-search", **plain
        )
        with gr.Row(elem_id="hints-filters"):
            self.level = _dropdown(label("level_filter"), [("", "")], **plain)
            self.tag = _dropdown(label("tag_filter"), [("", "")], **plain)
            self.solved = _dropdown(label("solved_filter"), [("", "")], **plain)
        self.list = _markdown("hints-list")

    def _build_program(self) -> None:
        self.heading = _markdown("hints-heading")
        self.code = gr.Textbox(
            label=label("my_code"),
            show_label=False,
            container=False,
            lines=CODE_LINES,
            max_lines=CODE_LINES,
            elem_id="hints-code",
            html_attributes=gr.InputHTMLAttributes(
                spellcheck=False, autocorrect="off", autocapitalize="off", autocomplete="off"
            ),
        )
        with gr.Row(elem_id="hints-options"):
            self.tone = _dropdown(label("tone"), [(Tone.NOVICE.value, Tone.NOVICE.value)], elem_id="hints-tone")
            self.language = _dropdown(label("hint_language"), [("ko", "ko"), ("en", "en")], elem_id="hints-language")
            self.models = gr.Dropdown(
                [MAIN],
                value=[MAIN],
                multiselect=True,
                max_choices=MAX_COMPARED,
                label=label("hint_models"),
                min_width=0,
                elem_id="hints-models",
                visible=False,
            )
        self.bar = _markdown("hints-bar")


def _markdown(name: str) -> gr.Markdown:
    return gr.Markdown(elem_id=name, sanitize_html=False, latex_delimiters=[])


def _dropdown(name: Any, choices: list[tuple[str, str]], **options: Any) -> gr.Dropdown:
    return gr.Dropdown(choices, value=choices[0][1], label=name, filterable=False, **({"min_width": 0} | options))
