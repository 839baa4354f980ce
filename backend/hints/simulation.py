"""The simulated student: a weak model mends a program with and without a hint, which tells whether the hint helps.

A hint helps when the student mends the program at least as often with it as without, and either in half of the tries or
in a quarter of them more than before.
"""

import re
from dataclasses import dataclass

from backend.hints.problems import Problem
from backend.hints.written import Passes
from backend.llm.engine import ChatMessage, Engine, Finished

_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_SYSTEM = (
    "You are a student who learns Python. You mend your own program and change as little as you can. "
    "Answer with the whole program in one fenced block and nothing else."
)
_TEMPERATURE = 0.8  # tries have to differ
_MAX_TOKENS = 600
_ENOUGH, _BETTER = 0.5, 0.25


@dataclass(frozen=True)
class Outcome:
    """How many of `samples` tries passed all cases, without the hint and with it."""

    samples: int
    without: int
    with_hint: int

    @property
    def helps(self) -> bool:
        gain = (self.with_hint - self.without) / self.samples
        return self.with_hint >= self.without and (self.with_hint / self.samples >= _ENOUGH or gain >= _BETTER)


async def simulate(engine: Engine, problem: Problem, code: str, hint: str, passes: Passes, *, samples: int) -> Outcome:
    """Has the student try `samples` times without and with the hint. Raises what the engine raises."""
    without = [await passes(await _mended(engine, problem, code, "")) for _ in range(samples)]
    with_hint = [await passes(await _mended(engine, problem, code, hint)) for _ in range(samples)]
    return Outcome(samples, sum(without), sum(with_hint))


def program_in(answer: str) -> str:
    """The program of an answer: its first fenced block, else all of it."""
    found = _FENCED.search(answer)
    return found[1] if found else answer


async def _mended(engine: Engine, problem: Problem, code: str, hint: str) -> str:
    info = await engine.require_ready()
    parts = [
        f"The task:\n{problem.description}\n{problem.input_description}\n{problem.output_description}",
        f"Your program, which fails a test:\n```python\n{code}\n```",
    ]
    if hint:
        parts.append(f"Your teacher says:\n{hint}")
    prompt = [ChatMessage(role="system", content=_SYSTEM), ChatMessage(role="user", content="\n\n".join(parts))]
    answer: list[str] = []
    async for event in engine.stream(prompt, model=info.model, temperature=_TEMPERATURE, max_tokens=_MAX_TOKENS):
        if not isinstance(event, Finished):
            answer.append(event)
    return program_in("".join(answer))
