"""What the model reads: the system prompt and as much of the thread as its context holds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from backend.errors import MessageOverContext
from backend.llm.engine import ChatMessage

# English, because small models follow it better than a Korean one even when they are asked in Korean.
DEFAULT_SYSTEM_PROMPT = (
    "You are a helpful, honest assistant. Answer in the language of the question. "
    "Be brief and concrete. Write Markdown; put code into fenced blocks that name the language. "
    "If you do not know something, say so."
)
DEFAULT_TEMPERATURE = 0.7
DEFAULT_MAX_TOKENS = 1024

_TEMPLATE_TOKENS = 8  # what a chat template adds around one message, generously
_BYTES_PER_TOKEN = 2.0  # where the engine cannot count: pessimistic for every vocabulary met so far

CountTokens = Callable[[str], Awaitable[int | None]]


@dataclass(frozen=True)
class Prompt:
    """Messages that fit.

    Attributes:
        dropped: how many of the oldest messages were left out.
        tokens: what the messages were reckoned to be.
        max_tokens: what the answer may have.
    """

    messages: tuple[ChatMessage, ...]
    dropped: int
    tokens: int
    max_tokens: int


async def fit(
    system: str,
    thread: Sequence[ChatMessage],
    *,
    context: int,
    max_tokens: int,
    count_tokens: CountTokens,
    surplus: int = 0,
) -> Prompt:
    """Leaves out the oldest messages until prompt and answer fit.

    Args:
        system: system prompt; always kept.
        thread: user and assistant messages, oldest first; the last one, the question, is always kept.
        context: tokens the engine reads and writes together.
        max_tokens: wished length of the answer; halved contexts go to the question before the answer.
        count_tokens: the engine's own count, or None where it has none.
        surplus: tokens that the engine counted more than we did, in an earlier attempt with this thread.

    Raises:
        MessageOverContext: system prompt and question alone do not fit.
    """
    answer = min(max_tokens, context // 2)
    budget = context - answer - surplus
    texts = [system, *(message["content"] for message in thread)]
    sizes = [_upper_bound(text) for text in texts]
    if sum(sizes) > budget:
        sizes = [await _size(text, count_tokens) for text in texts]
    first = 0
    needed = sum(sizes)
    while needed > budget and first < len(thread) - 1:
        needed -= sizes[1 + first]
        first += 1
        # An answer without its question confuses more than it tells.
        while first < len(thread) - 1 and thread[first]["role"] == "assistant":
            needed -= sizes[1 + first]
            first += 1
    if needed > budget + surplus:  # the surplus may have been in what was left out; the engine will tell
        raise MessageOverContext(tokens=sizes[-1], context=context)
    kept = thread[first:]
    return Prompt((ChatMessage(role="system", content=system), *kept), first, needed, answer)


def _upper_bound(text: str) -> int:
    """No byte-level vocabulary needs more tokens than a text has bytes."""
    return len(text.encode()) + _TEMPLATE_TOKENS


async def _size(text: str, count_tokens: CountTokens) -> int:
    counted = await count_tokens(text)
    if counted is None:
        counted = int(len(text.encode()) / _BYTES_PER_TOKEN) + 1
    return counted + _TEMPLATE_TOKENS
