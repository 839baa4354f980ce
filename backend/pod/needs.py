"""What keeps a pod from stopping, or stops it, in words: a code for programs and a sentence in each language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.errors import Language, Text
from backend.pod.sample import Phrase, said_in

SIGNAL_NAMES: dict[str, Text] = {
    "gpu": Text("GPU 사용률", "GPU utilisation"),
    "engine": Text("모델 서버", "the model server"),
    "embedding": Text("임베딩 서버", "the embedding server"),
    "requests": Text("온돌이 처리하는 요청", "Ondol's own requests"),
    "jobs": Text("뒤에서 도는 작업", "background jobs"),
    "downloads": Text("모델 내려받기", "downloads of weights"),
    "ssh": Text("SSH 접속", "SSH sessions"),
    "probe": Text("직접 정한 검사 명령", "the probe command"),
}

WORK_NAMES: dict[str, Text] = {
    "chat": Text("대화", "chat"),
    "documents": Text("문서", "documents"),
    "search": Text("찾기", "search"),
    "jobs": Text("작업", "jobs"),
    "hints": Text("힌트", "hints"),
    "sentiment": Text("감성 분석", "sentiment"),
}

_SENTENCES: dict[str, Text] = {
    # Why it does not stop.
    "busy": Text("{signal}: 일하는 중입니다 ({value}).", "Busy: {signal} ({value})."),
    "unknown": Text(
        "{signal}: 알 수 없습니다 ({value}). 모르는 것은 쉬는 것으로 치지 않습니다.",
        "Unknown: {signal} ({value}). What is not known does not count as idle.",
    ),
    "no_signals": Text("무엇을 하는지 알려 주는 신호가 하나도 없습니다.", "No signal tells what the pod is doing."),
    "not_ready": Text("파드가 아직 준비되지 않았습니다.", "The pod is not ready yet."),
    "min_runtime": Text(
        "준비된 뒤 적어도 {value}분은 켜 둡니다.", "It runs at least {value} minutes once it is ready."
    ),
    "idle_checks": Text("쉬는 것으로 확인한 횟수: {value}.", "Idle checks in a row: {value}."),
    "learnt_wait": Text(
        "지금까지의 사용 기록으로는 곧 다시 쓸 수 있어 더 기다립니다 ({value}분째 쉬는 중).",
        "By its history work may come back soon, so it waits (idle for {value} minutes).",
    ),
    "keep_awake": Text("켜 두기로 한 시각: {value}.", "It was asked to stay awake until {value}."),
    "quiet_window": Text(
        "이 시간대에는 끄지 않기로 정했습니다 ({value}까지).", "It must not stop at this time (until {value})."
    ),
    "resumed": Text(
        "확인이 한동안 멈췄다가 다시 시작되어 처음부터 셉니다.",
        "Checks were missed for a while, so counting begins again.",
    ),
    "clock_jump": Text("시계가 갑자기 바뀌어 처음부터 셉니다.", "The clock jumped, so counting begins again."),
    "settings_changed": Text("설정이 바뀌어 처음부터 셉니다.", "Settings changed, so counting begins again."),
    # Why it stops.
    "idle": Text("{value}분 동안 아무 일도 없었습니다.", "Nothing happened for {value} minutes."),
    "max_lifetime": Text(
        "정해 둔 최대 시간({value}시간)을 넘겼습니다. 일하는 중이어도 끕니다.",
        "It has run longer than the {value} hours allowed, and stops even while busy.",
    ),
    "money_ceiling": Text(
        "이번 달에 정해 둔 금액(${value})에 이르렀습니다. 일하는 중이어도 끕니다.",
        "This month's ceiling of ${value} is reached, and it stops even while busy.",
    ),
}


@dataclass(frozen=True)
class Need:
    """One thing that has to change before the pod stops, or the reason why it stops.

    Attributes:
        code: one of the codes above.
        text: the sentence, filled in.
        signal: name of the signal it is about, or empty.
        until: when it ends by itself, where that is known.
    """

    code: str
    text: Text
    signal: str = ""
    until: datetime | None = None


FIRST_READING = Phrase("first reading, nothing to compare with", "처음 읽어서 견줄 것이 없음")


def work_names(kinds: Sequence[str]) -> Phrase:
    """Kinds of the app's own work as a list in words."""
    names = [WORK_NAMES.get(kind, Text(kind, kind)) for kind in kinds]
    return Phrase(", ".join(kinds), ", ".join(name.ko for name in names))


def signal_name(signal: str) -> Text:
    """Its name in words, with that of the provider where there are several of a kind (`engine:pod`)."""
    kind, _, which = signal.partition(":")
    name = SIGNAL_NAMES.get(kind, Text(kind, kind))
    return Text(f"{name.ko} {which}", f"{name.en} {which}") if which else name


def need(code: str, *, signal: str = "", value: object = "", until: datetime | None = None) -> Need:
    """The sentence of `code` with its signal's name and value put in; a Phrase in the sentence's language."""
    sentence, name = _SENTENCES[code], signal_name(signal)
    filled = Text(
        *(
            sentence.in_(language).format(signal=name.in_(language), value=said_in(language, value))
            for language in (Language.KO, Language.EN)
        )
    )
    return Need(code, filled, signal, until)
