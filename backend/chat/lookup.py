"""Looking into the documents for one question: put it in full, search, keep what is relevant, cut it to size."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from backend.chat.follow_up import standalone
from backend.chat.sources import Source, Words, chosen, passage_budget, relevant
from backend.llm.engine import ChatMessage, Engine, EngineInfo
from backend.retrieval.search import Found
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
class Looked:
    """What was found. No sources: nothing has to do with the question."""

    sources: list[Source]
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
        self._words = words

    async def look(
        self,
        user_id: UUID,
        collection_ids: Sequence[UUID],
        thread: Sequence[ChatMessage],
        *,
        engine: Engine,
        info: EngineInfo,
        room: int,
        tell: Callable[[Activity], None],
    ) -> Looked:
        """Sources for the last message of a thread.

        Args:
            collection_ids: where to look; those the user may not read hold nothing for him.
            thread: the messages, the question last.
            room: tokens that are free in the prompt.
            tell: called with each stage as it begins.

        Raises:
            DatabaseUnavailable: nothing can be searched now.
        """
        question = thread[-1]["content"]
        tell(Activity(Stage.SEARCHING, question))
        query = await standalone(engine, info, thread[:-1], question)
        if query != question:
            tell(Activity(Stage.REWRITTEN, query))
        found = await self._search.search(user_id, query, collection_ids=collection_ids, limit=_CANDIDATES)
        words: Words = self._words if self._words is not None else terms()
        passages = await asyncio.to_thread(relevant, found.passages, query, words, self._settings)
        sources: list[Source] = []
        if passages:
            budget = min(passage_budget(self._settings, engine.provider, info.context), room)
            sources = await chosen(
                passages, query, words, budget=budget, count_tokens=engine.count_tokens, degraded=found.degraded
            )
            tell(Activity(Stage.READING, query, len(sources), found.degraded))
        return Looked(sources, found.degraded)
