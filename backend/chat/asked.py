"""A question on its way to a model: what goes with it, before it is cut to an engine's context."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from backend.chat.citations import without_marks
from backend.chat.conversations import Thread
from backend.chat.grounding import DOCUMENT_TEMPERATURE, question_with, system_prompt
from backend.chat.prompt import DEFAULT_MAX_TOKENS, DEFAULT_SYSTEM_PROMPT, DEFAULT_TEMPERATURE, Prompt, fit
from backend.chat.sources import Source
from backend.llm.engine import ChatMessage, Engine, EngineInfo
from backend.store.models import Conversation

_MARKS_TOKENS = 250  # the marks and headings around the passages
_BYTES_PER_TOKEN = 2  # where the engine cannot count


@dataclass(frozen=True)
class Options:
    """How a new conversation answers; None leaves the default. `collection_ids` are the documents it asks."""

    system_prompt: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    collection_ids: tuple[UUID, ...] = ()


class NothingFound(Exception):
    """No passage has to do with the question; `answer` is what the reader is told, without asking a model."""

    def __init__(self, answer: str) -> None:
        super().__init__("nothing found")
        self.answer = answer


@dataclass(frozen=True)
class Asked:
    """A question, the last of `messages`, with everything before it."""

    system: str
    messages: tuple[ChatMessage, ...]
    temperature: float
    max_tokens: int
    documents: bool

    async def fitted(self, engine: Engine, info: EngineInfo, surplus: int = 0) -> Prompt:
        """The prompt for an engine; `surplus` is what it counted more than we did in an attempt before."""
        # Answers from passages are short; what is reserved for them is taken from the passages.
        most = max(256, info.context // 4) if self.documents else self.max_tokens
        return await fit(
            self.system,
            self.messages,
            context=info.context,
            max_tokens=min(self.max_tokens, most),
            count_tokens=engine.count_tokens,
            surplus=surplus,
        )

    async def least(self, engine: Engine) -> int:
        """Tokens of what no prompt with passages goes without: system prompt, question, marks around passages."""
        text = f"{self.system}\n{self.messages[-1]['content']}"
        counted = await engine.count_tokens(text)
        return (len(text.encode()) // _BYTES_PER_TOKEN if counted is None else counted) + _MARKS_TOKENS

    def grounded(self, sources: Sequence[Source]) -> "Asked":
        """The same, with passages before the question."""
        question = ChatMessage(role="user", content=question_with(sources, self.messages[-1]["content"]))
        return replace(self, messages=(*self.messages[:-1], question))


def asked_with(source: Conversation | Options, messages: tuple[ChatMessage, ...], *, documents: bool) -> Asked:
    """A question under the settings of its conversation."""
    own = source.system_prompt
    default = DOCUMENT_TEMPERATURE if documents else DEFAULT_TEMPERATURE
    return Asked(
        system=system_prompt(own) if documents else own or DEFAULT_SYSTEM_PROMPT,
        messages=messages,
        temperature=default if source.temperature is None else source.temperature,
        max_tokens=source.max_tokens or DEFAULT_MAX_TOKENS,
        documents=documents,
    )


def columns_of(options: Options) -> dict[str, Any]:
    """Options as columns of a conversation."""
    return asdict(options) | {"collection_ids": list(options.collection_ids)}


def messages_of(thread: Thread | None, question: str | None) -> tuple[ChatMessage, ...]:
    """The branch as a prompt; answers of which nothing was written say nothing to the model."""
    messages = []
    for item in thread.messages if thread else ():
        row = item.message
        if row.role == "user":
            messages.append(ChatMessage(role="user", content=row.content))
        elif row.content:
            # The numbers of an earlier answer would mean other passages now.
            content = row.content if row.sources is None else without_marks(row.content)
            messages.append(ChatMessage(role="assistant", content=content))
    if question is not None:
        messages.append(ChatMessage(role="user", content=question))
    return tuple(messages)
