"""Keeps an engine busy with any number of reviews: in order, in bounded memory, each text once.

A window slides over the input. At its end reviews are read, as long as there is room; inside it batches are in
flight; at its beginning results are handed out. Who takes no results stops the reading, and with it the engine.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass

from backend.llm.labels import Prompt, Scored
from backend.sentiment.failures import DEADLINE
from backend.sentiment.in_flight import InFlight
from backend.sentiment.labels import ItemError
from backend.sentiment.seen import Seen

Outcome = Scored | ItemError


@dataclass(slots=True, eq=False)
class Item:
    """One review on its way.

    Attributes:
        index: place in the input.
        key: fingerprint of its text; equal ones are asked about once. Empty: there is nothing to ask.
        prompt: what is asked.
        outcome: what came of it.
        first: the item in the window whose outcome is this one's too.
    """

    index: int
    id: str
    language: str
    is_cut: bool
    key: bytes
    prompt: Prompt | None
    outcome: Outcome | None = None
    duplicate_of: int | None = None
    first: "Item | None" = None

    @property
    def is_done(self) -> bool:
        return self.outcome is not None or (self.first is not None and self.first.outcome is not None)


Score = Callable[[Sequence[Prompt]], Awaitable[Sequence[Outcome]]]


class Bulk:
    """One run over one input.

    Args:
        score: outcomes of a batch, in order; what it raises ends the run.
        batch: most prompts in one call of `score`.
        in_flight: how many calls at once.
        seen: results of texts that have left the window.
    """

    def __init__(self, score: Score, batch: int, in_flight: InFlight, seen: Seen) -> None:
        self._score, self._batch, self._in_flight, self._seen = score, batch, in_flight, seen
        self._window: deque[Item] = deque()
        self._ready: deque[Item] = deque()
        self._pending: dict[bytes, Item] = {}  # texts in the window by fingerprint
        self._requests: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()  # for the reader of results
        self._room = asyncio.Event()  # for the reader of reviews
        self._is_read = False
        self._is_late = False
        self._failure: BaseException | None = None

    async def run(self, items: AsyncIterable[Item], *, deadline_s: float | None = None) -> AsyncGenerator[Item]:
        """Yields every item with its outcome, in order. Closing it cancels what is in flight.

        Args:
            deadline_s: seconds after which what is not done gets `DEADLINE`.

        Raises:
            whatever `score` or the input raises, after the results before it and once nothing is under way.
        """
        reading = asyncio.create_task(self._read(items))
        timer = asyncio.get_running_loop().call_later(deadline_s, self._expire) if deadline_s is not None else None
        try:
            while True:
                while self._window and self._window[0].is_done:
                    yield self._leave()
                if self._failure is not None and not self._requests:  # what is under way may still be had
                    raise self._failure
                if self._is_read and not self._window:
                    return
                self._changed.clear()
                await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()
            self._ready.clear()
            running = [reading, *self._requests]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _read(self, items: AsyncIterable[Item]) -> None:
        try:
            async for item in items:
                self._enter(item)
                if len(self._ready) >= self._batch:
                    self._dispatch()
                    await asyncio.sleep(0)  # an input that never waits must let the requests go out
                while len(self._window) >= self._capacity():
                    self._room.clear()
                    self._changed.set()
                    await self._room.wait()
        except Exception as error:  # the input's own: told to who reads the results
            self._failure = error
        self._is_read = True
        self._dispatch()
        self._changed.set()

    def _capacity(self) -> int:
        """Twice what is in flight, so that a slow request does not starve the others."""
        return self._batch * (2 * self._in_flight.limit + 1)

    def _enter(self, item: Item) -> None:
        self._window.append(item)
        if item.outcome is not None:
            return
        if self._is_late:
            item.outcome = DEADLINE
            return
        if (first := self._pending.get(item.key)) is not None:
            item.first, item.duplicate_of = first, first.index
        elif (known := self._seen.get(item.key)) is not None:
            item.duplicate_of, is_measured, probabilities = known
            item.outcome = Scored(probabilities, is_measured)
        else:
            self._pending[item.key] = item
            self._ready.append(item)
            if len(self._ready) == 1:  # runs when the reading waits: what is there by then need not
                asyncio.get_running_loop().call_soon(self._dispatch)

    def _leave(self) -> Item:
        item = self._window.popleft()
        if item.first is not None:
            item.outcome, item.first = item.outcome or item.first.outcome, None
        elif self._pending.get(item.key) is item:
            del self._pending[item.key]
            if isinstance(item.outcome, Scored):
                self._seen.put(item.key, item.index, item.outcome.is_measured, item.outcome.probabilities)
        self._room.set()
        return item

    def _dispatch(self) -> None:
        """Sends what is ready: whole batches, and a smaller one when nothing else will come or nothing is under way."""
        while self._ready and self._failure is None and len(self._requests) < self._in_flight.limit:
            if len(self._ready) < self._batch and self._requests and not self._is_read:
                return
            size = min(self._batch, len(self._ready))
            items = [self._ready.popleft() for _ in range(size)]
            self._requests.add(asyncio.create_task(self._request(items)))

    async def _request(self, items: list[Item]) -> None:
        try:
            prompts = [item.prompt for item in items if item.prompt is not None]
            for item, outcome in zip(items, await self._score(prompts), strict=True):
                item.outcome = item.outcome or outcome
            was_full = len(self._requests) >= self._in_flight.limit
            self._in_flight.finished(len(items), was_full=was_full)
        except Exception as error:
            self._failure = self._failure or error
        finally:
            self._requests -= {asyncio.current_task()}
            self._changed.set()
            self._room.set()  # the limit may have grown, and the window with it
        self._dispatch()

    def _expire(self) -> None:
        self._is_late = True
        self._ready.clear()
        for item in self._window:
            if not item.is_done:
                item.outcome = DEADLINE
        for request in self._requests:
            request.cancel()
        self._changed.set()
