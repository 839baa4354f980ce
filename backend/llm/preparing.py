"""How far the engines' preparation is, as seen by this process: the notes, and the speed between two looks.

The notes (`backend/llm/preparation.py`) are written by other processes and by the download through Ollama; whoever
shows them asks here.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from backend.llm.preparation import Phase, Preparation, noted
from backend.settings import Settings

_UNDER_WAY = frozenset({Phase.CHECKING, Phase.DOWNLOADING, Phase.LOADING, Phase.LOWERED})
_STALE_S = 400.0  # whoever wrote a note this old has ended without a word: nobody pauses longer than 300 s
_SPEED_OVER_S = 60.0
_SPEED_NEEDS_S = 2.0  # over less than this a speed says little


@dataclass(frozen=True, slots=True)
class Seen:
    """A note with what follows from it.

    Attributes:
        left_s: seconds until the download ends at the speed of the last minute; None where that is not known.
        is_under_way: somebody is at work on it now.
    """

    preparation: Preparation
    left_s: float | None
    is_under_way: bool


class Preparing:
    """Reads the notes of all providers and remembers how the downloads went.

    Args:
        settings: say where the notes are.
        clock: unix seconds, of the clock that the notes are written by.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._looks: dict[str, deque[tuple[float, int]]] = {}

    def of(self, name: str) -> Seen | None:
        """The state of one provider's preparation; None when nothing prepares it."""
        found = noted(self._settings, name)
        if found is None:
            self._looks.pop(name, None)
            return None
        is_under_way = found.phase in _UNDER_WAY and self._clock() - found.at < _STALE_S
        return Seen(found, self._left_s(name, found), is_under_way)

    def _left_s(self, name: str, found: Preparation) -> float | None:
        looks = self._looks.setdefault(name, deque(maxlen=240))
        if found.phase is not Phase.DOWNLOADING or (looks and found.done_bytes < looks[-1][1]):
            looks.clear()
        if found.phase is not Phase.DOWNLOADING or found.total_bytes is None:
            return None
        if not looks or found.at > looks[-1][0]:
            looks.append((found.at, found.done_bytes))
        while len(looks) > 2 and found.at - looks[1][0] > _SPEED_OVER_S:
            looks.popleft()
        (begun, before), (ended, after) = looks[0], looks[-1]
        if ended - begun < _SPEED_NEEDS_S or after <= before:
            return None
        return max(0, found.total_bytes - found.done_bytes) * (ended - begun) / (after - before)
