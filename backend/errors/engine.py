"""The engine that writes, as its reader is told about it."""

from backend.errors.base import OndolError, Text


class UnknownProvider(OndolError):
    code, status = "unknown_provider", 404
    what = Text(
        "`{provider}`라는 모델 제공자가 없습니다. 있는 것: {known}.",
        "There is no provider `{provider}`. There are: {known}.",
    )
    next_step = Text("그 가운데서 고르거나 비워 두세요.", "Choose one of these, or leave it out.")


class EngineUnavailable(OndolError):
    code, status = "engine_unavailable", 503
    what = Text("모델 서버({provider})에 닿지 않습니다.", "The model server ({provider}) cannot be reached.")
    next_step = Text(
        "저절로 다시 켜지는 중일 수 있습니다. 잠시 뒤에 다시 보내 주세요.",
        "It may be restarting by itself; send again in a moment.",
    )
    retry_after_s = 5


class EngineLoading(OndolError):
    code, status = "engine_loading", 503
    what = Text("모델({provider})을 메모리에 올리는 중입니다.", "The model ({provider}) is being loaded.")
    next_step = Text("잠시 뒤에 다시 보내 주세요.", "Send again in a moment.")
    retry_after_s = 5


class EngineInterrupted(OndolError):
    code, status = "engine_interrupted", 502
    what = Text(
        "답변을 쓰던 중에 모델 서버({provider})와 연결이 끊겼습니다.",
        "The model server ({provider}) went away in the middle of the answer.",
    )
    next_step = Text(
        "쓴 데까지 남겨 두었습니다. 다시 쓰기를 눌러 주세요.", "What was written is kept; regenerate to try again."
    )


class EngineTimeout(OndolError):
    code, status = "engine_timeout", 504
    what = Text(
        "모델({provider})이 {seconds:.0f}초 동안 답하지 않았습니다.",
        "The model ({provider}) did not answer within {seconds:.0f} seconds.",
    )
    next_step = Text("붐비고 있을 수 있습니다. 다시 보내 주세요.", "It may be busy; send again.")


class EngineRefused(OndolError):
    code, status = "engine_refused", 502
    what = Text(
        "모델 서버({provider})가 요청을 거절했습니다(HTTP {upstream_status}).",
        "The model server ({provider}) refused the request (HTTP {upstream_status}).",
    )
    next_step = Text(
        "모델 이름과 키가 맞는지 운영자가 확인해야 합니다.", "The operator should check the model's name and key."
    )


class EngineBusy(OndolError):
    code, status = "engine_busy", 503
    what = Text("모델 서버({provider})가 지금 너무 바쁩니다.", "The model server ({provider}) is too busy now.")
    next_step = Text("{retry_after_s}초 뒤에 다시 보내 주세요.", "Send again in {retry_after_s} seconds.")
    retry_after_s = 10
