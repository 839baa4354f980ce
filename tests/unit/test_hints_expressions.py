"""Expressions that a hint shows: the programs that they would make."""

import pytest

from backend.hints.leak_guard import candidates
from backend.hints.source import tokens
from backend.hints.splices import MAX_CANDIDATES


@pytest.mark.parametrize(
    ("hint", "program", "wanted"),
    [
        ("Line 2 has to print `temps.index(max(temps)) + 1`.", "temps = read()\nprint(temps[0])",
         "temps = read()\nprint(temps.index(max(temps)) + 1)"),
        ("`max(map(int, input().split()))` is what is asked for.", "x = input()\nprint(x)",
         "print(max(map(int, input().split())))"),
        ("sum(a[i] for i in range(n))를 반환해야 해요.", "def f(a, n):\n    return a[n]",
         "def f(a, n):\n    return sum(a [i ] for i in range (n ))"),
        ("It is `n % 3 == 0` that counts.", "if n < 2:\n    pass\nelif n % 3:\n    print(n))",
         "print(n % 3 == 0)"),
        ("It is `n % 3 == 0` that counts.", "if n < 2:\n    pass\nelif n % 3:\n    print(n)",
         "if n < 2:\n    pass\nelif n % 3 == 0:\n    print(n)"),
        ("The loop goes over `range(1, n + 1)`.", "for i in range(n):\n    print(i)",
         "for i in range(1, n + 1):\n    print(i)"),
        ("`b - a` instead.", "가 = 1\nprint('가', f(a - b), '나')", "가 = 1\nprint('가', f(b - a), '나')"),
    ],
    ids=["argument", "alone", "unmarked", "broken program", "condition", "loop", "part of a line"],
)  # fmt: skip
def test_an_expression_is_put_where_the_program_has_one(hint: str, program: str, wanted: str) -> None:
    made = [" ".join(tokens(candidate)) for candidate in candidates(hint, program)]

    assert len(made) <= MAX_CANDIDATES
    assert " ".join(tokens(wanted)) in made


def test_names_and_test_values_are_no_expressions() -> None:
    program = "count = int(input())\nprint(count)"

    assert candidates("With `3 1 2` look at `count`, `price`, `input()`, `int()` and `500 + 10`.", program) == []
