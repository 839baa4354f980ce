"""What a hint shows: its code and its sentences, without what the learner has already, ready to be compared."""

from dataclasses import dataclass, fields

from backend.hints.disguises import undisguised
from backend.hints.fragments import Place, masked, pieces, sentences
from backend.hints.material import Material
from backend.hints.pseudo_code import Unit, clauses, units
from backend.hints.source import Tokens, blind, joined, shadowed

MAX_CHARACTERS = 12_000
_OWN = "\x00"  # a token that is none, in place of the learner's own


@dataclass(frozen=True, slots=True)
class Shown:
    """A text, or several one after the other.

    Attributes:
        code: joined tokens of everything that is code; `code_blind`: the same blind.
        text: joined tokens of all of it; `text_blind`: the same blind.
        fragments: the parts that are code.
        statements: lines of code that do something, and expressions that are as much.
        foreign: lines of code that are said to be in another language than Python.
        rows: every part as blind tokens, the learner's own among them.
        quoted: the learner's own parts; `quoted_rows`: the same blind.
        sentences, units, clauses: what is said, in parts of falling size, without what is the learner's own.
    """

    code: str = ""
    code_blind: str = ""
    text: str = ""
    text_blind: str = ""
    fragments: tuple[Tokens, ...] = ()
    statements: tuple[Tokens, ...] = ()
    foreign: tuple[Tokens, ...] = ()
    rows: tuple[Tokens, ...] = ()
    quoted: tuple[Tokens, ...] = ()
    quoted_rows: tuple[Tokens, ...] = ()
    sentences: tuple[str, ...] = ()
    units: tuple[Unit, ...] = ()
    clauses: tuple[Unit, ...] = ()

    def __add__(self, other: "Shown") -> "Shown":
        return Shown(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def shown(text: str, material: Material) -> Shown:
    """What a hint shows that the learner neither wrote nor was given."""
    text = undisguised(text[:MAX_CHARACTERS])[: 2 * MAX_CHARACTERS]
    found = pieces(text)
    shadows = material.shadows | shadowed([token for piece in found for token in (*piece.row, "\n")])
    code: list[str] = []
    stream: list[str] = []
    fragments: list[Tokens] = []
    quoted: list[Tokens] = []
    statements: dict[Tokens, None] = {}
    foreign: list[Tokens] = []
    for piece in found:
        row = piece.row
        if piece.is_code and all(map(material.has, piece.lines)):
            stream.append(_OWN)
            quoted += piece.lines
            continue
        stream += row
        if piece.is_code:
            code += row
            fragments.append(row)
            statements |= dict.fromkeys(line for line in piece.worth_counting if not material.has(line))
            foreign += piece.lines if piece.place is Place.FOREIGN else ()
    told = masked(text, material.has)
    return Shown(
        code=joined(code),
        code_blind=joined(blind(code, shadows)),
        text=joined(stream),
        text_blind=joined(blind(stream, shadows)),
        fragments=tuple(row for row in fragments if len(row) > 2),
        statements=tuple(statements),
        foreign=tuple(foreign),
        rows=tuple(blind(line, shadows) for piece in found for line in piece.lines),
        quoted=tuple(quoted),
        quoted_rows=tuple(blind(line, shadows) for line in quoted),
        sentences=sentences(masked(text, lambda row: len(row) > 1 and material.has(row))),
        units=tuple(units(told)),
        clauses=tuple(clauses(told)),
    )
