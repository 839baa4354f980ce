"""What `python -m backend.pod` says, in each language."""

from backend.errors import Text

ORDER = Text("새 파드", "new pod")
NAME = Text("이름", "name")
IMAGE = Text("이미지", "image")
RUNS = Text("켜는 것", "runs")
GPU = Text("GPU", "GPU")
PLACE = Text("지역", "region")
ANYWHERE = Text("아무 데나", "anywhere")
COMMUNITY = Text("커뮤니티 클라우드(다른 사람의 서버)", "community cloud (machines of others)")
SPOT = Text("스팟: 더 비싸게 부르는 사람이 있으면 꺼집니다", "spot: stopped when somebody bids more")
DISK = Text("디스크", "disk")
CONTAINER_DISK = Text("컨테이너 {gb}GB(끄면 지워짐)", "container {gb} GB (lost in a stop)")
VOLUME = Text("볼륨 {gb}GB(끄면 남고, 파드를 지우면 사라짐)", "volume {gb} GB (kept in a stop, lost with the pod)")
NETWORK_VOLUME = Text("네트워크 볼륨 {name}{gb}(파드를 지워도 남음)", "network volume {name}{gb} (outlives the pod)")
NO_VOLUME = Text("볼륨 없음: 끄면 모든 것이 지워집니다", "no volume: everything is lost in a stop")
VARIABLES = Text("변수", "variables")
PRICE = Text("요금", "price")
PER_HOUR = Text("켜져 있는 동안 시간당 ${usd:.2f}", "${usd:.2f} per hour while it runs")
UP_TO = Text("(앞의 것이 없으면 ${usd:.2f}까지)", "(up to ${usd:.2f} when those before are gone)")
STORAGE = Text(
    "저장 공간 월 ${running:.2f}(켜 둔 동안), ${stopped:.2f}(꺼 둔 동안)",
    "storage ${running:.2f} a month running, ${stopped:.2f} a month stopped",
)
ASK_CREATE = Text("만들까요? [y/N] ", "Create it? [y/N] ")
ASK_START = Text("다시 켤까요? [y/N] ", "Start it again? [y/N] ")
ASK_DELETE = Text(
    "파드 {pod}와 그 볼륨의 내용을 지웁니다. 되돌릴 수 없습니다. 지우려면 id를 그대로 써 주세요: ",
    "This deletes pod {pod} and what is on its volume, for good. Type the id to do it: ",
)
ASK_DELETE_NETWORK = Text(
    "파드 {pod}를 지웁니다. 네트워크 볼륨은 남습니다. 지우려면 id를 그대로 써 주세요: ",
    "This deletes pod {pod}; its network volume stays. Type the id to do it: ",
)
ASK_VARIABLE = Text("{name}의 값(보이지 않습니다): ", "value of {name} (not shown): ")
FOUND = Text(
    "이름이 `{name}`인 파드가 이미 있습니다({pod}, {state}). 새로 만들지 않습니다.",
    "A pod named `{name}` is there already ({pod}, {state}); no other is made.",
)
STARTING = Text("파드 {pod}를 다시 켭니다.", "Starting pod {pod} again.")
VOLUME_READY = Text("네트워크 볼륨: {name} ({id}, {gb}GB, {place})", "Network volume: {name} ({id}, {gb} GB, {place})")
GONE = Text("{gpu}: 지금 빈 것이 없습니다. 다음 것을 요청합니다.", "{gpu}: none to be had now; asking for the next.")
WAS_FOUND = Text("답을 받지 못했지만 파드는 만들어졌습니다: {pod}", "No answer came, but the pod was made: {pod}")
CREATED = Text("파드 {pod}를 만들었습니다: {gpu}, 시간당 ${usd:.2f}", "Pod {pod} was made: {gpu}, ${usd:.2f} per hour")
DEARER = Text(
    "시간당 ${usd:.2f}로, 정한 한도 ${limit:.2f}보다 비쌉니다. 끄려면: python -m backend.pod down {pod}",
    "It costs ${usd:.2f} per hour, more than the limit of ${limit:.2f}. To stop it: python -m backend.pod down {pod}",
)
NOT_WAITED = Text("준비되면 열립니다: {url}", "It will open at {url}")
PAGE_OPEN = Text(
    "화면이 열렸습니다(모델은 아직 준비 중): {url}", "The page is up (the model is still being prepared): {url}"
)
WAITING = Text("기다리는 중", "waiting")
READY = Text("준비되었습니다: {url}", "Ready: {url}")
SIGN_IN = Text(
    "처음 로그인: admin. 비밀번호는 RunPod 콘솔의 파드 기록(Logs)에 나오고, 파드 안의 var/secrets/admin_password에 있습니다.",
    "First sign-in: admin. The password is in the pod's log in RunPod's console, and in var/secrets/admin_password on the pod.",
)
HOW_TO_STOP = Text("끄기: python -m backend.pod down {pod}", "To stop it: python -m backend.pod down {pod}")
INTERRUPTED = Text(
    "기다리기를 멈췄습니다. 파드 {pod}는 계속 켜져 있고 시간당 ${usd:.2f}가 나갑니다.\n끄기: python -m backend.pod down {pod}",
    "No longer waiting. Pod {pod} goes on running and costs ${usd:.2f} per hour.\nTo stop it: python -m backend.pod down {pod}",
)
INTERRUPTED_EARLY = Text(
    "멈췄습니다. 만드는 중이었다면 파드가 생겼을 수 있습니다. 확인: python -m backend.pod list",
    "Stopped. A pod may have been made all the same: look with python -m backend.pod list",
)
STOP_STEP = Text("끄는 중: {phase} ({attempts}번째 요청)", "stopping: {phase} (request {attempts})")
PHASES = {
    "draining": Text("준비", "about to ask"),
    "requested": Text("요청함", "asked"),
    "retrying": Text("다시 시도", "to be asked again"),
    "escalated": Text("안 됨", "in vain"),
    "stopped": Text("꺼짐", "stopped"),
}
STOP_ALREADY = Text("파드 {pod}는 이미 꺼져 있습니다.", "Pod {pod} is stopped already.")
STOPPED = Text(
    "파드 {pod}가 꺼진 것을 확인했습니다. 저장 공간 요금만 하루 ${usd:.2f} 나갑니다.",
    "Pod {pod} was read back as stopped. Only its storage costs money now, ${usd:.2f} a day.",
)
STOPPED_NETWORK = Text(
    "파드 {pod}가 꺼진 것을 확인했습니다. 네트워크 볼륨 요금만 나갑니다. 크기를 읽지 못해 얼마인지는 알 수 없습니다.",
    "Pod {pod} was read back as stopped. Only its network volume costs money now; how much is not known, since its size "
    "could not be read.",
)
DELETED = Text("파드 {pod}를 지웠습니다.", "Pod {pod} was deleted.")
WHICH = Text("어느 파드인지 이름이나 id를 써 주세요. 켜진 것: {pods}", "Say which pod, by name or id. Running: {pods}")
NONE = Text("파드가 없습니다.", "There are no pods.")
HEADER = (
    Text("이름", "NAME"),
    Text("ID", "ID"),
    Text("상태", "STATE"),
    Text("GPU", "GPU"),
    Text("$/시간", "$/H"),
    Text("켜진 시간", "UPTIME"),
    Text("주소", "URL"),
)
TEMPLATE_MADE = Text("템플릿을 만들었습니다: {id}", "Template created: {id}")
TEMPLATE_THERE = Text("`{name}`이라는 템플릿이 이미 있습니다: {id}", "There is a template named `{name}` already: {id}")
