"""The engine that writes, as its reader is told about it."""

from backend.errors.base import Language, OndolError, Text


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
    """`progress` says how far it is, where that is known; it is of the moment, so it is told and not kept."""

    code, status = "engine_loading", 503
    what = Text("모델({provider})을 준비하는 중입니다.", "The model ({provider}) is being made ready.")
    next_step = Text("준비되면 다시 보내 주세요.", "Send again once it is ready.")
    retry_after_s = 5

    def __init__(self, *, provider: str, progress: Text | None = None) -> None:
        self._progress = progress
        super().__init__(provider=provider)

    def _filled(self, text: Text, language: Language) -> str:
        filled = super()._filled(text, language)
        if text is not self.what or self._progress is None:
            return filled
        return f"{filled.removesuffix('.')}: {self._progress.in_(language)}."


class EngineModelMissing(OndolError):
    code, status = "engine_model_missing", 503
    what = Text(
        "모델 서버({provider})에 `{model}` 모델이 없습니다.", "The model server ({provider}) does not have `{model}`."
    )
    next_step = Text(
        "운영자가 모델 이름을 확인하거나 모델을 내려받아야 합니다.",
        "The operator should check the model's name, or download it.",
    )
    retry_after_s = 30


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
    """`wait_s` is the time that the engine named itself, if it did."""

    code, status = "engine_busy", 503
    what = Text("모델 서버({provider})가 지금 너무 바쁩니다.", "The model server ({provider}) is too busy now.")
    next_step = Text("{retry_after_s}초 뒤에 다시 보내 주세요.", "Send again in {retry_after_s} seconds.")
    retry_after_s = 10

    def __init__(self, *, provider: str, retry_after_s: int | None = None) -> None:
        self.wait_s = retry_after_s
        super().__init__(provider=provider, retry_after_s=retry_after_s)


class ModelUnnamed(OndolError):
    code, status = "model_unnamed", 503
    what = Text(
        "모델 서버({provider})에 모델이 하나도 없고, 내려받을 모델도 정해져 있지 않습니다.",
        "The model server ({provider}) has no models, and none is named to be downloaded.",
    )
    next_step = Text("운영자가 LLM_MODEL_NAME을 정해야 합니다.", "The operator should set LLM_MODEL_NAME.")


class ModelUnknown(OndolError):
    code, status = "model_unknown", 503
    what = Text(
        "`{model}`라는 이름의 모델을 찾지 못해 내려받지 못했습니다.",
        "No model named `{model}` was found to be downloaded.",
    )
    next_step = Text(
        "운영자가 모델 이름을 확인해야 합니다. 가끔 다시 시도합니다.",
        "The operator should check the model's name; it is tried again now and then.",
    )


class ModelDiskFull(OndolError):
    code, status = "model_disk_full", 503
    what = Text(
        "디스크가 가득 차서 모델 `{model}`을 내려받지 못했습니다.",
        "The disk is full, so the model `{model}` was not downloaded.",
    )
    next_step = Text(
        "운영자가 자리를 만들어야 합니다. 자리가 생기면 이어서 받습니다.",
        "The operator should make room; the download then goes on where it was.",
    )


class ModelSourceUnreachable(OndolError):
    code, status = "model_source_unreachable", 503
    what = Text(
        "모델 `{model}`을 내려주는 서버에 닿지 않습니다.",
        "The server that the model `{model}` is downloaded from cannot be reached.",
    )
    next_step = Text(
        "인터넷 연결을 확인하세요. 저절로 다시 시도하고 이어서 받습니다.",
        "Check the connection to the internet; it is tried again by itself and goes on where it was.",
    )


class ModelPullFailed(OndolError):
    code, status = "model_pull_failed", 503
    what = Text("모델 `{model}`을 내려받지 못했습니다.", "The model `{model}` was not downloaded.")
    next_step = Text(
        "저절로 다시 시도합니다. 계속되면 운영자가 모델 서버의 기록을 봐야 합니다.",
        "It is tried again by itself; if it goes on, the operator should look at the model server's log.",
    )


class NoEngineAnswers(OndolError):
    code, status = "no_engine_answers", 503
    what = Text(
        "모델 서버가 하나도 답하지 않았습니다({tried}).",
        "None of the model servers answered ({tried}).",
    )
    next_step = Text(
        "잠시 뒤에 다시 보내 주세요. 계속되면 운영자가 모델 서버를 확인해야 합니다.",
        "Send again in a moment; if it keeps happening, the operator should look at the model servers.",
    )
    retry_after_s = 5


class HostedNotAllowed(OndolError):
    code, status = "hosted_not_allowed", 403
    what = Text(
        "`{provider}`에 물으면 내용이 밖으로 나가는데, 이 서버에서는 허용되지 않았습니다.",
        "Asking `{provider}` sends what you write outside, which is not allowed here.",
    )
    next_step = Text(
        "다른 모델을 고르세요. 운영자는 LLM_ALLOW_HOSTED=true로 허용할 수 있습니다.",
        "Choose another model; the operator can allow it with LLM_ALLOW_HOSTED=true.",
    )
