"""Coding problems: what one is made of, in the words the whole feature uses.

The file they come from is read in `backend.hints.problem_files`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

LanguageName = Literal["ko", "en"]
LEVELS = range(1, 11)


class Kind(StrEnum):
    """How a solution is run: a whole program with its standard input, or one function that is called."""

    STDIN = "stdin"
    FUNCTION = "function"


@dataclass(frozen=True)
class Example:
    """One case. Of kind function, `input` is a JSON array of the arguments and `output` the JSON value to return."""

    input: str
    output: str


@dataclass(frozen=True)
class LogicStep:
    """One step of a solution, with the part of its code that does it. `goal_en` is empty where nobody wrote one."""

    step_id: int
    goal: str
    description: str
    code_pattern: str
    socratic_hint: str
    hint: str
    goal_en: str = ""


@dataclass(frozen=True)
class Solution:
    """One reference program."""

    solution_id: int
    name: str
    code: str
    steps: tuple[LogicStep, ...] = ()


@dataclass(frozen=True)
class Translation:
    """What a learner reads of a problem, in a second language. `tags` may be empty: those of the problem stand."""

    language: LanguageName
    title: str
    description: str
    input_description: str
    output_description: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A problem with its reference solutions.

    Attributes:
        level: 1 (first steps) to 10.
        examples: shown to the learner.
        tests: further cases that are not shown; may be empty.
        function_name: of kind function, what is called; otherwise empty.
        language: of the texts.
    """

    problem_id: int
    title: str
    level: int
    tags: tuple[str, ...]
    description: str
    input_description: str
    output_description: str
    examples: tuple[Example, ...]
    solutions: tuple[Solution, ...]
    tests: tuple[Example, ...] = ()
    url: str = ""
    step_title: str = ""
    kind: Kind = Kind.STDIN
    function_name: str = ""
    language: LanguageName = "ko"
    translations: tuple[Translation, ...] = ()

    @property
    def cases(self) -> tuple[Example, ...]:
        """Examples, then tests."""
        return self.examples + self.tests

    def in_language(self, language: LanguageName) -> "Problem":
        """The same with its texts in that language, as far as they are there; otherwise itself."""
        for translation in self.translations:
            if translation.language == language != self.language:
                return self._translated(translation)
        return self

    def with_solutions(self, solutions: Sequence[Solution]) -> "Problem":
        """The same with these solutions only."""
        return replace(self, solutions=tuple(solutions))

    def _translated(self, to: Translation) -> "Problem":
        solutions = self.solutions
        if to.language == "en":
            solutions = tuple(
                replace(one, steps=tuple(replace(step, goal=step.goal_en or step.goal) for step in one.steps))
                for one in solutions
            )
        return replace(
            self,
            title=to.title,
            description=to.description,
            input_description=to.input_description,
            output_description=to.output_description,
            tags=to.tags or self.tags,
            solutions=solutions,
            language=to.language,
            translations=(),
        )
