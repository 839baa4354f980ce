"""The ladder of hints: which level comes next, what each may say, and in which tone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.hints.levels import Level

_PATIENCE = 3  # times that a level is asked before the next one comes of itself


class Tone(StrEnum):
    """For whom a hint is written."""

    NOVICE = "novice"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


@dataclass(frozen=True)
class Given:
    """A hint that was given: the level that was asked for, and the one it had."""

    asked: Level
    given: Level


def next_level(earlier: Sequence[Given]) -> Level:
    """The level after that of the last hint, the first one at the beginning. `earlier`: oldest first."""
    return _deeper(earlier[-1].given) if earlier else Level.ORIENT


def level_for(wanted: Level | None, earlier: Sequence[Given]) -> Level:
    """The level to write at: the wanted one, one deeper from the third time in a row; None leaves the choice."""
    if wanted is None:
        return next_level(earlier)
    last = earlier[-(_PATIENCE - 1) :]
    if len(last) == _PATIENCE - 1 and all(each.asked is wanted for each in last):
        return _deeper(wanted)
    return wanted


def open_levels(earlier: Sequence[Given]) -> tuple[Level, ...]:
    """Levels that a learner may choose on the page: those given, those before them and the next one."""
    deepest = max((each.given for each in earlier), default=None)
    last = Level.ORIENT if deepest is None else _deeper(deepest)
    return tuple(level for level in Level if level <= last)


def lower(level: Level) -> Level | None:
    """The level before; None before the first."""
    return Level(level - 1) if level > Level.ORIENT else None


def _deeper(level: Level) -> Level:
    return Level(min(level + 1, Level.PSEUDO_CODE))
