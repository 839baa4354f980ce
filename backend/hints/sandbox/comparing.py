"""Whether an output or a returned value is the expected one."""

import ast
import json
import math
from typing import Any

_TOLERANCE = 1e-9
_LONGEST_INTEGER = 4000  # digits; Python refuses to read more than 4300


def same_output(got: str, expected: str) -> bool:
    """Compares as online judges do: blanks at the end of a line and blank lines at the end do not count."""
    return _lines(got) == _lines(expected)


def same_value(got: str, expected: str) -> bool:
    """Compares what a function returned with what it should have.

    Args:
        got: JSON as the sandbox wrote it, text of a stranger: anything that cannot be read is different.
        expected: JSON, or a literal of Python.

    Numbers are the same within a relative difference of 1e-9, `true` is not 1, a tuple has come as a list.
    """
    try:
        value = json.loads(got, parse_int=_integer)
        return _same(value, _expected(expected))
    except (ValueError, RecursionError):
        return False


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _expected(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_integer)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text.strip())
    except SyntaxError:
        raise ValueError("neither JSON nor a literal") from None


def _same(got: Any, expected: Any) -> bool:
    if isinstance(got, bool) or isinstance(expected, bool):
        return got is expected
    if isinstance(got, int | float) and isinstance(expected, int | float):
        if isinstance(got, int) and isinstance(expected, int):
            return got == expected
        return _close(got, expected)
    if isinstance(got, list) and isinstance(expected, list | tuple):
        return len(got) == len(expected) and all(map(_same, got, expected))
    if isinstance(got, dict) and isinstance(expected, dict):
        named = {str(key): value for key, value in expected.items()}  # JSON has no other names
        return got.keys() == named.keys() and all(_same(value, named[key]) for key, value in got.items())
    return type(got) is type(expected) and bool(got == expected)


def _close(got: float, expected: float) -> bool:
    try:
        return math.isclose(got, expected, rel_tol=_TOLERANCE)
    except OverflowError:  # an integer beyond the floats
        return False
