"""What the sentiment place is made of: files and jobs at the left, results beside them."""

import gradio as gr

from backend.sentiment.labels import Label
from backend.sentiment.service import SentimentService
from ui.sentiment.prompts import PromptEditor
from ui.sentiment.rows import ALL, WHICH
from ui.session import Doorkeeper
from ui.text import label

CHARTS = ("aspects", "trend", "confidence", "restaurants")


class SentimentParts:
    """Components of the place. `open` is the job that is shown, `seen` what of it was painted last."""

    def __init__(self, sentiment: SentimentService, doorkeeper: Doorkeeper) -> None:
        self.prompts = PromptEditor(sentiment, doorkeeper)

    def build(self) -> None:
        """Lays the place out; call inside its `gr.Tab`."""
        self.message = gr.Textbox(elem_id="sentiment-message", visible="hidden")
        self.act_now = gr.Button("act", elem_id="sentiment-act", visible="hidden")
        self.refresh = gr.Button("refresh", elem_id="sentiment-refresh", visible="hidden")
        self.open = gr.Textbox(elem_id="sentiment-open", visible="hidden")
        self.seen = gr.Textbox(elem_id="sentiment-seen", visible="hidden")
        self.page = gr.Textbox("0", elem_id="sentiment-page-number", visible="hidden")
        with gr.Row(elem_id="sentiment"):
            with gr.Column(elem_id="sentiment-left"):
                self._build_left()
            with gr.Column(elem_id="sentiment-right"):
                self.notice = _html(elem_classes="page-notice")
                self.preview = _html()
                self.pasted = _html(elem_id="sentiment-pasted")
                self.empty = _html()
                with gr.Column(visible=False, elem_id="sentiment-results") as self.results:
                    self._build_results()

    def _build_left(self) -> None:
        with gr.Column(elem_classes="card"):
            self.setup = _html()
        with gr.Column(elem_classes="card", visible=False) as self.job_card:
            self.job = _html()
        with gr.Column(elem_classes="card"):
            self.paste = gr.Textbox(
                label=label("paste_label"), placeholder=label("paste_hint"), lines=3, max_lines=8, max_length=200_000,
                elem_id="sentiment-paste",
            )  # fmt: skip
            self.paste_run = gr.Button(label("paste_run"), elem_id="sentiment-paste-run")
        with gr.Column(elem_classes="card"):
            self.history = _html(elem_id="sentiment-history")
        self.prompts.build()

    def _build_results(self) -> None:
        self.figures = _html()
        self.heads: dict[str, gr.Markdown] = {}
        self.plots: dict[str, gr.Plot] = {}
        self.cards: dict[str, gr.Column] = {}
        with gr.Row(elem_id="sentiment-charts"):
            for name in CHARTS:
                with gr.Column(elem_classes="card", elem_id=f"chart-{name}", visible=False) as self.cards[name]:
                    self.heads[name] = _html()
                    self.plots[name] = gr.Plot(show_label=False, container=False)
        self.telling = _html()
        self.stars = _html()
        with gr.Column(elem_classes="card", elem_id="sentiment-rows"):
            self.rows_head = _html()
            with gr.Row(equal_height=True):
                self.which = gr.Dropdown(
                    [(label(f"label_{name}" if name in set(Label) else f"rows_{name}"), name) for name in WHICH],
                    value=ALL, label=label("rows_which"), elem_id="sentiment-which",
                )  # fmt: skip
                self.words = gr.Textbox(
                    label=label("rows_text"), placeholder=label("rows_text_hint"), max_length=200,
                    elem_id="sentiment-words",
                )  # fmt: skip
                self.restaurant = gr.Dropdown(
                    [(label("rows_all"), "")], value="", label=label("rows_restaurant"), allow_custom_value=True,
                    elem_id="sentiment-restaurant",
                )  # fmt: skip
            self.rows = _html(elem_id="sentiment-table")

    def shown(self) -> list[gr.components.Component | gr.Column]:
        """Everything that is painted for a job."""
        return [
            self.notice, self.job, self.job_card, self.history, self.empty, self.results, self.open, self.seen,
            self.page, self.figures, *self.heads.values(), *self.plots.values(), *self.cards.values(), self.telling,
            self.stars, self.rows_head, self.which, self.words, self.restaurant, self.rows,
        ]  # fmt: skip

    def place(self) -> list[gr.components.Component]:
        """What handlers are told: the job, and what of its table is looked at."""
        return [self.open, self.which, self.words, self.restaurant, self.page]


def _html(elem_id: str | None = None, elem_classes: str | None = None) -> gr.Markdown:
    return gr.Markdown(elem_id=elem_id, elem_classes=elem_classes, sanitize_html=False, latex_delimiters=[])
