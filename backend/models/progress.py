"""How far a download is, for whoever shows it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_WINDOW_S = 5.0
_SAMPLE_S = 0.1


class Phase(StrEnum):
    """What the fetcher is doing."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    CHECKING = "checking"
    NOTE = "note"


@dataclass(frozen=True)
class Progress:
    """One report.

    Attributes:
        done, total: bytes of the file.
        rate: bytes a second over the last seconds, 0 while unknown.
        note: with `Phase.NOTE`, a sentence for the reader: why a source was left, or that a download goes on.
    """

    phase: Phase
    source: str = ""
    done: int = 0
    total: int = 0
    rate: float = 0.0
    note: str = ""


Report = Callable[[Progress], None]


class Meter:
    """Turns byte counts into reports with a rate. What was there before the first count is not part of the rate."""

    def __init__(self, total: int, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._report = report
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def at(self, source: str, done: int) -> None:
        """`done` bytes are there now."""
        now = self._clock()
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()
        if len(self._samples) > 1 and now - self._samples[-2][0] < _SAMPLE_S:
            self._samples.pop()
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW_S:
            self._samples.popleft()
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        rate = (after - before) / (end - start) if end > start else 0.0
        self._report(Progress(Phase.DOWNLOADING, source, done, self._total, rate))

    def checking(self, done: int) -> None:
        """`done` bytes have been hashed."""
        self._report(Progress(Phase.CHECKING, "", done, self._total))

    def waiting(self) -> None:
        """Another process is fetching the same file."""
        self._report(Progress(Phase.WAITING, total=self._total))

    def note(self, text: str) -> None:
        """Something the reader should know."""
        self._report(Progress(Phase.NOTE, total=self._total, note=text))
