"""Where a text has code: fenced blocks, spans in backticks or quotation marks, whole lines, and runs inside sentences.

A text is taken apart into pieces that together are all of it, so that what the learner wrote himself can be left out
and the rest compared as one stream of tokens.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from backend.hints.source import OPERATORS, Tokens, canonical, is_word, physical_rows, program_lines, tokens
from backend.hints.statements import JOINING, has_call, is_foreign, is_statement, is_worked_out, reads_as_code

_FENCE = re.compile(r"\s{0,20}(?:`{3,}|~{3,})\s{0,5}([\w+#.-]{0,20})\s{0,20}$")
_NO_OTHER_LANGUAGE = frozenset(
    {
        "",
        "python",
        "python3",
        "py",
        "py3",
        "text",
        "txt",
        "plain",
        "plaintext",
        "pseudo",
        "pseudocode",
        "input",
        "output",
    }
)
_ENDS_FOREIGN = re.compile(r"[;{}]\s*$")
_LABEL = re.compile(
    r"""\s{0,40}(?:
        [-*+>|]\s{1,8}
        |\(?(?:\d{1,3}|[a-hA-H])[.):\]|]\s{1,8}(?!$)
        |\#{1,6}\s{1,8}
        |(?:step|line|단계|스텝|줄)\s{0,2}\d{1,3}\s{0,2}[.):,-]\s{0,8}
        |\d{1,3}\s{0,2}(?:단계|행|번째\s줄|번\s줄|줄)\s{0,2}[.):,-]\s{0,8}
        |\[\s?\d{0,3}[x\s]?\]\s{0,8}
        |>>>\s?|\.\.\.\s
        |\d{1,3}\s{2,8}(?=[^\W\d])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_SPAN = re.compile(
    r"`{1,3}([^`\n]{1,600})`{1,3}"
    r"|(?<!\w)\"((?:(?<=[(\[{,=])\"[^\"\n]{0,100}\"|[^\"\n]){3,300})\"(?!\w)|(?<!\w)'((?:(?<=[(\[{,=])'[^'\n]{0,100}'|[^'\n]){3,300})'(?!\w)"
)
_LANGUAGE = re.compile(r"(?:python|py)3?\s{1,3}(?=\S)")
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|(?<=다)\.|\n")
_MAX_LINES = 600
_MAX_TIES = 6
_MAX_SENTENCES = 200
_TYING = frozenset({"and", "or", "in", "is", "as"})  # words of a sentence where no code stands before them
_STARTING = frozenset({"for", "if", "while", "elif", "return", "def", "print"})


class Place(StrEnum):
    """What a piece stands in."""

    FENCE = "fence"
    FOREIGN = "foreign"  # a fenced block that says it is in another language than Python
    SPAN = "span"
    LINE = "line"
    RUN = "run"
    PART = "part"  # of a sentence with signs of code, but not enough of it to be a line
    PROSE = "prose"


_CERTAIN = frozenset({Place.FENCE, Place.SPAN, Place.LINE, Place.RUN})
_MARKED = frozenset({Place.FENCE, Place.SPAN, Place.LINE})
_ALONE = frozenset({Place.FENCE, Place.LINE})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text that is code, or words between.

    Attributes:
        text: its characters; of a run or prose those of the whole line.
        number: of the line of the text, from 0.
        lines: its canonical tokens, as the lines that they are: `if x: y` has two.
    """

    place: Place
    text: str
    number: int
    lines: tuple[Tokens, ...]

    @property
    def row(self) -> Tokens:
        """All its tokens."""
        return tuple(token for line in self.lines for token in line)

    @property
    def statements(self) -> tuple[Tokens, ...]:
        """Lines of Python that do something."""
        return tuple(line for line in self.lines if is_statement(line)) if self.place in _CERTAIN else ()

    @property
    def worth_counting(self) -> tuple[Tokens, ...]:
        """Lines that do something in whatever language, and expressions that are as much as such a line."""
        return tuple(filter(self._counts, self.lines))

    def _counts(self, line: Tokens) -> bool:
        if self.place is Place.FOREIGN:
            return True
        return (
            (self.place in _CERTAIN and is_statement(line))
            or (self.place in _MARKED and (is_worked_out(line) or is_foreign(line)))
            or (self.place in _ALONE and has_call(line))
        )

    @property
    def is_code(self) -> bool:
        return self.place is not Place.PROSE


def pieces(text: str) -> list[Piece]:
    """The pieces of a text in order. It is read line by line; nothing in it can make this fail or slow."""
    found: list[Piece] = []
    fence: Place | None = None
    for number, line in enumerate(text.split("\n")[:_MAX_LINES]):
        if mark := _FENCE.match(line):
            opened = Place.FENCE if mark[1].lower() in _NO_OTHER_LANGUAGE else Place.FOREIGN
            fence = opened if fence is None else None
        elif fence:
            found += _code(fence, unlabelled(line), number)
        else:
            found += _of_line(unlabelled(line), number)
    return found


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, and its lines, where these are shorter."""
    return tuple(part for part in _SENTENCE.split(text) if part.strip())[:_MAX_SENTENCES]


def unlabelled(line: str) -> str:
    """A line without the number, bullet or mark before it."""
    for _ in range(3):
        found = _LABEL.match(line)
        if not found:
            break
        line = line[found.end() :]
    return line


def masked(text: str, is_given: Callable[[Tokens], bool]) -> str:
    """The text without code in it that its reader has: spans, and lines of nothing else.

    Args:
        text: as `pieces` reads it.
        is_given: whether he has these tokens.
    """
    kept = []
    for line in text.split("\n")[:_MAX_LINES]:
        bare = unlabelled(line)
        row = canonical(tokens(bare.strip().strip("`")))
        if len(row) > 2 and is_given(row):
            continue
        kept.append(
            _SPAN.sub(lambda span: " ` " if span[1] and is_given(canonical(tokens(span[1]))) else span[0], bare)
        )
    return "\n".join(kept)


def _of_line(line: str, number: int) -> Iterator[Piece]:
    bare = line.strip().strip("`").strip()
    whole = canonical(tokens(bare))
    is_foreign_line = _ENDS_FOREIGN.search(bare) and (is_foreign(whole) or has_call(whole))
    if is_statement(whole) or _is_import(whole) or _has_statements(bare) or is_foreign_line:
        yield from _code(Place.LINE, bare, number)
        return
    position = 0
    for span in _SPAN.finditer(line):
        inner = span[1] or span[2] or span[3]
        if not span[1] and line[: span.start()].endswith(("(", "=", ", ", "+ ", "[")):
            continue  # a text literal of code
        yield from _runs(line[position : span.start()], number)
        if span[1] or _has_statements(inner):
            yield from _code(Place.SPAN, _LANGUAGE.sub("", inner), number)
        else:
            yield from _runs(inner, number)
        position = span.end()
    yield from _runs(line[position:], number)


def _is_import(row: Tokens) -> bool:
    return len(row) > 1 and reads_as_code(row) and (row[0] == "import" or (row[0] == "from" and "import" in row))


def _has_statements(text: str) -> bool:
    """Whether all of the text is code with something that does something, as in `if x: print(x)`."""
    lines = program_lines(text) if any(mark in text for mark in ";:=(") else ()
    return any(is_statement(line.tokens) for line in lines) and all(reads_as_code(line.tokens) for line in lines)


def _code(place: Place, text: str, number: int) -> Iterator[Piece]:
    lines = physical_rows(text)
    if lines:
        yield Piece(place, text, number, lines)
    mark = text.find("#")
    comment = canonical(tokens(text[mark + 1 :], comments=True)) if mark >= 0 else ()
    if comment:  # words, or code that is only switched off
        yield Piece(Place.RUN if is_statement(comment) else Place.PROSE, text, number, (comment,))


def _runs(text: str, number: int) -> Iterator[Piece]:
    """Cuts words and code that stand beside each other without a mark."""
    row = tokens(text, comments=True)
    held: list[str] = []
    for token in row:
        if held and (_is_break(held, token) or (token in _STARTING and not _continues(held))):
            yield from _cut(tuple(held), text, number)
            held = []
        held.append(token)
    if held:
        yield from _cut(tuple(held), text, number)


def _is_break(held: list[str], token: str) -> bool:
    closed = held[-1] in {":", ",", ";"} and not _continues(held[:-1])
    if len(held) == 1 and held[0] in _TYING:
        return True
    return not reads_as_code((held[-1], token)) or (closed and held[-1] != "," and is_word(token))


def _cut(held: Tokens, text: str, number: int) -> Iterator[Piece]:
    """`print(x) and then`: the statement, and the words that a word of the language ties to it."""
    ties = [place for place, token in enumerate(held) if place > 2 and (token in JOINING or token == ",")]
    for place in [] if is_statement(canonical(held)) else ties[:_MAX_TIES]:
        if is_statement(canonical(held[:place])):
            yield from _run(held[:place], text, number)
            held = held[place:]
            break
    yield from _run(held, text, number)


def _continues(held: list[str]) -> bool:
    """Whether code goes on: an open bracket, an operator before it."""
    if held.count("(") > held.count(")") or held.count("[") > held.count("]"):
        return True
    return bool(held) and (held[-1] in OPERATORS or held[-1] in {"=", "in"})


def _run(held: Tokens, text: str, number: int) -> Iterator[Piece]:
    ends_open = held[-1] == ":"
    while held and held[-1] in {",", ":", "-", ";"}:
        held = held[:-1]
    row = canonical(held)
    if len(row) < 3 or not any(token in OPERATORS or token in {"(", "[", "="} or token[-1] == "=" for token in row):
        if row:
            yield Piece(Place.PROSE, text, number, (row,))
        return
    # "if a > b" may stand in a sentence; with its colon, or a bracket, it is code.
    certain = ends_open or row[0] not in {"if", "while", "elif", "return", "for"} or "(" in row
    yield Piece(Place.RUN if certain and is_word(row[0]) else Place.PART, text, number, (row,))
