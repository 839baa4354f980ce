"""Statutes as the national law service exports them: XML or JSON with 조문단위, 항, 호 and 목.

Two shapes are read, the same tree once in elements and once in objects:

    법령 / 기본정보 / 법령명_한글
    법령 / 조문 / 조문단위 *  { 조문번호, 조문가지번호, 조문여부 (조문, or 전문 for the name of a chapter),
                          조문제목, 조문내용,
                          항 * { 항번호, 항내용, 호 * { 호번호, 호내용, 목 * { 목번호, 목내용 } } } }
    법령 / 부칙 / 부칙단위 *  { 부칙공포일자, 부칙공포번호, 부칙내용 }
    법령 / 별표 / 별표단위 *  { 별표번호, 별표제목, 별표내용 }

A list with one entry may be the entry itself, text may be a list (of lists) of lines, everything may be missing.
The text is put in order and given to the reader of plain statutes, so that both ways give the same units.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from lxml import etree

from backend.documents.blocks import Block, ReadFile
from backend.documents.readers.text import decode
from backend.documents.statutes import units
from backend.errors import DocumentDamaged, DocumentTypeUnknown

_DEPTH = 40


def read_law_xml(data: bytes) -> ReadFile:
    """A statute in XML.

    Raises:
        DocumentDamaged: it is no XML.
        DocumentTypeUnknown: it is some other XML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError):
        raise DocumentDamaged from None
    return _law(_as_objects(root, 0))


def read_law_json(data: bytes) -> ReadFile:
    """A statute in JSON.

    Raises:
        DocumentDamaged: it is no JSON.
        DocumentTypeUnknown: it is some other JSON.
    """
    try:
        root = orjson.loads(decode(data))
    except orjson.JSONDecodeError:
        raise DocumentDamaged from None
    return _law(root.get("법령") if isinstance(root, dict) else None)


def _as_objects(element: Any, depth: int) -> Any:
    if depth > _DEPTH:
        raise DocumentDamaged
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text or ""
    found: dict[str, Any] = {}
    for child in children:
        found.setdefault(child.tag, []).append(_as_objects(child, depth + 1))
    return found


def _law(root: Any) -> ReadFile:
    articles = _list(_first(root, "조문"), "조문단위")
    if not articles:
        raise DocumentTypeUnknown
    name = _text(_first(_first(root, "기본정보"), "법령명_한글")) or _text(
        _first(_first(root, "기본정보"), "법령명한글")
    )
    return ReadFile(list(units(_blocks(root, articles))), name)


def _blocks(root: Any, articles: list[Any]) -> Iterator[Block]:
    for article in articles:
        yield Block("\n".join(_lines(article)))
    for supplement in _list(_first(root, "부칙"), "부칙단위"):
        text = _text(_first(supplement, "부칙내용"))
        yield Block(text if text.startswith("부칙") or text.startswith("부 칙") else f"부칙\n{text}")
    for annex in _list(_first(root, "별표"), "별표단위"):
        number, title = _text(_first(annex, "별표번호")).lstrip("0"), _text(_first(annex, "별표제목"))
        content = _text(_first(annex, "별표내용"))
        if content:
            yield Block(f"[별표 {number}]\n{title}\n{content}")


def _lines(article: Any) -> Iterator[str]:
    content = _text(_first(article, "조문내용"))
    number = _text(_first(article, "조문번호"))
    is_article = _text(_first(article, "조문여부")) != "전문"
    if is_article and number and not content.lstrip().startswith("제"):
        branch, title = _text(_first(article, "조문가지번호")), _text(_first(article, "조문제목"))
        head = f"제{number}조" + (f"의{branch}" if branch else "") + (f"({title})" if title else "")
        content = f"{head} {content}"
    yield " ".join(content.split("\n")) if is_article else content
    for paragraph in _list(article, "항"):
        if text := _numbered(paragraph, "항"):
            yield text
        for item in _list(paragraph, "호"):
            yield _numbered(item, "호")
            for sub_item in _list(item, "목"):
                yield _numbered(sub_item, "목")


def _numbered(part: Any, kind: str) -> str:
    """The words of a part, with its number in front where they lack it."""
    number, text = _text(_first(part, f"{kind}번호")), _text(_first(part, f"{kind}내용"))
    text = " ".join(text.split())
    if not text or not number or text.startswith(number):
        return text
    return f"{number} {text}"


def _list(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    if found is None:
        return []
    entries = found if isinstance(found, list) else [found]
    return [entry for entry in entries if isinstance(entry, dict)]


def _first(holder: Any, name: str) -> Any:
    found = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return found[0]
    return found


def _text(value: Any, depth: int = 0) -> str:
    if isinstance(value, list) and depth < _DEPTH:
        return "\n".join(part for part in (_text(entry, depth + 1) for entry in value) if part)
    if isinstance(value, dict):
        return _text(value.get("content") or value.get("#text") or "", depth + 1)
    return str(value).strip() if isinstance(value, str | int) else ""
