"""Finds the best way to ask an engine: each is tried once on labels that nobody would answer by chance.

An engine's name proves nothing: llama.cpp takes `structured_outputs` without a word and ignores it, vLLM does so
with `grammar`, and a proxy may stand before either. Only an answer that obeyed is proof.
"""

from collections.abc import AsyncIterator, Sequence

import structlog

from backend.llm.labels.client import Broken, EngineClient, Forbidden, Refused
from backend.llm.labels.constrained import Constrained, Constraint
from backend.llm.labels.llama import BiasedTokens
from backend.llm.labels.prompts import Head, Method, Prompt, Scored
from backend.llm.labels.vllm import ChatBatch, NotRenderable, TokenIds

log = structlog.get_logger()

_QUESTION = Prompt(Head((("system", "Answer briefly."), ("user", "What colour is grass?\n"))), "One word.")
_UNLIKELY = ("copper", "violin")  # answers to the question that only a constraint produces


async def find(client: EngineClient, model: str, labels: Sequence[str], *, by_hand: bool = True) -> Method:
    """The fastest way that this engine proves to understand for these labels.

    Args:
        by_hand: prompts may be put together from token ids here.

    Raises:
        Overloaded, Unreachable: the engine cannot be asked now.
    """
    async for method, proof in _candidates(client, model, labels):
        if isinstance(method, TokenIds) and not by_hand:
            continue
        if await _obeys(proof) and await _obeys(method):  # the second: these labels may be no whole characters
            log.info("label_method_found", method=method.name, model=model)
            return method
    return Constrained(client, model, labels, Constraint.NONE)


async def _candidates(client: EngineClient, model: str, labels: Sequence[str]) -> AsyncIterator[tuple[Method, Method]]:
    """Methods from the fastest to the slowest, each with its twin for the labels of the proof."""
    for prepare in (
        lambda words: TokenIds.prepare(client, model, words),
        lambda words: BiasedTokens.prepare(client, words),
    ):
        try:
            method, proof = await prepare(labels), await prepare(_UNLIKELY)
        except (Refused, Forbidden, Broken):
            continue
        if method and proof:
            yield method, proof
    yield ChatBatch(client, model, labels), ChatBatch(client, model, _UNLIKELY)
    for constraint in (Constraint.CHOICE, Constraint.GRAMMAR, Constraint.JSON_SCHEMA):
        yield Constrained(client, model, labels, constraint), Constrained(client, model, _UNLIKELY, constraint)


async def _obeys(method: Method) -> bool:
    """Whether the engine answers a pair of prompts with labels that it would not have come up with."""
    prompts = [_QUESTION, _QUESTION] if method.prompts_per_request > 1 else [_QUESTION]
    try:
        results = await method.score(prompts)
    except (Refused, Forbidden, Broken, NotRenderable):
        return False
    return all(isinstance(result, Scored) for result in results)
