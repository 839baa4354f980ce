"""Python source as tokens: of whole programs, of broken ones, and of prose with code in it.

The parser of the language refuses what a learner has half written and what stands between the words of a sentence,
so this reads tokens by one expression that never fails. A token is a string: a name, a number, an operator, `.name`
for an attribute, and a text literal as `"` followed by what it says. A *blind* token has `$` in place of a name that
the writer chose, so that renaming changes nothing.
"""

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Tokens = tuple[str, ...]
BLIND = "$"
MAX_CODE_CHARACTERS = 200_000
_MAX_CODE_LINES = 3_000  # no learner's program is longer
_MAX_OPEN_LINES = 30  # a bracket that is still open then was forgotten

KEYWORDS = frozenset(keyword.kwlist)
BUILTINS = frozenset(name for name in dir(builtins) if name.islower() and not name.startswith("_"))
# People give these names to their own variables, but never mean anything else by them in a solution.
_NEVER_SHADOWED = frozenset({"print", "int", "range", "len", "map", "str"})
_HEADERS = frozenset({"if", "elif", "else", "for", "while", "def", "class", "with", "try", "except", "finally"})
OPENING = _HEADERS | {"return", "import", "from", "raise", "del", "assert", "global", "nonlocal", "yield"}
_AUGMENTED = frozenset({"+=", "-=", "*=", "/=", "//=", "%=", "**=", "&=", "|=", "^=", ">>=", "<<=", "@="})
ASSIGNING = _AUGMENTED | {"=", ":="}
OPERATORS = frozenset(
    {"+", "-", "*", "/", "//", "%", "**", "<", ">", "<=", ">=", "==", "!=", "&", "|", "^", "~", "<<", ">>", "@"}
)
_BEFORE_WHOLE = frozenset({"if", "elif", "while", "return", "="})
BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}

_TEXT = r"\"(?:[^\"\\\n]|\\.){0,400}\"|'(?:[^'\\\n]|\\.){0,400}'"
# A quotation mark opens a text literal only where code may have one, so that an apostrophe in a sentence opens none.
_TOKEN = re.compile(
    rf"""
    (?P<long>(?:\"{{3}}[^\0]{{0,20000}}?\"{{3}}|'{{3}}[^\0]{{0,20000}}?'{{3}}))
    |(?P<text>(?:(?<=[(\[{{,=+:%*<>!])|(?<=\breturn)|(?<=\bin)|(?<=\bor)|(?<=\band)|(?<=\belse)|(?<=\bif)|(?<=\bnot)
        |(?<=\bprint)|^|(?<![\w"'.])(?=[fFrRbB]{{1,2}}["']))
        [ \t]{{0,8}}(?P<prefix>[rRbBfFuU]{{0,2}})(?:{_TEXT}))
    |(?P<number>0[xXbBoO][0-9A-Fa-f]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<attribute>\.[A-Za-z_][A-Za-z_0-9]*)
    |(?P<name>[^\W\d]\w*)
    |(?P<comment>\#)
    |(?P<operator>\*\*=|//=|>>=|<<=|\.\.\.|\*\*|//|>>|<<|<=|>=|==|!=|->|:=|\+=|-=|\*=|/=|%=|&=|\|=|\^=|@=
        |[-+*/%<>=()\[\]{{}},:;&|^~@])
    |(?P<newline>\n)
    """,
    re.VERBOSE | re.MULTILINE,
)
_HOLE = re.compile(r"\{([^{}]{0,200})\}")
# A Latin name with a Korean particle behind it is that name; any other mixture is one name.
_PARTICLE = re.compile(
    r"([A-Za-z_][A-Za-z_0-9]*)((?:을|를|은|는|이|가|에|의|로|으로|와|과|도|만|부터|까지|에서|에는|에게|보다|마다|처럼|씩|번|개|값|인|일|라|라는|이라는"
    r"|이라고|라고|이면|라면|이고|하고|이나|나|의값|값을|번째|이상|이하|미만|초과|입니다|이에요|예요|함수|함수를|문|문을|문의|문에서|문으로)+)"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line of a program: where its first character stands (1-based), how far in, and its tokens."""

    number: int
    indent: int
    tokens: Tokens


def tokens(text: str, *, comments: bool = False) -> Tokens:
    """The tokens of a text in order, with `\\n` between lines.

    Args:
        text: source, or prose with source in it; what lies beyond `MAX_CODE_CHARACTERS` is not read.
        comments: what follows a `#` belongs to the text, as it does in prose.
    """
    return tuple(_scan(text[:MAX_CODE_CHARACTERS], comments))


def _scan(text: str, comments: bool) -> Iterator[str]:
    position = 0
    while found := _TOKEN.search(text, position):
        position = found.end()
        kind, value = found.lastgroup, found.group()
        if kind == "comment":
            end = text.find("\n", position)
            if not comments:
                position = len(text) if end < 0 else end
        elif kind == "long":
            yield '"' + value[3:-3].strip()
        elif kind in {"text", "prefix"}:
            prefix = found["prefix"].lower()
            quoted = value.strip()[len(prefix) + 1 : -1]
            yield ('f"' if "f" in prefix else '"') + quoted.strip()
        elif kind == "number":
            yield _number(value)
        elif kind == "name" and not value.isascii() and (split := _PARTICLE.fullmatch(value)):
            yield from split.groups()
        else:
            yield value


def _number(text: str) -> str:
    """`1_000` and `1000`, `1.0` and `1.` are the same."""
    text = text.replace("_", "")
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text.lower() else text


def is_text(token: str) -> bool:
    return token.startswith(('"', 'f"'))


def is_word(token: str) -> bool:
    """A name, keyword or number."""
    return token[0].isalnum() or token[0] == "_"


def is_name(token: str) -> bool:
    """A name that its writer chose."""
    return (token[0].isalpha() or token[0] == "_") and not is_text(token) and token not in KEYWORDS | BUILTINS


def program_lines(code: str) -> tuple[Line, ...]:
    """The logical lines of a program: without comments, blank lines and lone text, one statement in each.

    An unclosed bracket ends with its physical line, so the rest of a broken program is read as well.
    """
    physical = _physical_lines(code)
    lines: list[Line] = []
    position = 0
    while position < len(physical):
        number, indent, held = physical[position]
        taken = _closed_after(physical, position)
        for _, _, more in physical[position + 1 : position + taken]:
            held = held + more
        position += taken
        for deeper, statement in enumerate(_statements(held)):
            if not (len(statement) == 1 and is_text(statement[0])):
                lines.append(Line(number, indent + 4 * min(deeper, 1), statement))
    return tuple(lines)


def physical_rows(code: str) -> tuple[Tokens, ...]:
    """The tokens of each line as it is written, so that of a long literal each line counts; `if x: y` has two."""
    return tuple(statement for _, _, row in _physical_lines(code) for statement in _statements(row))


def _physical_lines(code: str) -> list[tuple[int, int, Tokens]]:
    """Number, indent and tokens of each line that has tokens."""
    code = code[:MAX_CODE_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    starts = [match.start() for match in re.finditer(r"^", code, re.MULTILINE)]
    found: list[tuple[int, int, Tokens]] = []
    for number, start in enumerate(starts[:_MAX_CODE_LINES], 1):
        end = code.find("\n", start)
        text = code[start:] if end < 0 else code[start:end]
        if row := tokens(text):
            found.append((number, len(text) - len(text.lstrip()), row))
    return found


def _closed_after(physical: Sequence[tuple[int, int, Tokens]], position: int) -> int:
    """How many physical lines from `position` on make one with all brackets closed; 1 where none does."""
    depth = 0
    for count, (_, _, row) in enumerate(physical[position : position + _MAX_OPEN_LINES], 1):
        if count > 1 and row[0] in OPENING - {"if", "else", "for"}:
            return 1
        depth += sum(BRACKETS.get(token, 0) for token in row)
        if depth <= 0:
            return count
    return 1


def _statements(row: Tokens) -> Iterator[Tokens]:
    """`if x: y; z` is three statements."""
    depth, held = 0, list[str]()
    header = bool(row) and row[0] in _HEADERS
    for place, token in enumerate(row):
        depth += BRACKETS.get(token, 0)
        if depth <= 0 and (token == ";" or (header and token == ":" and "lambda" not in held)):
            header = header and token != ":"
            if made := canonical(tuple(held)):
                yield made
            held = []
            header = header or row[place + 1 : place + 2] in (("if",), ("for",), ("while",))
        else:
            held.append(token)
    if made := canonical(tuple(held)):
        yield made


def canonical(row: Tokens) -> Tokens:
    """The tokens without what changes nothing.

    `x = x + 1` is `x += 1`; a `;`, the `:` of a header and needless brackets are nothing.
    """
    row = _without_needless_brackets(row)
    made: list[str] = []
    depth = place = 0
    while place < len(row):
        token = row[place]
        depth = 0 if token == "\n" else max(0, depth + BRACKETS.get(token, 0))
        ends = row[place + 1 : place + 2] in ((), ("\n",))
        if token == ";" or (token == ":" and depth == 0 and (ends or row[0] in _HEADERS)):
            place += 1
            continue
        if row[place + 1 : place + 2] == ("=",) and row[place + 2 : place + 3] == (token,) and is_word(token):
            operator = row[place + 3 : place + 4]
            if operator and operator[0] + "=" in _AUGMENTED:
                made += [token, operator[0] + "="]
                place += 4
                continue
        made.append("=" if token == ":=" else token)
        place += 1
    return tuple(made)


def _without_needless_brackets(row: Tokens) -> Tokens:
    """`print((x))` is `print(x)`, and `if (x):` is `if x:`."""
    if "(" not in row:
        return row
    opened: list[int] = []
    closes: dict[int, int] = {}
    for place, token in enumerate(row):
        if token == "(":
            opened.append(place)
        elif token == ")" and opened:
            closes[opened.pop()] = place
    needless: set[int] = set()
    for place, end in closes.items():
        before = row[place - 1] if place else ""
        doubled = before == "(" and closes.get(place - 1) == end + 1
        if doubled or (before in _BEFORE_WHOLE and row[end + 1 :] in ((), (":",))):
            needless |= {place, end}
    return tuple(token for place, token in enumerate(row) if place not in needless)


def shadowed(row: Sequence[str]) -> frozenset[str]:
    """Built-in names that this code gives a value of its own (`sum = 0`), and so are names like any other."""
    found: set[str] = set()
    depth, defines = 0, False
    for place, token in enumerate(row):
        depth = 0 if token == "\n" else max(0, depth + BRACKETS.get(token, 0))
        defines = token == "def" or (defines and (depth > 0 or row[place - 1] == "def"))
        if token in BUILTINS and token not in _NEVER_SHADOWED:
            after = row[place + 1] if place + 1 < len(row) else ""
            before = row[place - 1] if place else ""
            if (depth == 0 and after in ASSIGNING) or before == "for" or (defines and depth and before in {"(", ","}):
                found.add(token)
    return frozenset(found)


def blind(row: Iterable[str], shadows: frozenset[str] = frozenset()) -> Tokens:
    """The tokens with `$` for every name that is neither a keyword nor a built-in function."""
    return tuple(_blind(token, shadows) for token in row)


def _blind(token: str, shadows: frozenset[str]) -> str:
    if token.startswith('f"'):
        return _HOLE.sub(lambda hole: "{" + " ".join(blind(tokens(hole[1]), shadows)) + "}", token)
    if token in shadows or ((token[0].isalpha() or token[0] == "_") and token not in KEYWORDS | BUILTINS):
        return BLIND
    return token


def joined(row: Iterable[str]) -> str:
    """Tokens as one string in which `in` and `count` find whole runs of tokens."""
    return "".join(f"\x1e{token}\x1f" for token in row)


def grams(row: Sequence[str], size: int = 4) -> set[Tokens]:
    """Runs of `size` tokens of one line; a shorter line is one of its own."""
    if len(row) < size:
        return {tuple(row)} if row else set()
    return {tuple(row[start : start + size]) for start in range(len(row) - size + 1)}
