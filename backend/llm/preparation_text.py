"""What a person who waits for an engine is told, in both languages."""

from collections import defaultdict
from typing import Any, Final

from backend.errors import ModelPullFailed, OndolError, Text
from backend.llm.preparation import Phase, Preparation
from backend.llm.preparing import Seen

_GB, _MB = 1e9, 1e6
_CONTEXT_SETTINGS: Final = ("VLLM_MAX_MODEL_LEN", "LLM_CONTEXT")
_PHASES: Final[dict[Phase, Text]] = {
    Phase.CHECKING: Text("무엇이 있는지 확인하는 중", "checking what is there"),
    Phase.DOWNLOADING: Text("내려받는 중", "downloading"),
    Phase.LOADING: Text("GPU에 올리는 중", "loading into the GPU"),
    Phase.LOWERED: Text("설정을 낮추어 다시 시도하는 중", "retried with smaller settings"),
    Phase.READY: Text("준비됨", "ready"),
    Phase.FAILED: Text("준비하지 못함", "not made ready"),
}
_SMALLER = Text("더 작은 모델로 다시 시도하는 중", "retried with a smaller model")
_SHORTER = Text(
    "문맥을 {before}에서 {after}토큰으로 줄여 다시 시도하는 중",
    "retried with a shorter context ({before} → {after} tokens)",
)


def progress_text(seen: Seen) -> Text:
    """The phase and how far it is, as a part of a sentence: `downloading 3.2 of 15.2 GB (21 %), about 4 min left`."""
    found = seen.preparation
    match found.phase:
        case Phase.DOWNLOADING if found.done_bytes or found.total_bytes:
            return _download(found, seen.left_s)
        case Phase.LOWERED if found.lowered and found.lowered[-1].setting in _CONTEXT_SETTINGS:
            step = found.lowered[-1]
            return Text(*(text.format(before=_counted(step.before), after=_counted(step.after)) for text in _SHORTER))
        case Phase.LOWERED if found.lowered and found.lowered[-1].setting == "VLLM_MODEL":
            return _SMALLER
    return _PHASES[found.phase]


def trouble_text(preparation: Preparation, provider: str) -> Text | None:
    """What went wrong and what to do; None when nothing did."""
    if not preparation.error:
        return None
    known = {each.code: each for each in _all_errors(OndolError)}
    error = known.get(preparation.error, ModelPullFailed if preparation.total_bytes else OndolError)
    fields: defaultdict[str, Any] = defaultdict(lambda: "–", provider=provider, model=preparation.model)
    return Text(
        *(f"{what} {next_step}".format_map(fields) for what, next_step in zip(error.what, error.next_step, strict=True))
    )


def _download(found: Preparation, left_s: float | None) -> Text:
    if found.total_bytes is None:
        done = _size(found.done_bytes, found.done_bytes)
        return Text(f"내려받는 중, 지금까지 {done}", f"downloading, {done} so far")
    total = max(found.total_bytes, found.done_bytes, 1)
    done, whole = _size(found.done_bytes, total), _size(total, total)
    percent = int(100 * found.done_bytes / total)  # 100 % is said when it is whole, not before
    left = _left(left_s) if left_s is not None and found.done_bytes < total else Text("", "")
    return Text(
        f"{whole} 중 {done} 내려받음 ({percent} %){left.ko}",
        f"downloading {done.partition(' ')[0]} of {whole} ({percent} %){left.en}",
    )


def _left(seconds: float) -> Text:
    if seconds < 60:
        return Text(", 1분 안에 끝남", ", less than a minute left")
    minutes = round(seconds / 60)
    if minutes < 90:
        return Text(f", 약 {minutes}분 남음", f", about {minutes} min left")
    hours = round(seconds / 3600)
    return Text(f", 약 {hours}시간 남음", f", about {hours} h left")


def _size(number: int, of: int) -> str:
    """In the unit that fits `of`: gigabytes with one digit, below one of them whole megabytes."""
    return f"{number / _GB:.1f} GB" if of >= _GB else f"{number / _MB:.0f} MB"


def _counted(value: str) -> str:
    return f"{int(value):,}" if value.isdecimal() else value


def _all_errors(base: type[OndolError]) -> list[type[OndolError]]:
    return [found for each in base.__subclasses__() for found in (each, *_all_errors(each))]
