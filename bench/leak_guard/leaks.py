"""Hints that give a solution away, in the ways that models and people write them."""

import ast
import base64
import html
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

from bench.leak_guard.states import chosen_names, renamed, significant
from bench.leak_guard.words import told

Hints = list[str]
_KOREAN_NAMES = (
    "값",
    "개수",
    "합계",
    "목록",
    "결과",
    "자료",
    "번호",
    "최댓값",
    "현재",
    "정답",
    "가",
    "나",
    "다",
    "라",
    "마",
    "바",
)
_LETTERS = "xyzpqrstuvwkmnoabcdefghijl"
_INTRO = {
    True: ("이렇게 하면 돼요:", "다음 코드를 참고하세요.", "정답은 아래와 같아요.", "힌트를 드릴게요."),
    False: ("Here is one way:", "You could write it like this:", "Have a look at this code.", "Try the following."),
}
_OUTRO = {
    True: ("이제 실행해 보세요!", "차근차근 읽어 보세요.", ""),
    False: ("Now run it!", "Read it step by step.", ""),
}
_COMMENTS = {True: ("# 값을 읽어요", "# 여기서 계산해요", "# 결과"), False: ("# read", "# work it out", "# result")}
_FIRST = {True: ("먼저", "그다음", "이어서", "그리고"), False: ("First write", "then", "after that", "and")}


def fenced(code: str, _state: str, korean: bool, random: Random) -> Hints:
    fence = random.choice(("```python", "```", "~~~", "```py"))
    return [_framed(f"{fence}\n{code.rstrip()}\n{fence[:3]}", korean, random)]


def unfenced(code: str, _state: str, korean: bool, random: Random) -> Hints:
    lines = significant(code)
    mark: Callable[[int, str], str] = random.choice(
        (
            lambda _, line: line,
            lambda number, line: f"{number}. {line}",
            lambda number, line: f"{number}: {line}",
            lambda _, line: f"- {line.strip()}",
            lambda _, line: f"> {line}",
            lambda _, line: line.strip() + "\n",
        )
    )
    return [_framed("\n".join(mark(number, line) for number, line in enumerate(lines, 1)), korean, random)]


def renamed_code(code: str, state: str, korean: bool, random: Random) -> Hints:
    """Other names, spaces, comments, quotation marks, independent lines in another order; fenced or not."""
    names = chosen_names(code)
    new: Sequence[str] = _KOREAN_NAMES if random.random() < 0.4 else _LETTERS
    if random.random() < 0.3 or len(names) > len(new):
        new = [f"{name}_{random.randrange(9)}" for name in names]
    taken = dict(zip(names, new, strict=False))
    made = renamed(code, taken)
    with suppress(SyntaxError):
        made = ast.unparse(ast.parse(made)) if random.random() < 0.5 else made
    lines = significant(made)
    if random.random() < 0.5:
        lines = [line.replace(" = ", "=").replace(", ", ",") for line in lines]
    if random.random() < 0.5:
        lines = [f"{line}  {random.choice(_COMMENTS[korean])}" if random.random() < 0.4 else line for line in lines]
    kind = random.choice((fenced, unfenced))
    return kind("\n".join(_swapped(lines, random)), state, korean, random)


def inline(code: str, _state: str, korean: bool, random: Random) -> Hints:
    """One line of code after another, each in its sentence."""
    first = _FIRST[korean]
    quote = random.choice(("`", "`", '"', ""))
    said = []
    for number, line in enumerate(significant(code)):
        lead = first[min(number, 1) if number < 2 else 2 + number % 2]
        shown = f"{quote}{line.strip()}{quote}"
        said.append(f"{lead} {shown} 를 쓰세요." if korean else f"{lead} {shown} .")
    return [random.choice((" ", "\n")).join(said)]


def pseudo_code(code: str, _state: str, korean: bool, random: Random) -> Hints:
    try:
        lines = told(code, korean, random)
    except SyntaxError:
        return []
    style = random.randrange(4)
    if style == 0:
        lines = [f"{number}. {line.strip()}" for number, line in enumerate(lines, 1)]
    elif style == 1:
        lines = ["```", *lines, "```"]
    elif style == 2:
        return [_framed(". ".join(line.strip() for line in lines) + ".", korean, random)]
    return [_framed("\n".join(lines), korean, random)]


def fixing_lines(code: str, state: str, korean: bool, random: Random) -> Hints:
    """Only what the learner's program lacks; nothing where it lacks most of it."""
    has = [line.strip() for line in significant(state)]
    missing = []
    for line in significant(code):
        if line.strip() in has:
            has.remove(line.strip())
        else:
            missing.append(line)
    if not missing or not state.strip():
        return []
    return random.choice((fenced, unfenced, inline))("\n".join(missing), state, korean, random)


def split(code: str, state: str, korean: bool, random: Random) -> Hints:
    """A third of the lines in each of three hints."""
    lines = significant(code)
    size = -(-len(lines) // 3)
    parts = [lines[start : start + size] for start in range(0, len(lines), size)]
    return [random.choice((fenced, unfenced, inline))("\n".join(part), state, korean, random)[0] for part in parts]


def disguised(code: str, _state: str, korean: bool, random: Random) -> Hints:
    """Readable for people, other characters for a program; or easily decoded."""
    text = "\n".join(significant(code))
    make: Callable[[str], str] = random.choice(
        (
            "\u200b".join,
            lambda plain: plain.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
            lambda plain: plain.translate(str.maketrans("aeopcxi", "аеорсхі")),
            lambda plain: "<pre>" + html.escape(plain) + "</pre>",
            lambda plain: "<br>".join(html.escape(line).replace("=", "&#61;") for line in plain.split("\n")),
            lambda plain: base64.b64encode(plain.encode()).decode(),
            lambda plain: "\n".join("# " + line for line in plain.split("\n")),
        )
    )
    return [_framed(make(text), korean, random)]


KINDS: dict[str, Callable[[str, str, bool, Random], Hints]] = {
    "fenced": fenced,
    "unfenced": unfenced,
    "renamed": renamed_code,
    "inline": inline,
    "pseudo_code": pseudo_code,
    "fixing_lines": fixing_lines,
    "split": split,
    "disguised": disguised,
}


def _framed(text: str, korean: bool, random: Random) -> str:
    return f"{random.choice(_INTRO[korean])}\n\n{text}\n\n{random.choice(_OUTRO[korean])}".strip()


def _swapped(lines: list[str], random: Random) -> list[str]:
    """Two neighbouring assignments at the left margin change places, where the second does not need the first."""
    for place in range(len(lines) - 1):
        one, other = lines[place], lines[place + 1]
        simple = all("=" in line and not line[0].isspace() and "(" not in line for line in (one, other))
        if simple and one.split("=")[0].strip() not in other and random.random() < 0.5:
            return [*lines[:place], other, one, *lines[place + 2 :]]
    return lines
