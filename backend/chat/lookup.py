"""Looking into the documents for one question: put it in full, search, keep what is relevant, cut it to size."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from backend.chat.follow_up import standalone
from backend.chat.sources import Source, Words, chosen, passage_budget, relevant
from backend.llm.call import Call
from backend.llm.engine import ChatMessage, Engine, EngineInfo
from backend.retrieval.search import Found, Passage
from backend.retrieval.terms import terms
from backend.settings import Settings

_CANDIDATES = 8


class Searches(Protocol):
    """What finds passages (`backend.retrieval.search.Search`)."""

    async def search(
        self,
        user_id: UUID,
        query: str,
        *,
        collection_ids: Sequence[UUID] | None,
        limit: int = 8,
        mode: str | None = None,
    ) -> Found: ...


class Stage(StrEnum):
    """What is being done before an answer from documents begins."""

    SEARCHING = "searching"
    REWRITTEN = "rewritten"  # the question was put in full; the search goes on with it
    READING = "reading"  # the model reads the passages that were found


@dataclass(frozen=True)
class Activity:
    """A stage for the reader.

    Attributes:
        query: what is searched for.
        passages: how many are read; 0 before.
        degraded: no encoder answered, so that only words were searched.
    """

    stage: Stage
    query: str
    passages: int = 0
    degraded: bool = False


@dataclass(frozen=True)
class Hits:
    """The passages that have to do with a question, the best first; none: nothing does.

    Attributes:
        query: the question as it was searched for.
        degraded: it was searched by words only.
    """

    passages: Sequence[Passage]
    query: str
    degraded: bool


class Lookup:
    """Finds the sources of answers.

    Args:
        settings: how many tokens passages may have, and when they count as relevant.
        search: finds passages.
        words: takes text apart; the process's own terms when left out.
    """

    def __init__(self, settings: Settings, search: Searches, words: Words | None = None) -> None:
        self._settings = settings
        self._search = search
        self._given_words = words

    async def look(
        self,
        user_id: UUID,
        collection_ids: Sequence[UUID],
        thread: Sequence[ChatMessage],
        *,
        call: Call,
        tell: Callable[[Activity], None],
    ) -> Hits:
        """What the documents have for the last message of a thread.

        Args:
            collection_ids: where to look; those the user may not read hold nothing for him.
            thread: the messages, the question last.
            call: to whoever puts the question in full.
            tell: called with each stage as it begins.

        Raises:
            DatabaseUnavailable: nothing can be searched now.
        """
        question = thread[-1]["content"]
        tell(Activity(Stage.SEARCHING, question))
        query = await standalone(call, thread[:-1], question)
        if query != question:
            tell(Activity(Stage.REWRITTEN, query))
        found = await self._search.search(user_id, query, collection_ids=collection_ids, limit=_CANDIDATES)
        passages = await asyncio.to_thread(relevant, found.passages, query, self._words, self._settings)
        return Hits(passages, query, found.degraded)

    async def sources(self, hits: Hits, engine: Engine, info: EngineInfo, room: int) -> list[Source]:
        """The passages as one engine reads them: at most `room` tokens."""
        return await chosen(
            hits.passages,
            hits.query,
            self._words,
            budget=min(passage_budget(self._settings, engine.provider, info.context), room),
            count_tokens=engine.count_tokens,
            degraded=hits.degraded,
        )

    @property
    def _words(self) -> Words:
        return self._given_words if self._given_words is not None else terms()
