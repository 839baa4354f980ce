"""Web pages: the article without menus where there is one, otherwise everything a reader would see."""

import re
from html.parser import HTMLParser
from typing import Any

import lxml.html
import trafilatura
from lxml import etree

from backend.documents.blocks import Block, Headings, ReadFile
from backend.documents.readers.text import decode, markdown_file, paragraphs
from backend.errors import DocumentDamaged

_DECLARED = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{2,20})", re.I)
_UNSEEN = ("script", "style", "noscript", "template", "iframe", "object", "svg", "head", "nav")
_BREAKING = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption"),
        *("footer", "form", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul"),
    }
)
_KEPT_SHARE = 0.4  # an extraction that keeps less of the page than this has lost content, not menus


def read_html(data: bytes) -> ReadFile:
    """Text under its headings. Scripts, styles and what they would load are never run nor fetched.

    Raises:
        DocumentDamaged: there is no page in it.
    """
    text = _page_text(data)
    tree = _parsed(text)
    title = " ".join((tree.findtext(".//title") or "").split())
    for element in tree.xpath("|".join(f"//{name}" for name in _UNSEEN)):
        if element.getparent() is not None:
            element.drop_tree()
    whole = _visible(tree)
    size = sum(len(block.text) for block in whole)
    extracted = _extracted(text)
    if extracted is not None and sum(len(block.text) for block in extracted.blocks) >= size * _KEPT_SHARE:
        return ReadFile(extracted.blocks, title or extracted.title)
    return ReadFile(whole or _stripped(text), title)


def _page_text(data: bytes) -> str:
    """A declared encoding is believed unless the bytes say otherwise."""
    if declared := _DECLARED.search(data[:4096]):
        name = declared[1].decode("ascii").lower()
        name = "cp949" if name in {"euc-kr", "euckr", "ks_c_5601-1987", "ksc5601", "windows-949"} else name
        try:
            return data.decode(name).replace("\x00", "")
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)


def _parsed(text: str) -> Any:
    parser = lxml.html.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:  # bytes, since text with an encoding in its XML declaration is refused
        return lxml.html.document_fromstring(text.encode("utf-8", errors="replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        raise DocumentDamaged from None


def _extracted(text: str) -> ReadFile | None:
    try:
        found = trafilatura.extract(
            text, output_format="markdown", include_tables=True, include_links=False, include_images=False,
            include_comments=False, favor_recall=True,
        )  # fmt: skip
    except Exception:  # it meets every page of the web, and some of them break it; the whole page is read then
        return None
    return markdown_file(found) if found else None


class _Words(HTMLParser):
    """The text of a page, tags left out."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._unseen = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if not self._unseen and tag in _UNSEEN:
            self._unseen = tag
        elif tag in _BREAKING:
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._unseen:
            self._unseen = ""

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def _stripped(text: str) -> list[Block]:
    """For pages that nest too deeply for a tree."""
    words = _Words()
    words.feed(text)
    words.close()
    return [Block(" ".join(part.split())) for part in paragraphs("".join(words.parts))]


def _visible(tree: Any) -> list[Block]:
    """Everything a browser would show as text, in order. Works through a stack: hostile pages nest deeply."""
    headings = Headings()
    blocks: list[Block] = []
    parts: list[str] = []

    def close() -> None:
        if text := " ".join("".join(parts).split()):
            blocks.append(Block(text, path=headings.path))
        parts.clear()

    for event, element in etree.iterwalk(tree, events=("start", "end")):
        name = element.tag if isinstance(element.tag, str) else ""
        is_heading = len(name) == 2 and name[0] == "h" and name[1] in "123456"
        if event == "start":
            if name in _BREAKING or is_heading:
                close()
            if name in {"td", "th"} and parts:
                parts.append(" | ")
            parts.append(element.text or "")
            continue
        if is_heading:
            title = " ".join("".join(parts).split())
            parts.clear()
            headings.enter(int(name[1]), title)
        elif name in _BREAKING:
            close()
        parts.append(element.tail or "")
    close()
    return blocks
