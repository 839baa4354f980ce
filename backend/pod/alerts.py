"""What people are told when a pod needs them, in both languages."""

from dataclasses import dataclass
from datetime import datetime

from backend.errors import Language, OndolError, Text
from backend.pod.machine import Progress
from backend.pod.pods import GpuType, Pod, PodStatus

_STOP_FAILED = Text(
    "파드 {pod}를 끄지 못했습니다. {attempts}번 시도했고 마지막으로 본 상태는 {status}입니다. {cost}{trouble}",
    "Pod {pod} could not be stopped: tried {attempts} times, last seen {status}. {cost}{trouble}",
)
_STOP_SUBJECT = Text("온돌: GPU 파드가 꺼지지 않습니다", "Ondol: the GPU pod does not stop")
_COST = Text("한 시간에 ${rate:.2f}씩 나가고 있습니다. ", "It costs ${rate:.2f} an hour. ")
_START_SUBJECT = Text("온돌: GPU 파드가 켜지지 않습니다", "Ondol: the GPU pod does not start")
_START_FAILED = Text(
    "일정에 따라 파드 {pod}를 켜려 했지만 되지 않았습니다. 계속 다시 해 봅니다. {trouble}{instead}",
    "The schedule wants pod {pod} started, and that did not work. It is tried again. {trouble}{instead}",
)
_INSTEAD = Text(" 지금 빌릴 수 있는 것: {types}.", " Free to rent now: {types}.")
_NONE_INSTEAD = Text(" 다른 종류도 지금은 없습니다.", " No other type is free now either.")


@dataclass(frozen=True)
class Offer:
    """GPUs that could be rented in place of a pod's own, with the price of all of them."""

    gpu: GpuType
    count: int
    usd_per_hour: float


@dataclass(frozen=True)
class Alert:
    """One message to people.

    Attributes:
        event: for programs: `stop_failed`, `start_failed`.
        incident: the same for everything about one trouble.
    """

    event: str
    subject: Text
    text: Text
    incident: str
    pod_id: str
    at: datetime


def stop_failed(pod_id: str, pod: Pod | None, progress: Progress, now: datetime) -> Alert:
    """A stop that was asked for again and again and did not happen."""
    empty = Text("", "")
    rate = pod.cost_per_hour if pod else None
    cost = Text(*(part.format(rate=rate) for part in _COST)) if rate else empty
    status = pod.status if pod else PodStatus.UNKNOWN
    trouble = progress.trouble.text if progress.trouble else empty
    text = Text(
        *(
            sentence.format(pod=pod_id, attempts=progress.attempts, status=status.value, cost=money, trouble=why)
            for sentence, money, why in zip(_STOP_FAILED, cost, trouble, strict=True)
        )
    )
    return Alert("stop_failed", _STOP_SUBJECT, text, progress.incident, pod_id, now)


def start_failed(pod_id: str, trouble: OndolError, instead: list[Offer] | None, incident: str, now: datetime) -> Alert:
    """A scheduled start that does not work. `instead`: free GPUs in its place; None where that is not the trouble."""
    hint = Text("", "")
    if instead is not None:
        types = ", ".join(
            f"{f'{each.count} × ' if each.count > 1 else ''}{each.gpu.name} {each.gpu.memory_gb:.0f} GB"
            f" ${each.usd_per_hour:.2f}/h"
            for each in instead
        )
        hint = Text(*(part.format(types=types) for part in (_INSTEAD if instead else _NONE_INSTEAD)))
    text = Text(
        *(
            sentence.format(pod=pod_id, trouble=trouble.message(language), instead=more)
            for sentence, language, more in zip(_START_FAILED, (Language.KO, Language.EN), hint, strict=True)
        )
    )
    return Alert("start_failed", _START_SUBJECT, text, incident, pod_id, now)
