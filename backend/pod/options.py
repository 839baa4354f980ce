"""What the operator may change while everything runs: policy, quiet hours, schedule, prices.

What is not changed follows the environment. The values are kept in the database.
"""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from backend.errors import Text
from backend.pod.compare import Price, Prices
from backend.pod.costs import Storage
from backend.pod.idle_rule import IdleRule
from backend.pod.pods import Pod
from backend.pod.policy import Config
from backend.pod.quiet import QuietWindow
from backend.pod.schedule import parse
from backend.settings import Settings

_ENTERED = Text("직접 넣은 값입니다.", "Entered by the operator.")


def _whole(value: object) -> object:
    """Refuses halves of surrogate pairs, which JSON can spell and no file or answer can hold."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("the text is not Unicode") from None
    return value


_Words = Annotated[str, BeforeValidator(_whole)]
_Usd = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class QuietHours(BaseModel):
    """Hours in which the pod must not be stopped for idleness."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: time = Field(examples=["09:00"])
    end: time = Field(description="At or before the start: on the next day.", examples=["19:00"])
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = Field(
        default=(0, 1, 2, 3, 4, 5, 6), min_length=1, max_length=7, description="Days on which it begins; 0 is Monday."
    )
    zone: _Words = Field(default="Asia/Seoul", max_length=64, description="A name of the IANA database.")

    @field_validator("start", "end")
    @classmethod
    def _on_the_wall(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("a time on the clock on the wall has no zone of its own")
        return value

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return _zone(value)

    @property
    def window(self) -> QuietWindow:
        return QuietWindow(self.start, self.end, self.weekdays, self.zone)


class EnteredPrices(BaseModel):
    """Prices in US dollars. Null: as told by RunPod, or as assumed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pod_usd_per_hour: _Usd | None = Field(default=None, description="Used where RunPod does not tell it.")
    spot_usd_per_hour: _Usd | None = None
    workstation_usd: _Usd | None = None
    workstation_months: Annotated[float, Field(ge=1, le=600)] | None = Field(
        default=None, description="Written off over."
    )
    workstation_busy_watts: _Usd | None = None
    workstation_idle_watts: _Usd | None = None
    kwh_usd: _Usd | None = None
    api_prompt_usd: _Usd | None = Field(default=None, description="Of a million tokens.")
    api_generated_usd: _Usd | None = Field(default=None, description="Of a million tokens.")

    def prices(self, pod_usd_per_hour: float | None) -> Prices:
        """Everything that has a price; what was not entered is assumed.

        Args:
            pod_usd_per_hour: as known.
        """
        entered = self.model_dump(exclude_none=True, exclude={"pod_usd_per_hour", "spot_usd_per_hour"})
        return Prices(
            pod_usd_per_hour=pod_usd_per_hour,
            spot_usd_per_hour=self.spot_usd_per_hour,
            **{name: Price(value, _ENTERED) for name, value in entered.items()},
        )


class PodOptions(BaseModel):
    """Everything that may be changed. What is left out when it is changed follows the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold_percent: float = Field(default=5.0, ge=0, le=100, description="GPU utilisation below which it is idle.")
    check_interval_s: int = Field(default=60, ge=1, le=3600, description="Seconds between two checks.")
    idle_limit: int = Field(default=5, ge=1, le=1440, description="Idle checks in a row after which it is stopped.")
    min_runtime_s: int = Field(default=600, ge=0, le=86_400, description="Seconds it runs at least, once it is ready.")
    warn_s: int = Field(default=120, ge=0, le=3600, description="Seconds of countdown in every open page.")
    grace_s: int = Field(default=60, ge=0, le=3600, description="Seconds that answers under way have to finish.")
    learnt: bool = Field(default=False, description="Stop as its history proposes, not after `idle_limit` checks.")
    quiet: tuple[QuietHours, ...] = Field(default=(), max_length=20, description="Hours in which it must not stop.")
    max_lifetime_s: float | None = Field(
        default=None, ge=60, le=31_536_000, description="Ends even a busy pod. Null: none."
    )
    money_ceiling_usd: Annotated[float, Field(gt=0, le=1_000_000)] | None = Field(
        default=None, description="Of a month; stops even a busy pod."
    )
    schedule: _Words = Field(default="", max_length=1000, examples=["mon-fri 09:00-19:00 Asia/Seoul; not 2026-12-25"])
    network_volume_gb: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=0.0, description="Size of the network volume; 0: as RunPod tells it."
    )
    zone: _Words = Field(default="Asia/Seoul", max_length=64, description="Where days and months begin for the costs.")
    prices: EnteredPrices = Field(default_factory=EnteredPrices)

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return _zone(value)

    @classmethod
    def of(cls, settings: Settings, changed: Mapping[str, Any]) -> Self:
        """The environment's values with those that were changed.

        Raises:
            pydantic.ValidationError: a changed value is out of range.
            InvalidSchedule
        """
        environment = {
            "threshold_percent": settings.idle_threshold,
            "check_interval_s": settings.check_interval_s,
            "idle_limit": settings.idle_limit,
            "min_runtime_s": settings.min_runtime_s,
            "warn_s": settings.idle_warning_s,
            "grace_s": settings.drain_grace_s,
            "schedule": settings.pod_schedule,
        }
        # The environment may hold what the form refuses; only what was changed here is checked.
        made = cls.model_validate(changed)
        made = made.model_copy(update={name: value for name, value in environment.items() if name not in changed})
        parse(made.schedule)
        return made

    def config(self, rule: IdleRule | None = None) -> Config:
        """What the policy goes by. A rule that was learnt for another check interval is left out."""
        fits = rule is not None and rule.interval_s == self.check_interval_s
        return Config(
            threshold_percent=self.threshold_percent,
            check_interval_s=self.check_interval_s,
            idle_limit=self.idle_limit,
            min_runtime_s=self.min_runtime_s,
            warn_s=self.warn_s,
            quiet=tuple(each.window for each in self.quiet),
            max_lifetime_s=self.max_lifetime_s,
            money_ceiling_usd=self.money_ceiling_usd,
            rule=rule if self.learnt and fits else None,
        )

    def storage(self, pod: Pod | None, network_gb: float | None) -> Storage:
        """What is paid for beside the GPU: a network volume takes the place of the pod's own.

        Args:
            network_gb: as told by the provider; None when it did not tell. What was entered goes before it.
        """
        if pod is not None and pod.network_volume_id:
            return Storage(0.0, self.network_volume_gb or network_gb)
        return Storage(pod.volume_gb if pod is not None else 0.0, self.network_volume_gb)


def _zone(name: str) -> str:
    QuietWindow(time(), time(), zone=name)  # raises ValueError for a zone that does not exist
    return name
