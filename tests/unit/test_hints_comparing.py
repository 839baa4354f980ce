"""The rules by which an output or a value is the expected one."""

import pytest

from backend.hints.sandbox.comparing import same_output, same_value


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ("7\n", "7"),
        ("7", "7\n"),
        ("7  \n\n\n", "7"),
        ("1 2 \t\n3", "1 2\n3\n"),
        ("a\r\nb\r\n", "a\nb"),
        ("", "\n"),
        ("한글\n", "한글"),
    ],
)
def test_blanks_at_ends_do_not_count(got: str, expected: str) -> None:
    assert same_output(got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ("", "7"),
        (" 7", "7"),
        ("1  2", "1 2"),
        ("\n7", "7"),
        ("1\n\n2", "1\n2"),
        ("0.10", "0.1"),
        ("7.0", "7"),
        ("yes", "Yes"),
        ("7\n8", "7"),
    ],
)
def test_everything_else_counts(got: str, expected: str) -> None:
    assert not same_output(got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ("7", "7"),
        ("7.0", "7"),
        ("0.30000000000000004", "0.3"),
        ("[1, [2, 3]]", "[1,[2,3]]"),
        ("[1, 2]", "(1, 2)"),
        ('"a"', "'a'"),
        ("true", "True"),
        ("null", "None"),
        ('{"1": [2]}', "{1: (2,)}"),
        ('{"b": 1, "a": 2}', '{"a": 2, "b": 1}'),
        ("1" + "0" * 5000, "1" + "0" * 5000),
        ("Infinity", "Infinity"),
    ],
)
def test_equal_values(got: str, expected: str) -> None:
    assert same_value(got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ("", "7"),
        ("8", "7"),
        ("1", "true"),
        ("true", "1"),
        ('"7"', "7"),
        ("0.3001", "0.3"),
        ("NaN", "NaN"),
        ("Infinity", "1e308"),
        ("1" + "0" * 400, "1.5"),
        ("[1]", "[1, 2]"),
        ("[1]", "1"),
        ("{}", "[]"),
        ('{"a": 1}', '{"a": 1, "b": 2}'),
        ("[" * 100_000, "[]"),
        ("[" * 100_000 + "]" * 100_000, "[]"),
        ("{1}", "[1]"),
        ("7", "neither JSON nor a literal"),
    ],
)
def test_different_values(got: str, expected: str) -> None:
    assert not same_value(got, expected)
