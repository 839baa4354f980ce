"""Programs told in words: which lines of a reference a text describes, in Korean or English, one after the other.

Each line has features: what kind of step it is, its operators, literals, functions and names. A sentence has features
as well, by its words and its signs. A sentence describes a line when it has most of the line's features.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backend.hints.source import ASSIGNING, BUILTINS, KEYWORDS, OPERATORS, Tokens, is_name, is_text, tokens
from backend.hints.step_words import CONSTANTS, FUNCTIONS, KINDS, OBVIOUS, OPERATOR_WORDS, WORDS

_SIGNS = OPERATORS - {"-"}  # which may be the sign of a number, or tie two words
_KIND_OF = {
    "for": "LOOP", "while": "LOOP", "if": "IF", "elif": "IF", "else": "ELSE", "return": "RETURN", "def": "DEF",
    "break": "BREAK", "continue": "CONTINUE",
}  # fmt: skip
_OBVIOUS_WEIGHT = 0.25
_VALUE_WEIGHT = 0.75
_READING_WEIGHT = 0.1  # of what every line has that reads input
_END = re.compile(
    r"(?<=[.!?。;])\s+|(?<=다)\.|\n|→|=>|->|\bthen\b|\bafter that\b|\bnext,|\bfinally\b"
    r"|그런 다음|그 다음|그다음|다음으로|그리고 나서|마지막으로"
    r"|,\s(?=[가-힣]|and\b|set\b|print|read\b|if\b|for\b|while\b|return|add\b|stor|output|otherwise|else\b|repeat|go\b|take\b|check"
    r"|increas|append|multipl|divid|subtract|sort|count\b|comput|calculat)",
    re.IGNORECASE,
)
_JOINT = re.compile(
    r"(?<=[가-힣]고)\s|(?<=[가-힣]면)\s|(?<=[가-힣]서)\s|(?<=[가-힣]며)\s|(?<=[가-힣] 뒤)\s|(?<=[가-힣] 후)\s|\sand\s",
    re.IGNORECASE,
)
_HOLE = re.compile(r"\{[^{}]{0,200}\}")
# Sentences about what comes out now and what should: their values are those of a test, and what they print is no step.
_ABOUT_CASE = re.compile(
    r"기대|예제|예상|나와야|지금|실제|expected|example|your (?:program|function|code)|the answer|\?\s*$", re.IGNORECASE
)
_BEFORE_SIGN = OPERATORS | {"=", "(", "[", "{", ",", ":", "return", "and", "or", "not", "in", "if", "else"}
_MAX_UNITS = 120
_MAX_UNIT = 600  # characters
_DESCRIBED = 0.72
_SIDE_BY_SIDE = 3
_MORE_SAID = 0.001
_NAME_WEIGHT = 0.8
_LOOSE_NAME = 0.5  # of it, where a sentence has another name, about a line that is about more than names


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a program as features, with what each weighs. `content` are those that say what this line is about."""

    weights: Mapping[str, float]
    names: frozenset[str]
    content: frozenset[str]

    @property
    def weight(self) -> float:
        return sum(self.weights.values()) + (_NAME_WEIGHT if self.names else 0.0)


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a sentence as features, and its tokens."""

    row: Tokens
    features: frozenset[str]
    has_names: bool


def step(row: Tokens) -> Step:
    """The features of one canonical line of code."""
    weights = {_KIND_OF[row[0]]: 1.0} if row[0] in _KIND_OF else {}
    for place in range(len(row)):
        weights |= _feature(row, place)
    names = frozenset(token for token in row if is_name(token))
    if not names:  # `print(1)` and `return 0` are about their value
        weights |= {name: _VALUE_WEIGHT for name in weights if name in {"0", "1"}}
    content = frozenset(
        name for name, weight in weights.items() if weight > 0.5 and name not in KINDS and name not in OBVIOUS
    )
    return Step(weights, names, content)


def _feature(row: Tokens, place: int) -> dict[str, float]:
    """What one token says, and how much of the line that is."""
    token = row[place]
    if token in {"input", "print"}:
        return {"INPUT" if token == "input" else "OUTPUT": 1.0}
    if token == "=":
        return {} if "(" in row[:place] else {"STORE": 0.5}
    if token in OBVIOUS or (token == ".split" and "input" in row):
        return {token: _READING_WEIGHT if "input" in row else _OBVIOUS_WEIGHT}
    operator = token.removesuffix("=") if token in ASSIGNING else token
    if operator in OPERATOR_WORDS:
        return {} if _is_sign(row, place) else {operator: _OBVIOUS_WEIGHT if "range" in row[:place] else 1.0}
    return _value(token, is_bound="range" in row[:place])


def _value(token: str, *, is_bound: bool) -> dict[str, float]:
    if token in FUNCTIONS:
        return {token: 1.0}
    if token in CONSTANTS:
        return {token: _VALUE_WEIGHT}
    if token[0].isdigit():
        return {token: _OBVIOUS_WEIGHT if is_bound or token in {"0", "1"} else _VALUE_WEIGHT}
    return {_said(token, 40): _VALUE_WEIGHT} if is_text(token) and len(token) > 2 else {}


def _said(text: str, limit: int | None = None) -> str:
    """What a text literal says, whatever the names in its holes."""
    return '"' + _HOLE.sub("{}", text.lstrip('f"'))[:limit].strip().lower()


def _is_sign(row: Tokens, place: int) -> bool:
    """Whether an operator is none: the sign of a number, the `in` of a loop."""
    if row[place] == "in":
        return row[:place].count("for") > row[:place].count("in")
    return row[place] == "-" and row[place - 1] in _BEFORE_SIGN


def units(text: str) -> list[Unit]:
    """The sentences of a text, or what stands for one, in order."""
    return [_unit(part[:_MAX_UNIT]) for part in _END.split(text)[:_MAX_UNITS] if part.strip()]


def clauses(text: str) -> list[Unit]:
    """The parts of its sentences that could each tell one step."""
    parts = [part for sentence in _END.split(text)[:_MAX_UNITS] for part in _JOINT.split(sentence[:_MAX_UNIT])]
    return [_unit(part) for part in parts[:_MAX_UNITS] if part.strip()]


def _unit(text: str) -> Unit:
    row = tokens(text, comments=True)
    features = {feature for feature, words in WORDS.items() if words.search(text)}
    features |= {
        token for token in row if token[0].isdigit() or token in _SIGNS or token in BUILTINS or token[0] == "."
    }
    features |= {_said(token) for token in row if is_text(token)}
    if _ABOUT_CASE.search(text):
        features -= {
            "OUTPUT",
            "RETURN",
            *CONSTANTS,
            *(each for each in features if each[0].isdigit() or each[0] == '"'),
        }
    features |= {"name:" + token for token in row if is_name(token)}
    lowered = _HOLE.sub("{}", text.lower())
    features |= {"text:" + lowered}
    korean = any("가" <= each <= "힣" for each in text)
    named = [token for token in row if is_name(token) and token.isascii() and token not in KEYWORDS]
    has_names = bool(named) if korean else any((len(name) == 1 and name not in "aAI") or "_" in name for name in named)
    return Unit(row, frozenset(features), has_names)


def describes(unit: Unit, line: Step, alike: Mapping[str, str]) -> float:
    """Share of the line's features that the unit has, 0 to 1. `alike`: other names for the line's names."""
    text = next(feature for feature in unit.features if feature.startswith("text:"))
    had = sum(
        weight
        for feature, weight in line.weights.items()
        if feature in unit.features or (feature[0] == '"' and len(feature) > 2 and feature[1:] in text)
    )
    if line.names:
        same = sum(
            "name:" + name in unit.features or "name:" + alike.get(name, name) in unit.features for name in line.names
        )
        exact = same / len(line.names)
        had += _NAME_WEIGHT * max(exact, _LOOSE_NAME if unit.has_names and line.content else 0.0)
    return had / line.weight if line.weight else 0.0


def is_precise(unit: Unit, line: Step, alike: Mapping[str, str]) -> bool:
    """Whether a single sentence about a single line is no chance: it has all that the line is about, names among it."""
    named = sum(
        "name:" + name in unit.features or "name:" + alike.get(name, name) in unit.features for name in line.names
    )
    return len(line.content) > 1 and line.content <= unit.features and 2 * named >= len(line.names)


def is_half_shown(unit: Unit, line: Step, row: Tokens) -> bool:
    """Whether half of a line stands in the sentence as code, and the rest in words: "print the largest of map(…)"."""
    if not line.content <= unit.features or not line.weights.keys() & KINDS.keys() <= unit.features:
        return False
    blocks = SequenceMatcher(None, unit.row, row, autojunk=False).get_matching_blocks()
    return 2 * sum(block.size for block in blocks if block.size >= _SIDE_BY_SIDE) >= len(row)


def described(lines: Sequence[Step], parts: Sequence[Unit], alike: Mapping[str, str]) -> list[float]:
    """How well the parts describe each line, 0 or at least `_DESCRIBED`, in the lines' order."""
    return [score for score, _ in assigned(lines, parts, alike)]


def assigned(lines: Sequence[Step], parts: Sequence[Unit], alike: Mapping[str, str]) -> list[tuple[float, Unit | None]]:
    """For each line how well it is described, and by which part.

    It is the assignment with the largest sum of those in which each part tells one line, in the order of both. What
    tells two lines alike tells the one that says more.
    """
    scores = [[_enough(describes(part, line, alike)) for part in parts] for line in lines]
    table = [[0.0] * (len(parts) + 1)]
    for line, row in zip(lines, scores, strict=True):
        last, now = table[-1], [0.0] * (len(parts) + 1)
        for place, score in enumerate(row, 1):
            worth = score + _MORE_SAID * line.weight if score else 0.0
            now[place] = max(last[place - 1] + worth, last[place], now[place - 1])
        table.append(now)
    found: list[tuple[float, Unit | None]] = [(0.0, None)] * len(scores)
    place = len(parts)
    for at in range(len(scores), 0, -1):
        while place and table[at][place] == table[at][place - 1]:
            place -= 1
        if table[at][place] > table[at - 1][place]:
            found[at - 1] = scores[at - 1][place - 1], parts[place - 1]
            place -= 1
    return found


def _enough(score: float) -> float:
    return score if score >= _DESCRIBED else 0.0
