"""Asking: checks a question, stores it, and has an engine write the answer while readers watch."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Protocol
from uuid import UUID

import stamina
import structlog

from backend.activity import Activity
from backend.chat.asked import Asked, NothingFound, Options, asked_with, columns_of, messages_of
from backend.chat.conversations import Conversations, Thread, storable
from backend.chat.fitting import Fitting
from backend.chat.grounding import nothing_found
from backend.chat.lookup import Activity as Reading
from backend.chat.lookup import Lookup, Searches, Stage
from backend.chat.reading import read
from backend.chat.run import Run
from backend.chat.sources import Source
from backend.errors import (
    ConversationBusy,
    DatabaseFull,
    DatabaseUnavailable,
    EmptyMessage,
    MessageOverContext,
    MessageTooLong,
    OndolError,
    TooManyStreams,
    UnknownMessage,
)
from backend.llm.call import Call
from backend.llm.engine import ContextOverflow
from backend.llm.router import Router
from backend.llm.routes import Workload
from backend.settings import Settings
from backend.store.models import MessageStatus

log = structlog.get_logger()

_SAVE_EVERY_S = 1.0
_SAVE_FOR_S = 60.0  # how long a finished answer waits for a database that is restarting
_CLOSE_FOR_S = 4.0  # less than a supervisor waits before it kills


class ChatMetrics(Protocol):
    """What the metrics of the web layer count of an answer."""

    def answer_started(self) -> None: ...

    def answer_finished(
        self, *, provider: str, outcome: str, ttft_s: float | None, prompt_tokens: int, completion_tokens: int
    ) -> None: ...


class ChatService:
    """The one way to get an answer, for the page and for the API.

    Args:
        settings: limits.
        conversations: where threads are kept.
        router: asks the models.
        metrics: counts answers.
        search: finds passages in documents; without one, the documents of a conversation are not asked.
        activity: of the process; answers are counted there, and refused while it drains.
    """

    def __init__(
        self,
        settings: Settings,
        conversations: Conversations,
        router: Router,
        metrics: ChatMetrics,
        search: Searches | None = None,
        *,
        activity: Activity | None = None,
    ) -> None:
        self._settings = settings
        self.conversations = conversations
        self.router = router
        self._metrics = metrics
        self._lookup = None if search is None else Lookup(settings, search)
        self._activity = activity or Activity()
        self._runs: dict[UUID, Run] = {}
        self._starting: list[tuple[UUID, UUID | None]] = []

    async def ask(
        self,
        user_id: UUID,
        text: str,
        *,
        conversation_id: UUID | None = None,
        provider: str | None = None,
        options: Options | None = None,
        collection_ids: Sequence[UUID] | None = None,
    ) -> Run:
        """Adds a question to the end of a conversation (None starts one) and starts its answer.

        `collection_ids` are the documents that are asked from now on; None leaves those of the conversation.

        Raises:
            EmptyMessage, MessageTooLong, MessageOverContext: nothing was stored.
            UnknownConversation, UnknownProvider, ConversationBusy, TooManyStreams: nothing was stored.
            EngineUnavailable, EngineLoading, EngineRefused, NoEngineAnswers, HostedNotAllowed: nothing was stored.
            Draining, DatabaseUnavailable, DatabaseFull: nothing was stored.
        """
        question = self._checked(text)
        thread = None
        options = options or Options()
        if conversation_id is not None:
            thread = await self.conversations.thread(user_id, conversation_id)
        if collection_ids is not None:
            options = replace(options, collection_ids=tuple(dict.fromkeys(collection_ids)))
            if thread is not None:
                thread.conversation.collection_ids = list(options.collection_ids)  # stored with the turn
        parent = thread.messages[-1].message.id if thread and thread.messages else None
        return await self._start(user_id, thread, question, parent, provider=provider, options=options)

    async def edit(
        self, user_id: UUID, conversation_id: UUID, message_id: UUID, text: str, *, provider: str | None = None
    ) -> Run:
        """Asks an earlier question in other words, as a new version; the old one and its answers are kept."""
        question = self._checked(text)
        thread = await self.conversations.thread(user_id, conversation_id, up_to=message_id)
        if thread.messages[-1].message.role != "user":
            raise UnknownMessage
        earlier = Thread(thread.conversation, thread.messages[:-1])
        parent = earlier.messages[-1].message.id if earlier.messages else None
        return await self._start(user_id, earlier, question, parent, provider=provider)

    async def regenerate(
        self, user_id: UUID, conversation_id: UUID, message_id: UUID, *, provider: str | None = None
    ) -> Run:
        """Answers a question once more, as a new version; the old answer is kept. `message_id` is the answer."""
        thread = await self.conversations.thread(user_id, conversation_id, up_to=message_id)
        if thread.messages[-1].message.role == "assistant":
            thread = Thread(thread.conversation, thread.messages[:-1])
        if not thread.messages:
            raise UnknownMessage
        question = thread.messages[-1].message
        return await self._start(user_id, thread, None, question.id, provider=provider)

    def run_of(self, conversation_id: UUID) -> Run | None:
        """The answer that is being written in a conversation."""
        return self._runs.get(conversation_id)

    def stop(self, user_id: UUID, conversation_id: UUID) -> bool:
        """Stops the answer that is being written; False when there is none of this user."""
        run = self._runs.get(conversation_id)
        if run is None or run.user_id != user_id:
            return False
        run.stop()
        return True

    async def close(self) -> None:
        """Ends all answers, keeping what was written; waits a moment for a database that is not there."""
        runs = list(self._runs.values())
        for run in runs:
            run.cancel()
        tasks = [run.task for run in runs if run.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_FOR_S)
            for task in late:  # the row has what was saved last, and is seen as broken off
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _checked(self, text: str) -> str:
        question = storable(text).strip()
        if not question:
            raise EmptyMessage
        if len(question) > self._settings.max_message_chars:
            raise MessageTooLong(length=len(question), limit=self._settings.max_message_chars)
        return question

    async def _start(
        self,
        user_id: UUID,
        thread: Thread | None,
        question: str | None,
        parent_id: UUID | None,
        *,
        provider: str | None,
        options: Options | None = None,
    ) -> Run:
        conversation = thread.conversation if thread else None
        conversation_id = conversation.id if conversation else None
        if provider is None and conversation is not None and conversation.provider in self.router.engines:
            provider = conversation.provider
        call = self.router.call(Workload.HEAVY, provider=provider)
        source = conversation or options or Options()
        collections = tuple(source.collection_ids) if self._lookup else ()
        asked = asked_with(source, messages_of(thread, question), documents=bool(collections))
        self._activity.admit()
        with ExitStack() as work, self._place(user_id, conversation_id):
            work.enter_context(self._activity.work("chat"))
            fitting = Fitting(asked)
            chosen = await call.begin(fitting)
            by = {"provider": chosen.name, "model": chosen.info.model}
            stored_in, answer_id = await self.conversations.add_turn(
                user_id,
                conversation_id,
                parent_id=parent_id,
                question=question,
                answer={**by, "trimmed_messages": fitting.dropped},
                options=columns_of(options or Options()) | {"provider": provider},
                collection_ids=conversation.collection_ids if conversation else None,
            )
            run = Run(
                conversation_id=stored_in,
                answer_id=answer_id,
                user_id=user_id,
                dropped=fitting.dropped,
                collection_ids=collections,
                **by,
            )
            self._runs[stored_in] = run
            self._metrics.answer_started()
            run.task = asyncio.create_task(self._write(run, call, asked, fitting, provider))
            finished = work.pop_all()  # it is work from the question to the end of the answer, without a gap
            run.task.add_done_callback(lambda _: finished.close())
        run.expect_reader()
        return run

    @contextmanager
    def _place(self, user_id: UUID, conversation_id: UUID | None) -> Iterator[None]:
        """Holds one of the user's streams, and the conversation, while a run is being prepared."""
        taken = [(run.user_id, run.conversation_id) for run in self._runs.values()] + self._starting
        if conversation_id is not None and any(conversation_id == other for _, other in taken):
            raise ConversationBusy
        if sum(user_id == owner for owner, _ in taken) >= self._settings.streams_per_user:
            raise TooManyStreams(limit=self._settings.streams_per_user)
        place = (user_id, conversation_id)
        self._starting.append(place)
        try:
            yield
        finally:
            self._starting.remove(place)

    async def _write(self, run: Run, call: Call, asked: Asked, fitting: Fitting, provider: str | None) -> None:
        """Body of a run: reads the engine, saves now and then, and ends with the stored answer."""
        saver = asyncio.create_task(self._save_now_and_then(run))
        status = MessageStatus.FAILED
        try:
            run.begin()
            if run.collection_ids and self._lookup is not None:
                await self._ground(run, self._lookup, asked, fitting, provider)
            await read(run, call, fitting)
            status = MessageStatus.COMPLETE
        except NothingFound as nothing:
            run.append(nothing.answer)
            run.finish_reason = "stop"
            status = MessageStatus.COMPLETE
        except OndolError as error:
            run.error = error
            status = MessageStatus.INTERRUPTED if run.text else MessageStatus.FAILED
        except ContextOverflow as overflow:
            context = call.chosen.info.context if call.chosen else 0
            run.error = MessageOverContext(tokens=overflow.tokens or 0, context=context)
        except asyncio.CancelledError:
            status = MessageStatus.STOPPED if run.stopped_by_reader else MessageStatus.INTERRUPTED
        except Exception as error:
            run.error = OndolError()
            log.exception("answer_failed", error=type(error).__name__)
        finally:
            run.duration_ms = run.elapsed_ms()
            run.hosted = run.hosted or call.hosted
            saver.cancel()
            await asyncio.gather(saver, return_exceptions=True)  # whatever it met, the answer has to end
            await self._end(run, status)

    async def _ground(self, run: Run, lookup: Lookup, asked: Asked, fitting: Fitting, provider: str | None) -> None:
        """Puts passages before the question. Raises NothingFound when none has to do with it."""

        async def tell(sources: Sequence[Source]) -> None:
            run.sources = tuple(sources)
            await self.conversations.save_answer(run.answer_id, sources=[source.stored() for source in sources])
            run.tell(Reading(Stage.READING, hits.query, len(sources), hits.degraded))

        light = self.router.call(Workload.LIGHT, provider=provider)
        try:
            hits = await lookup.look(run.user_id, run.collection_ids, asked.messages, call=light, tell=run.tell)
        finally:
            run.hosted = light.hosted
        run.degraded = hits.degraded
        if not hits.passages:
            run.sources = ()
            await self.conversations.save_answer(run.answer_id, sources=[])
            raise NothingFound(nothing_found(asked.messages[-1]["content"], degraded=hits.degraded))
        fitting.ground(lookup, hits, tell)

    async def _end(self, run: Run, status: MessageStatus) -> None:
        run.ending = True
        try:
            await self._save_final(run, status)
        except (DatabaseUnavailable, DatabaseFull) as error:
            run.error = error
            log.error("answer_not_stored", code=error.code, answer=str(run.answer_id))
        except asyncio.CancelledError:  # the process ends and the database is not there
            run.error = DatabaseUnavailable()
            raise
        except Exception as error:
            run.error = OndolError()
            log.exception("answer_not_stored", error=type(error).__name__, answer=str(run.answer_id))
        finally:
            self._runs.pop(run.conversation_id, None)
            run.finish(status)
            self._metrics.answer_finished(
                provider=run.provider,
                outcome=run.error.code if run.error else status,
                ttft_s=None if run.ttft_ms is None else run.ttft_ms / 1000,
                prompt_tokens=run.usage.prompt_tokens if run.usage else 0,
                completion_tokens=run.usage.completion_tokens if run.usage else 0,
            )

    @stamina.retry(on=DatabaseUnavailable, timeout=_SAVE_FOR_S, attempts=None, wait_max=2.0)
    async def _save_final(self, run: Run, status: MessageStatus) -> None:
        columns: dict[str, Any] = {
            "content": run.text,
            "status": status,
            "error_code": run.error.code if run.error else None,
            "ttft_ms": run.ttft_ms,
            "duration_ms": run.duration_ms,
            "trimmed_messages": run.dropped,
            "provider": run.provider,
            "model": run.model,
            "hosted": run.hosted,
        }
        if run.usage:
            columns |= {
                "prompt_tokens": run.usage.prompt_tokens,
                "completion_tokens": run.usage.completion_tokens,
            }
        await self.conversations.save_answer(run.answer_id, **columns)

    async def _save_now_and_then(self, run: Run) -> None:
        """Keeps the row younger than its stale age and what is written safe from a kill of this process."""
        while True:
            await asyncio.sleep(_SAVE_EVERY_S)
            try:
                if not await self.conversations.save_text(run.answer_id, run.text):
                    run.stop()
            except (DatabaseUnavailable, DatabaseFull) as error:
                log.warning("answer_not_saved_yet", code=error.code)
