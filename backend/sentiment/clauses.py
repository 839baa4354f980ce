"""Takes a review apart into clauses, parts that say one thing each, where Korean and English join them."""

import re
from collections.abc import Iterator
from itertools import pairwise

# Behind a word, before the space: 맛있는데 | 비싸요. What only looks like such an ending is left whole (최고, 처음,
# 보다), as is 고 before a helping verb (가고 싶다).
_WITH_NIEUN = "".join(chr(0xAC00 + final) for final in range(4, 11_172, 28))  # 는, 은, 인, 쁜 …
_KOREAN = re.compile(
    rf"""(?:
        (?<=[가-힣])(?:지만|으나|더니|면서)|(?<=[{_WITH_NIEUN}던])데요?(?<!운데)(?<!그런데)(?<!근데)
      | (?<=[가-힣])(?<![최재광창중리])고(?!\s++(?:싶|있|나서|왔|갔|말|보니|다시))
      | (?<=[가-힣])(?:요|니다|음|임|함|됨|듯|[ㅋㅎㅠㅜ]++)(?<!처음)(?<!다음)(?<!마음)(?<!필요)
      | (?<=[가-힣]{{2}})다(?<!보다)(?<!마다)
    )(?P<mark>,?\s++)""",
    re.VERBOSE,
)
# A run of spaces or marks is looked at from its beginning only, and once (possessive quantifiers): from each of its
# characters anew it would take a time that grows with the square of its length.
_MARKS = re.compile(
    r"""(?<![.!?;…~])[.!?;…~]++[)"'”’]*+\s++
      | (?<![.!?…~])[.!?…~]++(?=[가-힣])
      | (?<!\s)[^\S\n]*+\n\s*+
      | (?<!\s)\s++[-–—/|]\s++
      | (?<!\s)\s*+(?=[①-⑩])""",
    re.VERBOSE,
)
_BUT = re.compile(r"(?:,|(?<!\s))\s++(?=(?:but|though|although|however|while|whereas|yet|except)\b)", re.IGNORECASE)
_AND = re.compile(r"(?:,|(?<!\s))\s++(?=and\b)|,\s++(?!and\b)", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|isn't|aren't|wasn't|weren't|felt|feels?|came|comes?|took|takes?|had|has|got|gets?|seem(?:s|ed)|"
    r"look(?:s|ed)|tast(?:es?|ed)|smell(?:s|ed)|arrived|made|cost|costs|love[ds]?|liked?|hated?|enjoyed|could|would|did|"
    r"didn't|don't|can't|couldn't|won't|went|waited|served|recommend)\b",
    re.IGNORECASE,
)
_EDGES = " \t\r\n,.;:·-–—/|\"'“”‘’()[]"


def clauses(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every clause, without the marks around it. Their texts are slices of the review's."""
    cuts = {0, len(text)}
    cuts.update(found.start("mark") for found in _KOREAN.finditer(text))
    for pattern in (_MARKS, _BUT):
        cuts.update(found.end() for found in pattern.finditer(text))
    bounds = sorted(cuts)
    for start, end in pairwise(bounds):
        for first, last in _english(text, start, end):
            stripped = text[first:last].strip(_EDGES)
            if stripped:
                at = text.index(stripped, first)
                yield at, at + len(stripped)


def _english(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Parts joined by "and" or a comma, where each has a verb of its own: not "food, staff and prices were fine"."""
    verbs = [found.span() for found in _VERB.finditer(text, start, end)]
    first = 0
    for found in _AND.finditer(text, start, end) if verbs else ():
        if verbs[-1][0] < found.end():
            break
        while verbs[first][0] < start:
            first += 1
        if verbs[first][1] <= found.start():
            yield start, found.start()
            start = found.end()
    yield start, end
