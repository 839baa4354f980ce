"""Source as tokens: whole programs, broken ones, and code between the words of a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.hints.disguises import undisguised
from backend.hints.fragments import Place, pieces
from backend.hints.source import blind, canonical, grams, joined, physical_rows, program_lines, shadowed, tokens
from backend.hints.statements import is_statement

BROKEN = "if x > 3\nprint((x\nfor k in d:\n  return f'{k} b'"


def test_words_particles_and_text_are_told_apart() -> None:
    row = tokens("x를 print(x)로 출력해요. don't 합계1=y+3을 'Case #'", comments=True)

    assert row == (
        "x",
        "를",
        "print",
        "(",
        "x",
        ")",
        "로",
        "출력해요",
        "don",
        "t",
        "합계1",
        "=",
        "y",
        "+",
        "3",
        "을",
        "Case",
    )


def test_text_literals_are_tokens_where_code_has_them() -> None:
    assert tokens("print(\"a b\", 'c#')  # why") == ("print", "(", '"a b', ",", '"c#', ")")
    assert blind(tokens('f"{total} of {n}"')) == ('f"{$} of {$}',)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1_000", "1000"),
        ("2.0", "2."),
        ("x = x + 1", "x += 1"),
        ("print((x))", "print(x)"),
        ("if (x > 1):", "if x > 1"),
    ],
)
def test_ways_of_writing_the_same(one: str, other: str) -> None:
    assert canonical(tokens(one)) == canonical(tokens(other))


def test_lines_are_logical_and_hold_one_statement() -> None:
    lines = program_lines("a = [1,\n     2]\nif x: y = y + 1; print(x)\n\n# nothing\n'''a docstring'''\nz = 3")

    assert [(line.number, line.tokens) for line in lines] == [
        (1, ("a", "=", "[", "1", ",", "2", "]")),
        (3, ("if", "x")),
        (3, ("y", "+=", "1")),
        (3, ("print", "(", "x", ")")),
        (7, ("z", "=", "3")),
    ]
    assert len(physical_rows("a = [1,\n     2]")) == 2


def test_a_broken_program_is_read_to_its_end() -> None:
    assert [line.tokens[0] for line in program_lines(BROKEN)] == ["if", "print", "for", "return"]


def test_names_go_blind_but_builtins_that_are_used_as_such_stay() -> None:
    row = tokens("sum = 0\nfor max in data:\n    sum += len(max)")

    assert shadowed(row) == {"sum", "max"}
    assert " ".join(blind(row, shadowed(row))) == "$ = 0 \n for $ in $ : \n $ += len ( $ )"
    assert shadowed(tokens("def f(list, n=3): return list")) == {"list"}


def test_grams_are_runs_and_joined_rows_are_found_whole() -> None:
    assert grams(("a", "b")) == {("a", "b")}
    assert len(grams(tuple("abcdef"))) == 3
    assert joined(("ab", "c")) in joined(("x", "ab", "c"))
    assert joined(("b", "c")) not in joined(("x", "ab", "c"))


@pytest.mark.parametrize(
    "line",
    ["x = int(input())", "for i in range(n)", "if a > b", "return x", "print(x)", "a.append(3)", "n += 1", "def f(a)"],
)
def test_statements(line: str) -> None:
    assert is_statement(canonical(tokens(line)))


@pytest.mark.parametrize(
    "line",
    [
        "else",
        "input()",
        "n = 3",
        "a + b",
        "import math",
        "sorted(x)",
        "for each number in it",
        "if n is even",
        "Look at x",
        "36.5 37.8",
    ],
)
def test_what_only_names_something_is_no_statement(line: str) -> None:
    assert not is_statement(canonical(tokens(line)))


def test_pieces_of_a_text() -> None:
    text = "\n".join((
        "First write x = int(input()) then `print(x * 2)`, for the input `3 4`.",
        "2. total += x",
        "```python",
        "for _ in range(n): print(_)  # y = x + 1",
        "```",
    ))  # fmt: skip

    found = [(piece.place, statement) for piece in pieces(text) for statement in piece.statements]

    assert [(place, statement[0]) for place, statement in found] == [
        (Place.RUN, "x"), (Place.SPAN, "print"), (Place.LINE, "total"),
        (Place.FENCE, "for"), (Place.FENCE, "print"), (Place.RUN, "y"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "hidden",
    [
        "pri\u200bnt(x)", "ｐｒｉｎｔ（ｘ）", "рrint(x)", "<code>print(x)</code>", "print&#40;x&#41;", "𝚙𝚛𝚒𝚗𝚝(x)",
        "p r i n t(x)",
        "**print(x)**", "cHJpbnQoeCkgICAgICAgIA==", "7072696e742878292020202020", '"print(x)\\n"', "%70%72%69nt(x)",
    ],
)  # fmt: skip
def test_disguises_are_undone(hidden: str) -> None:
    assert "print(x)" in undisguised(hidden)


@given(st.text(max_size=400))
def test_no_text_is_too_odd(text: str) -> None:
    for piece in pieces(undisguised(text)):
        assert all(piece.lines)
    for line in program_lines(text):
        assert line.tokens
    blind(tokens(text))
    physical_rows(text)


@given(st.text(alphabet="x1 =+<>()[]:'\"`#\n\\.if forprint", max_size=300))
def test_no_heap_of_code_characters_is_too_odd(text: str) -> None:
    assert "".join(joined(line.tokens) for line in program_lines(text)).count("\x1e") >= len(program_lines(text))
    pieces(undisguised(text))


@pytest.mark.parametrize(
    "piece",
    ["(", '"', "'", '("', "`", "if x: ", "\n(", '"""a', "a=b\n", "x ", "#", "<p ", "&lt;", "**a", "A1", "{'", "1. "],
)
def test_much_of_anything_ends_soon(piece: str) -> None:
    """Run time grows with the length and no faster: these would take hours otherwise."""
    text = piece * (200_000 // len(piece))

    pieces(undisguised(text[:24_000]))
    program_lines(text)
