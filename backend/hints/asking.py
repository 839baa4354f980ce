"""What a hint is asked with, and what comes back: stages while it is made, then the hint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from backend.hints.ladder import Tone
from backend.hints.levels import Level
from backend.hints.problems import LanguageName

MAX_HISTORY = 20
GUARD_REASONS = (
    "too_long", "code_budget", "reference_lines", "reference_grams", "pseudo_code", "fixing_lines", "union", "executes",
)  # fmt: skip
HIDDEN = ("misconception", "steps")  # parts of a stored diagnosis that would tell the learner what to do


class Stage(StrEnum):
    """What is being done for a hint."""

    RUNNING = "running"
    READING = "reading"
    WRITING = "writing"
    CHECKING = "checking"


class Source(StrEnum):
    """Who wrote a hint."""

    MODEL = "model"
    TEMPLATE = "template"


class Note(StrEnum):
    """What a learner is told beside a hint that is not what was asked for."""

    DEEPER = "deeper"  # the same level was asked three times
    LOWER_LEVEL = "lower_level"  # at the level asked for, the model told too much
    TOLD_TOO_MUCH = "told_too_much"  # at that level and the one before; the hint is a template
    WRONG_LANGUAGE = "wrong_language"  # the model would not write in the language; a template
    NOT_USEFUL = "not_useful"  # what the model wrote did not fit the program; a template
    ENGINE_DOWN = "engine_down"  # the model cannot be reached or broke off; a template
    SOLVED = "solved"  # the program passes: there is nothing to hint at


class Complaint(StrEnum):
    """What a learner finds wrong with a hint."""

    TOO_MUCH = "too_much"
    TOO_LITTLE = "too_little"
    WRONG = "wrong"


@dataclass(frozen=True)
class HintRequest:
    """A wish for a hint.

    Attributes:
        code: the learner's program; may be empty.
        level: None: the next one on the ladder.
        language: of the hint.
        provider: engine; None: as the routes say.
        history: further earlier hints, oldest first, beside those that are stored.
    """

    problem_id: int
    code: str
    level: Level | None = None
    tone: Tone = Tone.NOVICE
    language: LanguageName = "ko"
    provider: str | None = None
    history: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """Where the making of a hint is; sent at least every half second.

    Attributes:
        attempt: of writing, from 1; 0 before it.
        characters: written so far in this attempt. The text itself is not shown before it passed the guard.
        provider: whose hint, where several are made side by side.
    """

    stage: Stage
    attempt: int = 0
    characters: int = 0
    provider: str | None = None


@dataclass(frozen=True)
class HintResult:
    """A hint as it is stored.

    Attributes:
        level: the one given, which may differ from `level_asked`; `note` says why.
        model: who wrote it; None for a template.
        hosted: for it something was sent to a hosted provider.
        diagnosis: what the learner may see of it.
        guard: the leak guard's report: `allowed`, `reasons`, `measures`, and `blocked`, how many texts it kept back.
        validation: `names`: what of the program or the case the hint speaks of; `words`.
        rating: 1, -1 or None.
    """

    hint_id: UUID
    problem_id: int
    attempt_id: UUID | None
    text: str
    level_asked: Level
    level: Level
    tone: Tone
    language: LanguageName
    source: Source
    note: Note | None
    provider: str | None
    model: str | None
    hosted: bool
    diagnosis: Mapping[str, Any]
    guard: Mapping[str, Any]
    validation: Mapping[str, Any]
    comparison_id: UUID | None
    rating: int | None
    complaint: Complaint | None
    duration_ms: float | None
    created_at: datetime


@dataclass(frozen=True)
class ProblemProgress:
    """How far a person is with a problem.

    Attributes:
        code: of the last attempt; empty without one.
        verdict: of the last attempt.
        next_level: what comes when no level is chosen.
        open_levels: what the page offers.
        given: hints by level.
    """

    problem_id: int
    attempts: int
    solved: bool
    code: str
    verdict: str | None
    next_level: Level
    open_levels: tuple[Level, ...]
    given: Mapping[Level, int]


@dataclass(frozen=True)
class Learnt:
    """What a person has learnt at a problem.

    Attributes:
        steps: aims of the solution's steps that the last program does.
        overcome: ideas that an earlier attempt had wrong and the last has not, as sentences.
    """

    solved: bool
    attempts: int
    hints: int
    steps: tuple[str, ...]
    overcome: tuple[str, ...]
