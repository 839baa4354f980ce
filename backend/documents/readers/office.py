"""DOCX and HWPX: paragraphs under their headings, tables row by row."""

import re
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import docx
from docx.document import Document as WordDocument
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph
from hwpx import TextExtractor
from lxml import etree

from backend.documents.blocks import Block, Headings, ReadFile, limited
from backend.errors import ArchiveTooLarge, DocumentDamaged, DocumentEncrypted

MAX_UNPACKED_BYTES = 300_000_000
_MAX_PARTS = 10_000
_RATIO = 200  # of a part over 1 MB; XML of documents shrinks to a tenth
_HEADING = re.compile(r"(?:heading|제목|개요|outline)\s*(\d)", re.I)


def read_docx(path: Path) -> ReadFile:
    """Text in the order of the document.

    Raises:
        DocumentDamaged: it is no DOCX.
        ArchiveTooLarge: it unpacks to more than it may.
    """
    _refuse_bomb(path)
    try:
        document = docx.Document(str(path))
        return ReadFile(list(limited(_word_blocks(document))), _word_title(document))
    except (PackageNotFoundError, KeyError, ValueError, AttributeError, etree.LxmlError, zipfile.BadZipFile, OSError):
        raise DocumentDamaged from None


def _word_title(document: WordDocument) -> str:
    for paragraph in document.paragraphs[:20]:
        if paragraph.style is not None and paragraph.style.name == "Title" and paragraph.text.strip():
            return " ".join(paragraph.text.split())
    return ""


def _word_blocks(document: WordDocument) -> Iterator[Block]:
    headings = Headings()
    for item in document.iter_inner_content():
        if isinstance(item, Table):
            yield from (Block(row, path=headings.path) for row in _word_rows(item))
            continue
        text = item.text.strip()
        if text and (level := _word_level(item)):
            headings.enter(level, text)
        else:
            yield Block(text, path=headings.path)


def _word_level(paragraph: Paragraph) -> int:
    """Level of a heading, 0 for body text. Korean Word names the styles 제목 1 to 제목 9."""
    name = (paragraph.style.name or "") if paragraph.style is not None else ""
    if found := _HEADING.match(name):
        return int(found[1])
    return 0


def _word_rows(table: Table, depth: int = 0) -> Iterator[str]:
    for row in table.rows:
        cells: list[str] = []
        seen: set[Any] = set()
        for cell in row.cells:
            if cell._tc in seen:  # a cell that spans columns comes once for each
                continue
            seen.add(cell._tc)
            text = " ".join(cell.text.split())
            inner = [line for nested in cell.tables for line in _word_rows(nested, depth + 1)] if depth < 3 else []
            cells.append(" ".join([text, *inner]).strip())
        if any(cells):
            yield " | ".join(cells)


def read_hwpx(path: Path) -> ReadFile:
    """Text in the order of the document; styles called 개요 or 제목 with a number are headings.

    Raises:
        DocumentEncrypted: it has a password.
        DocumentDamaged: it is no HWPX.
        ArchiveTooLarge: it unpacks to more than it may.
    """
    _refuse_bomb(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if _is_encrypted(archive):
                raise DocumentEncrypted
            styles = _style_levels(archive)
            with TextExtractor(archive) as extractor:
                return ReadFile(list(limited(_hwpx_blocks(extractor, styles))))
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, OSError, ValueError, RuntimeError):
        raise DocumentDamaged from None


def _is_encrypted(archive: zipfile.ZipFile) -> bool:
    try:
        return b"encryption-data" in archive.read("META-INF/manifest.xml")
    except KeyError:
        return False


def _style_levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Style id → level of heading."""
    name = next((name for name in archive.namelist() if name.endswith("header.xml")), None)
    if name is None:
        return {}
    levels = {}
    for element in _xml(archive.read(name)).iter():
        if _local(element) == "style" and (
            found := _HEADING.match(element.get("name") or element.get("engName") or "")
        ):
            levels[element.get("id") or ""] = int(found[1])
    return levels


def _xml(data: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(data, parser)


def _hwpx_blocks(extractor: TextExtractor, styles: dict[str, int]) -> Iterator[Block]:
    headings = Headings()
    for section in extractor.iter_sections():
        for found in extractor.iter_paragraphs(section, include_nested=False):
            text = extractor.paragraph_text(found.element, object_behavior="skip").strip()
            level = styles.get(found.element.get("styleIDRef") or "", 0)
            if text and level:
                headings.enter(level, text)
            elif text:
                yield Block(text, path=headings.path)
            for row in _hwpx_rows(extractor, found.element):
                yield Block(row, path=headings.path)


def _hwpx_rows(extractor: TextExtractor, paragraph: Any) -> Iterator[str]:
    """Rows of the tables in a paragraph, and the text of its boxes; a table in a table is read with its cell."""
    queue = deque(paragraph)
    while queue:
        element = queue.popleft()
        name = _local(element)
        if name == "tr":
            cells = [_hwpx_inner(extractor, cell) for cell in element if _local(cell) == "tc"]
            if any(cells):
                yield " | ".join(cells)
        elif name in {"drawText", "caption"}:
            if text := _hwpx_inner(extractor, element):
                yield text
        else:
            queue.extendleft(reversed(element))


def _hwpx_inner(extractor: TextExtractor, element: Any) -> str:
    texts = (
        extractor.paragraph_text(inner, object_behavior="skip") for inner in element.iter() if _local(inner) == "p"
    )
    return " ".join(" ".join(texts).split())


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _refuse_bomb(path: Path) -> None:
    """Raises ArchiveTooLarge by what the archive says of itself; while it is read the memory limit holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise DocumentDamaged from None
    too_dense = any(part.file_size > 1_000_000 and part.file_size > _RATIO * part.compress_size for part in parts)
    if len(parts) > _MAX_PARTS or too_dense or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise ArchiveTooLarge(limit=MAX_UNPACKED_BYTES)
    if any(part.flag_bits & 1 for part in parts):
        raise DocumentEncrypted
