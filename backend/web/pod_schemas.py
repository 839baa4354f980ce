"""What the API of the pod takes and gives: the schemas of its OpenAPI page."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, model_validator

from backend.errors import InvalidRequest, Text
from backend.pod.compare import Way
from backend.pod.console import Standing
from backend.pod.costs import Label
from backend.pod.machine import Kind, Phase
from backend.pod.options import PodOptions
from backend.pod.pods import PodAction, PodStatus
from backend.pod.sample import Verdict
from backend.pod.schedule import Change
from backend.web.chat_schemas import Line

PodId = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$", description="Left out: this app's own.")]
_BOTH_OR_NONE = Text("`minutes`와 `until` 가운데 하나만 주세요", "give either `minutes` or `until`")


class Body(BaseModel):
    """What is sent: a field nobody knows is an error."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What is returned, read from the dataclasses of `backend.pod`."""

    model_config = ConfigDict(from_attributes=True)


class StopOrder(Body):
    """A stop, confirmed."""

    confirm: StrictBool | PodId = Field(description="`true`, or the id of the pod.", examples=[True])
    pod_id: PodId = ""
    reason: Line = Field("", max_length=200, description="Kept in the audit.")


class PodOrder(Body):
    """Which pod it is about."""

    pod_id: PodId = ""


class AwakeOrder(Body):
    """How long the pod is to stay awake."""

    minutes: int | None = Field(None, ge=1, le=1440, examples=[30])
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "AwakeOrder":
        if (self.minutes is None) == (self.until is None):
            raise InvalidRequest(reason=_BOTH_OR_NONE)
        return self


class ReplayOrder(Body):
    """Which settings to try, and on how much of the past."""

    settings: PodOptions = Field(default_factory=PodOptions, description="What is left out is as it is now.")
    hours: float = Field(24.0, ge=1, le=336)


class PodBrief(Shown):
    """What everybody may know of the pod."""

    standing: Standing = Field(description="`pod`; `no_key`: a pod without a key; `no_pod`: not on RunPod.")
    phase: Phase
    until: datetime | None = Field(description="End of the countdown, while `phase` is `warned`.")
    called_off_by_work: bool = Field(description="Somebody who works now ends the countdown.")
    is_draining: bool = Field(description="New work is refused now.")
    keep_awake_until: datetime | None


class PodFacts(Shown):
    """A pod as RunPod told it."""

    id: str
    name: str
    status: PodStatus
    actions: list[PodAction]
    locked: bool
    cost_per_hour: float | None = Field(description="USD; 0 while stopped.")
    started_at: datetime | None
    has_runtime: bool
    gpu_type: str
    gpu_count: int
    volume_gb: float = Field(description="Of the volume that survives a stop.")
    volume_path: str
    container_disk_gb: float = Field(description="Is lost in a stop.")
    network_volume_id: str
    data_center: str
    is_spot: bool | None


class NeedShown(BaseModel):
    """One thing that keeps it from stopping, or the reason why it stops."""

    code: str = Field(examples=["busy"])
    text: str = Field(description="In the reader's language.")
    signal: str
    until: datetime | None


class DecisionShown(BaseModel):
    """What came of the last check."""

    wants_stop: bool
    reason: NeedShown
    needs: list[NeedShown] = Field(description="All that has to change before it stops.")
    stops_at: datetime | None = Field(description="The earliest, if all stays idle.")
    checks: int = Field(description="Idle checks in a row.")
    checks_needed: int


class SignalShown(BaseModel):
    """One source's word."""

    name: str = Field(examples=["gpu"])
    verdict: Verdict
    value: str
    age_s: float
    source: str
    detail: str


class StopShown(BaseModel):
    """A stop under way, or the last one."""

    kind: Kind | None
    actor: str
    reason: str
    attempts: int
    requested_at: datetime | None
    until: datetime | None = Field(description="End of the phase: countdown, grace, reading back, next attempt.")
    escalated: bool
    trouble: str | None = Field(description="What went wrong last, as a code.")


class GpuShown(Shown):
    """A GPU of this machine."""

    name: str
    percent: float | None
    memory_used_bytes: int | None
    memory_bytes: int | None
    celsius: float | None
    watts: float | None


class EngineShown(Shown):
    """The model server, between the last two checks; null what it does not tell."""

    prompt_tokens: int
    generated_tokens: int
    finished: int | None
    tokens_per_s: float | None
    running: int | None
    waiting: int | None
    kv_percent: float | None
    prefix_hit_percent: float | None
    ttft_p50_s: float | None
    ttft_p95_s: float | None


class SpendingShown(Shown):
    """Of a time, in USD."""

    gpu_usd: float
    storage_usd: float
    total_usd: float
    label: Label


class MoneyShown(BaseModel):
    """What the pod costs, in USD."""

    rate_usd: float | None = Field(description="An hour while it runs.")
    session_usd: float | None
    session_since: datetime | None
    today: SpendingShown
    month: SpendingShown
    storage_usd_a_day: float | None = Field(description="While stopped; null: a network volume of unknown size.")
    saved_usd: float | None = Field(description="This month, by stopping.")
    always_on_usd: float | None = Field(description="This whole month without a stop.")
    billed_at: datetime | None
    bill_problem: str | None = Field(description="Code of the error in reading the bill.")
    known_since: datetime | None


class DueShown(Shown):
    """A start or stop by the schedule."""

    change: Change
    at: datetime


class PodShown(PodBrief):
    """Everything that is known of the pod now, for admins."""

    at: datetime
    pod_id: str
    missing: list[str] = Field(description="Settings without which the pod cannot be seen or stopped.")
    pod: PodFacts | None = Field(description="As last read.")
    pod_seen_at: datetime | None
    pod_problem: dict[str, Any] | None = Field(description="Why it could not be read the last time.")
    stop: StopShown
    decision: DecisionShown | None
    stops_at: datetime | None = Field(description="The earliest stop if all stays idle, countdown included.")
    signals: list[SignalShown]
    ready_since: datetime | None
    last_activity_at: datetime | None
    last_activity: str
    acts: bool = Field(description="False while a watchdog acts on the pod.")
    next_change: DueShown | None
    waiting_stop_since: datetime | None
    waiting_start_since: datetime | None
    restart_s: float | None = Field(description="Median of the starts measured.")
    gpus: list[GpuShown]
    engine: EngineShown | None
    money: MoneyShown
    work: dict[str, int] = Field(description="The app's own work in hand, by kind.")


class AuditLine(Shown):
    """One line of the audit."""

    id: str
    at: datetime
    event: str = Field(examples=["stop_requested"])
    actor: str = Field(examples=["policy", "user:mina"])
    pod_id: str
    detail: dict[str, Any]


class PointShown(Shown):
    """One step of the charts."""

    at: datetime
    gpu_percent: float | None
    gpu_memory_percent: float | None
    gpu_celsius: float | None
    gpu_watts: float | None
    prompt_tokens: int | None
    generated_tokens: int | None
    requests_running: int | None
    requests_waiting: int | None
    busy: bool


class ChartShown(Shown):
    """Recorded checks in even steps; steps without a check are left out."""

    since: datetime
    step_s: float
    points: list[PointShown]


class SettingsShown(BaseModel):
    """The settings in force."""

    settings: PodOptions
    changed: list[str] = Field(description="Those that differ from the environment.")


class WouldHave(Shown):
    """A stop that would have been."""

    at: datetime
    reason: str
    work_after_s: float | None = Field(description="Seconds until work came; null: none came.")


class ReplayShown(Shown):
    """What other settings would have done."""

    since: datetime | None
    until: datetime | None
    checks: int
    stops: list[WouldHave]
    off_hours: float
    saved_usd: float | None
    restart_s: float = Field(description="What a restart was counted as.")


class ProposalShown(Shown):
    """What was learnt from the kept checks."""

    pauses: int = Field(description="Pauses it was learnt from; below 30 nothing is proposed.")
    cycle_minutes: int
    by_hour: bool
    timeouts_min: list[float | None] = Field(description="Minutes of idleness before a stop, by hour (UTC).")
    best_fixed_min: float = Field(description="The one timeout that would have cost least.")
    cost_s: float = Field(description="Idle cost of the learnt rule, in seconds of the pod's price.")
    cost_fixed_s: float = Field(description="Of that timeout.")


class WayShown(BaseModel):
    """A month of the measured load, one way."""

    way: Way
    usd: float
    fixed_usd: float = Field(description="Due without any work.")
    variable_usd: float


class LoadShown(Shown):
    """What was measured."""

    days: float
    running_hours: float
    busy_hours: float
    prompt_tokens: int
    generated_tokens: int
    storage_usd: float


class PriceShown(BaseModel):
    """A price the ways were reckoned with. `source` is where it is from."""

    name: str
    value: float | None
    source: str | None


class CostsShown(BaseModel):
    """The account, and the ways to run this load."""

    money: MoneyShown
    tokens_per_usd: float | None
    reviews_per_usd: float | None
    load: LoadShown | None
    ways: list[WayShown] = Field(description="Cheapest first.")
    prices: list[PriceShown]


class LogLines(BaseModel):
    """The last lines of a pod's log."""

    lines: list[str]
