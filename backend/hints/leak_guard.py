"""Judges whether a hint gives the solution away: measures, and what each level of the ladder allows.

Pure and fast: text in, figures and a verdict out. Whether code of the hint solves the problem is known only by running
it; `candidates` are the programs to run, and `check` is told the outcome. Every text that this reads is taken to be
hostile: it never raises, and what is too long to be judged is refused. `docs/hints-leak-guard.md` has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from backend.hints.levels import Level
from backend.hints.material import Material, prepare
from backend.hints.shares import Shares, shares, tells_something
from backend.hints.shown import MAX_CHARACTERS, Shown, shown
from backend.hints.splices import candidates

__all__ = [
    "MAX_EARLIER",
    "GuardReport",
    "Limits",
    "Material",
    "Measures",
    "Shares",
    "candidates",
    "check",
    "measure",
    "prepare",
    "verdict",
]

MAX_EARLIER = 300  # hints that the union goes back
_KEPT = 512  # hints that are read once while a learner's program stays the same


@dataclass(frozen=True, slots=True)
class Limits:
    """What a hint may have: statements of code, and the shares (0 to 1) from which on it is refused."""

    code_lines: int
    lines: float
    grams: float
    grams_beside_lines: float  # where `lines_beside_grams` are told as well
    steps: float
    lines_beside_grams: float = 0.34


_IN_WORDS = Limits(0, lines=0.34, grams=0.25, grams_beside_lines=0.2, steps=0.6)
LIMITS = {
    Level.ORIENT: _IN_WORDS,
    Level.CONCEPT: _IN_WORDS,
    Level.PLAN: _IN_WORDS,
    Level.NEXT_STEP: Limits(1, lines=0.5, grams=0.5, grams_beside_lines=0.2, steps=0.6),
    # Some lines of an example of another task; the solution itself not even in words one by one.
    Level.PSEUDO_CODE: Limits(3, lines=0.5, grams=0.5, grams_beside_lines=0.2, steps=0.6),
}
UNION_LIMITS = LIMITS[Level.PSEUDO_CODE]


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of a hint.

    Attributes:
        code_lines: statements of it that the learner neither wrote nor was given.
        is_foreign: some of its code is said to be in another language than Python, which nothing here can run.
        alone, earlier, union: shares of this hint, of those before it, and of all together.
        is_too_long: it has more characters than are read.
    """

    code_lines: int
    alone: Shares
    earlier: Shares
    union: Shares
    is_foreign: bool = False
    is_too_long: bool = False


@dataclass(frozen=True, slots=True)
class GuardReport:
    """The verdict. `reasons` are of `too_long`, `code_budget`, `reference_lines`, `reference_grams`, `pseudo_code`,
    `fixing_lines`, `union`, `executes`; none where the hint may be shown."""

    allowed: bool
    reasons: tuple[str, ...]
    measures: Measures


def check(
    hint: str, level: Level, material: Material, *, earlier: Sequence[str] = (), executes: bool = False
) -> GuardReport:
    """Whether a hint may be shown at a level.

    Args:
        hint: the text as it would be shown.
        level: step of the ladder.
        material: of the problem and the learner's program.
        earlier: hints of the session so far, oldest first.
        executes: one of the `candidates` passes the problem's cases.
    """
    return verdict(measure(hint, material, earlier), level, executes=executes)


def measure(hint: str, material: Material, earlier: Sequence[str] = ()) -> Measures:
    """Figures of a hint, and of the union with the hints before it."""
    this = shown(hint, material)
    before = Shown()
    for text in earlier[-MAX_EARLIER:]:
        before += _telling(text, material)
    alone = shares(this, material)
    return Measures(
        code_lines=len(this.statements),
        alone=alone,
        earlier=shares(before, material) if earlier else Shares(),
        union=shares(before + this, material) if earlier else alone,
        is_foreign=bool(this.foreign),
        is_too_long=len(hint) > MAX_CHARACTERS,
    )


@lru_cache(maxsize=_KEPT)
def _telling(text: str, material: Material) -> Shown:
    """What an earlier hint shows; nothing where it tells nothing of any reference.

    However many of those lie between two others, these are measured together; and a hundred sentences that tell
    nothing do not by chance tell something together.
    """
    this = shown(text, material)
    return this if tells_something(this, material) else Shown()


def verdict(measures: Measures, level: Level, *, executes: bool = False) -> GuardReport:
    """The report for figures that are there already."""
    limits = LIMITS[level]
    reasons = ["too_long"] if measures.is_too_long else []
    if measures.is_foreign or measures.code_lines > limits.code_lines:
        reasons.append("code_budget")
    reasons += _excesses(measures.alone, limits)
    # Together they may tell what none tells alone; a hint that adds nothing is not blamed for those before it.
    if not reasons and measures.union != measures.earlier and _excesses(measures.union, UNION_LIMITS):
        reasons.append("union")
    if executes:
        reasons.append("executes")
    return GuardReport(not reasons, tuple(reasons), measures)


def _excesses(found: Shares, limits: Limits) -> list[str]:
    reasons = []
    if found.lines >= limits.lines:
        reasons.append("reference_lines")
    beside = found.lines >= limits.lines_beside_grams and found.grams >= limits.grams_beside_lines
    if found.grams >= limits.grams or beside:
        reasons.append("reference_grams")
    if found.steps >= limits.steps:
        reasons.append("pseudo_code")
    if found.tells_fix:
        reasons.append("fixing_lines")
    return reasons
