"""The words of an error of which only the code was stored."""

from typing import Any

from backend.errors import Language, OndolError


def words_of_error(code: str, details: dict[str, Any], language: Language) -> str:
    """What happened and what to do next; those of an unexpected error where the code or a detail is not known."""
    kinds = {kind.code: kind for kind in OndolError.__subclasses__()}
    try:
        return kinds.get(code, OndolError)(**details).message(language)
    except (KeyError, ValueError):
        return OndolError().message(language)
