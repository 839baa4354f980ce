"""What RunPod's answers say, as our own types: REST v2 and GraphQL.

An answer holds the pod's environment and its command line, and with them keys and passwords. Here only named fields are
copied out, so the rest ends with the answer. A field that is missing, new or of another type never breaks reading: what
is not understood counts as not told.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from backend.errors import (
    NoGpuFree,
    OndolError,
    PodActionUncertain,
    PodLocked,
    QuotaReached,
    RunpodBalanceEmpty,
    RunpodUnavailable,
)
from backend.pod.pods import (
    Availability,
    BillingLine,
    GpuReading,
    GpuType,
    NetworkVolume,
    Pod,
    PodAction,
    PodStatus,
    is_pod_id,
)

# RunPod has no code for these, only sentences, which have changed over the years.
_NO_GPU = re.compile(
    r"not enough free gpus|no longer any instances|no (free )?(gpus?|instances?|capacity)\b|out of (stock|capacity)"
    r"|insufficient capacity|does not have the resources",
    re.IGNORECASE,
)
_LOCKED = re.compile(r"\block(ed)?\b", re.IGNORECASE)
_BALANCE = re.compile(r"\b(balance|funds)\b", re.IGNORECASE)
_QUOTA = re.compile(
    r"\b(quota|(maximum|limit) (of|on|for|reached)|limit (is|was) reached|too many pods)\b", re.IGNORECASE
)
_FREE = frozenset({Availability.LOW, Availability.MEDIUM, Availability.HIGH})

# GraphQL tells what a pod is meant to be, in other words than REST.
_DESIRED = {
    "CREATED": PodStatus.PROVISIONING,
    "RUNNING": PodStatus.RUNNING,
    "RESTARTING": PodStatus.STARTING,
    "EXITED": PodStatus.EXITED,
    "DEAD": PodStatus.ERROR,
    "TERMINATED": PodStatus.TERMINATED,
}
_ALLOWED = {
    PodStatus.PROVISIONING: frozenset({PodAction.STOP}),
    PodStatus.STARTING: frozenset({PodAction.STOP}),
    PodStatus.RUNNING: frozenset({PodAction.STOP}),
    PodStatus.EXITED: frozenset({PodAction.START}),
    PodStatus.ERROR: frozenset({PodAction.START}),
}


def pod_of_rest(raw: object) -> Pod | None:
    """A `Pod` of REST v2; None when it has no usable id."""
    fields = _map(raw)
    pod_id = _text(fields, "id")
    if not is_pod_id(pod_id):
        return None
    runtime = fields.get("runtime")
    mounts, gpu = _map(fields.get("mounts")), _map(fields.get("gpu"))
    persistent = _map(mounts.get("persistent"))
    network = next((_map(mount) for mount in _list(mounts.get("network"))), {})
    return Pod(
        id=pod_id,
        name=_text(fields, "name"),
        status=_status(_text(fields, "status")),
        actions=frozenset(action for action in PodAction if action in _list(fields.get("actions"))),
        locked=fields.get("locked") is True,
        cost_per_hour=_number(fields, "cost"),
        started_at=_time(fields, "startedAt"),
        uptime_s=_number(_map(runtime), "uptime"),
        gpus=tuple(
            GpuReading(_number(_map(each), "util"), _number(_map(each), "memoryUtil"))
            for each in _list(_map(runtime).get("gpus"))
        ),
        has_runtime=isinstance(runtime, Mapping),
        gpu_type=_text(gpu, "id"),
        gpu_count=_count(gpu, "count", 1 if gpu else 0),
        volume_gb=_number(persistent, "size") or 0.0,
        volume_path=_text(persistent, "path") or _text(network, "path"),
        container_disk_gb=_number(fields, "disk") or 0.0,
        network_volume_id=_text(network, "volumeId"),
        data_center=_text(fields, "dataCenterId"),
    )


def pod_of_graphql(raw: object) -> Pod | None:
    """A `Pod` of GraphQL; None when it has no usable id.

    A pod that is meant to have exited but still has a runtime has not: it counts as running.
    """
    fields = _map(raw)
    pod_id = _text(fields, "id")
    if not is_pod_id(pod_id):
        return None
    runtime, machine = fields.get("runtime"), _map(fields.get("machine"))
    status = _DESIRED.get(_text(fields, "desiredStatus"), PodStatus.UNKNOWN)
    if status is PodStatus.EXITED and isinstance(runtime, Mapping):
        status = PodStatus.RUNNING
    locked = fields.get("locked") is True
    actions = _ALLOWED.get(status, frozenset())
    kind = _text(fields, "podType")
    return Pod(
        id=pod_id,
        name=_text(fields, "name"),
        status=status,
        actions=actions - {PodAction.STOP} if locked else actions,
        locked=locked,
        cost_per_hour=0.0 if status in (PodStatus.EXITED, PodStatus.TERMINATED) else _number(fields, "costPerHr"),
        started_at=_time(fields, "lastStartedAt"),
        uptime_s=_number(_map(runtime), "uptimeInSeconds"),
        gpus=tuple(
            GpuReading(_number(_map(each), "gpuUtilPercent"), _number(_map(each), "memoryUtilPercent"))
            for each in _list(_map(runtime).get("gpus"))
        ),
        has_runtime=isinstance(runtime, Mapping),
        gpu_type=_text(machine, "gpuTypeId"),
        gpu_count=_count(fields, "gpuCount", 0),
        volume_gb=_number(fields, "volumeInGb") or 0.0,
        volume_path=_text(fields, "volumeMountPath"),
        container_disk_gb=_number(fields, "containerDiskInGb") or 0.0,
        network_volume_id=_text(fields, "networkVolumeId"),
        data_center=_text(machine, "dataCenterId"),
        is_spot=kind == "INTERRUPTABLE" if kind else None,
    )


def billing_line_of(raw: object) -> BillingLine | None:
    """A record of REST v2's pod billing; None when it does not say what was paid, for what or when."""
    fields = _map(raw)
    since, until, total = _time(fields, "startTime"), _time(fields, "endTime"), _number(fields, "totalAmount")
    pod_id = _text(fields, "podId")
    if since is None or until is None or total is None or not is_pod_id(pod_id):
        return None
    parts = (_number(fields, name) or 0.0 for name in ("gpuAmount", "cpuAmount", "diskAmount"))
    return BillingLine(pod_id, since, until, total, *parts)


def network_volumes_of(raw: Mapping[str, Any]) -> list[NetworkVolume]:
    """Those of REST v2's list. Raises RunpodUnavailable when it is none."""
    if not isinstance(listed := raw.get("networkVolumes"), list):
        raise RunpodUnavailable(reason="no networkVolumes")
    return [volume for volume in map(network_volume_of, listed) if volume is not None]


def network_volume_of(raw: object) -> NetworkVolume | None:
    """None for what has no id or no size."""
    fields = _map(raw)
    found, size = _text(fields, "id"), fields.get("size")
    if not is_pod_id(found) or not isinstance(size, int):
        return None
    return NetworkVolume(found, _text(fields, "name"), size, _text(fields, "dataCenter"))


def gpu_type_of_rest(raw: object) -> GpuType | None:
    """An entry of REST v2's catalogue, asked with its availability; None without an id."""
    fields = _map(raw)
    price = _map(fields.get("price"))
    centers = [_map(each) for each in _list(fields.get("dataCenters"))]
    if not _text(fields, "id"):
        return None
    return GpuType(
        id=_text(fields, "id"),
        name=_text(fields, "name") or _text(fields, "id"),
        memory_gb=_number(fields, "memory") or 0.0,
        secure_price=_price(price, "secure", offered=fields.get("secure")),
        community_price=_price(price, "community", offered=fields.get("community")),
        availability=_availability(_text(fields, "availability")),
        data_centers=tuple(
            _text(center, "id") for center in centers if _availability(_text(center, "availability")) in _FREE
        ),
    )


def gpu_type_of_graphql(raw: object) -> GpuType | None:
    """An entry of GraphQL's `gpuTypes`; None without an id."""
    fields = _map(raw)
    if not _text(fields, "id"):
        return None
    return GpuType(
        id=_text(fields, "id"),
        name=_text(fields, "displayName") or _text(fields, "id"),
        memory_gb=_number(fields, "memoryInGb") or 0.0,
        secure_price=_price(fields, "securePrice", offered=fields.get("secureCloud")),
        community_price=_price(fields, "communityPrice", offered=fields.get("communityCloud")),
        availability=_availability(_text(_map(fields.get("lowestPrice")), "stockStatus").upper()),
    )


def cheapest_first(types: list[GpuType]) -> list[GpuType]:
    """By the lower of the two prices; those without any come last."""
    prices = {each.id: [p for p in (each.secure_price, each.community_price) if p is not None] for each in types}
    return sorted(types, key=lambda each: (min(prices[each.id], default=float("inf")), each.id))


def refusal_told(sentence: object, pod_id: str, action: PodAction) -> OndolError | None:
    """The error behind a sentence with which RunPod refused an action; None when the sentence is another one."""
    text = sentence if isinstance(sentence, str) else ""
    if action is PodAction.START and _NO_GPU.search(text):
        return NoGpuFree(pod=pod_id)
    if action is PodAction.START and _BALANCE.search(text):
        return RunpodBalanceEmpty()
    if _LOCKED.search(text):
        return PodLocked(pod=pod_id, action=action)
    return None


def refusal_of_creation(sentence: str) -> OndolError | None:
    """The error behind a sentence with which RunPod refused to create something; None when it is another one."""
    if _NO_GPU.search(sentence):
        return NoGpuFree(pod="–")
    if _BALANCE.search(sentence):
        return RunpodBalanceEmpty()
    return QuotaReached() if _QUOTA.search(sentence) else None


def uncertain(pod_id: str, action: PodAction, reason: str) -> PodActionUncertain:
    """The request has left; whether it was applied is not known."""
    return PodActionUncertain(pod=pod_id, action=action, reason=reason)


def header_key(key: SecretStr) -> str:
    """The key as it goes into a header; the error that a header cannot be written would quote it."""
    return re.sub(r"[^\x21-\x7e]", "?", key.get_secret_value().strip())


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _number(fields: Mapping[str, Any], name: str) -> float | None:
    """A number from 0 to 10^15: money, sizes and times are never negative, and nothing here is larger."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e15:
        return None
    return float(value)


def _count(fields: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = _number(fields, name)
    return otherwise if value is None else int(value)


def _price(fields: Mapping[str, Any], name: str, *, offered: object) -> float | None:
    """None where the type is not offered; RunPod then gives no price or 0."""
    return (_number(fields, name) or None) if offered is True else None


def _time(fields: Mapping[str, Any], name: str) -> datetime | None:
    """In UTC, which RunPod means where it names no zone."""
    try:
        value = datetime.fromisoformat(_text(fields, name))
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _status(text: str) -> PodStatus:
    return next((status for status in PodStatus if status == text), PodStatus.UNKNOWN)


def _availability(text: str) -> Availability:
    return next((level for level in Availability if level == text), Availability.UNKNOWN)
