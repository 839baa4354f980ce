"""One answer while it is written: readers may come, go and come back without disturbing it."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from uuid import UUID

from backend.chat.lookup import Activity
from backend.chat.sources import Source
from backend.errors import OndolError
from backend.llm.engine import Usage
from backend.store.models import MessageStatus

TICK_S = 0.06  # text is handed out in ticks: a page that paints each token of a fast engine falls behind
HEARTBEAT_S = 0.5  # an empty text while nothing comes, so that a reader who left is noticed
ABANDONED_AFTER_S = 10.0  # a reload takes less; after that nobody is reading
KEPT_AFTER_S = 600.0  # a reader who looks at another conversation meanwhile expects to find the answer


class Run:
    """The state of one answer.

    Attributes:
        conversation_id, answer_id, user_id: whose it is.
        provider, model: who writes it; another may take over before the first text.
        hosted: for this answer something was sent to a hosted provider.
        dropped: messages left out of the prompt because the context was full.
        status: `streaming` until `finish`.
        finish_reason: OpenAI's, empty while it runs.
        ttft_ms, duration_ms: from the start of the run, in milliseconds.
        error: why it failed or broke off, or None.
        collection_ids: the documents that are asked; empty: none.
        sources: passages it is written from; None while they are looked for, and when no documents are asked.
        activity: what is done before the first text, when documents are asked.
        degraded: the documents were searched by words only.
    """

    def __init__(
        self,
        *,
        conversation_id: UUID,
        answer_id: UUID,
        user_id: UUID,
        provider: str,
        model: str,
        dropped: int,
        collection_ids: tuple[UUID, ...] = (),
    ) -> None:
        self.conversation_id = conversation_id
        self.answer_id = answer_id
        self.user_id = user_id
        self.provider = provider
        self.model = model
        self.dropped = dropped
        self.collection_ids = collection_ids
        self.sources: tuple[Source, ...] | None = None
        self.activity: Activity | None = None
        self.degraded = False
        self.hosted = False
        self.status = MessageStatus.STREAMING
        self.finish_reason = ""
        self.usage: Usage | None = None
        self.error: OndolError | None = None
        self.ttft_ms: float | None = None
        self.duration_ms: float | None = None
        self.task: asyncio.Task[None] | None = None
        self.stopped_by_reader = False
        self.begun = False  # the task runs; one that is cancelled before would end without storing anything
        self.ending = False  # the answer is being stored: nothing may cancel that
        self._is_cancelled = False
        self._abandoned_after_s = ABANDONED_AFTER_S
        self._begin = time.perf_counter()
        self._parts: list[str] = []
        self._readers: set[asyncio.Event] = set()
        self._leaving: asyncio.TimerHandle | None = None

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def done(self) -> bool:
        return self.status is not MessageStatus.STREAMING

    def append(self, text: str) -> None:
        text = text.replace("\x00", "")  # PostgreSQL stores no NUL
        if not text:
            return
        if self.ttft_ms is None:
            self.ttft_ms = self.elapsed_ms()
        self._parts.append(text)
        self._wake()

    def tell(self, activity: Activity) -> None:
        """What is being done now; readers get a heartbeat to look at it."""
        self.activity = activity
        self._wake()

    def finish(self, status: MessageStatus) -> None:
        self.status = status
        self._wake()

    def stop(self) -> None:
        """Ends the run on behalf of the reader; what was written stays."""
        if not self.ending and not self._is_cancelled:
            self.stopped_by_reader = True
            self.cancel()

    def cancel(self) -> None:
        """Ends the run; what was written is stored. Later calls do nothing."""
        if self.ending or self._is_cancelled:
            return
        self._is_cancelled = True
        if self.begun and self.task is not None:
            self.task.cancel()

    def begin(self) -> None:
        """First step of the task. Raises CancelledError when the run was ended before it began."""
        self.begun = True
        if self._is_cancelled:
            raise asyncio.CancelledError

    def expect_reader(self) -> None:
        """From now on the run counts as abandoned until somebody reads."""
        if not self._readers and not self.done and self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(self._abandoned_after_s, self._abandon)

    def keep_for_later(self) -> None:
        """The reader looks elsewhere on purpose: the run goes on for a while without one."""
        self._abandoned_after_s = KEPT_AFTER_S
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
            self.expect_reader()

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self._begin) * 1000

    async def read(self, tick_s: float = TICK_S) -> AsyncGenerator[str, None]:
        """Yields the text so far and then what is added, gathered in ticks; an empty text is a heartbeat.

        When the last reader leaves and none comes back, the run is stopped, so that no engine works for nobody.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        self._enter(changed)
        position = 0
        told = self.activity
        try:
            while True:
                changed.clear()
                if len(self._parts) > position:
                    fresh = self._parts[position:]
                    position += len(fresh)
                    next_tick = loop.time() + tick_s
                    yield "".join(fresh)
                    if not self.done:
                        await asyncio.sleep(next_tick - loop.time())
                elif self.done:
                    return
                elif self.activity is not told:
                    told = self.activity
                    yield ""
                else:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(HEARTBEAT_S):
                            await changed.wait()
                    if len(self._parts) == position and not self.done:
                        yield ""
        finally:
            self._leave(changed)

    async def wait(self) -> None:
        """Returns when the run has ended and its answer is stored."""
        changed = asyncio.Event()
        self._enter(changed)
        try:
            while not self.done:
                changed.clear()
                await changed.wait()
        finally:
            self._leave(changed)

    def nudge(self) -> None:
        """Gives every reader a heartbeat now, so that one who should leave notices."""
        self._wake()

    def _wake(self) -> None:
        for event in self._readers:
            event.set()

    def _enter(self, event: asyncio.Event) -> None:
        self._readers.add(event)
        self._abandoned_after_s = ABANDONED_AFTER_S
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def _leave(self, event: asyncio.Event) -> None:
        self._readers.discard(event)
        self.expect_reader()

    def _abandon(self) -> None:
        if not self._readers:
            self.stop()
