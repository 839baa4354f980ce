"""What to say about each misconception: the idea behind it, what to check, and what to do first, in each language.

None of the sentences tells the correction: they name what to look at and how to find out.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from backend.errors import Text
from backend.hints.misconceptions import MisconceptionKind


@dataclass(frozen=True)
class Idea:
    """Sentences about one misconception.

    Attributes:
        concept: what the learner has to understand.
        check: how to see it in the own program.
        first: what to do now.
        learnt: the concept as something that was learnt; empty where nothing is known.
    """

    concept: Text
    check: Text
    first: Text
    learnt: Text


def _read() -> dict[MisconceptionKind, Idea]:
    parts = tomllib.loads(Path(__file__).with_name("ideas.toml").read_text(encoding="utf-8"))
    return {kind: Idea(**{name: Text(**said) for name, said in parts[kind].items()}) for kind in MisconceptionKind}


IDEAS = _read()
