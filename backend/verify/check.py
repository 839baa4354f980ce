"""What a check is, and how it is run."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Language, OndolError, Text
from backend.settings import ConfigurationError

Finding = Text | str  # names and numbers are the same in every language
NOT_HERE = Text("여기서는 쓰지 않음", "not used here")
_LOGS = Text("기록을 보세요: ./quick_start.sh --logs {0}", "See ./quick_start.sh --logs {0}")


class Way(StrEnum):
    """How the system was brought up."""

    LAPTOP = "laptop"
    POD = "pod"
    DOCKER = "docker"


class CheckFailed(Exception):
    """What was found instead of what should be there; one line."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(in_language(finding, Language.EN))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Check:
    """One piece: `run` returns what it found in a few words, or raises. `next_step` is for when it fails."""

    key: str
    title: Text
    run: Callable[[], Awaitable[Finding]]
    next_step: Text


@dataclass(frozen=True, slots=True)
class Result:
    """What a check came to; `latency_ms` is how long it took."""

    check: str
    ok: bool
    latency_ms: float
    detail: str
    next_step: str


Report = Callable[[Check, Result], None]


async def run(check: Check, language: Language, report: Report) -> bool:
    """Runs a check and tells its result; whether it was passed."""
    begin = time.perf_counter()
    try:
        detail, ok = in_language(await check.run(), language), True
    except CheckFailed as error:
        detail, ok = in_language(error.finding, language), False
    except ConfigurationError as error:
        detail, ok = str(error), False
    except OndolError as error:
        detail, ok = error.message(language), False
    except Exception as error:  # whatever breaks a check is its finding
        detail, ok = f"{type(error).__name__}: {error}".splitlines()[0][:300], False
    elapsed = round((time.perf_counter() - begin) * 1000, 1)
    report(check, Result(check.key, ok, elapsed, detail, "" if ok else check.next_step.in_(language)))
    return ok


def in_language(finding: Finding, language: Language) -> str:
    return finding.in_(language) if isinstance(finding, Text) else finding


def log_of(service: str) -> Text:
    """Where to look when this service fails."""
    return Text(*(sentence.format(service) for sentence in _LOGS))
