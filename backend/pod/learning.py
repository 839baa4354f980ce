"""Learns from a pod's history when stopping is cheapest (`IdleRule`).

Every idle check of the past is one case: work came back before the next check, or it did not. A logistic regression
with a ridge, solved by Newton's method, gives each bin of what was seen its weight; bins seldom seen stay near zero, so
that they say what all others say. Which cycle of the clock to believe in, and whether the hour says anything, is
decided by a part of the history that the weights have not seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median

import numpy as np

from backend.pod.idle_rule import AGE_EDGES_S, PAUSE_S, WORK_EDGES_S, IdleRule, bins_of, check_range

CYCLES_MINUTES = (1, 5, 10, 15, 30, 60)
_RIDGE = 1.0
_STEPS = 40
_ENOUGH = 1e-3  # of a step, in log odds
_PARTS = 4
_LEAST_CASES = 30  # pauses of which something can be learnt
_Bins = np.ndarray[tuple[int, int], np.dtype[np.intp]]
_Places = np.ndarray[tuple[int], np.dtype[np.intp]]
_Vector = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Pause:
    """Time without work: Unix seconds of the last check before it that was busy and of the first one after it.

    Attributes:
        work_s: how long the work before it had lasted.
    """

    ended_s: float
    returned_s: float
    work_s: float

    def idle_checks(self, interval_s: float) -> int:
        """In a row, before work came back."""
        return round((self.returned_s - self.ended_s) / interval_s) - 1


@dataclass(frozen=True)
class Proposal:
    """Settings learnt from history, and what they would have cost there.

    Attributes:
        rule: None where the history is too short to learn from.
        pauses: it was learnt from.
        cycle_minutes: of the clock that work was found to follow; 1: none.
        by_hour: whether the hour of the day says something.
        timeouts_min: for every hour (UTC), minutes of idleness after which it stops, of the pauses that began then;
            None where there were none.
        best_fixed_min: the fixed timeout that would have cost least.
        cost_s, cost_fixed_s: idle cost in history, of the rule by cross-validation and of that fixed timeout.
    """

    rule: IdleRule | None
    pauses: int
    cycle_minutes: int = 1
    by_hour: bool = False
    timeouts_min: tuple[float | None, ...] = (None,) * 24
    best_fixed_min: float = 0.0
    cost_s: float = 0.0
    cost_fixed_s: float = 0.0


def propose(histories: Sequence[Sequence[float]], restart_s: float, interval_s: float = 60.0) -> Proposal:
    """The settings that would have cost least.

    Args:
        histories: for every pod, Unix seconds of the checks in which something was busy, oldest first.
        restart_s: what a restart costs, in seconds of the pod's price.
        interval_s: between checks.
    """
    pauses = [pause for history in histories for pause in pauses_of(history, interval_s)]
    if len(pauses) < _LEAST_CASES:
        return Proposal(None, len(pauses))
    found = [_cases_of(pauses, interval_s, minutes) for minutes in CYCLES_MINUTES]
    costs = [_cross_validated(cases, pauses, restart_s, by_hour=False) for cases in found]
    cases, cost = found[costs.index(min(costs))], min(costs)
    cost_by_hour = _cross_validated(cases, pauses, restart_s, by_hour=True)
    by_hour, cost = cost_by_hour < cost, min(cost, cost_by_hour)
    rule = _fitted(cases, restart_s, by_hour=by_hour)
    fixed = {k: _cost(pauses, interval_s, restart_s, _always(k)) for k in range(1, check_range(interval_s)[1] + 1)}
    best_fixed = min(fixed, key=lambda k: fixed[k])
    return Proposal(
        rule=rule,
        pauses=len(pauses),
        cycle_minutes=cases.minutes,
        by_hour=by_hour,
        timeouts_min=_by_hour(pauses, rule),
        best_fixed_min=best_fixed * interval_s / 60,
        cost_s=cost,
        cost_fixed_s=fixed[best_fixed],
    )


def pauses_of(busy_at: Sequence[float], interval_s: float) -> list[Pause]:
    """Pauses of at least one idle check, in order."""
    found = []
    began = busy_at[0] if busy_at else 0.0
    for ended, returned in pairwise(busy_at):
        if returned - ended < 1.5 * interval_s:
            continue
        found.append(Pause(ended, returned, ended - began))
        if returned - ended > PAUSE_S:
            began = returned
    return found


def _cross_validated(cases: "_Cases", pauses: Sequence[Pause], restart_s: float, *, by_hour: bool) -> float:
    """Idle cost over all pauses, those of each part judged by a rule learnt from the other parts."""
    cost = 0.0
    bounds = [len(pauses) * part // _PARTS for part in range(_PARTS + 1)]
    for begin, end in pairwise(bounds):
        rule = _fitted(cases, restart_s, by_hour=by_hour, without=range(begin, end))
        cost += _cost(pauses[begin:end], cases.interval_s, restart_s, partial(_learnt, rule))
    return cost


def _cost(pauses: Sequence[Pause], interval_s: float, restart_s: float, checks_of: Callable[[Pause], int]) -> float:
    """Idle cost in seconds when each pause is ended after so many idle checks."""
    cost = 0.0
    for pause in pauses:
        idle_checks, needed = pause.idle_checks(interval_s), checks_of(pause)
        cost += needed * interval_s + restart_s if idle_checks >= needed else (idle_checks + 0.5) * interval_s
    return cost


def _always(checks: int) -> Callable[[Pause], int]:
    return lambda _: checks


def _learnt(rule: IdleRule, pause: Pause) -> int:
    return rule.checks_needed(pause.ended_s, pause.work_s)


def _by_hour(pauses: Sequence[Pause], rule: IdleRule) -> tuple[float | None, ...]:
    waited: list[list[int]] = [[] for _ in range(24)]
    for pause in pauses:
        if pause.idle_checks(rule.interval_s) >= check_range(rule.interval_s)[0]:
            hour = int(pause.ended_s % 86_400 // 3600)
            waited[hour].append(rule.checks_needed(pause.ended_s, pause.work_s))
    return tuple(median(checks) * rule.interval_s / 60 if checks else None for checks in waited)


@dataclass(frozen=True)
class _Cases:
    """Every idle check of the pauses at which a stop could have been.

    Attributes:
        keys: (cases,) the five bins of each, as one number. returned: (cases,) 1 where work came back before the next.
        pause: (cases,) place of the pause it belongs to. sizes: how many bins of each kind there are.
    """

    interval_s: float
    minutes: int
    keys: _Places
    returned: _Places
    pause: _Places
    sizes: tuple[int, ...]


def _cases_of(pauses: Sequence[Pause], interval_s: float, minutes: int) -> _Cases:
    least, most = check_range(interval_s)
    places, returned, belongs = [], [], []
    for number, pause in enumerate(pauses):
        last = pause.idle_checks(interval_s)
        for checks in range(least, min(last, most - 1) + 1):
            places.append(bins_of(checks, pause.ended_s, pause.work_s, interval_s, minutes))
            returned.append(checks == last)
            belongs.append(number)
    sizes = (len(AGE_EDGES_S) + 1, minutes, minutes, len(WORK_EDGES_S) + 1, 24)
    columns = tuple(np.asarray(places, dtype=np.intp).reshape(-1, len(sizes)).T)
    keys = np.asarray(np.ravel_multi_index(columns, sizes), dtype=np.intp)
    return _Cases(
        interval_s, minutes, keys, np.asarray(returned, dtype=np.intp), np.asarray(belongs, dtype=np.intp), sizes
    )


def _fitted(cases: _Cases, restart_s: float, *, by_hour: bool, without: range = range(0)) -> IdleRule:
    """The rule these cases teach, without those of some pauses."""
    kept = (cases.pause < without.start) | (cases.pause >= without.stop)
    keys, place = np.unique(cases.keys[kept], return_inverse=True)  # equal cases count together
    trials = np.bincount(place, minlength=len(keys)).astype(np.float64)
    returns = np.bincount(place, weights=cases.returned[kept], minlength=len(keys)).astype(np.float64)
    starts = np.cumsum((1, *cases.sizes))  # the first weight is the base
    bins = np.stack(np.unravel_index(keys, cases.sizes), axis=1) + starts[:-1]
    seen = np.concatenate([np.zeros((len(keys), 1), dtype=np.intp), bins if by_hour else bins[:, :-1]], axis=1)
    weights = _regression(seen, int(starts[-1]), trials, returns)
    parts = [tuple(weights[a:b].tolist()) for a, b in pairwise(starts)]
    return IdleRule(restart_s, cases.interval_s, cases.minutes, float(weights[0]), *parts)


def _regression(seen: _Bins, count: int, trials: _Vector, returns: _Vector) -> _Vector:
    """Weights (count,) of a logistic regression with a ridge on all but the first; Newton's method.

    A step is no longer than 2, because Newton's method overshoots where a bin has seen one outcome only.

    Args:
        seen: (kinds of case, weights that apply to one), their places. trials, returns: how often each kind of case
            was, and how often work came back.
    """
    ridge = np.full(count, _RIDGE)
    ridge[0] = 1e-3
    pairs = (seen[:, :, None] * count + seen[:, None, :]).ravel()
    each = seen.shape[1]
    weights = np.zeros(count)
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-weights[seen].sum(axis=1)))
        errors = np.repeat(trials * expected - returns, each)
        slope = np.bincount(seen.ravel(), weights=errors, minlength=count) + ridge * weights
        spread = np.repeat(trials * expected * (1 - expected), each * each)
        curvature = np.bincount(pairs, weights=spread, minlength=count * count).reshape(count, count) + np.diag(ridge)
        step = np.linalg.solve(curvature, slope)
        largest = float(np.abs(step).max())
        weights -= step * min(1.0, 2.0 / max(largest, 1e-12))
        if largest < _ENOUGH:
            break
    return weights
