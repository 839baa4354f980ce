"""The rented GPU, as the person who pays for it is told about it.

None of these carries what RunPod wrote: its answers can hold a pod's passwords.
"""

from backend.errors.base import OndolError, Text


class RunpodKeyMissing(OndolError):
    code, status = "runpod_key_missing", 503
    what = Text(
        "RunPod 키가 없어서 파드를 볼 수도 끌 수도 없습니다.",
        "There is no RunPod key, so pods can be neither seen nor stopped.",
    )
    next_step = Text(
        "RUNPOD_API_KEY를 넣고 다시 시작해 주세요. 파드 안에서는 RunPod가 넣어 줍니다.",
        "Set RUNPOD_API_KEY and restart; inside a pod RunPod sets it.",
    )


class RunpodKeyRefused(OndolError):
    code, status = "runpod_key_refused", 502
    what = Text(
        "RunPod가 키를 받아 주지 않았습니다(HTTP {upstream_status}).",
        "RunPod did not accept the key (HTTP {upstream_status}).",
    )
    next_step = Text(
        "키가 살아 있고 이 파드를 보고 끌 권한이 있는지 RunPod 설정에서 확인해 주세요.",
        "Check in RunPod's settings that the key is alive and may read and stop this pod.",
    )


class UnknownPod(OndolError):
    code, status = "unknown_pod", 404
    what = Text("이 키로 보이는 파드 가운데 `{pod}`는 없습니다.", "There is no pod `{pod}` among those this key sees.")
    next_step = Text(
        "지워졌거나 옮겨져서 id가 바뀌었을 수 있습니다. RunPod 콘솔에서 id를 확인해 주세요.",
        "It may have been deleted, or migrated, which changes its id; look the id up in RunPod's console.",
    )


class PodActionNotAllowed(OndolError):
    code, status = "pod_action_not_allowed", 409
    what = Text(
        "파드 `{pod}`의 지금 상태에서는 {action} 요청을 받지 않습니다.",
        "Pod `{pod}` does not accept {action} in its present state.",
    )
    next_step = Text(
        "상태를 새로 읽고 할 수 있는 일을 다시 골라 주세요.",
        "Read its state again and choose from what it accepts now.",
    )


class PodLocked(PodActionNotAllowed):
    code = "pod_locked"
    what = Text(
        "파드 `{pod}`는 잠겨 있어서 {action} 요청을 받지 않습니다. 요금은 계속 나갑니다.",
        "Pod `{pod}` is locked and does not accept {action}; it goes on costing money.",
    )
    next_step = Text("RunPod 콘솔에서 잠금을 풀고 다시 해 주세요.", "Unlock it in RunPod's console and try again.")


class NoGpuFree(OndolError):
    code, status = "no_gpu_free", 503
    what = Text(
        "파드 `{pod}`가 있던 서버에 지금 빈 GPU가 없어서 켜지 못했습니다.",
        "Pod `{pod}` could not start: its host has no free GPU now.",
    )
    next_step = Text(
        "잠시 뒤에 다시 켜 보거나, 다른 종류의 GPU로 새 파드를 만들어 주세요.",
        "Try again later, or make a new pod with another type of GPU.",
    )
    retry_after_s = 300


class RunpodBalanceEmpty(OndolError):
    code, status = "runpod_balance_empty", 402
    what = Text(
        "RunPod 잔액이 모자라서 파드를 켜지 못했습니다.", "The pod could not start: the RunPod balance is too low."
    )
    next_step = Text(
        "RunPod에서 충전해 주세요. 잔액이 0이 되면 네트워크 볼륨이 없는 파드는 데이터와 함께 지워집니다.",
        "Top it up at RunPod; at zero, pods without a network volume are deleted with their data.",
    )


class RunpodBusy(OndolError):
    code, status = "runpod_busy", 503
    what = Text("RunPod가 요청이 너무 많다고 합니다.", "RunPod says there are too many requests.")
    next_step = Text("{retry_after_s}초 뒤에 다시 해 주세요.", "Try again in {retry_after_s} seconds.")
    retry_after_s = 30


class RunpodUnavailable(OndolError):
    """`reason` is a word of ours for people who look for the cause: `timeout`, `HTTP 502`, `not JSON`, …"""

    code, status = "runpod_unavailable", 503
    what = Text("RunPod에서 쓸 수 있는 답을 받지 못했습니다({reason}).", "RunPod gave no usable answer ({reason}).")
    next_step = Text(
        "잠시 뒤에 다시 해 보고, 계속되면 RunPod 콘솔에서 파드의 상태를 직접 확인해 주세요.",
        "Try again in a moment; if it stays so, look at the pod in RunPod's console.",
    )
    retry_after_s = 30


class RunpodApiGone(RunpodUnavailable):
    """The interface itself has been taken out of service or is at another address."""

    code = "runpod_api_gone"
    what = Text(
        "이 주소에는 RunPod의 이 API가 더는 없습니다({reason}).",
        "RunPod's API is no longer at this address ({reason}).",
    )
    next_step = Text(
        "RUNPOD_API_URL을 확인하고 이 프로그램의 새 판이 있는지 봐 주세요.",
        "Check RUNPOD_API_URL, and whether there is a newer release of this program.",
    )


class PodActionUncertain(RunpodUnavailable):
    """The request left and no usable answer came: it may have been applied. Only reading the pod again tells."""

    code = "pod_action_uncertain"
    what = Text(
        "파드 `{pod}`에 보낸 {action} 요청에 답이 없어서({reason}), 되었는지 알 수 없습니다.",
        "No usable answer came to {action} for pod `{pod}` ({reason}), so it may or may not have been applied.",
    )
    next_step = Text("파드의 상태를 새로 읽어 확인해 주세요.", "Read the pod's state again to find out.")


class RunpodRefused(OndolError):
    code, status = "runpod_refused", 502
    what = Text(
        "RunPod가 요청을 거절했습니다(HTTP {upstream_status}).", "RunPod refused the request (HTTP {upstream_status})."
    )
    next_step = Text(
        "RunPod 콘솔에서 파드를 확인하고, 계속되면 운영자에게 알려 주세요.",
        "Look at the pod in RunPod's console; if it keeps happening, tell the operator.",
    )


class NotOffered(OndolError):
    code, status = "pod_information_not_offered", 501
    what = Text(
        "지금 쓰는 RunPod API({provider})에는 이 정보가 없습니다.",
        "The RunPod API in use ({provider}) does not offer this.",
    )
    next_step = Text("RunPod 콘솔에서 볼 수 있습니다.", "It can be seen in RunPod's console.")


class Draining(OndolError):
    code, status = "draining", 503
    what = Text(
        "GPU를 끄는 중이라 새 작업을 받지 않습니다. 쓰고 있던 답변은 마저 씁니다.",
        "The GPU is being stopped, so no new work is taken; answers under way are finished.",
    )
    next_step = Text(
        "계속 쓰려면 운영자에게 중지를 취소해 달라고 하거나, {retry_after_s}초 뒤에 다시 보내 주세요.",
        "To go on, ask the operator to cancel the stop, or send again in {retry_after_s} seconds.",
    )
    retry_after_s = 60


class StopHadNoEffect(OndolError):
    code, status = "stop_had_no_effect", 502
    what = Text(
        "RunPod가 중지 요청을 받았다고 했지만 파드 `{pod}`는 아직 켜져 있고 요금이 나갑니다.",
        "RunPod accepted the stop, but pod `{pod}` still runs and costs money.",
    )
    next_step = Text("RunPod 콘솔에서 파드를 직접 꺼 주세요.", "Stop the pod in RunPod's console.")


class PodTerminated(OndolError):
    code, status = "pod_terminated", 410
    what = Text("파드 `{pod}`는 지워졌습니다.", "Pod `{pod}` has been deleted.")
    next_step = Text(
        "온돌은 스스로 파드를 지우지 않습니다. 누가 지웠는지, 잔액이 남아 있는지 RunPod에서 확인해 주세요.",
        "Ondol deletes no pod by itself; see at RunPod who did, and whether the balance ran out.",
    )


class AuditUnwritable(OndolError):
    code, status = "audit_unwritable", 507
    what = Text(
        "중지 기록을 디스크에 남길 수 없어서 중지 요청을 보내지 않았습니다({reason}).",
        "The record of the stop could not be put on disk, so the stop was not sent ({reason}).",
    )
    next_step = Text(
        "데이터 폴더에 빈 자리를 만들거나 RunPod 콘솔에서 파드를 직접 꺼 주세요.",
        "Make room in the data folder, or stop the pod in RunPod's console.",
    )


class StopUnderWay(OndolError):
    code, status = "stop_under_way", 409
    what = Text(
        "중지 요청을 이미 RunPod에 보냈습니다. 되돌릴 수 없습니다.",
        "The stop has been sent to RunPod already and cannot be taken back.",
    )
    next_step = Text("파드가 꺼진 뒤에 다시 켜 주세요.", "Start the pod again once it has stopped.")


class StopUnconfirmed(OndolError):
    code, status = "stop_unconfirmed", 422
    what = Text(
        "중지를 확인하지 않아서 파드 `{pod}`를 끄지 않았습니다.",
        "The stop was not confirmed, so pod `{pod}` was not stopped.",
    )
    next_step = Text(
        "`confirm`에 `true`나 그 파드의 id를 넣어 다시 보내 주세요.",
        "Send it again with `true` or that pod's id as `confirm`.",
    )


class ActsElsewhere(OndolError):
    code, status = "pod_acted_on_elsewhere", 409
    what = Text(
        "바깥의 워치독이 지금 이 파드를 다루고 있습니다.",
        "The outside watchdog is acting on this pod at the moment.",
    )
    next_step = Text("{retry_after_s}초 뒤에 다시 해 주세요.", "Try again in {retry_after_s} seconds.")
    retry_after_s = 60


class KeptElsewhere(OndolError):
    code, status = "pod_kept_elsewhere", 409
    what = Text(
        "이 파드는 같은 데이터베이스를 쓰는 다른 앱 서버가 지키고 있습니다.",
        "Another app server on the same database keeps this pod.",
    )
    next_step = Text(
        "그 서버의 파드 화면에서 해 주세요. 끄기·켜기·다시 시작은 여기서도 됩니다.",
        "Do it on that server's pod page; stop, start and restart work here as well.",
    )


class KeepAwakeOutOfRange(OndolError):
    code, status = "keep_awake_out_of_range", 422
    what = Text(
        "켜 둘 시각은 지금보다 뒤이고 {hours}시간 안이어야 합니다.",
        "The time to keep the pod awake until must be ahead, and within {hours} hours.",
    )
    next_step = Text("그 사이의 시각을 골라 주세요.", "Choose a time between.")


class InvalidSchedule(OndolError):
    code, status = "invalid_schedule", 422
    what = Text("일정에서 `{part}` 부분을 읽을 수 없습니다.", "The part `{part}` of the schedule cannot be read.")
    next_step = Text(
        "`mon-fri 09:00-19:00 Asia/Seoul; not 2026-12-25`처럼 써 주세요.",
        "Write it like `mon-fri 09:00-19:00 Asia/Seoul; not 2026-12-25`.",
    )
