"""Real work in this process: answers, analyses, hints; never a page that is open or looked at.

Whoever does work says so with `with activity.work("chat"):`. What decides about a rented machine asks how much is in
hand and whether anything has ended since it last asked, and closes the door to new work before it stops the machine.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from backend.errors import Draining


class Activity:
    """Counts the work of one process. To be used from one event loop.

    Attributes:
        in_flight: pieces of work by kind. finished: since the process began.
        last: when work last began or ended, in UTC; None before the first.
        is_draining: new work is refused, that under way goes on.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.in_flight: Counter[str] = Counter()
        self.finished = 0
        self.last: datetime | None = None
        self.is_draining = False

    def admit(self) -> None:
        """Asked by whoever is about to take new work on. Raises Draining while none is taken."""
        if self.is_draining:
            raise Draining

    @contextmanager
    def work(self, kind: str) -> Iterator[None]:
        """One piece of work, from beginning to end, however it ends."""
        self.in_flight[kind] += 1
        self.last = self._now()
        try:
            yield
        finally:
            self.in_flight[kind] -= 1
            self.finished += 1
            self.last = self._now()

    @property
    def count(self) -> int:
        """Pieces of work in hand."""
        return self.in_flight.total()
