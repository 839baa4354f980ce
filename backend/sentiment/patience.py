"""Gets a batch scored in spite of failures: waits, tries again, and takes a refused batch apart."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import stamina
import structlog

from backend.errors import EngineBusy, EngineLoading, EngineRefused, EngineUnavailable
from backend.llm.labels import Broken, Forbidden, LabelScorer, NoLabel, Overloaded, Prompt, Refused, Scored, Unreachable
from backend.llm.labels.prompts import Method
from backend.sentiment.bulk import Outcome
from backend.sentiment.failures import FAILED, NO_LABEL, REFUSED
from backend.sentiment.labels import ItemError

log = structlog.get_logger()
Result = TypeVar("Result")

_ATTEMPTS = 6
_ATTEMPTS_BROKEN = 2
_JITTER_S = 0.5  # so that the requests that failed together do not come back together
_GIVE_UP_AFTER = 8  # single prompts in a row at which the engine fails: then it is not the prompts


class Patience:
    """Scores batches on one engine.

    Args:
        on_overload: called each time the engine says that it is too busy.
    """

    def __init__(
        self, scorer: LabelScorer, labels: Sequence[str], on_overload: Callable[[], None] | None = None
    ) -> None:
        self._scorer, self._labels, self._on_overload = scorer, labels, on_overload
        self._failed_in_a_row = 0

    async def score(self, prompts: Sequence[Prompt]) -> list[Outcome]:
        """One outcome per prompt.

        Raises:
            EngineUnavailable, EngineLoading, EngineBusy, EngineRefused: the engine as a whole; nothing was lost,
                all of them may be tried again later.
        """
        try:
            results = await self._tried(prompts)
        except (Refused, Broken) as error:
            if len(prompts) > 1:
                return await self._halves(prompts)
            return [self._given_up(error)]
        self._failed_in_a_row = 0
        return [NO_LABEL if isinstance(result, NoLabel) else result for result in results]

    async def _halves(self, prompts: Sequence[Prompt]) -> list[Outcome]:
        middle = len(prompts) // 2
        return [*await self.score(prompts[:middle]), *await self.score(prompts[middle:])]

    async def _tried(self, prompts: Sequence[Prompt]) -> list[Scored | NoLabel]:
        broken = 0

        def again(error: Exception) -> bool:
            nonlocal broken
            if isinstance(error, Overloaded) and self._on_overload is not None:
                self._on_overload()
            broken += isinstance(error, Broken)
            return isinstance(error, EngineUnavailable | EngineLoading) or (
                isinstance(error, Broken) and broken < _ATTEMPTS_BROKEN
            )

        return await _patiently(self._scorer, lambda: self._scorer.score(prompts, self._labels), again)

    def _given_up(self, error: Refused | Broken) -> ItemError:
        if isinstance(error, Refused):
            log.info("review_refused", status=error.status)
            return REFUSED
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= _GIVE_UP_AFTER:
            raise EngineRefused(provider=self._scorer.engine.provider.name, upstream_status="5xx") from error
        return FAILED


async def method_of(scorer: LabelScorer, labels: Sequence[str], *, deadline_s: float | None = None) -> Method:
    """The way an engine is asked for labels, which is found by asking it.

    Raises:
        EngineUnavailable, EngineLoading, EngineBusy, EngineRefused: the engine as a whole.
        TimeoutError: it was not found within `deadline_s` seconds.
    """
    async with asyncio.timeout(deadline_s):
        return await _patiently(scorer, lambda: scorer.method(labels), lambda _: False)


async def _patiently(
    scorer: LabelScorer, work: Callable[[], Awaitable[Result]], again: Callable[[Exception], bool]
) -> Result:
    """What comes of some work at an engine, in the errors that the rest of the system knows.

    Args:
        again: whether the work is tried again after an error; always after Overloaded and Unreachable.
    """
    name = scorer.engine.provider.name

    def after(error: Exception) -> bool | float:
        wanted = again(error)
        if isinstance(error, Overloaded) and error.retry_after_s is not None:
            return error.retry_after_s + random.uniform(0, _JITTER_S)  # noqa: S311
        return wanted or isinstance(error, Overloaded | Unreachable)

    try:
        async for attempt in stamina.retry_context(
            on=after, attempts=_ATTEMPTS, timeout=None, wait_initial=0.1, wait_max=5.0, wait_jitter=_JITTER_S
        ):
            with attempt:
                return await work()
    except Overloaded as error:
        wait_s = None if error.retry_after_s is None else round(error.retry_after_s)
        raise EngineBusy(provider=name, retry_after_s=wait_s) from error
    except Unreachable as error:
        raise EngineUnavailable(provider=name) from error
    except Forbidden as error:
        raise EngineRefused(provider=name, upstream_status=error.status) from error
    raise AssertionError("the attempts ended without a result")
