"""What the rest of the system calls: probabilities of labels from one engine, however it must be asked."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.llm.engine import Engine
from backend.llm.labels.capability import Found, find
from backend.llm.labels.client import Broken, EngineClient, Forbidden, Unreachable
from backend.llm.labels.prompts import Method, NoLabel, Prompt, Scored
from backend.llm.labels.vllm import NotRenderable
from backend.llm.provider_stats import ProviderStats

_PROVEN_FOR_S = 600.0
_DOUBTED_FOR_S = 60.0  # when the engine failed at a faster way: that may have been a bad moment


@dataclass(frozen=True)
class _Kept:
    """A way that was found, and until when it is not looked for anew."""

    method: Method
    until: float


class LabelScorer:
    """Scores labels on one engine. Lives as long as the engine's client; several tasks may use it at once.

    Args:
        clock: seconds.
        stats: where requests are counted.
    """

    def __init__(
        self, engine: Engine, clock: Callable[[], float] = time.monotonic, stats: ProviderStats | None = None
    ) -> None:
        self._engine = engine
        self._client = EngineClient(engine, stats)
        self._methods: dict[tuple[str, ...], _Kept] = {}
        self._finding = asyncio.Lock()
        self._model = ""
        self._clock = clock

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def model(self) -> str:
        """The model that answered last; empty before the first answer."""
        return self._model

    async def close(self) -> None:
        await self._client.close()

    async def method(self, labels: Sequence[str]) -> Method:
        """The way this engine is asked for these labels.

        Found once, and again when the engine has gone or serves another model, and every ten minutes: it may have
        been restarted as something else between two runs. Every minute where it failed at a faster way.

        Raises:
            EngineUnavailable, EngineLoading, EngineRefused: it is not ready.
            Overloaded, Unreachable: it went away meanwhile.
        """
        wanted = tuple(labels)
        async with self._finding:
            self._methods = {each: kept for each, kept in self._methods.items() if self._clock() < kept.until}
            if wanted not in self._methods:
                await self._engine.info(max_age_s=0)  # what is remembered may be of the one that has gone
            info = await self._engine.require_ready()
            if info.model != self._model:
                self._methods.clear()
                self._model = info.model
            if wanted not in self._methods:
                self._keep(wanted, await find(self._client, info.model, wanted))
            return self._methods[wanted].method

    async def score(self, prompts: Sequence[Prompt], labels: Sequence[str]) -> list[Scored | NoLabel]:
        """One result per prompt, in order; at most `method(labels).prompts_per_request` prompts.

        Raises:
            Refused: the request as a whole; a smaller one without the prompt to blame may pass.
            Overloaded, Broken, Unreachable: worth another attempt.
            Forbidden: no attempt will pass.
            EngineUnavailable, EngineLoading, EngineRefused: the engine is not ready.
        """
        kept = self._methods.get(tuple(labels))
        method = kept.method if kept is not None else await self.method(labels)
        try:
            return await method.score(prompts)
        except NotRenderable:  # this head's template, though the one of the proof was
            self._keep(tuple(labels), await find(self._client, self._model, labels, by_hand=False))
            raise Broken("the chat template cannot be put together from tokens") from None
        except (Unreachable, Forbidden):
            self._methods.clear()  # what comes back may be another engine
            raise

    def _keep(self, labels: tuple[str, ...], found: Found) -> None:
        for_s = _PROVEN_FOR_S if found.is_certain else _DOUBTED_FOR_S
        self._methods[labels] = _Kept(found.method, self._clock() + for_s)
