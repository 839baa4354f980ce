"""Sentences about a learner's own program and run, shared by templates and prompts. Nothing here knows a solution."""

from backend.errors import Language, Text
from backend.hints.diagnosis import Diagnosis
from backend.hints.ideas import IDEAS, Idea
from backend.hints.misconceptions import MisconceptionKind
from backend.hints.problems import Kind, LanguageName, Problem
from backend.hints.sandbox import Verdict

_SHOWN = 60  # characters of a value within a sentence
_SHOWN_MESSAGE = 120
_NEWLINE = " ↵ "
_LONGEST_LINE = 120  # characters of a line of the learner's that is quoted
_LINE = Text("{line}번째 줄", "line {line}")
_LOOK = Text("{where} 부분에 눈길을 주세요.", "Turn your attention to {where}.")
_SILENT = Text(
    "{given} 나와야 하는 값은 {expected}인데, 지금 프로그램은 아무것도 내지 않습니다.",
    "{given} the expected answer is {expected}, but your program gives nothing.",
)
_HAPPENED = {
    Verdict.WRONG_ANSWER: Text(
        "{given} 나와야 하는 값은 {expected}인데, 지금 프로그램이 낸 값은 {got}입니다.",
        "{given} the expected answer is {expected}, but your program gives {got}.",
    ),
    Verdict.RUNTIME_ERROR: Text(
        "{given} 프로그램이{at} {said} 오류로 멈춥니다.", "{given} your program stops{at} with {said}."
    ),
    Verdict.SYNTAX_ERROR: Text(
        "파이썬이 이 코드를{at} 읽지 못합니다: {said}.", "Python cannot read this code{at}: {said}."
    ),
    Verdict.NOT_ALLOWED: Text(
        "{given} 프로그램이{at} {called} 때문에 멈췄습니다. 여기서는 쓸 수 없는 기능입니다.",
        "{given} your program stops{at} because of {called}, which may not be used here.",
    ),
    Verdict.TIME_LIMIT: Text(
        "{given} 프로그램이 정해진 시간 안에 끝나지 않습니다.", "{given} your program does not end in time."
    ),
    Verdict.MEMORY_LIMIT: Text(
        "{given} 프로그램이 메모리를 다 쓰고 멈춥니다.", "{given} your program runs out of memory."
    ),
    Verdict.OUTPUT_LIMIT: Text(
        "{given} 프로그램이 출력을 끝없이 내보냅니다.", "{given} your program prints without end."
    ),
}


def quoted(text: str, limit: int = _SHOWN) -> str:
    """A value within a sentence: on one line, cut, at a blank where it has one, in marks that it cannot leave."""
    flat = _NEWLINE.join(part.strip() for part in text.strip().split("\n")).replace("`", "'")
    if len(flat) <= limit:
        return f"`{flat}`"
    cut = flat[: limit + 1].rpartition(" ")[0] or flat[:limit]
    return f"`{cut.rstrip()}…`"


def what_happened(diagnosis: Diagnosis, problem: Problem, language: LanguageName) -> str:
    """One sentence on the smallest failing case, or on where the syntax breaks; empty where all passed."""
    failing = diagnosis.failing
    if failing is None:
        return ""
    told = Language(language)
    if diagnosis.syntax_message:
        said = quoted(diagnosis.syntax_message, _SHOWN_MESSAGE)
        at = _at(diagnosis.syntax_line, language)
        return _HAPPENED[Verdict.SYNTAX_ERROR].in_(told).format(at=at, said=said)
    given = _given(failing.input, problem, language)
    is_silent = failing.verdict is Verdict.WRONG_ANSWER and not failing.got.strip()
    sentence = (_SILENT if is_silent else _HAPPENED[failing.verdict]).in_(told)
    return sentence.format(
        given=given,
        at=_at(failing.line, language),
        expected=quoted(failing.expected),
        got=quoted(failing.got),
        said=quoted(failing.message, _SHOWN_MESSAGE),
        called=quoted(failing.call),
    )


def place(diagnosis: Diagnosis) -> int | None:
    """The learner's line (1-based) that a hint should speak of; None where the program has none."""
    found = diagnosis.misconception.line if diagnosis.misconception else None
    failing = diagnosis.failing.line if diagnosis.failing else None
    for line in (found, diagnosis.syntax_line, failing):
        if diagnosis.text_of(line):
            return line
    written = [
        number for number, text in enumerate(diagnosis.lines, 1) if text.strip() and not text.strip().startswith("#")
    ]
    shown = [number for number in written if diagnosis.text_of(number).startswith(("print", "return"))]
    return next(reversed(shown or written), None)


def line_name(line: int, language: LanguageName) -> str:
    """A line of the learner's by its number."""
    return _LINE.in_(Language(language)).format(line=line)


def named_line(line: int, diagnosis: Diagnosis, language: LanguageName) -> str:
    """A line of the learner's by its number and what stands there, as he wrote it.

    It is not quoted at all where it is too long or cannot stand in code marks: to the leak guard a line that was cut or
    changed is not his own any more.
    """
    name, text = line_name(line, language), diagnosis.text_of(line)
    if not text or len(text) > _LONGEST_LINE or "`" in text:
        return name
    return f"{name} `{text}`" if language == "ko" else f"{name}, `{text}`"


def look_at(where: str, language: LanguageName) -> str:
    """One sentence that points to a line of the learner's, as `named_line` or `line_name` have it."""
    return _LOOK.in_(Language(language)).format(where=where)


def idea_of(diagnosis: Diagnosis) -> Idea:
    """What to say about the likely misconception."""
    found = diagnosis.misconception
    return IDEAS[found.kind if found else MisconceptionKind.UNKNOWN]


def _given(value: str, problem: Problem, language: LanguageName) -> str:
    if not value.strip():
        return "입력 없이 실행하면" if language == "ko" else "Without any input"
    if problem.kind is Kind.FUNCTION:
        return f"인수가 {quoted(value)}일 때" if language == "ko" else f"With the arguments {quoted(value)}"
    return f"입력이 {quoted(value)}일 때" if language == "ko" else f"With the input {quoted(value)}"


def _at(line: int | None, language: LanguageName) -> str:
    if line is None:
        return ""
    return f" {line}번째 줄에서" if language == "ko" else f" at line {line}"
