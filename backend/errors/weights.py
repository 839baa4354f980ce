"""Files of models: fetching, checking, keeping."""

from backend.errors.base import OndolError, Text


class UnknownModel(OndolError):
    code, status = "unknown_model", 404
    what = Text(
        "`{model}`이라는 모델은 목록에 없습니다. 있는 것: {known}.", "There is no model `{model}`. There are: {known}."
    )
    next_step = Text(
        "그 가운데서 고르거나, 가지고 있는 GGUF 파일을 LLM_GGUF로 알려 주세요.",
        "Choose one of these, or name a GGUF file of your own in LLM_GGUF.",
    )


class WeightsMissing(OndolError):
    code, status = "weights_missing", 503
    what = Text(
        "모델 `{model}`의 파일이 아직 없습니다({path}).", "The weights of `{model}` are not there yet ({path})."
    )
    next_step = Text(
        "받으려면: python -m backend.models fetch {model}", "Fetch them: python -m backend.models fetch {model}"
    )


class WeightsDamaged(OndolError):
    code, status = "weights_damaged", 500
    what = Text(
        "모델 파일 {path}의 내용이 목록과 다릅니다: {reason}.",
        "The weights {path} are not what the manifest says: {reason}.",
    )
    next_step = Text(
        "다시 받으려면: python -m backend.models fetch {model}",
        "Fetch them again: python -m backend.models fetch {model}",
    )


class GgufUnusable(OndolError):
    code, status = "gguf_unusable", 422
    what = Text("{path} 파일을 모델로 쓸 수 없습니다: {reason}.", "{path} cannot be used as a model: {reason}.")
    next_step = Text(
        "LLM_GGUF에 읽을 수 있는 GGUF 파일의 경로를 적거나, 비워 두고 기본 모델을 쓰세요.",
        "Set LLM_GGUF to a GGUF file that can be read, or leave it empty for the default model.",
    )


class NoSpaceForWeights(OndolError):
    code, status = "no_space_for_weights", 507
    what = Text(
        "{path}에 공간이 모자랍니다: {needed_mb:,}MB가 필요한데 {free_mb:,}MB가 남았습니다.",
        "There is not enough room in {path}: {needed_mb:,} MB are needed, {free_mb:,} MB are free.",
    )
    next_step = Text(
        "공간을 비우거나 DATA_DIR을 다른 디스크로 정한 뒤 다시 실행하세요. 받은 데부터 이어집니다.",
        "Free some, or point DATA_DIR to another disk, and run it again; what is there already is kept.",
    )


class FetchFailed(OndolError):
    code, status = "fetch_failed", 502
    what = Text(
        "모델 `{model}`을 어디에서도 받지 못했습니다: {reasons}.",
        "The weights of `{model}` could not be fetched from anywhere: {reasons}.",
    )
    next_step = Text(
        "네트워크나 프록시, pip 설정을 확인하고 다시 실행하세요. 받은 데부터 이어집니다. 다른 기기에서 받은 파일을 {path}에 두어도 됩니다.",
        "Check the network, the proxy and pip's configuration and run it again; it goes on where it stopped. A file fetched elsewhere can be put at {path}.",
    )


class PortTaken(OndolError):
    code, status = "port_taken", 500
    what = Text("{host}:{port}을 열 수 없습니다: {reason}.", "{host}:{port} cannot be opened: {reason}.")
    next_step = Text(
        "그 포트를 쓰는 프로그램을 멈추거나 {variable}을 바꿔 주세요.",
        "Stop the program that uses it, or set {variable} to another one.",
    )
