"""What the page and the API of the pod are told, beside what `view` says of the stop."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.pod.compare import Cost, Load, Prices
from backend.pod.engine_counters import EngineFigures
from backend.pod.ledger import Money
from backend.pod.machine import Kind, Phase
from backend.pod.memory import Memory
from backend.pod.nvml import GpuFigures
from backend.pod.options import PodOptions
from backend.pod.replay import WouldHaveStopped
from backend.pod.sample import Verdict
from backend.pod.view import PodView


class Standing(StrEnum):
    """What this machine is to RunPod, as far as the settings tell."""

    POD = "pod"
    NO_KEY = "no_key"  # a pod that can be neither seen nor stopped from here
    NO_POD = "no_pod"  # a laptop, a workstation, another host


@dataclass(frozen=True)
class Brief:
    """What everybody may know.

    Attributes:
        phase: of the stop. until: end of the countdown; None unless one runs.
        called_off_by_work: somebody who works now ends the countdown.
        is_draining: new work is refused now.
        keep_awake_until: nothing but a person stops it before; None when nobody asked for it.
    """

    standing: Standing
    phase: Phase
    until: datetime | None
    called_off_by_work: bool
    is_draining: bool
    keep_awake_until: datetime | None


@dataclass(frozen=True)
class Console:
    """Everything that is known now, for an admin.

    Attributes:
        missing: names of the settings without which the pod cannot be seen or stopped.
        view: of the pod and its stop. Its decision says why it is not stopping.
        verdicts: by signal, what it counts as now; one that is too old is unknown.
        gpus, engine: of this machine, as of the last check; engine is None when the model server does not tell.
        money: what it costs.
        options: in force; changed: names of those that differ from the environment.
        ready_since: when a question could first be answered.
        work: pieces of the app's own work in hand, by kind.
    """

    standing: Standing
    missing: tuple[str, ...]
    view: PodView
    verdicts: dict[str, Verdict]
    gpus: tuple[GpuFigures, ...]
    engine: EngineFigures | None
    money: Money
    options: PodOptions
    changed: frozenset[str]
    ready_since: datetime | None
    work: dict[str, int]

    @property
    def stops_at(self) -> datetime | None:
        """When the stop would be sent if all stays idle, its countdown included; None where nothing is to stop it."""
        progress, decision = self.view.progress, self.view.decision
        if progress.phase is Phase.WARNED:
            return progress.until
        if self.standing is not Standing.POD or progress.phase is not Phase.ARMED:
            return None
        if decision is None or decision.stops_at is None:
            return None
        return max(decision.stops_at, self.view.at) + timedelta(seconds=self.options.warn_s)


@dataclass(frozen=True)
class Replayed:
    """What other settings would have done in the time recorded.

    Attributes:
        since, until: of the recorded checks; None when there are none. checks: how many.
        stops: in order.
        off_hours: that the pod would have been stopped.
        saved_usd: by that, less a restart for every stop that work came after; None without a rate.
        restart_s: what a restart was counted as.
    """

    since: datetime | None
    until: datetime | None
    checks: int
    stops: tuple[WouldHaveStopped, ...]
    off_hours: float
    saved_usd: float | None
    restart_s: float


@dataclass(frozen=True)
class Costs:
    """The whole account, and what the measured load would cost elsewhere.

    Attributes:
        tokens_per_usd, reviews_per_usd: over the kept checks (two weeks); None where nothing was counted or spent.
        load: measured over the kept checks; None before there are any.
        ways: a month of that load, cheapest first.
        prices: they were reckoned with.
    """

    money: Money
    tokens_per_usd: float | None
    reviews_per_usd: float | None
    load: Load | None
    ways: tuple[Cost, ...]
    prices: Prices


def brief_of(standing: Standing, memory: Memory) -> Brief:
    """The part that everybody may know."""
    progress = memory.progress
    is_warned, order = progress.phase is Phase.WARNED, progress.order
    return Brief(
        standing=standing,
        phase=progress.phase,
        until=progress.until if is_warned else None,
        called_off_by_work=is_warned and order is not None and order.kind in {Kind.IDLE, Kind.SCHEDULE},
        is_draining=progress.refuses_work,
        keep_awake_until=memory.policy.keep_awake_until,
    )
