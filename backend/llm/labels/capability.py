"""Finds the best way to ask an engine: each is tried once on labels that nobody would answer by chance.

An engine's name proves nothing: llama.cpp takes `structured_outputs` without a word and ignores it, vLLM does so
with `grammar`, and a proxy may stand before either. Only an answer that obeyed is proof.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from backend.llm.labels.client import Broken, EngineClient, Forbidden, Refused, Unreachable
from backend.llm.labels.constrained import Constrained, Constraint
from backend.llm.labels.llama import BiasedTokens
from backend.llm.labels.prompts import Head, Method, Prompt, Scored
from backend.llm.labels.vllm import ChatBatch, NotRenderable, TokenIds

log = structlog.get_logger()

_QUESTION = Prompt(Head((("system", "Answer briefly."), ("user", "What colour is grass?\n"))), "One word.")
_UNLIKELY = ("copper", "violin")  # answers to the question that only a constraint produces
_Way = Callable[[Sequence[str]], Awaitable[Method | None]]
"""Makes a method for some labels; None where these labels cannot be asked for so."""


@dataclass(frozen=True)
class Found:
    """How an engine can be asked. `is_certain`: it did not fail at any faster way, but answered and did not obey."""

    method: Method
    is_certain: bool


async def find(client: EngineClient, model: str, labels: Sequence[str], *, by_hand: bool = True) -> Found:
    """The fastest way that this engine proves to understand for these labels.

    Args:
        by_hand: prompts may be put together from token ids here.

    Raises:
        Overloaded, Unreachable: the engine cannot be asked now.
    """
    is_certain = True
    for way in _ways(client, model, by_hand=by_hand):
        try:
            method = await _proven(way, labels)
        except Broken:  # says nothing about this way as long as the engine fails at everything
            await _answers(client, model)
            try:
                method = await _proven(way, labels)
            except Broken:
                is_certain = False
                continue
        if method is not None:
            log.info("label_method_found", method=method.name, model=model)
            return Found(method, is_certain)
    return Found(Constrained(client, model, labels, Constraint.NONE), is_certain)


def _ways(client: EngineClient, model: str, *, by_hand: bool) -> list[_Way]:
    """From the fastest to the slowest."""

    async def chat_batch(labels: Sequence[str]) -> Method:
        return ChatBatch(client, model, labels)

    def constrained(constraint: Constraint) -> _Way:
        async def way(labels: Sequence[str]) -> Method:
            return Constrained(client, model, labels, constraint)

        return way

    constraints = (Constraint.CHOICE, Constraint.GRAMMAR, Constraint.JSON_SCHEMA)
    return [
        *((lambda labels: TokenIds.prepare(client, model, labels),) if by_hand else ()),
        lambda labels: BiasedTokens.prepare(client, labels),
        chat_batch,
        *map(constrained, constraints),
    ]


async def _proven(way: _Way, labels: Sequence[str]) -> Method | None:
    """The method for these labels where the engine obeys it. Raises Broken."""
    try:
        method, proof = await way(labels), await way(_UNLIKELY)
        if method is None or proof is None:
            return None
        # The second: these labels may be no whole characters.
        return method if await _obeys(proof) and await _obeys(method) else None
    except (Refused, Forbidden, NotRenderable):
        return None


async def _obeys(method: Method) -> bool:
    """Whether the engine answers a pair of prompts with labels that it would not have come up with."""
    prompts = [_QUESTION, _QUESTION] if method.prompts_per_request > 1 else [_QUESTION]
    return all(isinstance(result, Scored) for result in await method.score(prompts))


async def _answers(client: EngineClient, model: str) -> None:
    """Raises Unreachable when the engine fails at a plain question, too."""
    try:
        await Constrained(client, model, _UNLIKELY, Constraint.NONE).score([_QUESTION])
    except Broken as error:
        raise Unreachable("it fails at every question") from error
    except (Refused, Forbidden):
        pass  # an answer, after all
