"""A text of a model while it is written, and what is put right in it without judging it."""

import re
from dataclasses import dataclass, field

from backend.llm.engine import Usage

_MAX_CODE = 240  # characters of a block of code that is still open, after which nobody waits for its end
_HEADING = re.compile(
    r"\A\s*(?:#{1,6}[^\n]*\n+|(?:\*\*)?(?:힌트|hint)\s*\d?\s*(?:\*\*)?\s*[:：](?:\*\*)?\s*)+", re.IGNORECASE
)
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LIST_MARK = re.compile(r"\A\s*(?:\d{1,2}[.)]|[-*•])\s+")
_ENDED = re.compile(r"(.*[.!?。…)\]`\"'’”])", re.DOTALL)
_LEARNER = (
    (re.compile(r"\bThe learner's\b"), "Your"),
    (re.compile(r"\bthe learner's\b"), "your"),
    (re.compile(r"\bThe learner (should|can|may|could|must|needs to)\b"), r"You \1"),
    (re.compile(r"\bthe learner (should|can|may|could|must)\b"), r"you \1"),
)


@dataclass
class Draft:
    """A text while it is written."""

    parts: list[str] = field(default_factory=list)
    usage: Usage | None = None
    reason: str = ""

    @property
    def characters(self) -> int:
        return sum(map(len, self.parts))

    @property
    def is_program(self) -> bool:
        """It is in the middle of more code than any level allows."""
        *_, last = parts = "".join(self.parts).split("```")
        return len(parts) % 2 == 0 and len(last) > _MAX_CODE

    @property
    def text(self) -> str:
        return tidied("".join(self.parts), is_cut=self.reason == "length")


def tidied(text: str, *, is_cut: bool = False) -> str:
    """The text without a heading, pictures and, where it was cut off, its unfinished last sentence."""
    text = _IMAGE.sub(r"\1", text.replace("\0", ""))
    text = _HEADING.sub("", text).strip()
    if is_cut and (ended := _ENDED.match(text)):
        text = ended[1]
    for third_person, second_person in _LEARNER:
        text = third_person.sub(second_person, text)
    return text.strip()


def as_prose(text: str) -> str:
    """The text without bold marks and list marks, as one paragraph: small models make a list of what they are told."""
    lines = (_LIST_MARK.sub("", line).strip() for line in text.replace("**", "").split("\n"))
    return " ".join(line for line in lines if line)
