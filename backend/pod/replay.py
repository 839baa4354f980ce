"""The idle policy over what has happened already: what it would have cost, and when it would have stopped.

Both replays call `decide` itself, check after check, so that a figure is one of the code that stops the pod.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.pod.policy import Config, Sample, Signal, State, Verdict, decide


@dataclass(frozen=True)
class Bill:
    """What a replay cost, in seconds of the pod's price.

    Attributes:
        busy_s, idle_s: that the pod ran. `off_s`: that it was stopped between two requests.
        restarts: each costs `restart_s` more.
        optimum_idle_s: what one who knows the future pays for the pauses: the pause or the restart, the smaller.
        stopped_while_busy: stops during a request; must be 0.
    """

    busy_s: float = 0.0
    idle_s: float = 0.0
    off_s: float = 0.0
    restarts: int = 0
    restart_s: float = 0.0
    optimum_idle_s: float = 0.0
    stopped_while_busy: int = 0

    @property
    def cost_s(self) -> float:
        return self.busy_s + self.idle_cost_s

    @property
    def idle_cost_s(self) -> float:
        return self.idle_s + self.restarts * self.restart_s

    @property
    def optimum_s(self) -> float:
        return self.busy_s + self.optimum_idle_s

    def plus(self, other: "Bill") -> "Bill":
        """Both together, of the same restart cost."""
        return Bill(
            self.busy_s + other.busy_s,
            self.idle_s + other.idle_s,
            self.off_s + other.off_s,
            self.restarts + other.restarts,
            other.restart_s,
            self.optimum_idle_s + other.optimum_idle_s,
            self.stopped_while_busy + other.stopped_while_busy,
        )


@dataclass(frozen=True)
class Work:
    """Times in which something was done, in seconds, in order and apart from each other."""

    begins: tuple[float, ...]
    ends: tuple[float, ...]

    @classmethod
    def of_requests(cls, arrivals_s: Iterable[float], busy_s: float) -> "Work":
        """Every request keeps the pod busy for `busy_s`; those that overlap or touch are one piece of work."""
        begins: list[float] = []
        ends: list[float] = []
        for arrival in sorted(arrivals_s):
            if ends and arrival <= ends[-1]:
                ends[-1] = arrival + busy_s
            else:
                begins.append(arrival)
                ends.append(arrival + busy_s)
        return cls(tuple(begins), tuple(ends))

    def between(self, after_s: float, until_s: float) -> bool:
        """Whether something was done in the time after the one and up to the other moment."""
        place = bisect_right(self.ends, after_s)
        return place < len(self.begins) and self.begins[place] <= until_s

    def pauses(self) -> list[float]:
        """Seconds between a piece of work and the next."""
        return [begin - end for end, begin in zip(self.ends, self.begins[1:], strict=False)]


def checks_with_work(work: Work, interval_s: float) -> list[float]:
    """Ends of the intervals, counted from 0, in which something was done: what a pod that always runs would record."""
    seen: list[float] = []
    for begin, end in zip(work.begins, work.ends, strict=True):
        first = max(int(begin // interval_s) + 1, round(seen[-1] / interval_s) + 1 if seen else 0)
        seen.extend(interval_s * number for number in range(first, int(end // interval_s) + 2))
    return seen


def replay(work: Work, config: Config, restart_s: float, begin: datetime = datetime(1970, 1, 1, tzinfo=UTC)) -> Bill:
    """The bill of a pod that starts with the first work, is ready at once, and is started again by the next work.

    The check is at the same moment a stop is decided and done; a countdown before it would be paid as idle time.

    Args:
        begin: the moment at which the seconds of `work` begin.
    """
    busy = sum(work.ends) - sum(work.begins)
    optimum = sum(min(pause, restart_s) for pause in work.pauses())
    bill = Bill(busy_s=busy, restart_s=restart_s, optimum_idle_s=optimum)
    state, ready, last = State(), work.begins[0], work.ends[-1]
    at = ready
    while at < last:
        before, at = at, at + config.check_interval_s
        moment = begin + timedelta(seconds=at)
        verdict = Verdict.BUSY if work.between(before, at) else Verdict.IDLE
        signal = Signal("requests", verdict, verdict.value, moment)
        decision = decide(Sample(moment, at, (signal,), begin + timedelta(seconds=ready)), state, config)
        state = decision.state
        if not decision.wants_stop:
            continue
        place = bisect_left(work.begins, at)
        if place == len(work.begins):
            break
        bill = replace(
            bill,
            off_s=bill.off_s + work.begins[place] - at,
            restarts=bill.restarts + 1,
            stopped_while_busy=bill.stopped_while_busy + (at < work.ends[place - 1]),
        )
        ready = at = work.begins[place]
    return replace(bill, idle_s=sum(work.pauses()) - bill.off_s)


def fixed_timeout_cost(pauses: Sequence[float], timeout_s: float, restart_s: float) -> float:
    """Idle cost in seconds of stopping after exactly `timeout_s`, without checks and minimum runtime."""
    return sum(pause if pause <= timeout_s else timeout_s + restart_s for pause in pauses)


@dataclass(frozen=True)
class WouldHaveStopped:
    """One stop of a replay over recorded samples.

    Attributes:
        at: when. `reason`: the code of why.
        work_after_s: seconds until the next sample in which something was busy; None when there was none.
    """

    at: datetime
    reason: str
    work_after_s: float | None


def would_have_stopped(samples: Sequence[Sample], config: Config) -> list[WouldHaveStopped]:
    """When the recorded samples would have led to a stop under other settings.

    After a stop the pod counts as off until the next sample with work, which starts it; its runtime counts from then.

    Args:
        samples: oldest first.
    """
    stops: list[WouldHaveStopped] = []
    state, off, started = State(), False, None
    for recorded in samples:
        sample = recorded
        busy = any(signal.verdict is Verdict.BUSY for signal in sample.signals)
        if off and not busy:
            continue
        if off:
            off, started = False, sample.at
            stops[-1] = replace(stops[-1], work_after_s=(sample.at - stops[-1].at).total_seconds())
        since = sample.ready_since
        if started is not None:
            sample = replace(sample, ready_since=max(since or started, started), started_at=started)
        decision = decide(sample, state, config)
        state = decision.state
        if decision.wants_stop:
            stops.append(WouldHaveStopped(sample.at, decision.reason.code, None))
            off = True
    return stops
