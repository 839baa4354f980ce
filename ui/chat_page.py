"""What the chat tab shows: everything that is painted when a conversation is opened or changes."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import gradio as gr

from backend.chat.conversations import Thread
from backend.chat.prompt import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE
from backend.chat.service import ChatService
from backend.errors import Language
from backend.llm.providers import MAIN
from ui.chat_parts import ChatParts, View, head, settings_head, welcome
from ui.history import PAGE, history
from ui.picker import DocumentPicker
from ui.session import Visitor
from ui.sources import panel
from ui.text import t
from ui.thread import bubbles

AUTOMATIC = ""  # nobody chose a model: it goes as the routes say
Update = dict[Any, Any]


class ChatPage:
    """Paints the tab.

    Args:
        chat: whose conversations are shown.
        parts: the components.
        picker: the menu of documents.
        clock: current time, aware.
    """

    def __init__(
        self, chat: ChatService, parts: ChatParts, picker: DocumentPicker, clock: Callable[[], datetime]
    ) -> None:
        self._chat = chat
        self._kept = chat.conversations
        self._picker = picker
        self._clock = clock
        self.parts = parts

    async def opened(self, who: Visitor, view: View, here: UUID | None, search: str = "", shown: int = PAGE) -> Update:
        """Everything the tab shows when the reader turns to a conversation, or to a new one; nothing once he has turned
        to yet another."""
        turn = view.begin_turn()
        row = (await self._kept.thread(who.identity.user_id, here)).conversation if here else None
        temperature = row.temperature if row else None
        models = await self._providers(who.language)
        provider = row.provider if row and row.provider in dict(models).values() else AUTOMATIC
        chosen = row.collection_ids if row else await self._last_chosen(who)
        update = await self.page(who, view, here, search, shown, turn)
        if row is None:
            update[self.parts.head] = await self.head(who, None, chosen)
        if view.turn != turn:
            return self._nothing
        return update | {
            self.parts.collections: ",".join(map(str, chosen)),
            self.parts.system: row.system_prompt if row else "",
            self.parts.temperature: DEFAULT_TEMPERATURE if temperature is None else temperature,
            self.parts.max_tokens: (row.max_tokens if row else None) or DEFAULT_MAX_TOKENS,
            self.parts.provider: gr.update(choices=models, value=provider),
            self.parts.settings_head: settings_head(who.language),
        }

    async def page(
        self,
        who: Visitor,
        view: View,
        here: UUID | None,
        search: str = "",
        shown: int = PAGE,
        turn: int | None = None,
    ) -> Update:
        """What changes when something happens in a conversation; its settings may be under the reader's hands.

        Nothing once the reader has turned to another one since `turn`; left out: since now.
        """
        language = who.language
        turn = view.turn if turn is None else turn
        thread = await self._kept.thread(who.identity.user_id, here) if here else None
        run = self._chat.run_of(here) if here else None
        if view.turn != turn:
            return self._nothing
        await view.turn_to(str(here or ""))
        update = {
            self.parts.here: str(here or ""),
            self.parts.editing: "",
            self.parts.list: await self.listed(who, here, search, shown),
            self.parts.thread: gr.update(
                value=bubbles(thread, language, run) if thread else [], placeholder=welcome(language)
            ),
            self.parts.sources: self.sources(who, thread),
            self.parts.notice: "",
            self.parts.send: gr.update(visible=run is None),
            self.parts.stop: gr.update(visible=run is not None),
        }
        update |= {self.parts.head: await self.head(who, thread)} if thread else {}
        return update if view.turn == turn else self._nothing

    @property
    def _nothing(self) -> Update:
        """An update that leaves the page as it is."""
        return {self.parts.editing: gr.skip()}

    async def head(self, who: Visitor, thread: Thread | None, chosen: "list[UUID] | None" = None) -> str:
        """Title and buttons above the thread."""
        if thread is not None:
            chosen = thread.conversation.collection_ids
        return head(thread, who.language, await self._picker.menu(who.identity, chosen or (), who.language))

    def sources(self, who: Visitor, thread: Thread | None, of: UUID | None = None, current: str = "") -> str:
        """The passages of the answer `of`, or of the last answer when it has any."""
        answers = [item.message for item in thread.messages if item.message.role == "assistant"] if thread else []
        if of is not None:
            answers = [answer for answer in answers if answer.id == of]
        if not answers:
            return ""
        number = int(current) if current.isdecimal() else 0
        return panel(answers[-1].id, answers[-1].sources, who.language, number)

    async def listed(self, who: Visitor, here: UUID | None, search: str, shown: int) -> str:
        """The list of conversations."""
        rows = await self._kept.list(who.identity.user_id, query=search.strip()[:200], limit=int(shown) + 1)
        return history(
            rows[: int(shown)],
            here=here,
            searched=bool(search.strip()),
            more=len(rows) > shown,
            now=self._clock(),
            language=who.language,
        )

    async def _last_chosen(self, who: Visitor) -> list[UUID]:
        """A new conversation asks the documents of the last one, until it is told otherwise."""
        rows = await self._kept.list(who.identity.user_id, limit=1)
        return list(rows[0].collection_ids) if rows else []

    async def _providers(self, language: Language) -> list[tuple[str, str]]:
        """Names and values. Without routes nobody's choice is the main one; it is kept as none, for routes to come."""
        has_routes = self._chat.router.has_routes
        choices = [(t("automatic_model", language), AUTOMATIC)] if has_routes else []
        for name, engine in self._chat.router.engines.items():
            model = (await engine.info()).model
            shown = model if model and name == MAIN else f"{model or '…'} · {name}"
            choices.append((shown, AUTOMATIC if name == MAIN and not has_routes else name))
        return choices


def wished(temperature: float) -> float | None:
    """What is stored of the slider: untouched it leaves the choice to the kind of question."""
    return None if temperature == DEFAULT_TEMPERATURE else temperature


def uuid_of(text: str | None) -> UUID | None:
    """The id in a text, or None."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def uuids_of(text: str | None) -> tuple[UUID, ...]:
    """The ids in a list with commas; what is none is left out."""
    return tuple(found for part in (text or "").split(",") if (found := uuid_of(part.strip())) is not None)
