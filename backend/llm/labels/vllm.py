"""vLLM's own ways: prompts of token ids with the labels' log-probabilities, and many chats in one request."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from backend.llm.engine import ChatMessage
from backend.llm.labels.client import Broken, EngineClient, Refused
from backend.llm.labels.prompts import Head, NoLabel, Prompt, Scored, chosen, from_first_tokens, softmax

_MARKS = ("가나다", "Qz")  # two texts that share no token, to find where a template puts its text
# Texts whose tokens must be the same alone and inside the template, or prompts must not be put together by hand.
_SAMPLES = ("맛있어요! 또 올게요.", "10점 만점", "Good, not great.", '"별로"', "(…)", "😀", "ㅠㅠ", "- no\n\nyes!")
_TOP_LOGPROBS = 20  # as many as vLLM tells by default


class NotRenderable(Exception):
    """The chat template cannot be taken apart into what stands before a text and what behind it."""


@dataclass(frozen=True)
class Template:
    """A head in tokens.

    Attributes:
        separator: a special token that follows the text; every tokenizer begins anew at it.
    """

    prefix: list[int]
    suffix: list[int]
    separator: str


@dataclass
class TokenIds:
    """`POST /v1/completions` with prompts of token ids, and `logprob_token_ids` for exactly the labels.

    The fastest way there is: the server renders no template, runs no grammar, and reads many prompts from one
    request. The ids of a batch's texts come from one `/tokenize`: joined by a special token they are parted again.
    """

    client: EngineClient
    model: str
    label_ids: list[int]
    name: str = "token_ids"
    prompts_per_request: int = 256
    _templates: dict[Head, Template] = field(default_factory=dict)

    @classmethod
    async def prepare(cls, client: EngineClient, model: str, labels: Sequence[str]) -> "TokenIds | None":
        """The method for these labels, or None where their first tokens do not tell them apart."""
        found = [await _tokenize(client, {"model": model, **_bare(label)}) for label in labels]
        first = [ids[0] for ids in found if ids]
        return cls(client, model, first) if len(set(first)) == len(labels) else None

    async def score(self, prompts: Sequence[Prompt]) -> list[Scored | NoLabel]:
        templates = {prompt.head: await self.template(prompt.head) for prompt in prompts}
        texts = await self.ids_of([prompt.head.tail(prompt.text) for prompt in prompts], templates[prompts[0].head])
        ids = []
        for prompt, text in zip(prompts, texts, strict=True):
            template = templates[prompt.head]
            ids.append(template.prefix + text + template.suffix)
        answer = await self.client.post("/v1/completions", self.body(ids))
        return [self._read(choice) for choice in in_order(answer, len(prompts))]

    def body(self, prompts: Sequence[list[int]]) -> dict[str, Any]:
        """The request for prompts of token ids."""
        return {
            "model": self.model,
            "prompt": prompts,
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": 1,
            "allowed_token_ids": self.label_ids,
            "logprob_token_ids": self.label_ids,
            "return_tokens_as_token_ids": True,
        }

    def _read(self, choice: dict[str, Any]) -> Scored | NoLabel:
        told = ((choice.get("logprobs") or {}).get("top_logprobs") or [{}])[0] or {}
        logprobs = [told[name] for name in (f"token_id:{token}" for token in self.label_ids) if name in told]
        if len(logprobs) != len(self.label_ids):
            return NoLabel(str(choice.get("text", ""))[:80])
        return Scored(softmax(logprobs))

    async def ids_of(self, texts: Sequence[str], template: Template) -> list[list[int]]:
        """Token ids of every text."""
        joined = await _tokenize(self.client, {"model": self.model, **_bare(template.separator.join(texts))})
        parts: list[list[int]] = [[]]
        for token in joined:
            if token == template.suffix[0]:
                parts.append([])
            else:
                parts[-1].append(token)
        if len(parts) == len(texts):
            return parts
        # One of them holds the separator in a spelling we did not take apart: each is asked for by itself.
        return await asyncio.gather(*(_tokenize(self.client, {"model": self.model, **_bare(text)}) for text in texts))

    async def template(self, head: Head) -> Template:
        """How a head's prompts are put together; found once. Raises NotRenderable."""
        if head not in self._templates:
            self._templates[head] = await self._taken_apart(head)
        return self._templates[head]

    async def _taken_apart(self, head: Head) -> Template:
        """Finds the template between two renderings, and proves it on samples. Raises NotRenderable."""
        bare = replace(head, ending="")  # the ending is rendered with each text
        one, other = [await self._rendered(bare.with_text(mark)) for mark in _MARKS]
        before = _common(one["tokens"], other["tokens"])
        behind = _common(one["tokens"][before:][::-1], other["tokens"][before:][::-1])
        if not behind or not one.get("token_strs"):
            raise NotRenderable
        at = len(one["tokens"]) - behind
        template = Template(one["tokens"][:before], one["tokens"][at:], one["token_strs"][at])
        samples = await self.ids_of([head.tail(text) for text in _SAMPLES], template)
        for text, ids in zip(_SAMPLES, samples, strict=True):
            whole = await self._rendered(head.with_text(text))
            if whole["tokens"] != template.prefix + ids + template.suffix:
                raise NotRenderable
        return template

    async def _rendered(self, messages: Sequence[ChatMessage]) -> dict[str, Any]:
        body = {"model": self.model, "messages": messages, "return_token_strs": True}
        answer = await self.client.post("/tokenize", body)
        if not isinstance(answer, dict) or not answer.get("tokens"):
            raise NotRenderable
        return answer


@dataclass
class ChatBatch:
    """`POST /v1/chat/completions/batch`: one choice per conversation, each held to the labels by a grammar."""

    client: EngineClient
    model: str
    labels: Sequence[str]
    name: str = "chat_batch"
    prompts_per_request: int = 32

    async def score(self, prompts: Sequence[Prompt]) -> list[Scored | NoLabel]:
        body = {
            "model": self.model,
            "messages": [prompt.head.with_text(prompt.text) for prompt in prompts],
            "max_tokens": 16,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": _TOP_LOGPROBS,
            "structured_outputs": {"choice": list(self.labels)},
        }
        answer = await self.client.post("/v1/chat/completions/batch", body)
        return [read_chat(choice, self.labels) for choice in in_order(answer, len(prompts))]


def in_order(answer: Any, count: int) -> list[dict[str, Any]]:
    """The choices of an answer by their index. Raises Broken when it is not exactly one for each prompt."""
    try:
        choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
        complete = [choice["index"] for choice in choices] == list(range(count))
    except (KeyError, TypeError, ValueError) as error:
        raise Broken("the answer has no choices") from error
    if not complete:
        raise Broken(f"{len(choices)} choices for {count} prompts")
    return choices


def read_chat(choice: dict[str, Any], labels: Sequence[str]) -> Scored | NoLabel:
    """The label that a chat answered with, and the probabilities of its first token where it tells them."""
    said = str((choice.get("message") or {}).get("content") or "").strip()
    if said not in labels:
        return NoLabel(said[:80])
    told = ((choice.get("logprobs") or {}).get("content") or [{}])[0]
    alternatives = told.get("top_logprobs") or told.get("top_probs") or []
    tokens: dict[str, float] = {}
    for entry in alternatives:
        probability = entry["prob"] if "prob" in entry else math.exp(entry["logprob"])
        tokens[entry["token"]] = max(probability, tokens.get(entry["token"], 0.0))
    measured = from_first_tokens(tokens, labels)
    return Scored(measured) if measured else chosen(said, labels)


def _bare(text: str) -> dict[str, Any]:
    return {"prompt": text, "add_special_tokens": False}


async def _tokenize(client: EngineClient, body: dict[str, Any]) -> list[int]:
    answer = await client.post("/tokenize", body)
    tokens = answer.get("tokens") if isinstance(answer, dict) else None
    if not isinstance(tokens, list):
        raise Refused(200, "no tokens")
    return tokens


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
