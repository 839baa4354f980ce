"""Errors that were written down, as a code and details, and are told later or by another process."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from backend.errors.base import OndolError


def error_of(code: str, details: Mapping[str, Any], otherwise: type[OndolError] = OndolError) -> OndolError:
    """The error with a code and its details; `otherwise` when the code is gone or details are missing."""
    try:
        return _kinds()[code](**details)
    except (KeyError, TypeError):
        return otherwise()


@cache
def _kinds() -> dict[str, type[OndolError]]:
    return {kind.code: kind for kind in _below(OndolError)}


def _below(kind: type[OndolError]) -> Iterator[type[OndolError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)
