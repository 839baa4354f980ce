"""Programs that a hint would make: its code alone, and put into the learner's program. Running them tells a leak."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice, zip_longest

from backend.hints.corrections import speaks_of_change
from backend.hints.disguises import undisguised
from backend.hints.expressions import expressions, programs
from backend.hints.fragments import Piece, Place, masked, pieces, sentences, unlabelled
from backend.hints.nearest import parsed
from backend.hints.source import OPERATORS, canonical, joined, program_lines, tokens

MAX_CANDIDATES = 12
_MAX_CHARACTERS = 12_000
_MAX_MADE = 48  # of which some do not parse
_MAX_PROGRAM = 20_000
_MAX_PARSED = 5_000
_MAX_EARLIER_LINES = 60
_FENCED = re.compile(
    r"^[ \t]{0,20}(?:`{3,}|~{3,})[^\n`]{0,30}\n(.*?)(?:^[ \t]{0,20}(?:`{3,}|~{3,})[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_COMPARING = ("<", "<=", ">", ">=", "==", "!=")
_ALIKE = 0.45


def candidates(hint: str, program: str, earlier: Sequence[str] = ()) -> list[str]:
    """Programs worth running, the likeliest first, at most `MAX_CANDIDATES` and each once; never the learner's own.

    Args:
        hint: the text; `earlier`: the hints before it, whose code counts with its own.
        program: the learner's.
    """
    if len(program) > _MAX_PROGRAM:
        program = ""
    made: dict[str, None] = {}
    for candidate in islice(_made(undisguised(hint[:_MAX_CHARACTERS]), earlier, program), _MAX_MADE):
        if candidate.strip() and candidate.strip() != program.strip() and _may_run(candidate):
            made.setdefault(candidate)
        if len(made) == MAX_CANDIDATES:
            break
    return list(made)


def _may_run(program: str) -> bool:
    """Whether it parses; of a long program nobody waits to find out."""
    return len(program) > _MAX_PARSED or parsed(program) is not None


def _made(text: str, before: Sequence[str], program: str) -> Iterator[str]:
    blocks = [block for block in _FENCED.findall(text) if block.strip()]
    own = "\n".join(joined(line.tokens) for line in program_lines(program))
    lines = [line for line in _code_lines(text) if _row(line) not in own]
    said = [each for each in expressions([*lines, *_parts(text)]) if _row(each) not in own]
    signs = _signs(text, own)
    yield from blocks
    if len(blocks) > 1:
        yield "\n".join(blocks)
    if lines:
        yield "\n".join(lines)
        if before:
            told = [line for one in before for line in _code_lines(undisguised(one[:_MAX_CHARACTERS]))]
            yield "\n".join([*told[-_MAX_EARLIER_LINES:], *lines])
    written = program.split("\n") if program.strip() else []
    if written and len(lines) > 1:
        yield _all_replaced(written, lines)
    ways = [programs(written, each) for each in said]
    if written:
        ways += [islice(_placed(written, line), 6) for line in lines]
        ways.append(_behind(program, blocks, lines))
        ways.append(_with_signs(written, signs))
    for round_of in zip_longest(*ways):
        yield from filter(None, round_of)


def _behind(program: str, blocks: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """What the hint shows, at the end of the program."""
    if blocks:
        yield program.rstrip() + "\n" + blocks[0]
    if len(lines) > 1:
        yield program.rstrip() + "\n" + "\n".join(lines)


def _code_lines(text: str) -> list[str]:
    """Lines of code of a text with their indentation, where they have one."""
    raw = text.split("\n")
    return [
        _indentation(raw[piece.number]) + _written(piece)
        for piece in pieces(text)
        if piece.statements or piece.place in {Place.FENCE, Place.FOREIGN}
    ]


def _parts(text: str) -> list[str]:
    """Other code of a text, that is no line."""
    return [_written(piece) for piece in pieces(text) if piece.is_code and not piece.statements]


def _row(line: str) -> str:
    return joined(canonical(tokens(line.strip())))


def _written(piece: Piece) -> str:
    if piece.place in {Place.RUN, Place.PART}:
        return " ".join(
            ('"' + token.lstrip('f"') + '"') if token.startswith(('"', 'f"')) else token for token in piece.row
        )
    return piece.text.strip()


def _indentation(line: str) -> str:
    bare = unlabelled(line)
    return bare[: len(bare) - len(bare.lstrip())]


def _placed(written: Sequence[str], line: str) -> Iterator[str]:
    """The program with a line in place of the one most like it, then before and behind that one, and at the end."""
    bare = line.strip()
    ranked = sorted(range(len(written)), key=lambda place: -_ratio(written[place], bare))
    if ranked and written[ranked[0]].strip():
        best = ranked[0]
        indent = written[best][: len(written[best]) - len(written[best].lstrip())]
        if _ratio(written[best], bare) >= _ALIKE:
            yield "\n".join([*written[:best], indent + bare, *written[best + 1 :]])
        yield "\n".join([*written[: best + 1], indent + bare, *written[best + 1 :]])
        yield "\n".join([*written[:best], indent + bare, *written[best:]])
    yield "\n".join([*written, bare])
    yield "\n".join([bare, *written])


def _all_replaced(written: Sequence[str], lines: Sequence[str]) -> str:
    """Every line put in place of the one most like it; what is like none goes to the end."""
    made = list(written)
    rest = []
    taken: set[int] = set()
    for line in lines:
        free = [place for place in range(len(written)) if place not in taken and written[place].strip()]
        best = max(free, key=lambda place: _ratio(written[place], line.strip()), default=-1)
        if best >= 0 and _ratio(written[best], line.strip()) >= _ALIKE:
            taken.add(best)
            made[best] = written[best][: len(written[best]) - len(written[best].lstrip())] + line.strip()
        else:
            rest.append(line)
    return "\n".join([*made, *rest])


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one.strip()[:300], other[:300], autojunk=False).ratio()


def _signs(text: str, own: str) -> list[str]:
    """Operators that sentences about a change name, not those of the learner's lines that they quote."""
    found = [
        token
        for sentence in sentences(masked(text, lambda row: len(row) > 1 and joined(row) in own))
        if speaks_of_change(sentence)
        for token in tokens(sentence, comments=True)
        if token in OPERATORS
    ]
    return list(dict.fromkeys(found))[:4]


def _with_signs(written: Sequence[str], signs: Sequence[str]) -> Iterator[str]:
    """The program with one operator replaced by one that the text names."""
    for sign in signs:
        others = _COMPARING if sign in _COMPARING else tuple(OPERATORS - set(_COMPARING))
        for place, line in enumerate(written):
            for found in re.finditer(r"[<>=!]=|//|\*\*|[-+*/%<>]", line):
                if found[0] in others and found[0] != sign:
                    changed = line[: found.start()] + sign + line[found.end() :]
                    yield "\n".join([*written[:place], changed, *written[place + 1 :]])
