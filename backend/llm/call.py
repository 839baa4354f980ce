"""One request on its way to whoever answers it. Before the first text another provider may take over, after it none."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from backend.errors import EngineTimeout
from backend.llm.engine import ChatMessage, ContextOverflow, Engine, EngineInfo, Finished
from backend.llm.lane import TOO_LONG, TROUBLE, Lane, code_of
from backend.llm.turn import Turn

log = structlog.get_logger()


@dataclass(frozen=True)
class Chosen:
    """Who is asked, as it was found."""

    engine: Engine
    info: EngineInfo

    @property
    def name(self) -> str:
        return self.engine.provider.name


@dataclass(frozen=True)
class Request:
    """What is asked; None leaves an option to the engine."""

    messages: Sequence[ChatMessage]
    temperature: float | None = None
    max_tokens: int | None = None


Prepare = Callable[[Chosen, ContextOverflow | None], Awaitable[Request]]
"""Makes the request for one provider, whose context and vocabulary are its own.

With an overflow, the provider counted more than there was room for: it is asked once more with what comes now. Raises
ContextOverflow or MessageOverContext when there is nothing to leave out; a provider that reads more may be asked then.
"""


def unchanging(request: Request) -> Prepare:
    """The same request for every provider; nothing can be left out of it."""

    async def prepare(_: Chosen, overflow: ContextOverflow | None) -> Request:
        if overflow is not None:
            raise overflow
        return request

    return prepare


class Call:
    """A request, or several that should stay with the provider that took the first.

    Args:
        lanes: in order; at least one.
        timeout_s: longest wait for the first text, whoever writes it.

    Attributes:
        chosen: who is asked, or was asked last; None before the first.
        hosted: something was sent to a hosted provider.
    """

    def __init__(self, lanes: Sequence[Lane], timeout_s: float) -> None:
        self._lanes, self._timeout_s = list(lanes), timeout_s
        self.chosen: Chosen | None = None
        self.hosted = False

    @property
    def name(self) -> str:
        """Of the provider that is asked, or that would be asked first."""
        return self.chosen.name if self.chosen else self._lanes[0].name

    async def begin(self, prepare: Prepare | None = None) -> Chosen:
        """The first provider that is ready and can read the request; nothing is sent yet.

        Raises:
            EngineUnavailable, EngineLoading, EngineModelMissing, EngineBusy, EngineRefused, EngineTimeout: of the only
                provider.
            NoEngineAnswers: several were tried.
            ContextOverflow, MessageOverContext: of `prepare`, when nobody reads that much.
        """
        turn = Turn(self._in_order(), self._timeout_s)
        while (lane := turn.next()) is not None:
            try:
                chosen = await self._ready(lane, turn)
                if prepare is not None:
                    await self._prepared(chosen, turn, prepare, None)
            except (*TROUBLE, *TOO_LONG) as error:
                lane.stats.asked()
                self._give_up(lane, turn, error)
            else:
                return chosen
        raise turn.error()

    async def stream(self, prepare: Prepare) -> AsyncGenerator[str | Finished, None]:
        """Yields the text of one answer as it comes, and `Finished` at its end. Closing it cancels the engine's work.

        Raises:
            what `begin` raises: before the first text.
            EngineInterrupted, EngineTimeout: in the middle; what was yielded stays valid, and nobody else is asked.
        """
        turn = Turn(self._in_order(), self._timeout_s)
        while (lane := turn.next()) is not None:
            is_trial, has_begun = lane.cooldown.begin(), False
            lane.stats.asked()
            try:
                chosen = await self._ready(lane, turn)
                async with aclosing(self._answered(chosen, lane, turn, prepare)) as events:
                    async for event in events:
                        has_begun = True
                        yield event
            except (*TROUBLE, *TOO_LONG) as error:
                self._give_up(lane, turn, error)
                if has_begun:
                    raise
            else:
                lane.succeeded()
                return
            finally:
                if is_trial:
                    lane.cooldown.end_trial()
        raise turn.error()

    def _in_order(self) -> list[Lane]:
        """The one that was chosen stays the first."""
        return sorted(self._lanes, key=lambda lane: self.chosen is None or lane.name != self.chosen.name)

    async def _ready(self, lane: Lane, turn: Turn) -> Chosen:
        try:
            async with asyncio.timeout(turn.share_s):
                info = await lane.engine.require_ready()
        except TimeoutError:
            raise EngineTimeout(provider=lane.name, seconds=self._timeout_s) from None
        turn.check_room(info)
        self.chosen = Chosen(lane.engine, info)
        return self.chosen

    async def _answered(
        self, chosen: Chosen, lane: Lane, turn: Turn, prepare: Prepare
    ) -> AsyncGenerator[str | Finished, None]:
        overflow: ContextOverflow | None = None
        while True:
            request = await self._prepared(chosen, turn, prepare, overflow)
            self.hosted = self.hosted or lane.engine.provider.hosted
            begin = time.perf_counter()
            stream = lane.engine.stream(
                request.messages,
                model=chosen.info.model,
                temperature=request.temperature,
                max_tokens=request.max_tokens,
                within_s=turn.left_s,
                again=not turn.has_others,
            )
            async with aclosing(stream):
                try:
                    event = await turn.first(lane, stream)
                except ContextOverflow as error:
                    if overflow is not None:
                        turn.was_too_long(chosen.info, error)
                        raise
                    overflow = error
                    continue
                lane.stats.first_token(time.perf_counter() - begin)
                yield _counted(event, lane)
                async for event in stream:
                    yield _counted(event, lane)
                return

    async def _prepared(
        self, chosen: Chosen, turn: Turn, prepare: Prepare, overflow: ContextOverflow | None
    ) -> Request:
        provider = chosen.engine.provider
        self.hosted = self.hosted or (provider.hosted and provider.counts_tokens)  # to count, it is sent the text
        try:
            async with asyncio.timeout(turn.share_s):
                return await prepare(chosen, overflow)
        except TOO_LONG as error:
            turn.was_too_long(chosen.info, error)
            raise
        except TimeoutError:
            raise EngineTimeout(provider=chosen.name, seconds=self._timeout_s) from None

    def _give_up(self, lane: Lane, turn: Turn, error: Exception) -> None:
        turn.failed(lane, error)
        if isinstance(error, TROUBLE):  # a request that is too long is no fault of the provider
            lane.failed(error)
            log.warning("provider_failed", provider=lane.name, code=code_of(error), cools_s=round(lane.cooldown.left_s))


def _counted(event: str | Finished, lane: Lane) -> str | Finished:
    if isinstance(event, Finished) and event.usage is not None:
        lane.stats.used(event.usage)
    return event
