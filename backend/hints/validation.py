"""Whether a hint is about this learner's program and its real failing case, of a fit length, and not said before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from backend.hints.diagnosis import Diagnosis
from backend.hints.levels import Level
from backend.hints.problems import LanguageName, Problem
from backend.hints.sandbox import Verdict
from backend.hints.source import BUILTINS, KEYWORDS, program_lines

# A Korean word carries its particles and endings: a text has about two thirds of the words of the same in English.
WORDS: dict[LanguageName, range] = {"ko": range(26, 131), "en": range(40, 161)}
MAX_OVERLAP = 0.5
REASONS = (
    "length",
    "greeting",
    "names_nothing",
    "wrong_line",
    "off_case",
    "names_function",
    "tells_change",
    "invented_value",
    "repeats",
)

_GRAM = 3
_TELLING = 2  # characters of a value that stands in no text by chance
_GREETING = re.compile(
    r"\A\W*(?:안녕|물론|네[,.! ]|좋은 질문|알겠|hello\b|hi\b|sure\b|certainly\b|of course\b|okay\b)"
    r"|\A\W*here(?:'s| is) (?:a|the|your) hint"
    r"|\b(?:as an ai|language model)\b|\b(?:this|the|my) hint\b"
    r"|인공지능|언어 모델로서|힌트는|힌트를 (?:드|제공|작성)|<program>|</",
    re.IGNORECASE,
)
_LINE = re.compile(
    r"\blines?\s+(\d{1,4})|(\d{1,4})\s?(?:번째|번)?\s?(?:줄|행|라인)|(?:줄|행|라인)\s(\d{1,4})", re.IGNORECASE
)
_CODE = re.compile(r"`([^`\n]+)`")
_CALL = re.compile(r"([^\W\d]\w*)\(")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
_NAME = re.compile(r"[^\W\d]\w*")
_SMALL = frozenset({"-1", "0", "1", "2", "3"})  # which every explanation may need
_CHANGE = re.compile(
    r"\bto (?:fix|correct|solve) (?:this|it|the)\b|\bcorrected (?:program|code|version|line)\b"
    r"|\bshould be (?:changed|replaced)\b"
    r"|\byou (?:need|have|ought) to (?:add|change|replace|use|modify)\b"
    r"|\bshould (?:use|change|replace|add|ensure that)\b"
    r"|(?:고치|수정하)(?:려면|기 위해)|(?:바꿔|고쳐|바꾸어|수정해|추가해|변경해|사용해)야",
    re.IGNORECASE,
)
_STUCK = {
    Verdict.TIME_LIMIT: re.compile(r"시간|끝나|멈추|무한|반복|end|stop|time|loop|forever|infinite", re.IGNORECASE),
    Verdict.OUTPUT_LIMIT: re.compile(r"출력|끝없|멈추|반복|print|output|end|stop|loop", re.IGNORECASE),
    Verdict.MEMORY_LIMIT: re.compile(r"메모리|memory", re.IGNORECASE),
    Verdict.SYNTAX_ERROR: re.compile(
        r"문법|괄호|콜론|따옴표|들여쓰기|읽지|syntax|colon|bracket|quote|indent|read", re.IGNORECASE
    ),
}


@dataclass(frozen=True)
class Validation:
    """The verdict. `reasons` are of `REASONS`; `names`: what of the program or the failing case the hint speaks of."""

    reasons: tuple[str, ...]
    names: tuple[str, ...]
    words: int

    @property
    def ok(self) -> bool:
        return not self.reasons

    def stored(self) -> dict[str, Any]:
        """For the database and the API."""
        return {"reasons": list(self.reasons), "names": list(self.names), "words": self.words}


@dataclass(frozen=True)
class Subject:
    """What a hint has to be about."""

    problem: Problem
    diagnosis: Diagnosis
    level: Level
    language: LanguageName
    earlier: tuple[str, ...] = ()

    @cached_property
    def program(self) -> str:
        return "\n".join(self.diagnosis.lines)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names that the learner chose or uses, comments and texts left out."""
        words = (token.lstrip(".") for line in program_lines(self.program) for token in line.tokens)
        return frozenset(word for word in words if _NAME.fullmatch(word)) - KEYWORDS

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers that occur anywhere in what the learner has before him."""
        failing = self.diagnosis.failing
        case = [failing.input, failing.expected, failing.got, failing.message] if failing else []
        shown = [part for example in self.problem.examples for part in (example.input, example.output)]
        texts = [
            self.program,
            *case,
            *shown,
            self.problem.description,
            self.problem.input_description,
            self.problem.output_description,
        ]
        lines = (str(number) for number in range(len(self.diagnosis.lines) + 1))
        return frozenset(_NUMBER.findall("\n".join(texts))) | _SMALL | frozenset(lines)

    def knows(self, number: str) -> bool:
        """Whether a number occurs, or is next to one that does: the neighbours of a bound are worth a try."""
        if number in self.numbers:
            return True
        return number.lstrip("-").isdigit() and any(str(int(number) + step) in self.numbers for step in (-1, 1))

    @cached_property
    def case_values(self) -> tuple[str, ...]:
        """Words of the failing case: of its input, of what should come out and what did."""
        failing = self.diagnosis.failing
        if failing is None:
            return ()
        values = [
            word.strip("[](),\"'") for part in (failing.input, failing.expected, failing.got) for word in part.split()
        ]
        said = [*failing.message.split(":", 1)[:1], failing.call]
        return tuple(dict.fromkeys(value for value in (*values, *said) if value))


def validate(text: str, subject: Subject) -> Validation:
    """Looks at a hint that the leak guard let through."""
    words = len(text.split())
    lines, unknown = _lines(text, subject)
    of_program = program_names(text, subject)
    of_case = [value for value in subject.case_values if _mentions(text, value)]
    reasons = []
    if words not in WORDS[subject.language]:
        reasons.append("length")
    if _GREETING.search(text):
        reasons.append("greeting")
    if subject.names and not of_program:
        reasons.append("names_nothing")
    if unknown:
        reasons.append("wrong_line")
    if not _speaks_of_case(text, subject, of_case, lines):
        reasons.append("off_case")
    if subject.level < Level.PSEUDO_CODE and _new_functions(text, subject):
        reasons.append("names_function")
    if subject.level < Level.NEXT_STEP and _CHANGE.search(text):
        reasons.append("tells_change")
    if any(not subject.knows(number) for code in _CODE.findall(text) for number in _NUMBER.findall(code)):
        reasons.append("invented_value")
    if overlap(text, subject.earlier) >= MAX_OVERLAP:
        reasons.append("repeats")
    return Validation(tuple(reasons), tuple(dict.fromkeys(of_program + of_case))[:12], words)


def program_names(text: str, subject: Subject) -> list[str]:
    """What of the learner's program a text names: its names, in code marks or where they can be nothing else; lines."""
    in_code = {name for code in _CODE.findall(text) for name in _NAME.findall(code)}
    in_prose = set(_NAME.findall(_CODE.sub(" ", text)))
    telling = {name for name in in_prose if subject.language == "ko" or "_" in name or any(map(str.isdigit, name))}
    found = {name for name in (in_code | telling) & subject.names if len(name) > 1 or name in in_code}
    lines = [f"line {number}" for number in _lines(text, subject)[0]]
    return sorted(found, key=lambda name: (name in BUILTINS, name)) + lines


def overlap(text: str, earlier: Sequence[str]) -> float:
    """The share (0 to 1) of a text's runs of three words that one of the earlier texts has; the largest of them."""
    own = _grams(text)
    if not own:
        return 0.0
    return max((len(own & _grams(other)) / len(own) for other in earlier), default=0.0)


def _grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + _GRAM]) for start in range(len(words) - _GRAM + 1)}


def _lines(text: str, subject: Subject) -> tuple[list[int], list[int]]:
    """Line numbers that are named: those of the program, and those it does not have."""
    found = [int(next(filter(None, match))) for match in _LINE.findall(text)]
    # "3 lines of input" counts lines and names none: only a number beyond the program is in doubt there.
    known = [number for number in found if subject.diagnosis.text_of(number)]
    limit = max(
        len(subject.program.rstrip().split("\n")),
        subject.diagnosis.failing.input.count("\n") + 1 if subject.diagnosis.failing else 0,
    )
    return known, [number for number in found if not 1 <= number <= limit]


def _new_functions(text: str, subject: Subject) -> list[str]:
    """Functions that the hint names and the program does not, also not in a comment: which to call is his choice."""
    called = set(_CALL.findall(text)) | {code for code in _CODE.findall(text) if code in BUILTINS}
    return sorted(called - frozenset(_NAME.findall(f"{subject.program}\n{subject.problem.description}")))


def _mentions(text: str, value: str) -> bool:
    """Whether a value stands in a text; a single digit counts only in code marks, since every text has some."""
    if len(value) < _TELLING:
        return any(value in re.findall(r"-?\w+", code) for code in _CODE.findall(text))
    return re.search(rf"(?<![\w.]){re.escape(value)}(?![A-Za-z0-9_]|\.\d)", text) is not None


def _speaks_of_case(text: str, subject: Subject, of_case: Sequence[str], lines: Sequence[int]) -> bool:
    failing = subject.diagnosis.failing
    if failing is None or of_case or not subject.case_values:
        return True
    stuck = _STUCK.get(failing.verdict)
    if stuck is not None and stuck.search(text):
        return True
    return failing.line is not None and failing.line in lines
