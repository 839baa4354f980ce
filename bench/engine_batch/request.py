"""One request through the stand-in: tokenizer, API server, engine, and back."""

import asyncio
from collections.abc import Callable
from typing import Any

from bench.engine import wire
from bench.engine_batch.answers import reviewed_text
from bench.engine_batch.connection import BatchConnection
from bench.engine_batch.server import BatchEngine, Job


class Request:
    """The prompts of one HTTP request.

    Args:
        texts: the rendered prompts.
        choice: builds the answer to a prompt by its index.
        tokens: of all prompts together.
    """

    def __init__(
        self,
        engine: BatchEngine,
        connection: BatchConnection,
        texts: list[str],
        *,
        choice: Callable[[int], dict[str, Any]],
        kind: str,
        tokens: int,
    ) -> None:
        self._engine, self._connection, self._texts, self._choice = engine, connection, texts, choice
        self._kind, self._tokens = kind, tokens
        self._left = len(texts)
        self._jobs: list[Job] = []
        self._timer: asyncio.TimerHandle | None = None

    def start(self, *, tokenised: int, conversations: int = 0, grammars: int = 0) -> None:
        """Refuses the request, or takes it through its stations."""
        engine, costs = self._engine, self._engine.config.costs
        if error := self._refusal():
            engine.counters.refused += 1
            return self._connection.send(wire.http(400, wire.error(error, "BadRequestError", 400)))
        self._connection.completion = self
        engine.counters.prompts += len(self._texts)
        engine.in_flight += 1
        engine.counters.peak_in_flight = max(engine.counters.peak_in_flight, engine.in_flight)
        spent = costs.request + costs.conversation * conversations + costs.grammar * grammars
        self._later(tokenised, spent + costs.sequence * len(self._texts), costs.latency, self._submit)
        return None

    def reply(self, response: bytes, *, tokenised: int) -> None:
        """An answer that needs no model."""
        self._connection.completion = self
        self._engine.in_flight += 1
        self._later(tokenised, self._engine.config.costs.request, 0.0, lambda: self._send(response))

    def abort(self) -> None:
        """The client has left: what it asked for is dropped."""
        if self._timer is not None:
            self._timer.cancel()
        for job in self._jobs:
            job.cancelled = True
        self._engine.counters.aborted += self._left
        self._engine.in_flight -= 1

    def _later(self, tokenised: int, front_s: float, latency_s: float, then: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        ready = self._engine.tokenizer.book(loop.time(), tokenised * self._engine.config.costs.token)
        done = self._engine.front.book(ready, front_s) if front_s else ready
        self._timer = loop.call_at(done + latency_s, then)

    def _refusal(self) -> str:
        engine = self._engine
        if not self._texts:
            return "Please provide at least one prompt."
        if engine.trouble.poison and any(engine.trouble.poison in text for text in self._texts):
            return "This prompt cannot be tokenised."
        longest = max(len(text) for text in self._texts) / 4  # no prompt of ours has fewer characters a token
        if longest > engine.config.max_model_len:
            return f"This model's maximum context length is {engine.config.max_model_len} tokens."
        return ""

    def _submit(self) -> None:
        self._jobs = [Job(self._one_done) for _ in self._texts]
        self._engine.submit(self._jobs)

    def _one_done(self) -> None:
        self._left -= 1
        self._engine.counters.finished += 1
        if self._left:
            return
        if self._engine.asked is not None:
            self._engine.asked.update(reviewed_text(text) for text in self._texts)
        count = len(self._texts)
        body = {"id": "cmpl-0", "object": self._kind, "created": 1_700_000_000, "model": self._engine.config.model,
                "choices": [self._choice(index) for index in range(count)],
                "usage": {"prompt_tokens": self._tokens, "completion_tokens": count,
                          "total_tokens": self._tokens + count}}  # fmt: skip
        self._send(wire.http(200, body))

    def _send(self, response: bytes) -> None:
        self._engine.in_flight -= 1
        self._connection.send(response)
        self._connection.finished()
