"""Words by which reviews speak of an aspect, in Korean and English, and of aspects that people name themselves."""

import re
from collections.abc import Mapping
from functools import lru_cache

# Korean words are found anywhere, English ones where a word begins. `짜` is salty, but not in 진짜, 가짜 or 공짜.
_WORDS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("맛", "음식", "taste", "food", "flavour", "flavor"): (
        r"맛|(?<![진가공])짜(?!증|장|리)|짠맛|짰|싱겁|느끼|담백|고소|매콤|매워|매웠|국물|육수|식감|간[이은도]|질[기겨]|퍽퍽|눅눅|"
        r"불어|불었|비린|비려|신선|음식|존맛|꿀맛",
        r"tast|flavou?r|delicious|yumm|bland|salty|sweet|spicy|food|dish|meal|broth|noodle|soup|fresh|juicy|soggy|"
        r"overcooked|undercooked|burnt|stale|crisp|pizza|burger|pasta|steak|ramen|sushi|taco|curry|chicken|coffee|cake|dessert",
    ),
    ("서비스", "친절", "service"): (
        r"서비스|직원|사장|종업원|알바|친절|응대|서빙|접객|기다[리렸려]|웨이팅|"
        r"주문.{0,10}(?:틀|늦|누락|빠뜨|빠트|안 나)",
        r"servi(?:ce|ng staff)|staff|server|wait(?:er|ress|ed|ing)?\b|owner|manager|friendl|rude|polite|attentive|"
        r"welcom|ignored|wrong order",
    ),
    ("가격", "가성비", "price", "value"): (
        r"가격|가성비|값|비싸|비쌈|비쌌|비싼|저렴|(?<!비)(?<![가-힣])싸(?=[다요고서네게])|(?<![가-힣])싼|돈(?!까스|가스|카츠|코츠)|"
        r"할인|만 ?원|천 ?원",
        r"(?:over)?pric|overcharg|expensive|cheap|afford|value|worth|cost|bill\b|bucks|money|discount",
    ),
    ("분위기", "atmosphere", "ambience", "ambiance", "mood"): (
        r"분위기|인테리어|조명|음악|시끄|시끌|조용|아늑|전망|(?<![가-힣])뷰|좌석|의자|테이블|공간|감성|좁[아고은]|넓[어고은]",
        r"atmospher|ambian|ambien|decor|music|nois|loud|quiet|coz|cos(?:y|ie)|view|interior|vibe|seat|light(?:ing|s)|"
        r"cramped|spacious",
    ),
    ("위생", "청결", "hygiene", "cleanliness"): (
        r"위생|청결|깨끗|더럽|더러|지저분|머리카락|벌레|바퀴|날파리|냄새|끈적|먼지|화장실|곰팡이|얼룩",
        r"hygien|clean|dirt|filth|hair\b|bugs?\b|cockroach|flies\b|fly\b|smell|stick(?:y|iness)|restroom|toilet|bathroom|"
        r"mold|stain|spotless",
    ),
    ("배달", "배송", "delivery"): (
        r"배달|배송|라이더|기사님|포장|도착|쏟|식어서? ?(?:왔|있)|다 식",
        r"deliver|courier|driver|rider|arriv|packag|takeout|take-out|takeaway|spill",
    ),
    ("양", "portion", "portions", "amount", "quantity"): (
        r"(?<![가-힣])양[이은도을만](?=\s|[많적푸넉작])|(?<![가-힣])양 (?=[많적푸넉작])|푸짐|넉넉|배[가도]? ?부르|"
        r"배불|곱빼기|리필|인분|한 ?입|두 ?입|혜자|창렬|모자라|모자랐",
        r"portion|servings?\b|filling|generous|quantit|amount|huge|tiny|refill|enough for|hungry",
    ),
}

BUILT_IN = tuple(names[0] for names in _WORDS)
"""Aspects that are known by their own words: the names they have in Korean."""

_BY_NAME = {name: words for names, words in _WORDS.items() for name in names}
_ENDING = re.compile(r"(?:ing|ies|ed|es|s|y|e)$")
_SHORTEST_STEM = 4  # letters; of a shorter word nothing is cut


@lru_cache(maxsize=256)
def pattern_of(aspect: str) -> re.Pattern[str]:
    """Finds where a text speaks of an aspect. One that is not built in is looked for by its own name: Korean with
    any particle behind it and any spacing in it, English in any of its forms."""
    name = " ".join(aspect.casefold().split())
    if name in _BY_NAME:
        korean, english = _BY_NAME[name]
        return re.compile(rf"{korean}|\b(?:{english})", re.IGNORECASE)
    if name.isascii():
        words = (re.escape(_stem(word)) + r"\w*" for word in name.split())
        return re.compile(r"\b" + r"\W+".join(words), re.IGNORECASE)
    return re.compile(r"\s*".join(re.escape(letter) for letter in name if not letter.isspace()), re.IGNORECASE)


def _stem(word: str) -> str:
    stem = _ENDING.sub("", word)
    return stem if len(stem) >= _SHORTEST_STEM else word
