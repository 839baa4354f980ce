"""What a pod is to the rest of the code, and what can be asked of whoever rents it out.

A pod's environment variables hold keys and passwords and RunPod sends them with every answer. There is no
field for them here, so nothing that holds a `Pod` can show or log them. Nor is there a way to delete a pod.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

_POD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


class PodStatus(StrEnum):
    """Where a pod is in its life. UNKNOWN: the provider used a word this release does not know."""

    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"
    UNKNOWN = "UNKNOWN"


class PodAction(StrEnum):
    """What can be asked of a pod."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


class Availability(StrEnum):
    """How many GPUs of a type are free to rent now. UNKNOWN: the provider did not say."""

    NONE = "NONE"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class GpuReading:
    """One GPU as the provider sees it from outside, in percent; None where it does not say."""

    util_percent: float | None
    memory_percent: float | None


@dataclass(frozen=True)
class Pod:
    """A rented machine as it was told at one moment.

    Attributes:
        actions: what the provider would accept now.
        locked: it refuses to be stopped until somebody unlocks it in RunPod's console.
        cost_per_hour: USD per hour now, 0 while stopped (so keep the last rate); None when not told.
        started_at: of the container, aware.
        uptime_s: seconds since then, None unless there is a runtime.
        gpus: empty unless there is a runtime.
        has_runtime: the provider sees the container's figures; RUNNING without one is still coming up.
        gpu_type: the provider's id of the type, empty on a machine without a GPU.
        volume_gb, volume_path: the volume that survives a stop; 0 and empty when there is none.
        container_disk_gb: is lost in a stop.
        network_volume_id: of a volume that outlives the pod, mounted at `volume_path`; its size is not told.
        is_spot: may be taken away by a higher bid; None when not told.
    """

    id: str
    name: str
    status: PodStatus
    actions: frozenset[PodAction] = frozenset()
    locked: bool = False
    cost_per_hour: float | None = None
    started_at: datetime | None = None
    uptime_s: float | None = None
    gpus: tuple[GpuReading, ...] = ()
    has_runtime: bool = False
    gpu_type: str = ""
    gpu_count: int = 0
    volume_gb: float = 0.0
    volume_path: str = ""
    container_disk_gb: float = 0.0
    network_volume_id: str = ""
    data_center: str = ""
    is_spot: bool | None = None


@dataclass(frozen=True)
class BillingLine:
    """What one pod cost from `since` up to `until` (aware), in USD."""

    pod_id: str
    since: datetime
    until: datetime
    total_usd: float
    gpu_usd: float
    cpu_usd: float
    disk_usd: float


@dataclass(frozen=True, slots=True)
class NetworkVolume:
    """A volume that outlives pods; its size in GB."""

    id: str
    name: str
    size_gb: int
    data_center: str


@dataclass(frozen=True)
class GpuType:
    """A kind of GPU that can be rented.

    Attributes:
        id: as in `Pod.gpu_type`.
        secure_price, community_price: USD per hour for one GPU in that cloud, None when it is not offered there.
        availability: stock for pods in the secure cloud, with as many GPUs as were asked for.
        data_centers: ids of those that have one free; empty when not told.
    """

    id: str
    name: str
    memory_gb: float
    secure_price: float | None
    community_price: float | None
    availability: Availability
    data_centers: tuple[str, ...] = ()


class PodProvider(Protocol):
    """Somebody who rents out pods.

    `start`, `stop` and `restart` return once the request was accepted, which is not the same as done: read the pod
    again to know. Every method raises the errors of `backend.errors.pod`, and these only.
    """

    @property
    def name(self) -> str:
        """For people and logs, e.g. `RunPod REST v2`."""

    async def list(self) -> list[Pod]:
        """All pods the key sees."""

    async def get(self, pod_id: str) -> Pod:
        """Raises UnknownPod."""

    async def start(self, pod_id: str) -> None:
        """Raises NoGpuFree, PodActionNotAllowed; PodActionUncertain when it may have been applied."""

    async def stop(self, pod_id: str) -> None:
        """Raises PodLocked, PodActionNotAllowed; PodActionUncertain when it may have been applied."""

    async def restart(self, pod_id: str) -> None:
        """Raises PodLocked, PodActionNotAllowed; PodActionUncertain when it may have been applied."""

    def logs(self, pod_id: str, *, tail: int = 100, silence_s: float = 2.0) -> AsyncIterator[str]:
        """The last `tail` lines with their times, then new ones; ends when nothing came for `silence_s` seconds.

        Raises NotOffered where the provider has no logs.
        """

    async def billing(self, pod_id: str, since: datetime, until: datetime) -> Sequence[BillingLine]:
        """What the pod cost, by hour, from `since` up to `until` (aware). Raises NotOffered."""

    async def network_volume_gb(self, volume_id: str) -> float | None:
        """Size of a network volume; None when the key does not see it. Raises NotOffered."""

    async def gpu_types(self, count: int) -> Sequence[GpuType]:
        """What can be rented, `count` GPUs in one pod, and at which price of one, cheapest first."""

    async def close(self) -> None:
        """Closes connections; nothing may be asked afterwards."""


def is_pod_id(text: str) -> bool:
    """Whether this can be a pod's id: nothing else may get into an address or a query."""
    return _POD_ID.fullmatch(text) is not None
