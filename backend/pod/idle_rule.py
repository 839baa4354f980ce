"""A learnt answer to "how many idle checks are enough", instead of one fixed number.

Stopping too early costs a restart, waiting costs minutes: with the probability that work comes back before the next
check, the cheapest moment to stop follows by going backwards through the checks ahead (optimal stopping). The
probability is a logistic function of what was seen: how long it has been idle, the minute of a cycle (much work is
started by clocks, on round minutes), the minute at which the work ended, how long the work had lasted, and the hour.
`backend.pod.learning` learns the weights; here is what both need, without any library, as the watchdog runs it too.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

LEAST_S = 120.0  # of idleness before a stop
HORIZON_S = 3600.0  # of idleness, after which waiting longer is never right
PAUSE_S = 90.0  # a pause no longer than this is part of the work
AGE_EDGES_S = (180, 240, 300, 420, 600, 900, 1300, 2000)
WORK_EDGES_S = (60, 180, 360, 720, 1500, 3000)
_DAY_S = 86_400.0


@dataclass(frozen=True)
class IdleRule:
    """Weights of the logistic function, one tuple for each thing seen, each with a weight for every bin.

    Attributes:
        restart_s: what a restart costs, in seconds of the pod's price.
        interval_s: between checks; the weights hold for this interval only.
        cycle_minutes: of the clock.
        age: by time of idleness, `AGE_EDGES_S`. phase, end_phase: by minute of the cycle, now and where the work ended.
        work: by length of the work before, `WORK_EDGES_S`. hour: by hour of the day in UTC.
    """

    restart_s: float
    interval_s: float
    cycle_minutes: int
    base: float
    age: tuple[float, ...]
    phase: tuple[float, ...]
    end_phase: tuple[float, ...]
    work: tuple[float, ...]
    hour: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = (len(AGE_EDGES_S) + 1, self.cycle_minutes, self.cycle_minutes, len(WORK_EDGES_S) + 1, 24)
        given = tuple(len(weights) for weights in (self.age, self.phase, self.end_phase, self.work, self.hour))
        if given != lengths or min(self.restart_s, self.interval_s) <= 0:
            raise ValueError(f"a learnt rule has weights of lengths {lengths} and positive times, not {given}")

    def return_probability(self, idle_checks: int, ended_s: float, work_s: float) -> float:
        """That work comes back before the next check.

        Args:
            idle_checks: in a row until now.
            ended_s: Unix time of the last check that saw work. `work_s`: how long the work had lasted.
        """
        bins = bins_of(idle_checks, ended_s, work_s, self.interval_s, self.cycle_minutes)
        weights = (self.age, self.phase, self.end_phase, self.work, self.hour)
        return 1 / (1 + math.exp(-self.base - sum(of[place] for of, place in zip(weights, bins, strict=True))))

    def checks_needed(self, ended_s: float, work_s: float) -> int:
        """Idle checks in a row after which stopping costs least, at for `LEAST_S`."""
        return _checks_needed(self, ended_s, work_s)


def bins_of(
    idle_checks: int, ended_s: float, work_s: float, interval_s: float, cycle_minutes: int
) -> tuple[int, int, int, int, int]:
    """Places in `age`, `phase`, `end_phase`, `work` and `hour` of an idle check."""
    now_s = ended_s + idle_checks * interval_s
    return (
        bisect_right(AGE_EDGES_S, idle_checks * interval_s),
        int(now_s // 60) % cycle_minutes,
        int(ended_s // 60) % cycle_minutes,
        bisect_right(WORK_EDGES_S, work_s),
        int(now_s % _DAY_S / 3600),
    )


def check_range(interval_s: float) -> tuple[int, int]:
    """The fewest idle checks before a stop, and those after which it stops at the latest."""
    least = math.ceil(LEAST_S / interval_s)
    return least, max(least, int(HORIZON_S // interval_s))


@lru_cache(maxsize=1024)
def _checks_needed(rule: IdleRule, ended_s: float, work_s: float) -> int:
    """The expected cost from each check on, last first: stop, or pay one interval and see.

    An interval in which work comes back is paid to its middle on average.
    """
    least, needed = check_range(rule.interval_s)
    cost = rule.restart_s
    for checks in range(needed - 1, least - 1, -1):
        returns = rule.return_probability(checks, ended_s, work_s)
        waiting = rule.interval_s * (1 - returns / 2) + (1 - returns) * cost
        if waiting >= rule.restart_s:
            needed = checks
        cost = min(rule.restart_s, waiting)
    return needed
