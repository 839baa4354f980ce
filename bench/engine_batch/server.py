"""The stand-in's server: what is in flight, what goes wrong, and the loop that steps the batch."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from bench.engine_batch.answers import Vocabulary
from bench.engine_batch.connection import BatchConnection
from bench.engine_batch.costs import FREE, Costs, Worker


class Feature(StrEnum):
    """What a server can be told apart by."""

    TOKEN_IDS = "token_ids"  # /tokenize, and logprob_token_ids in completions
    CHAT_BATCH = "chat_batch"
    CHOICE = "choice"  # structured_outputs
    JSON_SCHEMA = "json_schema"


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """How the engine behaves; `port` 0 takes any free one, `max_num_seqs` prompts are in a step at most."""

    host: str = "127.0.0.1"
    port: int = 0
    model: str = "double"
    max_model_len: int = 4096
    max_num_seqs: int = 1024
    api_key: str = ""
    costs: Costs = FREE
    features: frozenset[Feature] = frozenset(Feature)


@dataclass(slots=True)
class Trouble:
    """What goes wrong.

    Attributes:
        statuses: answered to the next requests in turn, before they are read; 0 hangs up.
        retry_after_s: sent with a 429.
        poison: a request with this in one of its prompts is refused as a whole (400).
        mute: prompts with this get an answer that is no label.
        is_held: the model does not step.
    """

    statuses: deque[int] = field(default_factory=deque)
    retry_after_s: int | None = None
    poison: str = ""
    mute: str = ""
    is_held: bool = False


@dataclass(slots=True)
class BatchCounters:
    """What happened since the start. `aborted` counts prompts whose client left."""

    connections: int = 0
    requests: int = 0
    prompts: int = 0
    finished: int = 0
    aborted: int = 0
    refused: int = 0
    steps: int = 0
    peak_running: int = 0
    peak_in_flight: int = 0


@dataclass(slots=True, eq=False)
class Job:
    """One prompt in the engine; `done` is called when its token is there."""

    done: Callable[[], None]
    cancelled: bool = False


@dataclass(eq=False)
class BatchEngine:
    """An engine in this process; `python -m bench.engine_batch` runs one in its own.

    Attributes:
        asked: how often each reviewed text was answered, when it is kept (tests).
    """

    config: BatchConfig
    counters: BatchCounters = field(default_factory=BatchCounters)
    trouble: Trouble = field(default_factory=Trouble)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    asked: Counter[str] | None = None
    port: int = 0
    front: Worker = field(default_factory=Worker)
    tokenizer: Worker = field(default_factory=Worker)
    waiting: deque[Job] = field(default_factory=deque)
    running: list[Job] = field(default_factory=list)
    in_flight: int = 0  # requests that were read and not answered
    _connections: set[BatchConnection] = field(default_factory=set)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://{self.config.host}:{self.port}/v1"

    @property
    def unfinished(self) -> int:
        """Prompts that are waited for."""
        return sum(not job.cancelled for job in (*self.waiting, *self.running))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["BatchEngine"]:
        """Listens; at the end everything is closed. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: BatchConnection(self), self.config.host, self.config.port, backlog=4096
        )
        self.port = listener.sockets[0].getsockname()[1]
        stepping = asyncio.create_task(self._step())
        try:
            yield self
        finally:
            stepping.cancel()
            listener.close()
            for connection in tuple(self._connections):
                connection.abort()
            with suppress(asyncio.CancelledError):
                await stepping

    def submit(self, jobs: list[Job]) -> None:
        self.waiting.extend(jobs)
        self._arrived.set()

    def opened(self, connection: BatchConnection) -> None:
        self._connections.add(connection)
        self.counters.connections += 1

    def closed(self, connection: BatchConnection) -> None:
        self._connections.discard(connection)

    async def _step(self) -> None:
        """One token for every running sequence, and as every answer has one token, that ends it."""
        costs = self.config.costs
        while True:
            if not self.waiting or self.trouble.is_held:
                self._arrived.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), 0.02)
                continue
            while self.waiting and len(self.running) < self.config.max_num_seqs:
                if not (job := self.waiting.popleft()).cancelled:
                    self.running.append(job)
            self.counters.steps += 1
            self.counters.peak_running = max(self.counters.peak_running, len(self.running))
            await asyncio.sleep(costs.step + costs.step_sequence * len(self.running))
            finished, self.running = self.running, []
            for job in finished:
                if not job.cancelled:
                    job.done()
