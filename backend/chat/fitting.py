"""One question made into a prompt for whoever is asked: each provider has a context and a vocabulary of its own."""

from collections.abc import Awaitable, Callable, Sequence

from backend.chat.asked import Asked
from backend.chat.lookup import Hits, Lookup
from backend.chat.prompt import Prompt
from backend.chat.sources import Source
from backend.llm.call import Chosen, Request
from backend.llm.engine import ContextOverflow

TellSources = Callable[[Sequence[Source]], Awaitable[None]]


class Fitting:
    """Prepares the requests of one question (`backend.llm.call.Prepare`).

    Attributes:
        dropped: messages left out of the last prompt because the context was full.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._lookup: Lookup | None = None
        self._hits: Hits | None = None
        self._tell: TellSources | None = None
        self._made: dict[str, tuple[Asked, Prompt]] = {}
        self.dropped = 0

    def ground(self, lookup: Lookup, hits: Hits, tell: TellSources) -> None:
        """From now on passages stand before the question. `tell` gets those of each prompt that is made."""
        self._lookup, self._hits, self._tell = lookup, hits, tell
        self._made.clear()

    async def __call__(self, chosen: Chosen, overflow: ContextOverflow | None) -> Request:
        """The request for one provider. Raises MessageOverContext when not even the question alone fits."""
        if chosen.name not in self._made:
            asked = await self._grounded(chosen)
            self._made[chosen.name] = asked, await asked.fitted(chosen.engine, chosen.info)
        asked, prompt = self._made[chosen.name]
        if overflow is not None:
            surplus = max((overflow.tokens or 0) - prompt.tokens, chosen.info.context // 8)
            prompt = await asked.fitted(chosen.engine, chosen.info, surplus)
        self.dropped = prompt.dropped
        return Request(prompt.messages, asked.temperature, prompt.max_tokens)

    async def _grounded(self, chosen: Chosen) -> Asked:
        if self._lookup is None or self._hits is None or self._tell is None:
            return self._asked
        engine, info = chosen.engine, chosen.info
        plain = await self._asked.fitted(engine, info)
        room = info.context - plain.max_tokens - await self._asked.least(engine)
        sources = await self._lookup.sources(self._hits, engine, info, room)
        await self._tell(sources)
        return self._asked.grounded(sources)
