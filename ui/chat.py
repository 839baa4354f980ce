"""The chat tab: history left, thread in the middle, settings of the conversation right."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import gradio as gr

from backend.chat.asked import Options
from backend.chat.conversations import Thread
from backend.chat.run import Run
from backend.chat.service import ChatService
from backend.errors import InvalidRequest, OndolError, UnknownConversation
from ui.bridge import parsed
from ui.chat_page import ChatPage, Update, uuid_of, uuids_of, wished
from ui.chat_parts import ChatParts, View, head
from ui.history import PAGE
from ui.html import act, escape, notice
from ui.picker import DocumentPicker, switched
from ui.session import Doorkeeper, Visitor
from ui.sources import panel
from ui.text import t
from ui.thread import bubbles, writing


class ChatTab:
    """Components and handlers of the tab.

    Args:
        chat: asks and keeps conversations.
        doorkeeper: who is at the page.
        picker: which documents can be asked.
        clock: current time, aware.
    """

    def __init__(
        self,
        chat: ChatService,
        doorkeeper: Doorkeeper,
        picker: DocumentPicker,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._chat = chat
        self._kept = chat.conversations
        self._door = doorkeeper
        self.parts = ChatParts()
        self._picker = picker
        self._page = ChatPage(chat, self.parts, picker, clock)

    def wire(self, demo: gr.Blocks) -> None:
        """Connects events; call inside the Blocks after `build`."""
        parts = self.parts
        place = [parts.here, parts.view, parts.search, parts.shown]
        settings = [parts.provider, parts.system, parts.temperature, parts.max_tokens]
        options = [*settings, parts.collections]
        page = [
            parts.here, parts.editing, parts.shown, parts.search, parts.list, parts.head, parts.thread, parts.notice,
            parts.question, parts.send, parts.stop, parts.sources, parts.settings_head, *options,
        ]  # fmt: skip
        stream: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "queue": True}
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 16}
        demo.load(self.on_load, [parts.view], page, **quick).then(self.on_follow, place, page, **stream)
        for trigger in (parts.question.submit, parts.send.click):
            trigger(self.on_send, [parts.question, parts.editing, *place, *options], page, **stream)
        parts.stop.click(self.on_stop, [parts.here], None, **quick)
        parts.new.click(self.on_new, place, page, **quick)
        # `input` is Gradio's word for a key press, and neither Hangul nor a paste comes by one.
        parts.search.change(self.on_search, place, page, trigger_mode="always_last", **quick)
        parts.act_now.click(self.on_act, [parts.message, *place, parts.collections], page, **quick).then(
            self.on_follow, place, page, **stream
        )
        parts.act_stream.click(self.on_stream_act, [parts.message, *place, *options], page, **stream)
        for changed in (parts.provider.input, parts.system.blur, parts.temperature.release, parts.max_tokens.release):
            changed(self.on_settings, [parts.here, *settings], [parts.notice], **quick)

    # --- handlers -----------------------------------------------------------------------------------------

    async def on_load(self, view: View, request: gr.Request) -> Update:
        """The page opens: the conversation of its address, or the last one."""
        who = await self._door.visitor(request)
        wanted = request.query_params.get("c", "")
        try:
            if wanted == "new":
                return await self._page.opened(who, view, None)
            rows = await self._kept.list(who.identity.user_id, limit=1)
            last = rows[0].id if rows else None
            here = uuid_of(wanted) or last
            try:
                return await self._page.opened(who, view, here)
            except UnknownConversation as error:
                shown = await self._page.opened(who, view, last)
                return shown | self._failed(error, who)
        except OndolError as error:
            return self._failed(error, who)

    async def on_send(
        self,
        text: str,
        editing: str,
        here: str,
        view: View,
        search: str,
        shown: int,
        provider: str,
        system: str,
        temperature: float,
        max_tokens: int,
        collections: str,
        request: gr.Request,
    ) -> AsyncIterator[Update]:
        """Sends the question box, as a new question or as another version of an earlier one."""
        who = await self._door.visitor(request)
        user = who.identity.user_id

        async def start() -> Run:
            if editing and here:
                return await self._chat.edit(user, UUID(here), UUID(editing), text, provider=provider or None)
            return await self._chat.ask(
                user,
                text,
                conversation_id=uuid_of(here),
                provider=provider or None,
                options=Options(system.strip(), wished(temperature), int(max_tokens), uuids_of(collections)),
            )

        async for update in self._stream(who, view, search, shown, start):
            yield update

    async def on_stream_act(
        self,
        message: str,
        here: str,
        view: View,
        search: str,
        shown: int,
        provider: str,
        system: str,
        temperature: float,
        max_tokens: int,
        collections: str,
        request: gr.Request,
    ) -> AsyncIterator[Update]:
        """Buttons whose work is an answer: regenerate, and the examples of an empty thread."""
        who = await self._door.visitor(request)
        user = who.identity.user_id
        wish = parsed(message)

        async def start() -> Run:
            if wish["do"] == "regenerate":
                return await self._chat.regenerate(user, UUID(here), _target(wish), provider=provider or None)
            return await self._chat.ask(
                user,
                str(wish["text"]),
                provider=provider or None,
                options=Options(system.strip(), wished(temperature), int(max_tokens), uuids_of(collections)),
            )

        async for update in self._stream(who, view, search, shown, start):
            yield update

    async def on_follow(
        self, here: str, view: View, search: str, shown: int, request: gr.Request
    ) -> AsyncIterator[Update]:
        """Joins an answer that is being written in the opened conversation."""
        who = await self._door.visitor(request)
        run = self._chat.run_of(UUID(here)) if uuid_of(here) else None
        if run is None or run.user_id != who.identity.user_id:
            yield {self.parts.editing: gr.skip()}
            return
        async for update in self._follow(who, view, search, shown, run):
            yield update

    async def on_stop(self, here: str, request: gr.Request) -> None:
        """Stops the answer; what was written stays."""
        who = await self._door.visitor(request)
        if (conversation := uuid_of(here)) is not None:
            self._chat.stop(who.identity.user_id, conversation)

    async def on_new(self, here: str, view: View, search: str, shown: int, request: gr.Request) -> Update:
        """An empty thread; nothing is stored before the first question."""
        who = await self._door.visitor(request)
        self._leave(here)
        try:
            return await self._page.opened(who, view, None, search, shown) | {self.parts.question: ""}
        except OndolError as error:
            return self._failed(error, who)

    async def on_search(self, here: str, view: View, search: str, shown: int, request: gr.Request) -> Update:
        """Looks for conversations while typing."""
        who = await self._door.visitor(request)
        try:
            return {self.parts.list: await self._page.listed(who, uuid_of(here), search, PAGE), self.parts.shown: PAGE}
        except OndolError as error:
            return self._failed(error, who)

    async def on_settings(
        self, here: str, provider: str, system: str, temperature: float, max_tokens: int, request: gr.Request
    ) -> Update:
        """Keeps changed settings with the open conversation; a new one takes them when it is started."""
        who = await self._door.visitor(request)
        conversation = uuid_of(here)
        if conversation is None:
            return {self.parts.notice: ""}
        try:
            await self._kept.change(
                who.identity.user_id,
                conversation,
                provider=provider or None,
                system_prompt=system.strip(),
                temperature=wished(temperature),
                max_tokens=int(max_tokens),
            )
        except OndolError as error:
            return self._failed(error, who)
        return {self.parts.notice: notice("ok", t("saved", who.language))}

    async def on_act(
        self, message: str, here: str, view: View, search: str, shown: int, collections: str, request: gr.Request
    ) -> Update:
        """Buttons of the list, of the messages and of the documents."""
        who = await self._door.visitor(request)
        wish = parsed(message)
        try:
            if wish["do"] in {"collection", "sources", "cite"}:
                return await self._documents(who, wish, uuid_of(here), uuids_of(collections))
            return await self._acted(who, wish, uuid_of(here), view, search, shown)
        except OndolError as error:
            return self._failed(error, who)

    async def _acted(
        self, who: Visitor, wish: dict[str, Any], here: UUID | None, view: View, search: str, shown: int
    ) -> Update:
        user, language = who.identity.user_id, who.language
        match wish["do"]:
            case "open":
                self._leave(str(here or ""), unless=_target(wish))
                return await self._page.opened(who, view, _target(wish), search, shown)
            case "more":
                shown += PAGE
                return {self.parts.list: await self._page.listed(who, here, search, shown), self.parts.shown: shown}
            case "rename":
                await self._kept.change(user, _target(wish), title=" ".join(str(wish["text"]).split())[:200])
                return await self._page.page(who, view, here, search, shown)
            case "delete":
                return await self._deleted(who, _target(wish), here, view, search, shown)
            case "undo":
                row = await self._kept.restore(user, _target(wish))
                return await self._page.opened(who, view, row.id, search, shown)
            case "version" if here is not None:
                await self._kept.show_version(user, here, _target(wish))
                return await self._page.page(who, view, here, search, shown)
            case "rate" if here is not None:
                rating = {"1": 1, "-1": -1}.get(str(wish["arg"]))
                await self._kept.rate(user, _target(wish), rating, str(wish["text"])[:2000])
                page = await self._page.page(who, view, here, search, shown)
                return page | ({self.parts.notice: notice("ok", t("thanks", language))} if rating else {})
            case "edit" if here is not None:
                thread = await self._kept.thread(user, here, up_to=_target(wish))
                cancel = act("cancel-edit", escape(t("cancel", language)))
                return {
                    self.parts.question: gr.update(value=thread.messages[-1].message.content),
                    self.parts.editing: str(_target(wish)),
                    self.parts.notice: notice("info", t("editing", language), button=cancel),
                }
            case "cancel-edit":
                return {self.parts.question: "", self.parts.editing: "", self.parts.notice: ""}
        raise InvalidRequest(reason=str(wish["do"])[:40])

    async def _documents(
        self, who: Visitor, wish: dict[str, Any], here: UUID | None, chosen: tuple[UUID, ...]
    ) -> Update:
        """Another choice of documents, or another answer whose sources are looked at."""
        user = who.identity.user_id
        thread = await self._kept.thread(user, here) if here else None
        if wish["do"] != "collection":
            return {self.parts.sources: self._page.sources(who, thread, of=_target(wish), current=str(wish["arg"]))}
        chosen = switched(chosen, _target(wish))
        if here is not None:
            await self._kept.change(user, here, collection_ids=list(chosen))
        menu = await self._picker.menu(who.identity, chosen, who.language, unfolded=True)
        return {
            self.parts.collections: ",".join(map(str, chosen)),
            self.parts.head: head(thread, who.language, menu),
        }

    async def _deleted(
        self, who: Visitor, target: UUID, here: UUID | None, view: View, search: str, shown: int
    ) -> Update:
        thread = await self._kept.thread(who.identity.user_id, target)
        self._chat.stop(who.identity.user_id, target)
        await self._kept.delete(who.identity.user_id, target)
        page = await self._page.opened(who, view, None if here == target else here, search, shown)
        text = t("deleted", who.language, title=thread.conversation.title or t("untitled", who.language))
        undo = act("undo", escape(t("undo", who.language)), target=target)
        return page | {self.parts.notice: notice("info", text, button=undo)}

    # --- streaming ----------------------------------------------------------------------------------------

    async def _stream(
        self, who: Visitor, view: View, search: str, shown: int, start: Callable[[], Any]
    ) -> AsyncIterator[Update]:
        try:
            run: Run = await start()
        except OndolError as error:
            yield self._failed(error, who)
            return
        except ValueError:
            yield self._failed(UnknownConversation(), who)
            return
        view.begin_turn()
        view.showing = str(run.conversation_id)
        yield {
            self.parts.question: "",
            self.parts.editing: "",
            self.parts.notice: "",
            self.parts.here: str(run.conversation_id),
            self.parts.send: gr.update(visible=False),
            self.parts.stop: gr.update(visible=True),
        }
        async for update in self._follow(who, view, search, shown, run):
            yield update

    async def _follow(self, who: Visitor, view: View, search: str, shown: int, run: Run) -> AsyncIterator[Update]:
        """Paints an answer tick by tick until it ends or the reader turns to another conversation."""
        here = run.conversation_id
        with view.following(run):
            try:
                thread = await self._kept.thread(who.identity.user_id, here)
                earlier = bubbles(Thread(thread.conversation, thread.messages[:-1]), who.language, run)
                yield {
                    self.parts.list: await self._page.listed(who, here, search, shown),
                    self.parts.head: await self._page.head(who, thread),
                    self.parts.thread: earlier + writing(run, who.language),
                    self.parts.send: gr.update(visible=False),
                    self.parts.stop: gr.update(visible=True),
                }
                painted = None
                async for _ in run.read():
                    if view.showing != str(here):
                        break
                    update: Update = {self.parts.thread: earlier + writing(run, who.language)}
                    if run.sources is not painted:
                        painted = run.sources
                        stored = [source.stored() for source in run.sources or ()]
                        update[self.parts.sources] = panel(run.answer_id, stored, who.language)
                    yield update
                page = await self._page.page(who, view, here, search, shown) if view.showing == str(here) else {}
            except OndolError as error:
                page = {self.parts.send: gr.update(visible=True), self.parts.stop: gr.update(visible=False)}
                page |= self._failed(error, who)
            # Gradio sends the last update once more when a handler ends: that must not be a thread the reader has left.
            yield page if view.showing == str(here) else {self.parts.editing: gr.skip()}

    def _leave(self, here: str, unless: UUID | None = None) -> None:
        """The reader turns to another conversation: an answer that is being written goes on for a while."""
        conversation = uuid_of(here)
        if conversation is not None and conversation != unless and (run := self._chat.run_of(conversation)):
            run.keep_for_later()

    def _failed(self, error: OndolError, who: Visitor) -> Update:
        """Says what went wrong and leaves everything else, the question box too, as it is."""
        return {self.parts.notice: notice("error", error.message(who.language))}


def _target(wish: dict[str, Any]) -> UUID:
    found = uuid_of(str(wish["id"]))
    if found is None:
        raise UnknownConversation
    return found
