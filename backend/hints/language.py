"""Whether a text is in the language that was asked for, by its scripts outside code and the small words of English."""

import re
import unicodedata
from collections.abc import Sequence

from backend.hints.problems import LanguageName

_CODE = re.compile(r"(`{3,}|~{3,}).*?(?:\1|\Z)|`[^`\n]*`|\$[^$\n]*\$|https?://\S+", re.DOTALL)
_WORD = re.compile(r"[^\W_]+(?:_[^\W]+)*", re.UNICODE)
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")
_KOREAN_SHARE = 0.6  # of letters; names of Python and of the program are written in Latin letters
_ENGLISH_SHARE = 0.95
# Words that no English paragraph is without, and that are rare in what else is written in Latin letters: not `a`, `on`
# or `no`, nor `so`, `was` and `will`, which are German as well.
_ENGLISH_WORDS = frozenset({
    "the", "this", "that", "these", "those", "it", "its", "you", "your", "they", "them", "their", "there", "here",
    "and", "or", "but", "if", "then", "than", "as", "to", "of", "for", "from", "with", "in", "by", "at", "into",
    "out", "about", "before", "after", "until", "while", "again", "up", "is", "are", "be", "been", "were", "has",
    "have", "does", "did", "not", "can", "could", "would", "should", "what", "which", "when", "where", "how", "why",
    "each", "every", "both", "one", "all", "only", "same", "other",
})  # fmt: skip
_ENGLISH_WORDS_SHARE = 0.15  # of words: English sentences have 0.25 and more, others hardly ever above 0.1


def is_in(text: str, language: LanguageName, *, known: str = "") -> bool:
    """Whether a text is in the language.

    A single letter that neither Korean nor English has (Chinese, Japanese, Cyrillic, …) is drift. What is written in
    Latin letters is English only with the small words of English in it: so French or romanised Korean is not.

    Args:
        known: program and problem, whose words may be written as they are.
    """
    words = _WORD.findall(_CODE.sub(" ", unicodedata.normalize("NFC", text)))
    names = set(_WORD.findall(known))
    unknown = [word for word in words if word not in names or _HANGUL.search(word)]
    letters = "".join(unknown)
    if not letters:
        return False
    hangul = len(_HANGUL.findall(letters))
    latin = sum(_is_latin(letter) for letter in letters)
    counted = sum(letter.isalpha() for letter in letters)
    if hangul + latin < counted:
        return False
    if language == "ko":
        return hangul / counted >= _KOREAN_SHARE
    return latin / counted >= _ENGLISH_SHARE and _has_english_words(words, unknown)


def _has_english_words(words: Sequence[str], unknown: Sequence[str]) -> bool:
    """Whether enough words are small ones of English. Numbers, single letters and what else is known do not count."""
    small = sum(word.lower() in _ENGLISH_WORDS for word in words)
    others = sum(len(word) > 1 and word.isalpha() and word.lower() not in _ENGLISH_WORDS for word in unknown)
    return small >= _ENGLISH_WORDS_SHARE * (small + others)


def _is_latin(letter: str) -> bool:
    return letter.isalpha() and unicodedata.name(letter, "").startswith(("LATIN", "MICRO", "FEMININE", "MASCULINE"))
