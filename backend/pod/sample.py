"""What one check of a pod found: the word of every signal, at one moment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from backend.errors import Language


class Verdict(StrEnum):
    """What one signal says."""

    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"


class Phrase(str):
    """A few words about a measurement. As a string they are English, for logs, programs and records.

    Attributes:
        ko: the same in Korean, for the page.
    """

    ko: str

    def __new__(cls, en: str, ko: str = "") -> Self:  # a copy is made of the English and given its Korean afterwards
        phrase = super().__new__(cls, en)
        phrase.ko = ko
        return phrase


def said_in(language: Language, words: object) -> str:
    """A phrase in the reader's language; anything else, such as a number or an address, as it is."""
    return words.ko if language is Language.KO and isinstance(words, Phrase) else str(words)


@dataclass(frozen=True)
class Signal:
    """One source's word.

    Attributes:
        name: stable: gpu, engine, embedding, requests, jobs, downloads, ssh, probe.
        value: what was measured, for people; a Phrase where it has words.
        at: when, in UTC.
        source: what was asked, for people: an address, a device, a command.
        detail: more for people, such as why it is unknown; a Phrase where it has words.
    """

    name: str
    verdict: Verdict
    value: str | float
    at: datetime
    source: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Sample:
    """All signals of one check.

    Attributes:
        at: UTC. `monotonic_s`: the same moment on a clock that never jumps.
        ready_since: when the pod could work; None while it cannot.
        started_at: when it began to cost; None where that is not known.
        spent_usd: of this calendar month; None where that is not known.
    """

    at: datetime
    monotonic_s: float
    signals: tuple[Signal, ...]
    ready_since: datetime | None
    started_at: datetime | None = None
    spent_usd: float | None = None
