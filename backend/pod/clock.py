"""Time, passed in: what decides when to stop a pod is tested without waiting."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two readings of time: one that people read, one that never jumps."""

    def now(self) -> datetime:
        """The time of day, in UTC, with its zone."""

    def monotonic(self) -> float:
        """Seconds since some moment of this process; unmoved when somebody sets the clock."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def aware(text: str) -> datetime:
    """An ISO 8601 time with its zone. Raises ValueError for one without."""
    found = datetime.fromisoformat(text)
    if found.utcoffset() is None:
        raise ValueError("a time without its zone")
    return found
