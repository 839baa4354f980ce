"""One round through the providers of a request: who is next, for how long, and what is told when none answers."""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence

from backend.errors import EngineBusy, EngineTimeout, NoEngineAnswers, OndolError
from backend.llm.engine import EngineInfo, EngineState, Finished
from backend.llm.lane import TOO_LONG, Lane, code_of

_LOOK_EVERY_S = 5.0


class Turn:
    """Hands out lanes, each at most once.

    The time until the first text is shared: a lane has its part of what is left, the same for each that may still be
    asked. Who is silent for longer is left only for one that is ready: nobody is given up for nobody.

    Args:
        lanes: in order.
        timeout_s: for all of them together.
    """

    def __init__(self, lanes: Sequence[Lane], timeout_s: float) -> None:
        self._left = list(lanes)
        self._is_alone = len(lanes) == 1
        self._timeout_s = timeout_s
        self._deadline = asyncio.get_running_loop().time() + timeout_s
        self._errors: list[tuple[Lane, Exception]] = []
        self._too_long: Exception | None = None
        self._longest_tried = 0

    @property
    def left_s(self) -> float:
        """Seconds until a reader must have an answer or an error."""
        return self._timeout_s if self._is_alone else self._deadline - asyncio.get_running_loop().time()

    @property
    def share_s(self) -> float:
        """Seconds for the one that is asked now, while others may still be asked."""
        return self.left_s / (1 + len(self._admitted()))

    @property
    def has_others(self) -> bool:
        """Whether somebody else may be asked."""
        return bool(self._admitted())

    def next(self) -> Lane | None:
        """Who is asked now: those that are well first, then those that failed lately; never one that said when."""
        if self.left_s <= 0:
            return None
        choices = self._left if self._is_alone else self._admitted() or self._resorts()
        if not choices:
            return None
        lane = choices[0]
        self._left.remove(lane)  # `choices` may be the same list
        return lane

    def failed(self, lane: Lane, error: Exception) -> None:
        self._errors.append((lane, error))

    def check_room(self, info: EngineInfo) -> None:
        """Raises what an engine with as much context said before."""
        if self._too_long is not None and info.context <= self._longest_tried:
            raise self._too_long

    def was_too_long(self, info: EngineInfo, error: Exception) -> None:
        self._too_long, self._longest_tried = error, max(self._longest_tried, info.context)

    async def first(self, lane: Lane, stream: AsyncGenerator[str | Finished, None]) -> str | Finished:
        """The first event of a stream. Raises EngineTimeout when somebody else should be asked instead."""
        share_s = self.share_s
        first = asyncio.ensure_future(anext(stream))
        try:
            await asyncio.wait({first}, timeout=share_s if self.has_others else None)
            while not first.done() and not await self._somebody_ready():
                await asyncio.wait({first}, timeout=_LOOK_EVERY_S)
            if first.done():
                return first.result()
            raise EngineTimeout(provider=lane.name, seconds=share_s)
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)  # the stream may be closed only when nobody is in it

    def error(self) -> Exception:
        """What the reader is told."""
        for lane in self._left if not self._is_alone else ():
            if lane.cooldown.was_told_to_wait and lane.cooldown.left_s > 0:
                wait_s = math.ceil(lane.cooldown.left_s)
                self._errors.append((lane, EngineBusy(provider=lane.name, retry_after_s=wait_s)))
        if all(isinstance(error, TOO_LONG) for _, error in self._errors) or len(self._errors) == 1:
            return self._errors[-1][1]
        tried = ", ".join(f"{lane.name}: {code_of(error)}" for lane, error in self._errors)
        waits = [error.retry_after_s for _, error in self._errors if isinstance(error, OndolError)]
        return NoEngineAnswers(tried=tried, retry_after_s=min((wait for wait in waits if wait), default=None))

    def _admitted(self) -> list[Lane]:
        return [lane for lane in self._left if lane.cooldown.admits()]

    def _resorts(self) -> list[Lane]:
        return [lane for lane in self._left if not (lane.cooldown.was_told_to_wait and lane.cooldown.left_s > 0)]

    async def _somebody_ready(self) -> bool:
        infos = await asyncio.gather(*(lane.engine.info() for lane in self._admitted()))
        return any(info.state is EngineState.READY for info in infos)
