"""Korean statutes as law units: 조, 항 and 호 with their place as title, from plain text.

An article (제17조) without paragraphs is one unit. One with paragraphs (①) gives a unit for each (제17조 제1항), one
with items (1.) a unit for each item (제17조 제1항 제2호); sub-items (가.) are units of their own only where an item is
long. What an item needs to be understood, the words above it, goes with it as its lead. The text of the units put
together is the text of the law.

A number in running text (`제3조에 따라`) looks like the beginning of a unit. Two things tell them apart: a unit begins
a line, or follows the head of its article, and its number is the next one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from backend.documents.blocks import Block

_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳㉑㉒㉓㉔㉕㉖㉗㉘㉙㉚㉛㉜㉝㉞㉟㊱㊲㊳㊴㊵㊶㊷㊸㊹㊺㊻㊼㊽㊾㊿"
_LETTERS = "가나다라마바사아자차카타파하"
_DIVISIONS = "편장절관"
_DIVISION = re.compile(r"제\s*(\d+)\s*(편|장|절|관)(?:의\s*(\d+))?(?=\s|$)\s*(.{0,80})$")
_SUPPLEMENT = re.compile(r"부\s*칙(?=\s|$|<|\()\s*(.{0,80})$")
_ANNEX = re.compile(r"\[\s*(별표|별지)\s*(?:제?\s*(\d+)(?:의\s*(\d+))?)?[^\]]{0,30}\]")
_ARTICLE = re.compile(r"제\s?(\d+)\s?조(?:의\s?(\d+))?\s*(?:\(([^()]{1,80}(?:\([^()]{0,40}\)[^()]{0,40})?)\))?\s*(.*)$")
_NO_ARTICLE = re.compile(
    r"(?:에|의|를|을|와|과|및|로|으로|부터|까지|또는|이나|제\d|에서|,|ㆍ|·|는|은|중|내지|전단|후단|본문|단서)"
)
_PARAGRAPH = re.compile(rf"[{_CIRCLED}]")
_ITEM = re.compile(r"(\d{1,3})(?:의\s?(\d{1,2}))?\.\s")
_SUB_ITEM = re.compile(rf"([{_LETTERS}])(?:의\s?(\d{{1,2}}))?\.\s")
_SEVERAL = 3  # articles with a title in brackets, in order: a statute and not a text about one
_LEAD_CHARACTERS = 240
_LONG_ITEM = 600  # characters, beyond which its sub-items are units of their own
_LARGEST_STEP = 60  # articles may be deleted or left out, but not so many at once


@dataclass(slots=True)
class _Unit:
    """A part of an article: its own words, and its parts."""

    name: str
    page: int | None
    text: list[str] = field(default_factory=list)
    parts: list["_Unit"] = field(default_factory=list)

    @property
    def own(self) -> str:
        return "\n".join(line for line in self.text if line).strip()

    @property
    def whole(self) -> str:
        return "\n".join(part for part in (self.own, *(unit.whole for unit in self.parts)) if part)


def is_statute(blocks: Iterable[Block]) -> bool:
    """Whether a text is a statute: several articles with their titles begin lines, in order."""
    last, found = (0, 0), 0
    for block in blocks:
        for line in block.text.split("\n"):
            head = _ARTICLE.match(line.strip())
            if head and head[3] and not _NO_ARTICLE.match(head[4]):
                number = (int(head[1]), int(head[2] or 0))
                found = found + 1 if number > last else 1
                last = number
                if found >= _SEVERAL:
                    return True
    return False


def units(blocks: Iterable[Block]) -> Iterator[Block]:
    """The law units of a statute; what stands before its first article stays as it is."""
    reader = _Reader()
    for block in blocks:
        # The outline of a PDF or the headings of a document repeat the chapters; those are read from the text.
        outer = tuple(name for name in block.path if not _names_a_unit(name))
        for name in block.path:
            yield from reader.heading(name, block.page)
        for line in block.text.split("\n"):
            yield from reader.line(line.strip(), block.page, outer)
    yield from reader.end()


def _names_a_unit(name: str) -> bool:
    return bool(_DIVISION.match(name) or _SUPPLEMENT.match(name) or _ARTICLE.match(name) or _ANNEX.match(name))


class _Reader:
    """Takes lines from top to bottom and gives the units of each article as soon as the next one begins."""

    def __init__(self) -> None:
        self._divisions: dict[str, str] = {}
        self._part = ""  # 부칙 or 별표
        self._outer: tuple[str, ...] = ()
        self._article: _Unit | None = None
        self._number = (0, 0)
        self._free: list[str] = []  # lines outside of any article
        self._free_page: int | None = None
        self._last_heading = ""

    def heading(self, name: str, page: int | None) -> Iterator[Block]:
        """A heading of the document that holds the statute, in case it is an article or a chapter of it."""
        if name == self._last_heading:
            return
        if _names_a_unit(name):
            self._last_heading = name
            yield from self.line(name, page, self._outer)

    def line(self, text: str, page: int | None, outer: tuple[str, ...]) -> Iterator[Block]:
        if not text:
            return
        if self._outer != outer:
            yield from self._close()
            self._outer = outer
        if found := _DIVISION.match(text):
            yield from self._close()
            self._enter(found[2], " ".join(text.split()))
        elif (found := _SUPPLEMENT.match(text)) or (found := _ANNEX.match(text)):
            yield from self._close()
            self._part, self._number, self._divisions = " ".join(text.split()), (0, 0), {}
        elif self._begins_article(found := _ARTICLE.match(text)) and found is not None:
            yield from self._close()
            self._number = (int(found[1]), int(found[2] or 0))
            self._article = _Unit(_article_name(found), page)
            self._article.text.append(text[: found.start(4)].strip())
            self._add(found[4].strip(), page, after_head=True)
        elif self._article is not None:
            self._add(text, page)
        else:
            self._free_page = self._free_page or page
            self._free.append(text)

    def end(self) -> Iterator[Block]:
        yield from self._close()

    def _begins_article(self, found: re.Match[str] | None) -> bool:
        if found is None or (_NO_ARTICLE.match(found[4]) and not (found[3] and _stands_apart(found))):
            return False
        number = (int(found[1]), int(found[2] or 0))
        if not self._number < number <= (self._number[0] + _LARGEST_STEP, 99):
            return False
        return bool(found[3]) or number[0] <= self._number[0] + 2

    def _enter(self, level: str, name: str) -> None:
        place = _DIVISIONS.index(level)
        self._divisions = {key: value for key, value in self._divisions.items() if _DIVISIONS.index(key) < place}
        self._divisions[level] = name
        self._part = ""

    def _close(self) -> Iterator[Block]:
        above = (*self._outer, *self._divisions.values(), *((self._part,) if self._part else ()))
        if self._free:
            yield Block("\n".join(self._free), self._free_page, above)
            self._free, self._free_page = [], None
        if self._article is not None:
            yield from _article_units(self._article, above)
            self._article = None

    def _add(self, text: str, page: int | None, *, after_head: bool = False) -> None:
        """Puts a line into the innermost part it belongs to, beginning new parts where their numbers come."""
        article = self._article
        assert article is not None  # noqa: S101 -- called with an article open only
        for piece in _pieces(article, text):
            if not _place(article, piece, page):
                _append(article, piece, joined=after_head)
            after_head = False


def _stands_apart(found: re.Match[str]) -> bool:
    """Whether the words after an article's title are apart from it, as the text of an article is."""
    return found.string[found.end(3) + 1 : found.end(3) + 2].isspace()


def _article_name(found: re.Match[str]) -> str:
    return f"제{found[1]}조" + (f"의{found[2]}" if found[2] else "")


def _pieces(article: _Unit, text: str) -> Iterator[str]:
    """The line cut before each ① that is the next paragraph, also where several share a line."""
    done = len(article.parts)
    start = 0
    for found in _PARAGRAPH.finditer(text):
        at = found.start()
        begins = at == 0 or text[at - 1].isspace() or text[at - 1] in ".)>"
        if begins and done < len(_CIRCLED) and text[at] == _CIRCLED[done]:
            if text[start:at].strip():
                yield text[start:at].strip()
            start, done = at, done + 1
    if text[start:].strip():
        yield text[start:].strip()


def _place(article: _Unit, text: str, page: int | None) -> bool:
    """Adds a paragraph, an item or a sub-item; False where the text is none of these."""
    paragraphs = [part for part in article.parts if part.name.endswith("항")]
    if text[0] in _CIRCLED and len(paragraphs) < len(_CIRCLED) and text[0] == _CIRCLED[len(paragraphs)]:
        article.parts.append(_Unit(f"제{len(paragraphs) + 1}항", page, [text]))
        return True
    holder = paragraphs[-1] if paragraphs else article
    items = [part for part in holder.parts if "호" in part.name]
    if (found := _ITEM.match(text)) and _follows(items, "호", int(found[1]), int(found[2] or 0)):
        name = f"제{found[1]}호" + (f"의{found[2]}" if found[2] else "")
        holder.parts.append(_Unit(name, page, [text]))
        return True
    if items and (found := _SUB_ITEM.match(text)) and _letter_follows(items[-1].parts, found[1]):
        items[-1].parts.append(_Unit(f"{found[1]}목", page, [text]))
        return True
    return False


def _append(article: _Unit, text: str, *, joined: bool) -> None:
    """More words of the part that is open; `joined` to the line before."""
    inner = article
    while inner.parts:
        inner = inner.parts[-1]
    if joined and inner.text:
        inner.text[-1] = f"{inner.text[-1]} {text}".strip()
    else:
        inner.text.append(text)


def _follows(items: list[_Unit], mark: str, number: int, branch: int) -> bool:
    """1 comes first; after 3 come 3의2, 4, and a few beyond it, since an item may be deleted."""
    if not items:
        return number == 1 and not branch
    found = re.match(rf"제(\d+){mark}(?:의(\d+))?", items[-1].name)
    last = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    return last < (number, branch) and number <= last[0] + 3


def _letter_follows(parts: list[_Unit], letter: str) -> bool:
    return _LETTERS.index(letter) == len(parts)


def _article_units(article: _Unit, above: tuple[str, ...]) -> Iterator[Block]:
    if not article.parts:
        yield Block(article.own, article.page, (*above, article.name), is_unit=True)
        return
    head = article.own
    first = article.parts[0]
    if first.name.endswith("항"):
        # The head of the article (its number and title) opens its first paragraph and leads the others.
        first.text[0] = f"{head} {first.text[0]}"
        for part in article.parts:
            yield from _units_of(part, above, article.name, "" if part is first else head)
        return
    yield from _units_of(_Unit("", article.page, article.text, article.parts), above, article.name, "")


def _units_of(unit: _Unit, above: tuple[str, ...], prefix: str, lead: str) -> Iterator[Block]:
    """A paragraph, or each of its items with the words above it as lead."""
    name = f"{prefix} {unit.name}".strip()
    if not unit.parts or ("호" in unit.name and len(unit.whole) <= _LONG_ITEM):
        yield Block(unit.whole, unit.page, (*above, name), lead=_shortened(lead), is_unit=True)
        return
    if unit.own:
        yield Block(unit.own, unit.page, (*above, name), lead=_shortened(lead), is_unit=True)
    inner_lead = "\n".join(part for part in (lead, unit.own) if part)
    for part in unit.parts:
        yield from _units_of(part, above, name, inner_lead)


def _shortened(lead: str) -> str:
    """The beginning, which names the article, and the end, which leads to the items."""
    if len(lead) <= _LEAD_CHARACTERS:
        return lead
    return f"{lead[: _LEAD_CHARACTERS // 3].rstrip()} … {lead[-_LEAD_CHARACTERS * 2 // 3 :].lstrip()}"
