"""When a provider that failed is asked again: passed over for a while, longer each time, then tried by one request."""

import random
import time
from collections.abc import Callable

_FIRST_S, _LONGEST_S = 2.0, 120.0
_FIRST_AFTER_SILENCE_S = 30.0  # somebody waited in vain: the next to find out should not be the very next reader
_MOST_DOUBLINGS = 10  # past the longest time whatever the first was; more would be too large a number one day
_JITTER = 0.4  # of the time, so that what failed together does not come back together


class Cooldown:
    """The state of one provider.

    Args:
        clock: seconds that never go back.
        draw: a number from 0 to 1 for each time it fails.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, draw: Callable[[], float] = random.random) -> None:
        self._clock, self._draw = clock, draw
        self._failures = 0  # since the last answer that was whole
        self._until = float("-inf")
        self._is_tried = False
        self.was_told_to_wait = False  # it named a time itself: asking before is refused for sure

    @property
    def left_s(self) -> float:
        """Seconds until it may be tried; 0 when it may be now."""
        return max(0.0, self._until - self._clock())

    def admits(self) -> bool:
        """Whether a request may begin: it is well, or nobody else is trying it after a failure."""
        return self.left_s == 0 and not (self._failures and self._is_tried)

    def begin(self) -> bool:
        """Begins a request. True: it is the one that tries; it must `end_trial`, whatever comes of it."""
        if not self._failures or self._is_tried:
            return False
        self._is_tried = True
        return True

    def end_trial(self) -> None:
        self._is_tried = False

    def succeeded(self) -> None:
        """A whole answer came."""
        self._failures, self._until, self.was_told_to_wait = 0, float("-inf"), False

    def failed(self, *, was_silent: bool = False, wait_s: float | None = None) -> None:
        """Passes it over from now on.

        Args:
            was_silent: somebody waited for its answer in vain.
            wait_s: seconds it named itself (`Retry-After`).
        """
        now = self._clock()
        if now >= self._until:  # else of those that failed together, which is one failure
            self._failures += 1
        if wait_s is None:
            first = _FIRST_AFTER_SILENCE_S if was_silent else _FIRST_S
            longest = min(first * 2 ** min(self._failures - 1, _MOST_DOUBLINGS), _LONGEST_S)
            until = now + longest * (1 - _JITTER / 2 + _JITTER * self._draw())
            if now >= self._until:
                self.was_told_to_wait = False
        else:
            until = now + wait_s * (1 + _JITTER * self._draw() / 2)  # never before
            self.was_told_to_wait = True
        self._until = max(self._until, until)
