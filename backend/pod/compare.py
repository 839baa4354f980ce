"""The ways to run a measured load, and what a month of each would cost. Pure arithmetic in US dollars.

The prices that are assumed here are starting points to be overwritten; each says where it is from.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from backend.errors import Text

_DAYS_A_MONTH = 730.0 / 24


class Way(StrEnum):
    """How the load can be run."""

    POD = "pod"  # this one, stopped when idle, as it was
    POD_ALWAYS_ON = "pod_always_on"
    SPOT = "spot"
    WORKSTATION = "workstation"
    HOSTED_API = "hosted_api"


@dataclass(frozen=True)
class Load:
    """What was measured over `days`."""

    days: float
    running_hours: float
    busy_hours: float
    prompt_tokens: int
    generated_tokens: int
    storage_usd: float

    def __post_init__(self) -> None:
        if self.days <= 0 or self.running_hours < self.busy_hours:
            raise ValueError("a load needs days, and is not busy for longer than it runs")


@dataclass(frozen=True)
class Price:
    """A number a person may change, and where it is from."""

    value: float
    source: Text


def _assumed(value: float) -> Price:
    return Price(value, Text("2026년 11월의 가정값입니다. 고쳐 쓰세요.", "Assumed in November 2026; put in your own."))


@dataclass(frozen=True)
class Prices:
    """What the ways cost.

    Attributes:
        pod_usd_per_hour, spot_usd_per_hour: None where it is not known; the way is left out then.
        workstation_usd: to buy, written off over `workstation_months`.
        workstation_busy_watts, workstation_idle_watts: the whole machine, on all the time.
        kwh_usd: of electricity.
        api_prompt_usd, api_generated_usd: of a million tokens.
    """

    pod_usd_per_hour: float | None
    spot_usd_per_hour: float | None = None
    workstation_usd: Price = field(default_factory=lambda: _assumed(3000.0))
    workstation_months: Price = field(default_factory=lambda: _assumed(36.0))
    workstation_busy_watts: Price = field(default_factory=lambda: _assumed(450.0))
    workstation_idle_watts: Price = field(default_factory=lambda: _assumed(70.0))
    kwh_usd: Price = field(default_factory=lambda: _assumed(0.15))
    api_prompt_usd: Price = field(default_factory=lambda: _assumed(0.10))
    api_generated_usd: Price = field(default_factory=lambda: _assumed(0.30))


@dataclass(frozen=True)
class Cost:
    """A month of one way. `fixed_usd` is due without any work."""

    way: Way
    fixed_usd: float
    variable_usd: float

    @property
    def usd(self) -> float:
        return self.fixed_usd + self.variable_usd


def compared(load: Load, prices: Prices) -> list[Cost]:
    """A month of the measured load, cheapest first."""
    month = _DAYS_A_MONTH / load.days
    storage = load.storage_usd * month
    found = []
    if prices.pod_usd_per_hour is not None:
        found.append(Cost(Way.POD, storage, prices.pod_usd_per_hour * load.running_hours * month))
        found.append(Cost(Way.POD_ALWAYS_ON, storage + prices.pod_usd_per_hour * 24 * _DAYS_A_MONTH, 0.0))
    if prices.spot_usd_per_hour is not None:
        found.append(Cost(Way.SPOT, storage, prices.spot_usd_per_hour * load.running_hours * month))
    found += [_workstation(load, prices, month), _hosted(load, prices, month)]
    return sorted(found, key=lambda cost: cost.usd)


def _workstation(load: Load, prices: Prices, month: float) -> Cost:
    """It is bought once and stays on."""
    busy = load.busy_hours * month
    idle = 24 * _DAYS_A_MONTH - busy
    idle_usd = idle * prices.workstation_idle_watts.value / 1000 * prices.kwh_usd.value
    busy_usd = busy * prices.workstation_busy_watts.value / 1000 * prices.kwh_usd.value
    return Cost(Way.WORKSTATION, prices.workstation_usd.value / prices.workstation_months.value + idle_usd, busy_usd)


def _hosted(load: Load, prices: Prices, month: float) -> Cost:
    prompt = load.prompt_tokens * prices.api_prompt_usd.value
    generated = load.generated_tokens * prices.api_generated_usd.value
    return Cost(Way.HOSTED_API, 0.0, (prompt + generated) / 1e6 * month)
