"""The instruction and the examples of a person, a language at a time."""

from typing import Any

import gradio as gr

from backend.errors import InvalidRequest, Language, OndolError, Text
from backend.sentiment.labels import LABELS, Label
from backend.sentiment.prompt import Example, LanguagePrompt
from backend.sentiment.service import SentimentService
from ui.html import notice
from ui.session import Doorkeeper, Visitor
from ui.text import TEXTS, label, t

LANGUAGES = ("ko", "en", "ja", "zh")
Update = dict[Any, Any]


class PromptEditor:
    """Components and handlers of the card.

    Args:
        sentiment: keeps the prompts.
        doorkeeper: who is at the page.
    """

    def __init__(self, sentiment: SentimentService, doorkeeper: Doorkeeper) -> None:
        self._profiles = sentiment.profiles
        self._door = doorkeeper

    def build(self) -> None:
        """Lays the card out."""
        self.card = gr.Accordion(label("prompt_title"), open=False, elem_id="sentiment-prompts", elem_classes="card")
        with self.card:
            gr.Markdown(label("prompt_info"))
            self.language = gr.Dropdown(
                [(label(f"prompt_{code}"), code) for code in LANGUAGES], value="ko", label=label("prompt_language")
            )
            self.instruction = gr.Textbox(label=label("prompt_instruction"), lines=5, max_lines=12, max_length=2000)
            self.examples = gr.Textbox(label=label("prompt_examples"), lines=5, max_lines=16, max_length=8000)
            with gr.Row():
                self.save = gr.Button(label("prompt_save"), elem_id="save-prompt")
                self.reset = gr.Button(label("prompt_reset"), elem_id="reset-prompt")
            self.notice = gr.Markdown(sanitize_html=False, latex_delimiters=[])

    def wire(self) -> None:
        """Connects events; call inside the Blocks after `build`."""
        fields = [self.instruction, self.examples]
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 16}
        shown = [*fields, self.notice]
        self.card.expand(self.on_show, [self.language], shown, **quick)
        self.language.change(self.on_show, [self.language], shown, **quick)
        self.save.click(self.on_save, [self.language, *fields], shown, **quick)
        self.reset.click(self.on_reset, [self.language], shown, **quick)

    async def on_show(self, language: str, request: gr.Request) -> Update:
        """The prompt of a language."""
        who = await self._door.visitor(request)
        try:
            return await self._fields(who, _known(language)) | {self.notice: ""}
        except OndolError as error:
            return self._failed(error, who)

    async def on_save(self, language: str, instruction: str, examples: str, request: gr.Request) -> Update:
        """Keeps what is in the boxes."""
        who = await self._door.visitor(request)
        try:
            chosen = _known(language)
            await self._profiles.save(who.identity.user_id, chosen, instruction or "", examples_of(examples or ""))
            painted = await self._fields(who, chosen)
        except OndolError as error:
            return self._failed(error, who)
        return painted | {self.notice: notice("ok", t("prompt_saved", who.language))}

    async def on_reset(self, language: str, request: gr.Request) -> Update:
        """Goes back to what is built in."""
        who = await self._door.visitor(request)
        try:
            chosen = _known(language)
            await self._profiles.reset(who.identity.user_id, chosen)
            painted = await self._fields(who, chosen)
        except OndolError as error:
            return self._failed(error, who)
        return painted | {self.notice: notice("ok", t("prompt_was_reset", who.language))}

    async def _fields(self, who: Visitor, language: str) -> Update:
        profile = await self._profiles.profile_of(who.identity.user_id)
        prompt = profile.prompts[profile.language_for(language)]
        return {self.instruction: prompt.instruction, self.examples: lines_of(prompt, who.language)}

    def _failed(self, error: OndolError, who: Visitor) -> Update:
        return {self.notice: notice("error", error.message(who.language))}


def lines_of(prompt: LanguagePrompt, language: Language) -> str:
    """Examples as they are edited: `긍정: 글`, one a line."""
    return "\n".join(f"{t(f'label_{each.label}', language)}: {' '.join(each.text.split())}" for each in prompt.examples)


def examples_of(lines: str) -> list[Example]:
    """What `lines_of` writes, in either language. Raises InvalidRequest, which names the line."""
    found = []
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        word, mark, text = line.replace("：", ":", 1).partition(":")
        chosen = _LABELS.get(word.strip().lower())
        if not mark or chosen is None or not text.strip():
            raise InvalidRequest(reason=Text(*(words.format(n=number) for words in TEXTS["prompt_bad_line"])))
        found.append(Example(text.strip(), chosen))
    return found


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise InvalidRequest(reason="language")
    return language


_LABELS: dict[str, Label] = {word: each for each in LABELS for word in (*TEXTS[f"label_{each}"], each.value)}
