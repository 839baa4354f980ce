"""The stand-in's server: HTTP over `asyncio.Protocol`, because a framework would cost more than what is measured.

The protocol port answers as vLLM does. The control port, which stays up while the protocol port refuses, takes
`POST /fault` and `POST /answer` and tells `/stats`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bench.engine import words
from bench.engine.batching import Batch
from bench.engine.connection import Connection
from bench.engine.faults import Fault, FaultKind

_KEPT_REQUESTS = 100


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the engine behaves.

    Attributes:
        port, control_port: 0 takes any free one.
        tokens_per_second: speed of one stream; `max_running` streams are written at once.
        prefill_ms: milliseconds from a request to its first token on a free engine.
        answer_tokens: length of an answer that `max_tokens` does not cut.
        max_model_len: tokens of prompt and answer together.
        api_key: asked for under `/v1`, and only there, as vLLM does; empty: not asked for.
    """

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    tokens_per_second: float = 50.0
    max_running: int = 64
    prefill_ms: float = 20.0
    answer_tokens: int = 200
    model: str = "double"
    max_model_len: int = 32_768
    api_key: str = ""


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    connections: int = 0
    requests: int = 0
    stopped: int = 0
    cut: int = 0
    aborted: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    first_tokens: int = 0
    first_token_seconds: float = 0.0


@dataclass(eq=False)
class EngineDouble:
    """An engine in this process; `python -m bench.engine` runs one in its own.

        async with EngineDouble(EngineConfig()).serving() as engine:
            client = AsyncOpenAI(base_url=engine.base_url, api_key="none")

    Attributes:
        requests: bodies of the latest completions.
        next_answer: text written in place of a made-up answer.
        refused_options: options of a request that are refused as OpenAI's newer models do, with the code it tells.
    """

    config: EngineConfig
    counters: Counters = field(default_factory=Counters)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    next_answer: str | None = None
    refused_options: dict[str, str] = field(default_factory=dict)
    port: int = 0
    control_port: int = 0
    fault: Fault = field(default_factory=Fault)
    _connections: set[Connection] = field(default_factory=set)
    _listener: asyncio.Server | None = None

    def __post_init__(self) -> None:
        config = self.config
        self.batch = Batch(config.tokens_per_second, config.max_running, config.prefill_ms / 1000)
        self.port, self.control_port = config.port, config.control_port

    @property
    def base_url(self) -> str:
        return f"http://{self.config.host}:{self.port}/v1"

    @property
    def control_url(self) -> str:
        return f"http://{self.config.host}:{self.control_port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["EngineDouble"]:
        """Listens on both ports; at the end everything is closed. Raises OSError when a port is taken."""
        loop = asyncio.get_running_loop()
        control = await loop.create_server(
            lambda: Connection(self, is_control=True), self.config.host, self.control_port
        )
        self.control_port = control.sockets[0].getsockname()[1]
        stepping = asyncio.create_task(self.batch.run())
        try:
            await self._listen()
            if self.fault.kind is FaultKind.REFUSED:
                self._stop_listening()
            yield self
        finally:
            stepping.cancel()
            control.close()
            self._stop_listening()
            for connection in tuple(self._connections):
                connection.abort()
            with suppress(asyncio.CancelledError):
                await stepping

    async def set_fault(self, fault: Fault) -> None:
        """Breaks the engine, or heals it with `Fault()`. Streams that run go on, unless the port is refused;
        those that a fault has silenced go on when it is healed."""
        self.fault = fault
        if fault.kind is FaultKind.NONE:
            self.batch.resume()
        if fault.kind is FaultKind.REFUSED:
            self._stop_listening()
        else:
            await self._listen()

    def take_fault(self) -> Fault:
        """The fault that strikes the completion that has just come."""
        fault = self.fault
        if fault.times is not None:
            left = fault.times - 1
            self.fault = replace(fault, times=left) if left else Fault()
        return fault

    def answer_tokens(self, messages: list[dict[str, Any]]) -> list[str]:
        """Tokens of the answer when nothing cuts it."""
        if self.next_answer is not None:
            return words.pieces(self.next_answer) or [""]
        return words.answer(words.text_of(messages), self.config.answer_tokens)

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)
        self.counters.connections += 1

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)

    async def _listen(self) -> None:
        if self._listener is None:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(
                lambda: Connection(self), self.config.host, self.port, backlog=4096
            )
            self.port = self._listener.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        """Nothing answers on the port any more, and what was connected is reset, as by a killed engine."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in tuple(self._connections):
            if not connection.is_control:
                connection.abort()
