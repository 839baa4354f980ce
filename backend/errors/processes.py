"""Programs that are started here."""

from backend.errors.base import OndolError, Text


class PortInUse(OndolError):
    code, status = "port_in_use", 500
    what = Text("포트 {port}번은 이미 쓰이고 있습니다: {owner}.", "Port {port} is in use: {owner}.")
    next_step = Text(
        "그 프로그램을 끄거나 다른 포트를 고르세요: {other}", "Stop that program, or choose another port: {other}"
    )


class AddressUnusable(OndolError):
    code, status = "address_unusable", 500
    what = Text(
        "{host}:{port}에서 연결을 받을 수 없습니다: {reason}.", "{host}:{port} cannot be listened on: {reason}."
    )
    next_step = Text(
        "GRADIO_SERVER_NAME과 포트(--port)를 확인하세요. 1024보다 작은 포트에는 관리자 권한이 필요합니다.",
        "Check GRADIO_SERVER_NAME and the port (--port); ports below 1024 need root.",
    )


class RuntimeFolderUnsafe(OndolError):
    code, status = "runtime_folder_unsafe", 500
    what = Text("{path} 폴더가 다른 사용자의 것입니다.", "The folder {path} belongs to another user.")
    next_step = Text(
        "지우거나, 저장소를 더 짧은 경로로 옮기세요.", "Have it removed, or move the checkout to a shorter path."
    )


class SupervisorFailed(OndolError):
    code, status = "supervisor_failed", 500
    what = Text("supervisord를 켜지 못했습니다: {reason}.", "supervisord did not start: {reason}.")
    next_step = Text("기록을 보세요: ./quick_start.sh --logs supervisord", "See ./quick_start.sh --logs supervisord")


class StopTimedOut(OndolError):
    code, status = "stop_timed_out", 500
    what = Text(
        "supervisord(pid {pid})가 {seconds:.0f}초 안에 끝나지 않았습니다.",
        "supervisord (pid {pid}) did not end within {seconds:.0f} seconds.",
    )
    next_step = Text(
        "kill -9 {pid} 로 끝내면 나머지도 함께 끝납니다.", "End it with kill -9 {pid}; the rest ends with it."
    )


class ServiceKeepsFailing(OndolError):
    code, status = "service_keeps_failing", 500
    what = Text(
        "{service}이(가) 켜지자마자 꺼지기를 되풀이합니다. 마지막 기록: {line}",
        "{service} keeps ending right after its start. Last log line: {line}",
    )
    next_step = Text("기록을 보세요: ./quick_start.sh --logs {service}", "See ./quick_start.sh --logs {service}")


class NotReadyInTime(OndolError):
    code, status = "not_ready_in_time", 500
    what = Text(
        "{seconds:.0f}초를 기다렸지만 아직 준비되지 않았습니다({waiting}).",
        "After {seconds:.0f} seconds it is not ready yet ({waiting}).",
    )
    next_step = Text(
        "계속 켜지는 중입니다. ./quick_start.sh --status 로 확인하고, 기록은 ./quick_start.sh --logs 로 보세요.",
        "It is still starting: see ./quick_start.sh --status and ./quick_start.sh --logs.",
    )


class ModelNotOurs(OndolError):
    code, status = "model_not_ours", 422
    what = Text(
        "모델을 고를 수 없습니다: {variable}이(가) 설정되어 있습니다.",
        "The model cannot be chosen here: {variable} is set.",
    )
    next_step = Text(
        "{variable}을(를) 환경 변수나 .env에서 지우거나, --small과 --model 없이 켜세요.",
        "Remove {variable} from the environment or .env, or start without --small and --model.",
    )
