"""What is asked and what comes back: prompts with a fixed head, probabilities over labels."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from backend.llm.engine import ChatMessage

Role = Literal["system", "user", "assistant"]

# Spellings that chat templates give a meaning. In a text they are only text, so they must not look alike.
_CONTROL = re.compile(r"<(?=[|｜/A-Za-z_])|\[(?=/?[A-Z_]{2,}\])")

_SHORTEST_ANSWER = 12  # tokens of room for a label where the engine writes it out


@dataclass(frozen=True)
class Head:
    """The fixed part of a prompt.

    Attributes:
        messages: (role, content) of each message; the text is appended to the last one.
        ending: what follows the text, e.g. a closing mark.
    """

    messages: tuple[tuple[Role, str], ...]
    ending: str = ""

    def with_text(self, text: str) -> list[ChatMessage]:
        """The whole conversation about one text, in which nothing is left that a template could take for its own."""
        *before, (role, content) = self.messages
        messages: list[ChatMessage] = [{"role": r, "content": c} for r, c in before]
        return [*messages, {"role": role, "content": content + self.tail(text)}]

    def tail(self, text: str) -> str:
        """The text as it stands in the prompt, with the ending."""
        return _plain(text) + self.ending


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text under a head."""

    head: Head
    text: str


@dataclass(frozen=True, slots=True)
class Scored:
    """The answer to one prompt.

    Attributes:
        probabilities: of each label, in the order in which they were asked for; they sum to 1.
        is_measured: they come from the model. Otherwise only the chosen label is known, and it has all.
    """

    probabilities: tuple[float, ...]
    is_measured: bool = True


@dataclass(frozen=True, slots=True)
class NoLabel:
    """The engine answered, and not with a label. `answer` is what it said."""

    answer: str


class Method(Protocol):
    """One way to ask an engine. `name` is for people, `prompts_per_request` for who makes the batches."""

    @property
    def name(self) -> str: ...

    @property
    def prompts_per_request(self) -> int: ...

    async def score(self, prompts: Sequence[Prompt]) -> list[Scored | NoLabel]:
        """One result per prompt, in order. Raises Refused, Overloaded, Broken or Unreachable for all together."""
        ...


def softmax(logprobs: Sequence[float]) -> tuple[float, ...]:
    """Probabilities in the proportion of `exp(logprobs)`; -inf becomes 0. Not all may be -inf."""
    highest = max(logprobs)
    weights = [math.exp(value - highest) for value in logprobs]
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def chosen(label: str, labels: Sequence[str]) -> Scored:
    """What is known when an engine names a label and tells no probabilities."""
    return Scored(tuple(float(label == other) for other in labels), is_measured=False)


def from_first_tokens(tokens: Mapping[str, float], labels: Sequence[str]) -> tuple[float, ...] | None:
    """Probabilities of the labels from those of the answer's first token.

    A token counts for the label that it begins ("po" for "positive"). One that begins several ("n") is shared
    among them in proportion to what each has of its own, or evenly where none has anything.

    Args:
        tokens: probability by the token's text.

    Returns:
        Probabilities that sum to 1, or None when no token begins a label.
    """
    own = [0.0] * len(labels)
    shared: list[tuple[float, list[int]]] = []
    for token, probability in tokens.items():
        start = token.strip().casefold()
        begun = [i for i, label in enumerate(labels) if start and label.casefold().startswith(start)]
        if len(begun) == 1:
            own[begun[0]] += probability
        elif begun:
            shared.append((probability, begun))
    result = list(own)
    for probability, begun in shared:
        weights = [own[i] for i in begun]
        whole = sum(weights)
        for i, weight in zip(begun, weights, strict=True):
            result[i] += probability * (weight / whole if whole else 1 / len(begun))
    total = sum(result)
    return tuple(value / total for value in result) if total > 0 else None


def label_in(answer: str, labels: Sequence[str]) -> str | None:
    """The one label that an answer consists of or begins with, whatever stands around it; None when there is none."""
    words = re.findall(r"\w+", answer.casefold())
    spelled = {label.casefold(): label for label in labels}
    if words and words[0] in spelled:
        return spelled[words[0]]
    named = {spelled[word] for word in words if word in spelled}
    return named.pop() if len(named) == 1 and len(words) <= _SHORTEST_ANSWER else None


def _plain(text: str) -> str:
    """The text with everything taken apart that a chat template, or a head's ending, could be spelled with."""
    return _CONTROL.sub(lambda found: found.group() + " ", text)
