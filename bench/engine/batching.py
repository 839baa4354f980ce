"""Continuous batching: one loop, and each step gives one token to every running sequence.

That is how vLLM behaves while its batch is not full: a stream's speed does not depend on its neighbours, and the
tokens of one step leave together.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Sequence:
    """One answer being written.

    Attributes:
        tokens: what will be written.
        on_token: called with each token, and whether it is the last.
        ready_at: loop time at which the prompt has been read.
        stalled: takes up its place but writes nothing.
        cancelled: is dropped at the next step.
    """

    tokens: list[str]
    on_token: Callable[[str, bool], None]
    ready_at: float = 0.0
    written: int = 0
    stalled: bool = False
    cancelled: bool = False


@dataclass(slots=True)
class Batch:
    """The engine loop.

    Args:
        tokens_per_second: speed of every single sequence.
        max_running: sequences written at once; more of them wait.
        prefill_s: seconds from arrival to the first token on a free engine.
    """

    tokens_per_second: float
    max_running: int
    prefill_s: float
    running: list[Sequence] = field(default_factory=list)
    waiting: deque[Sequence] = field(default_factory=deque)
    peak_running: int = 0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def submit(self, sequence: Sequence) -> None:
        sequence.ready_at = asyncio.get_running_loop().time() + self.prefill_s
        self.waiting.append(sequence)
        self._arrived.set()

    def cancel(self, sequence: Sequence) -> None:
        """Frees the place at once; no token follows."""
        sequence.cancelled = True
        if sequence in self.running:
            self.running.remove(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)

    def resume(self) -> None:
        """Lets stalled sequences go on."""
        for sequence in self.running:
            sequence.stalled = False

    async def run(self) -> None:
        """Steps for ever; the task is cancelled to end it."""
        loop = asyncio.get_running_loop()
        interval = 1.0 / self.tokens_per_second
        step_at = 0.0
        while True:
            if not self.running and not self.waiting:
                self._arrived.clear()
                await self._arrived.wait()
                step_at = loop.time() + self.prefill_s
            await asyncio.sleep(step_at - loop.time())
            self._step(loop.time())
            # A late step does not hurry the following ones: an engine cannot either.
            step_at = max(step_at + interval, loop.time())

    def _step(self, now: float) -> None:
        while self.waiting and len(self.running) < self.max_running:
            self.running.append(self.waiting.popleft())
        self.peak_running = max(self.peak_running, len(self.running))
        for sequence in tuple(self.running):
            if sequence.cancelled or sequence.stalled or sequence.ready_at > now:
                continue
            token = sequence.tokens[sequence.written]
            sequence.written += 1
            is_last = sequence.written == len(sequence.tokens)
            if is_last:
                self.running.remove(sequence)
            sequence.on_token(token, is_last)
