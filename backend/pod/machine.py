"""The states of a stop and the ways between them. Pure: no I/O, no clock.

armed → warned → draining → requested → stopped; a request that did not stop the pod goes to retrying, and from there by
way of draining to the next request, until it is told to people once (escalated) and tried on slowly. There is no way
to terminate a pod.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter

from backend.errors import Language, OndolError, Text


class Phase(StrEnum):
    """Where a stop is."""

    ARMED = "armed"  # watching
    WARNED = "warned"  # a countdown is shown; its end is `until`
    DRAINING = "draining"  # new work is refused; answers under way may finish until `until`
    REQUESTED = "requested"  # sent; the pod is read again until it is EXITED, or `until` has come
    RETRYING = "retrying"  # it did not work; the next attempt is at `until`
    ESCALATED = "escalated"  # people have been told; the next attempt, if it is still idle, is at `until`
    STOPPED = "stopped"  # read back as EXITED


class Kind(StrEnum):
    """Why a stop was ordered, which says what may hold it up."""

    IDLE = "idle"  # the policy; anything busy or unknown calls it off
    LIMIT = "limit"  # lifetime or money; goes ahead under work, after the grace
    SCHEDULE = "schedule"  # waits for work, up to a limit
    PERSON = "person"  # confirmed by somebody; goes ahead under work, after the grace


@dataclass(frozen=True)
class Order:
    """A stop that is wanted; or a start, which the schedule alone asks for.

    Attributes:
        actor: `policy`, `watchdog`, `schedule` or `user:NAME`.
        reason: code of the policy, or the person's words.
        patience_until: for a schedule, until when it waits for work to end.
    """

    kind: Kind
    actor: str
    reason: str
    at: datetime
    patience_until: datetime | None = None

    @property
    def is_start(self) -> bool:
        return self.kind is Kind.SCHEDULE and self.reason == "start"


@dataclass(frozen=True)
class Trouble:
    """What went wrong, for programs and for people; it is kept on disk with the rest."""

    code: str
    text: Text

    @classmethod
    def of(cls, error: OndolError) -> Self:
        return cls(error.code, Text(error.message(Language.KO), error.message(Language.EN)))


@dataclass(frozen=True)
class Timing:
    """Lengths in seconds.

    Attributes:
        warn_s: of the countdown.
        grace_s: answers under way may finish for so long.
        verify_s: the pod is read again for so long after a request.
        backoff_s: waits before the next attempts; after the last of them people are told.
        slow_s: between attempts after that.
    """

    warn_s: float = 120.0
    grace_s: float = 60.0
    verify_s: float = 90.0
    backoff_s: tuple[float, ...] = (10.0, 30.0, 90.0, 270.0)
    slow_s: float = 900.0


@dataclass(frozen=True)
class Progress:
    """A stop under way, as it is kept on disk.

    Attributes:
        until: what it means depends on the phase; None while armed or stopped.
        since: when `until` was set.
        order: None while armed; kept while stopped, it says who stopped it.
        attempts: to stop the pod; one that could not even read it first sends nothing, and counts.
        incident: hexadecimal id of the order; an alert goes out once for each.
        escalated: whether that alert was given out.
        requested_at: of the last request.
        session: when the provider said the pod was started, as of the order; None where it had not been read.
        trouble: what went wrong last.
    """

    phase: Phase = Phase.ARMED
    until: datetime | None = None
    since: datetime | None = None
    order: Order | None = None
    attempts: int = 0
    incident: str = ""
    escalated: bool = False
    requested_at: datetime | None = None
    session: datetime | None = None
    trouble: Trouble | None = None

    @property
    def refuses_work(self) -> bool:
        return self.phase in {Phase.DRAINING, Phase.REQUESTED}

    @property
    def is_under_way(self) -> bool:
        return self.phase not in {Phase.ARMED, Phase.STOPPED}

    def is_overtaken_by(self, started_at: datetime | None) -> bool:
        """Whether the pod was started after this stop was ordered: it does not mean those who work there now."""
        if not self.is_under_way or self.order is None or started_at is None:
            return False
        return started_at > (self.session or self.order.at)

    def is_due(self, now: datetime) -> bool:
        """Whether the end of the phase has come. A clock that was set back since ends it too, rather than never."""
        return self.until is not None and (now >= self.until or (self.since is not None and now < self.since))

    def to_json(self) -> dict[str, Any]:
        return dict(_adapter().dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Raises ValueError (pydantic's) for what is none."""
        return cls(**vars(_adapter().validate_python(values)))


def warned(order: Order, incident: str, session: datetime | None, now: datetime, timing: Timing) -> Progress:
    """A countdown begins."""
    return Progress(Phase.WARNED, _after(now, timing.warn_s), now, order, incident=incident, session=session)


def ordered(order: Order, incident: str, session: datetime | None, now: datetime, timing: Timing) -> Progress:
    """A person's confirmed order: no countdown, but answers under way may finish."""
    return Progress(Phase.DRAINING, _after(now, timing.grace_s), now, order, incident=incident, session=session)


def draining(progress: Progress, now: datetime, timing: Timing) -> Progress:
    """The stop was confirmed by a second look: from here on new work is refused."""
    return replace(progress, phase=Phase.DRAINING, until=_after(now, timing.grace_s), since=now)


def requested(progress: Progress, now: datetime, timing: Timing) -> Progress:
    """The request is about to go out."""
    return replace(
        progress,
        phase=Phase.REQUESTED,
        until=_after(now, timing.verify_s),
        since=now,
        attempts=progress.attempts + 1,
        requested_at=now,
        trouble=None,
    )


def unread(progress: Progress) -> Progress:
    """An attempt that sends nothing, because the pod could not be read; `failed` is next."""
    return replace(progress, attempts=progress.attempts + 1)


def failed(progress: Progress, trouble: Trouble, now: datetime, timing: Timing, *, hopeless: bool = False) -> Progress:
    """The pod still runs after a request. `hopeless`: asking again soon cannot help, so people are told at once."""
    number = progress.attempts - 1
    if progress.escalated or hopeless or number >= len(timing.backoff_s):
        return replace(progress, phase=Phase.ESCALATED, until=_after(now, timing.slow_s), since=now, trouble=trouble)
    return replace(
        progress, phase=Phase.RETRYING, until=_after(now, timing.backoff_s[number]), since=now, trouble=trouble
    )


def postponed(progress: Progress, wait_s: float, now: datetime) -> Progress:
    """The provider asked to wait longer before the next attempt."""
    later = _after(now, wait_s)
    return replace(progress, until=max(later, progress.until or later), since=now)


def told(progress: Progress) -> Progress:
    """People know of it; they are not told again of the same incident."""
    return replace(progress, escalated=True)


def stopped(progress: Progress) -> Progress:
    """The pod was read back as EXITED."""
    return replace(progress, phase=Phase.STOPPED, until=None, since=None, trouble=None)


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


@cache
def _adapter() -> TypeAdapter[Progress]:
    return TypeAdapter(Progress)
