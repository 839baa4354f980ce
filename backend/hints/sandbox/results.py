"""What a run of a program in the sandbox is asked for, and what comes of it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a case, or a whole program, went."""

    PASSED = "passed"
    WRONG_ANSWER = "wrong_answer"
    RUNTIME_ERROR = "runtime_error"
    SYNTAX_ERROR = "syntax_error"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True)
class Limits:
    """What one run may use.

    Attributes:
        cpu_s: seconds of processor time, the start of the interpreter included; one more and the kernel kills it.
        wall_s: seconds until it is killed, whatever it does.
        memory_bytes: address space.
        output_bytes: of standard output, and again of standard error.
        give_up_after: with so many cases over their time, the others are not run.
    """

    cpu_s: int = 2
    wall_s: float = 4.0
    memory_bytes: int = 512 << 20
    output_bytes: int = 64 << 10
    give_up_after: int = 3


@dataclass(frozen=True)
class Case:
    """One test. `expected` never enters the process that runs the program.

    Attributes:
        input: standard input; for a function a JSON array of its arguments.
        expected: standard output; for a function the JSON value it returns.
    """

    input: str
    expected: str


@dataclass(frozen=True)
class CaseResult:
    """How one case went.

    Attributes:
        index: which of the cases given, from 0.
        got: what the program wrote, or the function returned; cut, with an ellipsis.
        ms: from the start of the process to its end.
        memory_kib: the most it held; 0 where it ended without saying.
        line: of the learner's program, where an error came from.
        message: such as `ZeroDivisionError: division by zero`, without paths; empty where there is none.
        call: with NOT_ALLOWED what was refused: `open`, `import socket`, `os.fork`; otherwise empty.
    """

    index: int
    verdict: Verdict
    input: str
    expected: str
    got: str
    ms: float
    memory_kib: int
    line: int | None = None
    message: str = ""
    call: str = ""


@dataclass(frozen=True)
class Judgement:
    """How a program went.

    Attributes:
        results: of the cases that were run, in the order given.
        not_run: cases left out: after a syntax error, after too many over their time, or as the caller wished.
    """

    results: tuple[CaseResult, ...]
    not_run: int = 0

    @property
    def verdict(self) -> Verdict:
        """PASSED when every case was run and passed, else that of `failing`."""
        return self.failing.verdict if self.failing is not None else Verdict.PASSED

    @property
    def passed(self) -> int:
        """Cases that passed."""
        return sum(result.verdict is Verdict.PASSED for result in self.results)

    @property
    def total(self) -> int:
        """Cases given, those that were not run included."""
        return len(self.results) + self.not_run

    @property
    def failing(self) -> CaseResult | None:
        """The failing case with the smallest input, the first of several."""
        failed = [result for result in self.results if result.verdict is not Verdict.PASSED]
        return min(failed, key=lambda result: (len(result.input), result.index), default=None)
