"""What a pod costs, from what was recorded of it. Pure arithmetic; money in US dollars, times aware.

Estimated: the time it ran times the last rate that was told while it ran (RunPod tells 0 for a stopped pod), and its
volume. Billed: lines of RunPod's bill, which come hours later; for the time after the last line the estimate stands,
and for a network volume, which is not in the bill of a pod.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from backend.pod.pods import BillingLine, Pod

# RunPod's prices for storage, per GB and month; docs.runpod.io, seen in November 2026.
VOLUME_RUNNING_USD = 0.10
VOLUME_STOPPED_USD = 0.20
NETWORK_VOLUME_USD = 0.07
_HOURS_A_MONTH = 730.0


class Label(StrEnum):
    """Where a figure comes from."""

    ESTIMATED = "estimated"
    BILLED = "billed"
    PARTLY = "partly_billed"


@dataclass(frozen=True)
class Run:
    """A stretch from a start to a stop; `stopped_at` None: it still runs."""

    started_at: datetime
    stopped_at: datetime | None
    rate_usd: float

    def hours(self, since: datetime, until: datetime) -> float:
        """How long it ran within the time given."""
        end = min(self.stopped_at or until, until)
        return max(0.0, (end - max(self.started_at, since)).total_seconds() / 3600)


@dataclass(frozen=True)
class Storage:
    """What is paid for beside the GPU, in GB.

    Attributes:
        network_volume_gb: 0 without one; None: there is one, of which the size is not known. It is left out then.
    """

    volume_gb: float = 0.0
    network_volume_gb: float | None = 0.0

    def usd(self, running_hours: float, stopped_hours: float) -> float:
        volume = running_hours * VOLUME_RUNNING_USD + stopped_hours * VOLUME_STOPPED_USD
        network = (running_hours + stopped_hours) * NETWORK_VOLUME_USD
        return (self.volume_gb * volume + (self.network_volume_gb or 0.0) * network) / _HOURS_A_MONTH

    @property
    def usd_a_day_stopped(self) -> float | None:
        """None where not all of it is known."""
        return None if self.network_volume_gb is None else self.usd(0.0, 24.0)


@dataclass(frozen=True)
class Spending:
    """Of a time: the GPU's and the storage's share, and where the figures come from."""

    gpu_usd: float
    storage_usd: float
    label: Label

    @property
    def total_usd(self) -> float:
        return self.gpu_usd + self.storage_usd


def rate_of(pod: Pod, last_usd: float) -> float:
    """Dollars an hour while it runs: as told now, or the last that was told when it is told as 0 or not at all."""
    return pod.cost_per_hour or last_usd


def start_of_day(now: datetime, zone: str) -> datetime:
    """Midnight on the wall clock of the zone."""
    return now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


def start_of_month(now: datetime, zone: str) -> datetime:
    return start_of_day(now, zone).replace(day=1)


def estimated(
    runs: Sequence[Run], storage: Storage, since: datetime, until: datetime, *, known_since: datetime | None = None
) -> Spending:
    """What was spent between two moments.

    Args:
        known_since: when the pod was first seen; storage counts from then. None: it was there all the time.
    """
    since = max(since, known_since) if known_since is not None else since
    hours = max(0.0, (until - since).total_seconds() / 3600)
    running = min(hours, running_hours(runs, since, until))
    gpu = sum(run.hours(since, until) * run.rate_usd for run in runs)
    return Spending(gpu, storage.usd(running, hours - running), Label.ESTIMATED)


def reconciled(
    runs: Sequence[Run],
    storage: Storage,
    lines: Sequence[BillingLine],
    since: datetime,
    until: datetime,
    *,
    known_since: datetime | None = None,
) -> Spending:
    """As billed up to the end of the last line, estimated from there on.

    The bill of a pod has its own volume and no network volume: that stays estimated throughout.

    Args:
        lines: all that there are of this time; an hour without a line cost nothing.
    """
    known = [line for line in lines if line.until > since and line.since < until]
    if not known:
        return estimated(runs, storage, since, until, known_since=known_since)
    billed_until = min(until, max(line.until for line in known))
    rest = estimated(runs, storage, billed_until, until, known_since=known_since)
    gpu = sum((line.gpu_usd + line.cpu_usd) * _share(line, since, until) for line in known)
    total = sum(line.total_usd * _share(line, since, until) for line in known)
    network = estimated([], replace(storage, volume_gb=0.0), since, billed_until, known_since=known_since)
    is_whole = billed_until >= until and storage.network_volume_gb == 0
    label = Label.BILLED if is_whole else Label.PARTLY
    return Spending(gpu + rest.gpu_usd, total - gpu + network.storage_usd + rest.storage_usd, label)


def running_hours(runs: Iterable[Run], since: datetime, until: datetime) -> float:
    return sum(run.hours(since, until) for run in runs)


def saved_usd(
    runs: Sequence[Run], storage: Storage, since: datetime, until: datetime, *, rate_usd: float, known_since: datetime
) -> float:
    """What stopping has saved against running all the time at this rate; the dearer storage of a stop is counted."""
    since = max(since, known_since)
    hours = max(0.0, (until - since).total_seconds() / 3600)
    always = hours * rate_usd + storage.usd(hours, 0.0)
    return always - estimated(runs, storage, since, until).total_usd


def per_dollar(count: float, usd: float) -> float | None:
    """How many tokens, or reviews, one dollar brought; None where nothing was spent."""
    return count / usd if usd > 0 else None


def month_ends(now: datetime, zone: str) -> datetime:
    """The first moment of the next month."""
    return (start_of_month(now, zone) + timedelta(days=32)).replace(day=1)


def _share(line: BillingLine, since: datetime, until: datetime) -> float:
    """Part of a line's time that lies within the time given."""
    length = (line.until - line.since).total_seconds()
    inside = (min(line.until, until) - max(line.since, since)).total_seconds()
    return inside / length if length > 0 else 1.0
