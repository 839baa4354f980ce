"""When an idle pod stops. Pure: no input or output, no clock; the same for the app, the watchdog and the replay.

A check is one sample of all signals. The pod stops after enough checks in a row in which every signal said idle:

- a busy signal resets the row; an unknown one pauses it, and too many unknown checks on end reset it;
- a signal that is too old is unknown, and so is a sample without any signal;
- missed checks (sleep, a stopped process), a jump of the clock and changed settings reset the row and do not count;
- samples that come sooner than the check interval do not count as checks of their own, but show work;
- it never stops before its minimum runtime since it was ready, while it was asked to stay awake, or in a quiet window.

The operator's hard limits, a maximum lifetime and a ceiling of money, end it even while signals say busy or unknown and
in a quiet window, because a stuck signal must not cost without end. They respect the minimum runtime and keep-awake,
which is a person's word and bounded (`MAX_KEEP_AWAKE_S`).
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from backend.pod.idle_rule import PAUSE_S, IdleRule
from backend.pod.needs import Need, need
from backend.pod.quiet import QuietWindow, quiet_until
from backend.pod.sample import Sample, Signal, Verdict

__all__ = [
    "Config", "Decision", "Sample", "Signal", "State", "Verdict",
    "decide", "disarm", "end_keep_awake", "keep_awake", "runs_until", "verdict_of",
]  # fmt: skip

MAX_KEEP_AWAKE_S = 24 * 3600.0
CLOCK_TOLERANCE_S = 5.0  # between the wall clock's and the monotonic clock's idea of the time since the last check
_MISSED = 2.5  # intervals without a check after which the row is no longer one
_EARLY = 0.8  # of an interval; a sample sooner than this is not a check of its own
_STALE = 2.5  # intervals after which a signal's word is too old


@dataclass(frozen=True)
class Config:
    """The operator's settings. `warn_s` is how long open pages are warned before a stop (the state machine's part).

    Attributes:
        threshold_percent: GPU utilisation below which the GPU is idle (the readers of signals apply it).
        max_lifetime_s: since the pod was started; None: no limit.
        money_ceiling_usd: a calendar month; None: no limit.
        rule: learnt from history; takes the place of `idle_limit`.
    """

    threshold_percent: float = 5.0
    check_interval_s: float = 60.0
    idle_limit: int = 5
    min_runtime_s: float = 600.0
    warn_s: float = 60.0
    quiet: tuple[QuietWindow, ...] = ()
    max_lifetime_s: float | None = None
    money_ceiling_usd: float | None = None
    rule: IdleRule | None = None

    def __post_init__(self) -> None:
        if self.check_interval_s <= 0 or self.idle_limit < 1 or min(self.min_runtime_s, self.warn_s) < 0:
            raise ValueError("check_interval_s and idle_limit must be positive, min_runtime_s and warn_s not negative")
        if self.rule is not None and self.rule.interval_s != self.check_interval_s:
            raise ValueError("the learnt rule holds for another check interval; learn it again or leave it out")

    def to_json(self) -> dict[str, Any]:
        return dict(_CONFIG.dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Config":
        """Raises ValueError (pydantic's) for what is no configuration."""
        return _CONFIG.validate_python(values)

    @property
    def fingerprint(self) -> str:
        """Changes whenever a setting does."""
        return _fingerprint(self)


@dataclass(frozen=True)
class State:
    """What one check hands to the next. It survives the process as JSON.

    Attributes:
        idle_checks: in a row. `unknown_checks`: since the last that was known.
        checked_at, checked_monotonic_s: the last sample that counted, or that showed work.
        last_activity_at, last_activity: when a signal was last busy, and which.
        work_began_at: the first busy check after the last pause.
    """

    idle_checks: int = 0
    unknown_checks: int = 0
    checked_at: datetime | None = None
    checked_monotonic_s: float = 0.0
    keep_awake_until: datetime | None = None
    fingerprint: str = ""
    last_activity_at: datetime | None = None
    last_activity: str = ""
    work_began_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return dict(_STATE.dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "State":
        """Raises ValueError (pydantic's) for what is no state."""
        return _STATE.validate_python(values)


@dataclass(frozen=True)
class Decision:
    """What came of a check.

    Attributes:
        reason: why it stops; or the first of `needs`.
        needs: all that has to change before it stops; empty when it wants to stop.
        stops_at: the earliest moment at which it would stop if all stays idle; None where a signal is not idle.
        checks: of `checks_needed` in a row (with a learnt rule it differs from pause to pause).
        state: for the next check.
    """

    wants_stop: bool
    reason: Need
    needs: tuple[Need, ...]
    stops_at: datetime | None
    checks: int
    checks_needed: int
    state: State


def decide(sample: Sample, state: State, config: Config) -> Decision:
    """What one more check means. Deterministic; the given state is not changed."""
    state, disturbed = _counted(sample, state, config)
    needed = _checks_needed(sample, state, config)
    limit = _hard_limit(sample, config)
    needs = _held(sample, state, config, limited=limit is not None)
    if disturbed == "clock_jump" or (disturbed and not limit):
        needs = (need(disturbed), *needs)
    if not limit:
        needs = (*_signals_not_idle(sample, config), *needs, *_quiet(sample, config))
        if state.idle_checks < needed:
            needs = (*needs, need("idle_checks", value=f"{state.idle_checks}/{needed}"))
    minutes = round(state.idle_checks * config.check_interval_s / 60)
    reason = needs[0] if needs else limit or need("idle", value=minutes)
    return Decision(
        wants_stop=not needs,
        reason=reason,
        needs=needs,
        stops_at=_stops_at(sample, state, config, needed, limited=limit is not None),
        checks=state.idle_checks,
        checks_needed=needed,
        state=state,
    )


def keep_awake(state: State, until: datetime, now: datetime) -> State:
    """Nothing is stopped before `until`, which may be `MAX_KEEP_AWAKE_S` ahead at most; the row begins again."""
    return replace(state, keep_awake_until=min(until, now + timedelta(seconds=MAX_KEEP_AWAKE_S)), idle_checks=0)


def disarm(state: State) -> State:
    """The row begins again: somebody cancelled a countdown."""
    return replace(state, idle_checks=0)


def end_keep_awake(state: State) -> State:
    """It may stop again, after a row of idle checks from now."""
    return replace(state, keep_awake_until=None, idle_checks=0)


def verdict_of(signal: Signal, now: datetime, config: Config) -> Verdict:
    """What a signal counts as: its own word, or unknown when that is too old or from the future."""
    age_s = (now - signal.at).total_seconds()
    if not -CLOCK_TOLERANCE_S <= age_s <= _STALE * config.check_interval_s:
        return Verdict.UNKNOWN
    return signal.verdict


def runs_until(sample: Sample, config: Config) -> datetime | None:
    """End of the minimum runtime, counted from the start of a pod that is not ready; None where neither is known."""
    began = sample.ready_since or sample.started_at
    return began + timedelta(seconds=config.min_runtime_s) if began is not None else None


def _counted(sample: Sample, state: State, config: Config) -> tuple[State, str]:
    """The state after this sample, and the code of what broke the row, if something did."""
    disturbed = _disturbance(sample, state, config)
    if disturbed:
        state = replace(state, idle_checks=0, unknown_checks=0)
    verdicts = [verdict_of(signal, sample.at, config) for signal in sample.signals]
    busy = sample.signals[verdicts.index(Verdict.BUSY)].name if Verdict.BUSY in verdicts else ""
    early = (
        state.checked_at is not None
        and not disturbed
        and sample.monotonic_s - state.checked_monotonic_s < _EARLY * config.check_interval_s
    )
    if early and not busy:
        return state, ""
    state = replace(state, checked_at=sample.at, checked_monotonic_s=sample.monotonic_s, fingerprint=config.fingerprint)
    if busy:
        return _worked(state, sample.at, busy, config), disturbed
    if disturbed or sample.ready_since is None:
        return replace(state, idle_checks=0), disturbed
    if not verdicts or Verdict.UNKNOWN in verdicts:
        unknown = state.unknown_checks + 1
        too_many = unknown >= config.idle_limit
        return replace(state, unknown_checks=unknown, idle_checks=0 if too_many else state.idle_checks), ""
    return replace(state, idle_checks=state.idle_checks + 1, unknown_checks=0), ""


def _worked(state: State, at: datetime, signal: str, config: Config) -> State:
    """The state after a busy check. Work after a pause longer than `PAUSE_S` is new work."""
    last = state.last_activity_at
    new = state.work_began_at is None or last is None or (at - last).total_seconds() > PAUSE_S
    return replace(
        state,
        idle_checks=0,
        unknown_checks=0,
        last_activity_at=at,
        last_activity=signal,
        work_began_at=at if new else state.work_began_at,
    )


def _disturbance(sample: Sample, state: State, config: Config) -> str:
    """Why the checks before say nothing about now; empty when they do."""
    if state.checked_at is None:
        return ""
    if state.fingerprint != config.fingerprint:
        return "settings_changed"
    by_wall = (sample.at - state.checked_at).total_seconds()
    by_monotonic = sample.monotonic_s - state.checked_monotonic_s
    if by_monotonic < 0 or max(by_wall, by_monotonic) > _MISSED * config.check_interval_s:
        return "resumed"
    return "clock_jump" if abs(by_wall - by_monotonic) > CLOCK_TOLERANCE_S else ""


def _checks_needed(sample: Sample, state: State, config: Config) -> int:
    if config.rule is None:
        return config.idle_limit
    ended = state.last_activity_at or sample.ready_since or sample.at
    worked_s = (ended - state.work_began_at).total_seconds() if state.work_began_at else 0.0
    return config.rule.checks_needed(ended.timestamp(), max(0.0, worked_s))


def _hard_limit(sample: Sample, config: Config) -> Need | None:
    """The operator's limit that is reached, if one is."""
    began = sample.started_at or sample.ready_since
    longest, ceiling = config.max_lifetime_s, config.money_ceiling_usd
    if longest is not None and began is not None and (sample.at - began).total_seconds() >= longest:
        return need("max_lifetime", value=f"{longest / 3600:g}")
    if ceiling is not None and sample.spent_usd is not None and sample.spent_usd >= ceiling:
        return need("money_ceiling", value=f"{ceiling:g}")
    return None


def _signals_not_idle(sample: Sample, config: Config) -> tuple[Need, ...]:
    """Busy signals first, then unknown ones."""
    if not sample.signals:
        return (need("no_signals"),)
    judged = [(signal, verdict_of(signal, sample.at, config)) for signal in sample.signals]
    return tuple(
        need(verdict.value, signal=signal.name, value=_told(signal, verdict))
        for wanted in (Verdict.BUSY, Verdict.UNKNOWN)
        for signal, verdict in judged
        if verdict is wanted
    )


def _told(signal: Signal, verdict: Verdict) -> str:
    """What a signal measured; for an unknown one why it is unknown."""
    said = signal.detail if verdict is Verdict.UNKNOWN and signal.detail else signal.value
    return f"{said:g}" if isinstance(said, float) else said


def _held(sample: Sample, state: State, config: Config, *, limited: bool) -> tuple[Need, ...]:
    """Readiness, minimum runtime and keep-awake, which hold even at a hard limit.

    A pod that does not get ready costs money as well: at a hard limit its runtime counts from its start.
    """
    held = []
    began = sample.ready_since or (sample.started_at if limited else None)
    if began is None:
        held.append(need("not_ready"))
    elif (until := began + timedelta(seconds=config.min_runtime_s)) > sample.at:
        held.append(need("min_runtime", value=f"{config.min_runtime_s / 60:g}", until=until))
    awake = state.keep_awake_until
    if awake is not None and awake > sample.at:
        held.append(need("keep_awake", value=f"{awake:%Y-%m-%d %H:%M} UTC", until=awake))
    return tuple(held)


def _quiet(sample: Sample, config: Config) -> tuple[Need, ...]:
    until = quiet_until(config.quiet, sample.at)
    return () if until is None else (need("quiet_window", value=f"{until:%Y-%m-%d %H:%M} UTC", until=until),)


def _stops_at(sample: Sample, state: State, config: Config, needed: int, *, limited: bool) -> datetime | None:
    began = sample.ready_since or (sample.started_at if limited else None)
    if began is None or (not limited and _signals_not_idle(sample, config)):
        return None
    left_s = 0.0 if limited else max(0, needed - state.idle_checks) * config.check_interval_s
    moments = [sample.at, began + timedelta(seconds=config.min_runtime_s)]
    if left_s:
        moments.append((state.checked_at or sample.at) + timedelta(seconds=left_s))
    if state.keep_awake_until is not None:
        moments.append(state.keep_awake_until)
    earliest = max(moments)
    return earliest if limited else quiet_until(config.quiet, earliest) or earliest


_CONFIG = TypeAdapter(Config)
_STATE = TypeAdapter(State)


@cache
def _fingerprint(config: Config) -> str:
    text = json.dumps(config.to_json(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
