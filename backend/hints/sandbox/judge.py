"""Runs a program on every case, a few at a time, and compares what comes out."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

from backend.errors import ProgramEmpty, ProgramNotText, ProgramTooLarge, SandboxUnavailable
from backend.hints.sandbox.execution import PYTHON, run
from backend.hints.sandbox.results import Case, CaseResult, Judgement, Limits, Verdict
from backend.hints.sandbox.verdicts import result_of

PROGRAM_BYTES = 64 << 10


class Judge:
    """Runs programs of learners, each case in a process of its own that is locked in.

    Args:
        at_once: processes at a time, of all callers together.
        python: the interpreter, the one that runs this if not said otherwise.
    """

    def __init__(self, *, limits: Limits | None = None, at_once: int = 2, python: str = PYTHON) -> None:
        self._limits = limits or Limits()
        self._at_once, self._python = at_once, python
        self._places = asyncio.Semaphore(at_once)
        self._works = False

    async def available(self) -> str:
        """Empty, or why programs cannot be run here. It is tried until it works once: a machine does not unlearn it."""
        if not self._works:
            try:
                await self._result("pass", 0, Case("", ""), "", [])
            except SandboxUnavailable as error:
                return str(error.details["reason"])
            self._works = True
        return ""

    async def judge(
        self, program: str, cases: Sequence[Case], *, function: str = "", stop_at_first: bool = False
    ) -> Judgement:
        """Runs the program on the cases; after a syntax error, or too many cases over their time, no others.

        Args:
            function: call this function of the program instead of comparing what the program writes.
            stop_at_first: leave out what is not yet done when a case fails.

        Raises:
            ProgramEmpty, ProgramTooLarge, ProgramNotText: it is not run.
            SandboxUnavailable: nothing is run where a process cannot lock itself in.
            ValueError: there are no cases, or the input of a function is no JSON array.
        """
        text = checked(program)
        if not cases:
            raise ValueError("a program is judged by cases")
        arguments = [_arguments(case.input) for case in cases] if function else [[]] * len(cases)
        waiting = deque(sorted(range(len(cases)), key=lambda index: len(cases[index].input)))
        done: dict[int, CaseResult] = {}

        async def work() -> None:
            while waiting:
                index = waiting.popleft()
                done[index] = await self._result(text, index, cases[index], function, arguments[index])
                if self._is_enough(done, stop_at_first):
                    waiting.clear()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._at_once, len(cases))):
                    group.create_task(work())
        except* SandboxUnavailable as errors:
            raise errors.exceptions[0] from None
        return Judgement(tuple(done[index] for index in sorted(done)), not_run=len(cases) - len(done))

    async def passes(self, program: str, cases: Sequence[Case], *, function: str = "") -> bool:
        """Whether the program passes every case, found out with as few runs as possible. Raises what `judge` raises."""
        return (await self.judge(program, cases, function=function, stop_at_first=True)).verdict is Verdict.PASSED

    async def _result(self, program: str, index: int, case: Case, function: str, arguments: list[Any]) -> CaseResult:
        async with self._places:
            execution = await run(
                program,
                "" if function else case.input,
                limits=self._limits,
                function=function,
                arguments=arguments,
                python=self._python,
            )
        return result_of(index, case, execution, function=function)

    def _is_enough(self, done: dict[int, CaseResult], stop_at_first: bool) -> bool:
        verdicts = [result.verdict for result in done.values()]
        return (
            Verdict.SYNTAX_ERROR in verdicts
            or verdicts.count(Verdict.TIME_LIMIT) >= self._limits.give_up_after
            or (stop_at_first and any(verdict is not Verdict.PASSED for verdict in verdicts))
        )


def checked(program: str) -> str:
    """The program as the interpreter is to see it. Raises ProgramEmpty, ProgramTooLarge or ProgramNotText."""
    text = program.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ProgramEmpty
    size = len(text.encode(errors="replace"))
    if size > PROGRAM_BYTES:
        raise ProgramTooLarge(size=size, limit=PROGRAM_BYTES)
    for number, line in enumerate(text.split("\n"), 1):
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in line):
            raise ProgramNotText(line=number)
    return text


def _arguments(text: str) -> list[Any]:
    arguments = json.loads(text)
    if not isinstance(arguments, list):
        raise ValueError("the input of a function is a JSON array of its arguments")
    return arguments
