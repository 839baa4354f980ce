"""One prompt a request, through the chat completions that every engine has, held to the labels as it can be."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from backend.llm.labels.client import Broken, EngineClient
from backend.llm.labels.prompts import NoLabel, Prompt, Scored, chosen, label_in
from backend.llm.labels.vllm import in_order, read_chat


class Constraint(StrEnum):
    """What holds an engine to the labels."""

    CHOICE = "choice"  # vLLM
    GRAMMAR = "grammar"  # llama.cpp
    JSON_SCHEMA = "json_schema"  # Ollama, OpenAI and most others
    NONE = "none"


@dataclass
class Constrained:
    """`POST /v1/chat/completions`, one for each prompt. Whatever the constraint, the answer is checked."""

    client: EngineClient
    model: str
    labels: Sequence[str]
    constraint: Constraint
    prompts_per_request: int = 1

    @property
    def name(self) -> str:
        return self.constraint.value

    async def score(self, prompts: Sequence[Prompt]) -> list[Scored | NoLabel]:
        return await asyncio.gather(*(self._one(prompt) for prompt in prompts))

    async def _one(self, prompt: Prompt) -> Scored | NoLabel:
        messages: list[Any] = [*prompt.head.with_text(prompt.text)]
        scored = await self._ask(messages)
        if isinstance(scored, NoLabel) and self.constraint is Constraint.NONE:
            again = f"Answer with exactly one of these words and nothing else: {', '.join(self.labels)}."
            messages += [{"role": "assistant", "content": scored.answer}, {"role": "user", "content": again}]
            scored = await self._ask(messages)
        return scored

    async def _ask(self, messages: list[Any]) -> Scored | NoLabel:
        body = {"model": self.model, "messages": messages, "max_tokens": 16, "temperature": 0, **self._options()}
        (choice,) = in_order(await self.client.post("/v1/chat/completions", body), 1)
        said = str((choice.get("message") or {}).get("content") or "").strip()
        match self.constraint:
            case Constraint.JSON_SCHEMA:
                return _of_json(said, self.labels)
            case Constraint.NONE:
                label = label_in(said, self.labels)
                return chosen(label, self.labels) if label else NoLabel(said[:80])
            case _:
                try:
                    return read_chat(choice, self.labels)
                except (KeyError, TypeError) as error:
                    raise Broken("the probabilities cannot be read") from error

    def _options(self) -> dict[str, Any]:
        match self.constraint:
            case Constraint.CHOICE:
                return {"structured_outputs": {"choice": list(self.labels)}, "logprobs": True, "top_logprobs": 20}
            case Constraint.GRAMMAR:
                # The probabilities are told as they are after the grammar, and before they are cut or sharpened.
                rule = " | ".join(orjson.dumps(label).decode() for label in self.labels)
                told = {"logprobs": True, "top_logprobs": 20, "post_sampling_probs": True}
                return {"grammar": f"root ::= {rule}", **told, "temperature": 1.0, "samplers": ["temperature"]}
            case Constraint.JSON_SCHEMA:
                label = {"type": "string", "enum": list(self.labels)}
                schema = {"type": "object", "properties": {"label": label}, "required": ["label"],
                          "additionalProperties": False}  # fmt: skip
                described = {"name": "label", "strict": True, "schema": schema}
                return {"response_format": {"type": "json_schema", "json_schema": described}, "max_tokens": 32}
            case Constraint.NONE:
                return {}


def _of_json(said: str, labels: Sequence[str]) -> Scored | NoLabel:
    try:
        label = orjson.loads(said)["label"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return NoLabel(said[:80])
    return chosen(label, labels) if label in labels else NoLabel(said[:80])
