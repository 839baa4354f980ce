"""What a run means for the case it was made for."""

import signal

from backend.hints.sandbox.comparing import same_output, same_value
from backend.hints.sandbox.execution import Execution, Report
from backend.hints.sandbox.results import Case, CaseResult, Verdict

_GOT_CHARACTERS = 2000
_STATES = {
    "syntax": Verdict.SYNTAX_ERROR,
    "refused": Verdict.NOT_ALLOWED,
    "memory": Verdict.MEMORY_LIMIT,
    "output": Verdict.OUTPUT_LIMIT,
    "error": Verdict.RUNTIME_ERROR,
}


def result_of(index: int, case: Case, execution: Execution, *, function: str = "") -> CaseResult:
    """The result of a case. Only a run that came to its end with the right output has passed."""
    report = execution.report
    got = execution.stdout.decode(errors="replace")
    if function:
        got = report.value if report is not None else ""
    verdict, message = _verdict(case, execution, got, function)
    return CaseResult(
        index=index,
        verdict=verdict,
        input=case.input,
        expected=case.expected,
        got=_shown(got),
        ms=round(execution.ms, 1),
        memory_kib=execution.memory_kib,
        line=(report.line or None) if report is not None else None,
        message=_shown(message),
        call=report.call if report is not None and verdict is Verdict.NOT_ALLOWED else "",
    )


def _shown(text: str) -> str:
    """The text cut, and without what a database refuses to store."""
    text = text.replace("\0", "\ufffd")
    return text if len(text) <= _GOT_CHARACTERS else text[:_GOT_CHARACTERS] + "…"


def _verdict(case: Case, execution: Execution, got: str, function: str) -> tuple[Verdict, str]:
    if execution.overrun == "output":
        return Verdict.OUTPUT_LIMIT, ""
    if execution.overrun == "time":
        return Verdict.TIME_LIMIT, ""
    report = execution.report
    if report is None:
        return _ended(execution.status)
    if report.state in _STATES:
        return _STATES[report.state], report.message
    return (Verdict.PASSED if _is_right(case, report, got, function) else Verdict.WRONG_ANSWER), ""


def _is_right(case: Case, report: Report, got: str, function: str) -> bool:
    if function:
        return report.state == "json" and same_value(got, case.expected)
    return report.state == "done" and same_output(got, case.expected)


def _ended(status: int) -> tuple[Verdict, str]:
    """What it means that the process ended without a report."""
    if status in {-signal.SIGXCPU, -signal.SIGALRM}:
        return Verdict.TIME_LIMIT, ""
    if status == -signal.SIGKILL:  # by the system, which had no memory left
        return Verdict.MEMORY_LIMIT, ""
    if status == -signal.SIGSYS:
        return Verdict.NOT_ALLOWED, "a system call of another architecture"
    if status == -signal.SIGSEGV:
        return Verdict.RUNTIME_ERROR, "the interpreter crashed (SIGSEGV), mostly from recursion that is too deep"
    if status < 0:
        return Verdict.RUNTIME_ERROR, f"the interpreter was ended by {signal.Signals(-status).name}"
    return Verdict.RUNTIME_ERROR, f"the program ended itself with status {status} before its end"
