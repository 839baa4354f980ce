"""What `python -m backend.supervision` says, in each language."""

from backend.errors import Text

ALREADY = Text("Ondol이 이미 켜져 있습니다.", "Ondol is already running.")
SETTINGS_CHANGED = Text("설정이 바뀌어 다시 켭니다.", "The settings have changed; starting again.")
CODE_CHANGED = Text("코드가 바뀌어 다시 켭니다.", "The code has changed; starting again.")
STARTING = Text("켜는 중", "starting")
READY = Text("Ondol이 준비되었습니다: {url}", "Ondol is ready: {url}")
SIGN_IN = Text("로그인", "sign in")
FIRST_PASSWORD = Text(
    "{name} / {password}   (바꾸기 전까지 {path})", "{name} / {password}   (kept in {path} until changed)"
)
KEPT_PASSWORD = Text("{name}, 첫 비밀번호는 {path} 안에", "{name}, with the first password in {path}")
OWN_PASSWORD = Text("{name}, 정해 둔 비밀번호로", "{name}, with your password")
MODEL = Text("모델", "model")
MODEL_PORT = Text("{model} (포트 {port})", "{model} (port {port})")
CHANGE_MODEL = Text("바꾸기: --small, --model 이름", "to change: --small, --model NAME")
STOP = Text("끄기", "stop")
LOGS = Text("기록", "logs")
OPEN_TO_NETWORK = Text(
    "{host}에서 기다리므로 같은 네트워크의 다른 기기에서도 열 수 있습니다.",
    "It listens on {host}: other machines of the network can open it too.",
)
NOT_RUNNING = Text("켜져 있지 않습니다. 켜기: ./quick_start.sh", "Not running. Start: ./quick_start.sh")
NOTHING_TO_STOP = Text("켜진 것이 없습니다.", "Nothing is running.")
STOPPING = Text("끄는 중", "stopping")
STOPPED = Text("모두 껐습니다.", "Everything is stopped.")
FOREGROUND = Text("Ctrl-C를 누르면 모두 끕니다.", "Press Ctrl-C to stop everything.")
DIED = Text(
    "supervisord가 사라졌습니다. 다시 켜기: ./quick_start.sh", "supervisord is gone. Start again: ./quick_start.sh"
)
NO_LOGS = Text("기록이 아직 없습니다: {names}", "There are no logs yet: {names}")
UNKNOWN_SERVICE = Text(
    "`{name}`이라는 서비스가 없습니다. 있는 것: {known}", "There is no service {name}. There are: {known}"
)
FETCHING = Text("모델 {model} 받기", "fetching the model {model}")
LATER = Text("다시 실행하면 받은 데부터 이어집니다.", "Run this again; it goes on where it stopped.")
HEADER = (
    Text("서비스", "service"),
    Text("상태", "state"),
    Text("켜진 시간", "uptime"),
    Text("프로세스", "pid"),
    Text("포트", "port"),
)
HEALTH = Text("상태 검사({url}/health): {status}", "health ({url}/health): {status}")
NO_ANSWER = Text("답하지 않음", "no answer")

STATES = {
    "ready": Text("준비됨", "ready"),
    "running": Text("켜짐", "running"),
    "starting": Text("켜는 중", "starting"),
    "loading": Text("읽는 중", "loading"),
    "unreachable": Text("연결 안 됨", "not reachable"),
    "timeout": Text("응답 없음", "no answer"),
    "refused": Text("거절됨", "refused"),
    "backoff": Text("다시 시도 중", "retrying"),
    "exited": Text("꺼짐", "ended"),
    "stopped": Text("쓰지 않음", "not used"),
    "stopping": Text("끄는 중", "stopping"),
    "low": Text("공간 부족", "low on space"),
    "fatal": Text("실패", "failed"),
}
