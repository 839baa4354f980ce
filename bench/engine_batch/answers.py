"""Tokens, templates and labels of the stand-in."""

import math
import re
import zlib
from collections.abc import Sequence
from typing import Any

from bench.engine import words

_SPECIAL = ("<|im_start|>", "<|im_end|>")
_SPLIT = re.compile(r"(<\|im_start\|>|<\|im_end\|>)")
_MARKED = re.compile(r"<review>\n(.*)\n</review>\Z", re.DOTALL)


class Vocabulary:
    """A tokenizer that can be turned back: ids look like Qwen2.5's, special tokens are split off first."""

    def __init__(self) -> None:
        self._ids = {piece: words.VOCABULARY + i for i, piece in enumerate(_SPECIAL)}
        self._pieces = {number: piece for piece, number in self._ids.items()}

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for part in _SPLIT.split(text):
            pieces = [part] if part in _SPECIAL else words.pieces(part)
            ids += [self._ids.get(piece) or self._new(piece) for piece in pieces]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Raises KeyError for an id that was never given out."""
        return "".join([self._pieces[number] for number in ids])

    def _new(self, piece: str) -> int:
        number = words.token_id(piece)
        while number in self._pieces:
            number = (number + 1) % words.VOCABULARY
        self._ids[piece], self._pieces[number] = number, piece
        return number


def rendered(messages: Sequence[dict[str, Any]]) -> str:
    """A chat in ChatML, ready for the answer."""
    turns = (f"<|im_start|>{message['role']}\n{words.text_of([message])}<|im_end|>\n" for message in messages)
    return "".join(turns) + "<|im_start|>assistant\n"


def reviewed_text(prompt: str) -> str:
    """What the last user message of a rendered chat holds: the marked review, or all of it."""
    content = prompt.rpartition("<|im_start|>user\n")[2].partition("<|im_end|>")[0]
    marked = _MARKED.search(content)
    return marked[1] if marked else content


def probabilities_of(text: str, labels: Sequence[str]) -> list[float]:
    """What the model thinks of a text: the same in every process, one label clearly ahead."""
    number = zlib.crc32(text.encode("utf-8", "replace"))
    weights = [math.exp(-((number >> (4 * i)) & 15) / 8) for i in range(len(labels))]
    weights[number % len(labels)] *= 20
    total = sum(weights)
    return [weight / total for weight in weights]
