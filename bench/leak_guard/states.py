"""Programs as a learner might have them at some moment, made from a reference solution."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

_SWAPS = {
    "<=": "<", ">=": ">", "<": "<=", ">": ">=", "==": "!=", "!=": "==", "//": "/", "/": "//", "%": "//", "+": "-",
    "-": "+", "*": "+", "+=": "-=", "-=": "+=", "max": "min", "min": "max", "and": "or", "or": "and", "True": "False",
    "False": "True",
}  # fmt: skip
_PARTS = re.compile(r"(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#.*|\w+|[<>=!+\-*/%&|^]+)")


@dataclass(frozen=True)
class State:
    """A learner's program, and the reference in the names that the program uses."""

    name: str
    program: str
    reference: str


def states(code: str, random: Random) -> list[State]:
    """Unfinished and wrong versions of a program."""
    lines = significant(code)
    gone = random.randrange(len(lines))
    found = [
        State("empty", "", code),
        State("half", "\n".join(lines[: len(lines) // 2]), code),
        State("line_missing", "\n".join(lines[:gone] + lines[gone + 1 :]), code),
    ]
    wrong = changed(lines, random)
    if wrong:
        found.append(State("changed", wrong, code))
        own = {name: f"my_{name}" for name in chosen_names(code)}
        found.append(State("changed_own_names", renamed(wrong, own), renamed(code, own)))
    return found


def significant(code: str) -> list[str]:
    """Lines without blank ones and comments."""
    return [
        line.rstrip() for line in code.expandtabs(4).splitlines() if line.strip() and not line.strip().startswith("#")
    ]


def changed(lines: Sequence[str], random: Random) -> str:
    """The program with one operator, function or number changed; empty where there is none."""
    order = list(range(len(lines)))
    random.shuffle(order)
    for place in order:
        parts = _PARTS.split(lines[place])
        spots = [spot for spot in range(1, len(parts), 2) if parts[spot] in _SWAPS or parts[spot].isdecimal()]
        if spots:
            spot = random.choice(spots)
            parts[spot] = _SWAPS.get(parts[spot]) or str(int(parts[spot]) + random.choice((1, 2)))
            return "\n".join([*lines[:place], "".join(parts), *lines[place + 1 :]])
    return ""


def chosen_names(code: str) -> list[str]:
    """Names that the program's writer chose, in order of their first use; none where it does not parse."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return list(dict.fromkeys(re.findall(r"^\s*([A-Za-z_]\w*)\s*=(?!=)", code, re.MULTILINE)))
    kept = {alias.asname or alias.name.split(".")[0] for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}  # fmt: skip
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.id)
        elif isinstance(node, ast.arg):
            found.setdefault(node.arg)
    return [name for name in found if name not in kept and name != "_"]


def renamed(code: str, names: dict[str, str]) -> str:
    """The program with other names, those in the holes of f-strings as well."""

    def word(found: re.Match[str]) -> str:
        return names.get(found[0], found[0])

    def part(text: str, is_text: bool, is_f: bool) -> str:
        if not is_text:
            return re.sub(r"(?<![\w.])[^\W\d]\w*", word, text)
        return re.sub(r"\{[^{}]*\}", lambda hole: re.sub(r"[^\W\d]\w*", word, hole[0]), text) if is_f else text

    parts = re.split(r"(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')", code)
    return "".join(part(text, place % 2 == 1, parts[place - 1].endswith("f")) for place, text in enumerate(parts))
