"""Usernames: one written form for each, so that nobody can register a look-alike by case or width."""

import unicodedata

from backend.errors import InvalidUsername

MINIMUM_LENGTH = 2
MAXIMUM_LENGTH = 32


def normalized(username: str) -> str:
    """The stored form: NFKC, case folded; letters and digits of any script, `.`, `_` and `-`.

    Raises:
        InvalidUsername: other characters, another length, or a first character that is no letter or digit
            (`..` would not survive in a URL, `-x` not on a command line).
    """
    if len(username) > 4 * MAXIMUM_LENGTH:
        raise InvalidUsername
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username.strip()).casefold())
    kinds = [unicodedata.category(character) for character in name]
    fits = MINIMUM_LENGTH <= len(name) <= MAXIMUM_LENGTH
    if not fits or not _is_alphanumeric(kinds[0]) or not all(map(_is_allowed, name, kinds)):
        raise InvalidUsername
    return name


def _is_alphanumeric(kind: str) -> bool:
    return kind[0] == "L" or kind == "Nd"


def _is_allowed(character: str, kind: str) -> bool:
    return _is_alphanumeric(kind) or kind in {"Mn", "Mc"} or character in "._-"
