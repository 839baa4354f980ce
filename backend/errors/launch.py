"""Renting a pod from the command line. None of these carries the pod's environment."""

from backend.errors.base import OndolError, Text
from backend.errors.pod import RunpodRefused


class NoSuchGpu(OndolError):
    code, status = "no_such_gpu", 404
    what = Text("`{name}`이라는 GPU는 RunPod 목록에 없습니다.", "RunPod has no GPU type `{name}`.")
    next_step = Text("있는 것: {known}", "There are: {known}")


class NoGpuToRent(OndolError):
    """Nothing that is wanted is free, at that price, in that place."""

    code, status = "no_gpu_to_rent", 503
    what = Text(
        "조건(메모리 {memory}GB 이상{limit})에 맞고 지금 비어 있는 GPU가 없습니다.",
        "No GPU is free now that has {memory} GB or more{limit}.",
    )
    next_step = Text(
        "{cheapest}조건을 넓히거나(--max-price, --region, --memory, --community) 나중에 다시 해 주세요.",
        "{cheapest}Widen the conditions (--max-price, --region, --memory, --community), or try again later.",
    )


class NotPlaced(OndolError):
    """Every type was asked for and refused."""

    code, status = "pod_not_placed", 503
    what = Text(
        "RunPod가 {tried} 모두 내주지 않았습니다. 만들어진 파드는 없습니다.",
        "RunPod could place the pod on none of these: {tried}. No pod was created.",
    )
    next_step = Text(
        "다른 GPU(--gpu)나 지역(--region)을 고르거나 잠시 뒤에 다시 해 주세요. 늘 이러면 이미지와 볼륨 이름을 확인해 주세요.",
        "Choose another GPU (--gpu) or region (--region), or try again later. If it is always so, check image and volume.",
    )


class QuotaReached(OndolError):
    code, status = "runpod_quota_reached", 403
    what = Text(
        "RunPod 계정의 한도 때문에 파드를 만들지 못했습니다.", "RunPod's limit for this account allows no more."
    )
    next_step = Text(
        "쓰지 않는 파드와 볼륨을 정리하거나 RunPod에 한도를 올려 달라고 해 주세요.",
        "Remove pods and volumes that are not used, or ask RunPod for a higher limit.",
    )


class OrderRefused(RunpodRefused):
    """RunPod will not make such a pod, of whatever type. `detail` is RunPod's, without values of the pod's variables."""

    code = "pod_order_refused"
    what = Text(
        "RunPod가 이 파드를 만들지 않겠다고 합니다(HTTP {upstream_status}): {detail}",
        "RunPod will not make this pod (HTTP {upstream_status}): {detail}",
    )
    next_step = Text(
        "그 말에 맞게 이미지, 볼륨, 지역을 고치고 다시 해 주세요. 만들어진 파드는 없습니다.",
        "Change image, volume or region as it says and try again. No pod was created.",
    )


class CreationUncertain(OndolError):
    """The request left and no usable answer came, and no pod of that name has been seen since."""

    code, status = "pod_creation_uncertain", 503
    what = Text(
        "`{name}`을 만드는 요청에 답이 없었고({reason}), 목록에도 아직 없습니다. 만들어졌을 수도 있습니다.",
        "No usable answer came to the creation of `{name}` ({reason}), and it is not in the list. It may yet appear.",
    )
    next_step = Text(
        "1분 뒤에 python -m backend.pod list 로 확인하고 같은 명령을 다시 해 주세요. 있으면 그것을 쓰고 새로 만들지 않습니다.",
        "Look with python -m backend.pod list in a minute, then run the same command again: it uses the pod that is there.",
    )


class PodNameTaken(OndolError):
    code, status = "pod_name_taken", 409
    what = Text("`{name}`이라는 파드가 여럿입니다: {ids}.", "There are several pods named `{name}`: {ids}.")
    next_step = Text("id로 고르거나 --name으로 다른 이름을 주세요.", "Name one by its id, or choose another --name.")


class PodNotReady(OndolError):
    code, status = "pod_not_ready", 504
    what = Text(
        "파드 `{pod}`가 {minutes}분 안에 준비되지 않았습니다({state}). 요금은 계속 나갑니다.",
        "Pod `{pod}` was not ready within {minutes} minutes ({state}). It goes on costing money.",
    )
    next_step = Text(
        "RunPod 콘솔에서 기록을 보거나, 끄세요: python -m backend.pod down {pod}",
        "Look at its log in RunPod's console, or stop it: python -m backend.pod down {pod}",
    )


class PodEnded(OndolError):
    code, status = "pod_ended", 502
    what = Text(
        "파드 `{pod}`가 준비되기 전에 {state} 상태가 되었습니다.", "Pod `{pod}` became {state} before it was ready."
    )
    next_step = Text(
        "RunPod 콘솔에서 기록을 확인해 주세요. 다시 켜기: 같은 up 명령, 지우기: python -m backend.pod down {pod} --terminate",
        "See its log in RunPod's console. To start it again run the same command; to delete it: python -m backend.pod down {pod} --terminate",
    )


class PodStillRuns(OndolError):
    """The stop did not work, and has been tried several times."""

    code, status = "pod_still_runs", 502
    what = Text(
        "파드 `{pod}`를 끄지 못했습니다: {reason} 요금이 계속 나갑니다.",
        "Pod `{pod}` could not be stopped: {reason} It goes on costing money.",
    )
    next_step = Text("RunPod 콘솔에서 직접 꺼 주세요.", "Stop it in RunPod's console.")


class UnknownVolume(OndolError):
    code, status = "unknown_volume", 404
    what = Text("`{volume}`이라는 네트워크 볼륨이 없습니다.", "There is no network volume `{volume}`.")
    next_step = Text("있는 것: {known}", "There are: {known}")


class SourceMissing(OndolError):
    code, status = "pod_source_missing", 422
    what = Text("파드에서 무엇을 켤지 정해지지 않았습니다.", "It is not said what the pod is to run.")
    next_step = Text(
        "POD_REPOSITORY에 이 저장소의 https 주소를 넣거나(비밀번호 없이), 만들어 둔 이미지를 POD_IMAGE에 넣어 주세요.",
        "Set POD_REPOSITORY to this repository's https address (no password in it), or POD_IMAGE to an image you built.",
    )


class InvalidVariable(OndolError):
    code, status = "invalid_pod_variable", 422
    what = Text("`{name}`은 파드에 넣을 수 없는 변수입니다.", "`{name}` cannot be a variable of the pod.")
    next_step = Text(
        "이름은 대문자, 숫자, 밑줄로 쓰고 RUNPOD_로 시작하지 않게 해 주세요. 값은 KEY=값 또는 --env-file로 줍니다.",
        "Names have capital letters, digits and underscores and do not begin with RUNPOD_; values come as KEY=VALUE or by --env-file.",
    )


class NotConfirmed(OndolError):
    code, status = "pod_not_confirmed", 422
    what = Text("확인하지 않아서 아무것도 하지 않았습니다.", "It was not confirmed, so nothing was done.")
    next_step = Text(
        "터미널에서 답하거나, 물을 사람이 없으면 --yes를 붙여 주세요.",
        "Answer on a terminal, or add --yes where nobody can be asked.",
    )
