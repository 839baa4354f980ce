"""Which language a review is in, by the script that most of its letters belong to."""

import unicodedata
from collections import Counter

UNKNOWN = "und"  # ISO 639-2: undetermined

_LETTERS = 400  # of a long text, enough to tell
_KANA_SHARE = 0.1  # Japanese is written in Han characters too, but never without kana for long
_HANGUL_SHARE = 0.2  # a Korean review may be full of English dish names; the other way round is rare
_BY_SCRIPT = {
    "HANGUL": "ko",
    "LATIN": "en",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "THAI": "th",
    "DEVANAGARI": "hi",
    "GREEK": "el",
    "HEBREW": "he",
}


def language_of(text: str) -> str:
    """ISO 639-1 code of the likeliest language, or `und` where there are no letters (emoji, digits, marks).

    Latin letters count as English: the prompt for English is the one for every language without its own.
    """
    if text.isascii():
        return "en" if any(character.isalpha() for character in text) else UNKNOWN
    counts: Counter[str] = Counter()
    for character in text[: _LETTERS * 2]:
        if "가" <= character <= "힣" or "ㄱ" <= character <= "ㅣ":
            counts["ko"] += 1
        elif character.isalpha():
            script = unicodedata.name(character, "").split(" ", 1)[0]
            counts[_BY_SCRIPT.get(script, UNKNOWN)] += 1
    total = counts.total()
    if not total:
        return UNKNOWN
    if counts["ko"] >= total * _HANGUL_SHARE:
        return "ko"
    if counts["ja"] >= total * _KANA_SHARE:
        return "ja"
    return counts.most_common(1)[0][0]
