"""How many requests an engine can use at once, found by measuring."""

import time
from collections.abc import Callable

_GAIN = 1.05  # a higher limit must bring at least this much more, or it is not kept
_TRIAL_S = 0.5
_ROUNDS = 2  # a trial lasts until each of its requests has been answered so often on average
_STEADY_TRIALS = 16  # between two looks whether more has become better


class InFlight:
    """The limit: doubled while throughput rises, then kept, tried again now and then, halved when the engine objects.

    Args:
        highest: never more than this.
        clock: seconds.
    """

    def __init__(self, highest: int, *, start: int = 2, clock: Callable[[], float] = time.monotonic) -> None:
        self._highest = max(1, highest)
        self._clock = clock
        self.limit = min(start, self._highest)
        self._kept = self.limit  # the limit that is known to be good
        self._best = 0.0  # items per second at `_kept`
        self._climbing = True
        self._steady = 0
        self._begin()

    @property
    def highest(self) -> int:
        return self._highest

    def finished(self, items: int, *, was_full: bool) -> None:
        """A request has been answered. `was_full`: as many were in flight as may be, so the pace tells something."""
        if not was_full:
            self._begin()
            return
        self._items += items
        self._requests += 1
        elapsed = self._clock() - self._began
        if elapsed >= _TRIAL_S and self._requests >= _ROUNDS * self.limit:
            self._judge(self._items / elapsed)

    def overloaded(self) -> None:
        """The engine refused for load: half of it, and no more is tried for a while."""
        self.limit = self._kept = max(1, self.limit // 2)
        self._best, self._climbing, self._steady = 0.0, False, 0
        self._begin()

    def _judge(self, rate: float) -> None:
        if self.limit == self._kept:
            self._at_kept(rate)
        elif rate > self._best * _GAIN:
            self._kept, self._best = self.limit, rate
            self._climb()
        else:
            self.limit, self._climbing, self._steady = self._kept, False, 0
        self._begin()

    def _at_kept(self, rate: float) -> None:
        self._best = rate
        self._steady += 1
        if self._climbing or self._steady >= _STEADY_TRIALS:
            self._steady = 0
            self._climb()

    def _climb(self) -> None:
        self._climbing = True
        self.limit = min(self._highest, self._kept * 2)

    def _begin(self) -> None:
        self._began, self._items, self._requests = self._clock(), 0, 0
