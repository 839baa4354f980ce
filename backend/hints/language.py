"""Whether a text is in the language that was asked for, by its scripts outside code."""

import re
import unicodedata
from collections.abc import Collection

from backend.hints.problems import LanguageName

_CODE = re.compile(r"(`{3,}|~{3,}).*?(?:\1|\Z)|`[^`\n]*`|\$[^$\n]*\$|https?://\S+", re.DOTALL)
_WORD = re.compile(r"[^\W_]+(?:_[^\W]+)*", re.UNICODE)
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")
_KOREAN_SHARE = 0.6  # of letters; names of Python and of the program are written in Latin letters
_ENGLISH_SHARE = 0.95


def is_in(text: str, language: LanguageName, *, known: str = "") -> bool:
    """Whether a text is in the language.

    A single letter that neither Korean nor English has (Chinese, Japanese, Cyrillic, …) is drift.

    Args:
        known: program and problem, whose words may be written as they are.
    """
    words = _words(text, set(_WORD.findall(known)))
    letters = "".join(words)
    if not letters:
        return False
    hangul = len(_HANGUL.findall(letters))
    latin = sum(_is_latin(letter) for letter in letters)
    counted = sum(letter.isalpha() for letter in letters)
    if hangul + latin < counted:
        return False
    return hangul / counted >= _KOREAN_SHARE if language == "ko" else latin / counted >= _ENGLISH_SHARE


def _words(text: str, known: Collection[str]) -> list[str]:
    prose = _CODE.sub(" ", unicodedata.normalize("NFC", text))
    return [word for word in _WORD.findall(prose) if word not in known or _HANGUL.search(word)]


def _is_latin(letter: str) -> bool:
    return letter.isalpha() and unicodedata.name(letter, "").startswith(("LATIN", "MICRO", "FEMININE", "MASCULINE"))
