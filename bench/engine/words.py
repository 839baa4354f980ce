"""Text of the stand-in: a tokenizer that is only roughly one, and answers in Korean and English.

Answers depend on the prompt alone, so that two engines, or an engine and a proxy before it, can be compared
word by word.
"""

import re
import zlib
from collections.abc import Iterable
from itertools import chain, cycle, islice
from typing import Any

VOCABULARY = 151_936  # size of Qwen2.5's, so that ids look like real ones
_PER_MESSAGE = 4  # tokens a chat template spends on the marks around a message
_PIECE = re.compile(r" ?[A-Za-z]{1,8}| ?[가-힣]{1,2}|\d|\n+|[^\S\n]+|[^\sA-Za-z가-힣\d]")

_SENTENCES = (
    "온돌은 바닥을 데워 방 전체를 고르게 따뜻하게 합니다. ",
    "The floor keeps its warmth long after the fire is out. ",
    "값이 0이면 함수는 빈 목록을 돌려줍니다. ",
    "Check the boundary first: `n = 0` and `n = 1` behave differently.\n\n",
    "예를 들어 두 포인터를 양 끝에서 움직이면 한 번만 훑어도 됩니다. ",
    "That takes O(n) time and no extra memory. ",
    "- 입력을 정렬합니다.\n- 가운데부터 살펴봅니다.\n\n",
    "```python\nfor left, right in zip(items, items[1:]):\n    total += right - left\n```\n\n",
    "요약하면, 먼저 작은 경우를 손으로 풀어 보는 것이 좋습니다. ",
    "Numbers such as 3.14, 42 and 2,026 are tokens too. 😀 ",
)


def pieces(text: str) -> list[str]:
    """Splits text into tokens; joined they are the text again."""
    return _PIECE.findall(text)


def token_id(piece: str) -> int:
    """The same number for the same piece in every process."""
    return zlib.crc32(piece.encode()) % VOCABULARY


def text_of(messages: Iterable[dict[str, Any]]) -> str:
    """The words of a chat, also of messages whose content is a list of parts."""
    return "\n".join(_content(message) for message in messages)


def prompt_tokens(messages: list[dict[str, Any]]) -> int:
    """Tokens of a chat with its template."""
    return len(pieces(text_of(messages))) + _PER_MESSAGE * len(messages)


def answer(prompt: str, length: int) -> list[str]:
    """An answer of exactly `length` tokens."""
    start = zlib.crc32(prompt.encode()) % len(_SENTENCES)
    ordered = chain(_SENTENCES[start:], _SENTENCES[:start])
    return list(islice(cycle([piece for sentence in ordered for piece in pieces(sentence)]), length))


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
