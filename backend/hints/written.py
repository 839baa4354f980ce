"""What a hint is written from, and what comes of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from backend.hints.asking import Note, Source
from backend.hints.diagnosis import Diagnosis
from backend.hints.ladder import Tone
from backend.hints.leak_guard import Material
from backend.hints.levels import Level
from backend.hints.problems import LanguageName, Problem

Passes = Callable[[str], Awaitable[bool]]


@dataclass
class Earlier:
    """Hints that the learner has seen. `shown`: those of other engines in the same comparison, as they come."""

    texts: tuple[str, ...] = ()
    shown: list[str] = field(default_factory=list)
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True)
class Task:
    """Everything that a hint is written from. `passes` runs a program against all cases of the problem."""

    problem: Problem
    code: str
    diagnosis: Diagnosis
    level_asked: Level
    level: Level
    tone: Tone
    language: LanguageName
    material: Material
    earlier: Earlier
    passes: Passes


@dataclass(frozen=True)
class Refused:
    """A text of a model that was kept back. `is_leak`: by the leak guard."""

    text: str
    level: Level
    attempt: int
    reasons: tuple[str, ...]
    is_leak: bool


@dataclass(frozen=True)
class Written:
    """A hint that may be shown. `hosted`: for it something was sent to a hosted provider."""

    text: str
    level_asked: Level
    level: Level
    source: Source
    note: Note | None
    provider: str
    model: str | None
    hosted: bool
    guard: dict[str, Any]
    validation: dict[str, Any]
    refused: tuple[Refused, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    duration_ms: float
