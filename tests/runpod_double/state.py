"""An account at RunPod: its pods, how they change with time, what they cost, and everything that was asked."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CANARY = "canary-3f9c"
_STORAGE_USD_PER_GB_HOUR = 0.20 / (30 * 24)  # of a stopped pod's volume
_ALLOWED = {
    "PROVISIONING": ["stop", "terminate"],
    "STARTING": ["stop", "terminate"],
    "RUNNING": ["stop", "restart", "terminate"],
    "EXITED": ["start", "terminate"],
    "ERROR": ["start", "terminate"],
    "TERMINATED": [],
}


@dataclass
class FakePod:
    """One pod. Tests change its fields as they like.

    Attributes:
        rate: USD per hour while it runs.
        has_runtime: whether figures of the container come once it runs.
        host_is_full: its host has no free GPU when it is to start.
        plan: states that are still to come, each with its time.
        ran: spans of time in which it ran; the last has no end while it does.
    """

    id: str
    name: str = "ondol"
    status: str = "EXITED"
    gpu_type: str = "NVIDIA GeForce RTX 4090"
    gpu_count: int = 1
    rate: float = 0.69
    locked: bool = False
    is_spot: bool = False
    volume_gb: int = 50
    network_volume_id: str = ""
    data_center: str = "US-KS-2"
    gpu_util: int = 0
    gpu_memory_util: int = 62
    has_runtime: bool = True
    host_is_full: bool = False
    started_at: datetime | None = None
    plan: list[tuple[datetime, str]] = field(default_factory=list)
    ran: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    log: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        return {
            "HF_TOKEN": f"hf_{CANARY}",
            "DATABASE_URL": f"postgresql://ondol:{CANARY}@127.0.0.1/ondol",
            "RUNPOD_API_KEY": f"rpa_{CANARY}",
        }

    @property
    def actions(self) -> list[str]:
        return [action for action in _ALLOWED[self.status] if not (self.locked and action in ("stop", "restart"))]


@dataclass(frozen=True)
class Recorded:
    """A request as it came. `action` is that of REST, `query` the text of GraphQL."""

    operation: str
    method: str
    path: str
    params: dict[str, str]
    action: str = ""
    query: str = ""
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def terminates(self) -> bool:
        return self.method == "DELETE" or self.action == "terminate" or "terminate" in self.query.lower()


@dataclass
class Account:
    """Everything behind one key.

    Attributes:
        now: the time, aware.
        provision_s, start_s, stop_s: seconds that a pod is PROVISIONING, STARTING, and RUNNING after a stop.
        gpu_types: the catalogue, as REST tells it with its availability.
        sold_out: ids of types that were free when the catalogue was read and are not any more.
        volumes, templates: of the network, and of pods, as REST tells them.
        pages: what the page on a pod says of itself, by the pod's id; without it RunPod's proxy answers.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    provision_s: float = 20.0
    start_s: float = 40.0
    stop_s: float = 5.0
    pods: dict[str, FakePod] = field(default_factory=dict)
    gpu_types: list[dict[str, Any]] = field(default_factory=lambda: [dict(each) for each in CATALOGUE])
    sold_out: set[str] = field(default_factory=set)
    volumes: list[dict[str, Any]] = field(default_factory=lambda: [dict(VOLUME)])
    templates: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def add(self, pod: FakePod) -> FakePod:
        """Takes a pod in; one that runs has been doing so for an hour."""
        self.pods[pod.id] = pod
        if pod.status == "RUNNING":
            self._enter(pod, "RUNNING", self.now() - timedelta(hours=1))
        return pod

    def order(self, body: dict[str, Any]) -> FakePod:
        """A new pod as it was asked for, on its way up."""
        gpu = next(each for each in self.gpu_types if each["id"] == body["gpu"]["id"])
        mounts, count = body.get("mounts", {}), body["gpu"].get("count", 1)
        pod = FakePod(
            f"new{len(self.pods)}pod",
            body["name"],
            gpu_type=gpu["id"],
            gpu_count=count,
            rate=gpu["price"][body.get("cloud", "SECURE").lower()] * count,
            volume_gb=mounts.get("persistent", {}).get("size", 0),
            network_volume_id=next((mount["volumeId"] for mount in mounts.get("network", [])), ""),
        )
        self.pods[pod.id] = pod
        self.apply(pod, "start")
        return pod

    def settled(self) -> dict[str, FakePod]:
        """The pods as they are now."""
        now = self.now()
        for pod in self.pods.values():
            while pod.plan and pod.plan[0][0] <= now:
                at, status = pod.plan.pop(0)
                self._enter(pod, status, at)
        return self.pods

    def apply(self, pod: FakePod, action: str) -> None:
        """Begins what was asked for."""
        now = self.now()
        match action:
            case "start":
                self._enter(pod, "PROVISIONING", now)
                starting = now + timedelta(seconds=self.provision_s)
                pod.plan = [(starting, "STARTING"), (starting + timedelta(seconds=self.start_s), "RUNNING")]
            case "stop":
                pod.plan = [(now + timedelta(seconds=self.stop_s), "EXITED")]
            case "restart":
                self._enter(pod, "STARTING", now)
                pod.plan = [(now + timedelta(seconds=self.start_s), "RUNNING")]
            case "terminate":
                self._enter(pod, "TERMINATED", now)
                pod.plan = []

    @property
    def terminations(self) -> list[Recorded]:
        """Requests that would have deleted a pod: there must never be one."""
        return [request for request in self.requests if request.terminates]

    def asked(self, operation: str) -> int:
        """How many requests there were of a kind."""
        return sum(request.operation == operation for request in self.requests)

    def charges(self, pod: FakePod, since: datetime, until: datetime) -> dict[str, float]:
        """What a pod cost in a span of time, in USD."""
        now = self.now()
        ran_s = 0.0
        for begin, end in pod.ran:
            ran_s += max(0.0, (min(end or now, until, now) - max(begin, since)).total_seconds())
        whole_s = max(0.0, (min(until, now) - since).total_seconds())
        gpu = pod.rate * ran_s / 3600
        disk = pod.volume_gb * _STORAGE_USD_PER_GB_HOUR * (whole_s - ran_s / 2) / 3600
        return {"totalAmount": gpu + disk, "gpuAmount": gpu, "cpuAmount": 0.0, "diskAmount": disk}

    def _enter(self, pod: FakePod, status: str, at: datetime) -> None:
        if pod.ran and pod.ran[-1][1] is None and status in ("EXITED", "ERROR", "TERMINATED"):
            pod.ran[-1] = (pod.ran[-1][0], at)
        elif status in ("PROVISIONING", "RUNNING") and not (pod.ran and pod.ran[-1][1] is None):
            pod.ran.append((at, None))
        if status == "RUNNING":
            pod.started_at = at
        pod.status = status
        pod.log.append((at, f"pod is {status}"))


def _gpu(name: str, memory: int, secure: float, community: float, stock: str) -> dict[str, Any]:
    """An entry of the catalogue; `stock` is the availability, and where there is any, one data center has it."""
    centers = [] if stock == "NONE" else [{"id": "EU-RO-1", "name": "Romania 1", "availability": stock}]
    return {
        "id": f"NVIDIA {name}",
        "name": name.removeprefix("GeForce "),
        "pool": None,
        "manufacturer": "NVIDIA",
        "memory": memory,
        "secure": secure > 0,
        "community": community > 0,
        "price": {"secure": secure, "community": community},
        "maxCount": {"secure": 8, "community": 4 if community else 0},
        "availability": stock,
        **({"dataCenters": centers} if centers else {}),
    }


VOLUME = {"id": "nv7q2", "name": "shelf", "size": 100, "dataCenter": "EU-RO-1", "type": "STANDARD"}
CATALOGUE = (
    _gpu("GeForce RTX 4090", 24, 0.69, 0.34, "NONE"),
    _gpu("GeForce RTX 3090", 24, 0.46, 0.22, "LOW"),
    _gpu("L4", 24, 0.43, 0.0, "HIGH"),
    _gpu("RTX A5000", 24, 0.27, 0.16, "NONE"),
    _gpu("L40S", 48, 0.86, 0.79, "MEDIUM"),
    _gpu("A100 80GB PCIe", 80, 1.64, 1.19, "HIGH"),
)


def example(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Account:
    """An account with pods of every kind: running, stopped, spot, on a network volume, and one without a GPU."""
    account = Account(now)
    account.add(FakePod("pod0main", "ondol", "RUNNING"))
    account.add(FakePod("pod1cold", "ondol-night", "EXITED", gpu_type="NVIDIA L4", rate=0.43, volume_gb=20))
    account.add(FakePod("pod2spot", "batch", "RUNNING", gpu_type="NVIDIA RTX A5000", rate=0.16, is_spot=True))
    account.add(
        FakePod("pod3net", "reviews", "RUNNING", gpu_count=2, rate=1.38, volume_gb=0, network_volume_id="nv7q2")
    )
    account.add(FakePod("pod4cpu", "backup", "RUNNING", gpu_type="", gpu_count=0, rate=0.06, volume_gb=0))
    return account
