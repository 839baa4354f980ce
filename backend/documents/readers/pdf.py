"""PDF: text page by page with the headings of its outline, and pages as pictures. pdfium does the work."""

import io
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from backend.documents.blocks import Block, Headings, ReadFile, limited
from backend.documents.readers.text import paragraphs
from backend.errors import DocumentDamaged, DocumentEncrypted, DocumentTooLong, DocumentWithoutText, UnknownPage

MAX_PAGES = 5_000
PICTURE_WIDTH = 1_100  # pixels; readable on a page beside the answer
_MAX_PICTURE_HEIGHT = 4_000
_SCANNED_LETTERS = 10  # fewer a page are the stamp of a scanner
_RUNNING_SHARE = 0.6
_RUNNING_LINES = 2
_HANGUL_BREAK = re.compile(r"(?<=[가-힣])\n(?=[가-힣])")
_SENTENCE_END = re.compile(r"[.?!。:;)\]」』”\"]\s*$")
_BEGINS_ANEW = re.compile(
    r"\s*(?:[-•·▪◦○●□■※*]\s|\d{1,3}[.)]\s|[가-하][.)]\s|[①-⑳㉑-㉟㊱-㊿]|제\s?\d+\s?[편장절관조]|#)"
)


def read_pdf(path: Path) -> ReadFile:
    """Paragraphs with their page, under the entries of the outline.

    Raises:
        DocumentEncrypted: it opens with a password only.
        DocumentDamaged: it does not open.
        DocumentWithoutText: it is pictures only, as a scanner makes it.
        DocumentTooLong: over `MAX_PAGES` pages, or too much text.
    """
    with opened(path) as document:
        count = len(document)
        if count > MAX_PAGES:
            raise DocumentTooLong(limit=MAX_PAGES * 2_000)
        texts, has_pictures = _texts(document)
        letters = sum(len(re.sub(r"\s", "", text)) for text in texts)
        if letters == 0 or (has_pictures and letters < _SCANNED_LETTERS * count):
            raise DocumentWithoutText
        places = _outline(document)
        return ReadFile(list(limited(_blocks(texts, places))), pages=count)


def picture_of(path: Path, page: int, width: int = PICTURE_WIDTH) -> bytes:
    """A page (1-based) as PNG, `width` pixels wide.

    Raises:
        UnknownPage: there is no such page.
        DocumentEncrypted, DocumentDamaged: it does not open.
    """
    with opened(path) as document:
        if not 1 <= page <= len(document):
            raise UnknownPage
        sheet = document[page - 1]
        points_wide, points_high = sheet.get_size()
        scale = min(width / max(points_wide, 1), _MAX_PICTURE_HEIGHT / max(points_high, 1))
        picture = io.BytesIO()
        sheet.render(scale=scale, may_draw_forms=False).to_pil().save(picture, format="PNG", optimize=False)
        return picture.getvalue()


@contextmanager
def opened(path: Path) -> Iterator[pdfium.PdfDocument]:
    """The document, closed at the end. Raises DocumentEncrypted and DocumentDamaged."""
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
            raise DocumentEncrypted from None
        raise DocumentDamaged from None
    try:
        if len(document) == 0:
            raise DocumentDamaged
        yield document
    except pdfium.PdfiumError:
        raise DocumentDamaged from None
    finally:
        document.close()


def _texts(document: pdfium.PdfDocument) -> tuple[list[str], bool]:
    """The text of each page, and whether pictures were seen on the first pages. A page that is broken is empty."""
    texts, has_pictures, broken = [], False, 0
    for number in range(len(document)):
        try:
            page = document[number]
        except pdfium.PdfiumError:
            texts.append("")
            broken += 1
            continue
        text = page.get_textpage()
        texts.append(text.get_text_range(errors="replace").replace("\r\n", "\n").replace("\r", "\n"))
        text.close()
        if number < 20 and not has_pictures:
            has_pictures = any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4))
        page.close()
    if broken == len(texts):
        raise DocumentDamaged
    return texts, has_pictures


def _outline(document: pdfium.PdfDocument) -> list[tuple[int, tuple[str, ...]]]:
    """`(page index, headings)` of each entry of the outline, by page; empty where there is no usable outline."""
    headings = Headings()
    places: list[tuple[int, tuple[str, ...]]] = []
    try:
        for entry in document.get_toc(max_depth=6):
            target = entry.get_dest()
            index = target.get_index() if target is not None else None
            headings.enter(entry.level, entry.get_title()[:200])
            if index is not None:
                places.append((index, headings.path))
    except (pdfium.PdfiumError, ValueError, RecursionError):
        return []
    places.sort(key=lambda place: place[0])
    return places


def _blocks(texts: list[str], places: list[tuple[int, tuple[str, ...]]]) -> Iterator[Block]:
    pages = [[_cleaned(line) for line in text.split("\n")] for text in texts]
    running = _running_lines(pages)
    keeps_spaces = _keeps_spaces(pages)
    starts = [index for index, _ in places]
    for index, lines in enumerate(pages):
        before = bisect_right(starts, index)
        path = places[before - 1][1] if before else ()
        kept = [line for place, line in enumerate(lines) if not _is_running(place, lines, running)]
        for paragraph in paragraphs(_joined(kept, keeps_spaces)):
            yield Block(paragraph, index + 1, path)


def _cleaned(line: str) -> str:
    """Without what pdfium puts in for letters that have no Unicode and for soft hyphens."""
    return line.replace("\x02", "").replace("\ufffe", "").replace("\xad", "").replace("\x00", "").replace("\ufffd", "")


def _running_lines(pages: list[list[str]]) -> frozenset[str]:
    """Lines at the top or bottom of most pages, with their numbers left out: headers and page numbers."""
    if len(pages) < 4:
        return frozenset()
    counts = Counter(
        shape for lines in pages for shape in {_shape(line) for line in _edges(lines)} if shape and len(shape) < 80
    )
    return frozenset(shape for shape, count in counts.items() if count >= len(pages) * _RUNNING_SHARE)


def _edges(lines: list[str]) -> list[str]:
    full = [line for line in lines if line.strip()]
    return full[:_RUNNING_LINES] + full[-_RUNNING_LINES:]


def _shape(line: str) -> str:
    return re.sub(r"\d+", "#", "".join(line.split()))


def _is_running(place: int, lines: list[str], running: frozenset[str]) -> bool:
    if not running or _shape(lines[place]) not in running:
        return False
    above = sum(bool(line.strip()) for line in lines[:place])
    below = sum(bool(line.strip()) for line in lines[place + 1 :])
    return above < _RUNNING_LINES or below < _RUNNING_LINES


def _keeps_spaces(pages: list[list[str]]) -> bool:
    """Whether lines that break between words keep the space. Where they do, the others break within a word."""
    broken = [line for lines in pages for line in lines[:-1] if line and "가" <= line.rstrip()[-1:] <= "힣"]
    return len(broken) > 5 and sum(line.endswith(" ") for line in broken) > len(broken) * 0.3


def _joined(lines: list[str], keeps_spaces: bool) -> str:
    """Lines of a sentence put together again; a line that ends one, or begins an item, stays a line."""
    text = ""
    for line in lines:
        if not text or not line.strip():
            text += ("\n" if text else "") + line
        elif text.endswith("\n") or _SENTENCE_END.search(text[-4:]) or _BEGINS_ANEW.match(line):
            text = text.rstrip(" ") + "\n" + line
        elif text.endswith("-") and line[:1].islower():
            text = text[:-1] + line.lstrip()
        elif text.endswith(" ") or not (keeps_spaces and _HANGUL_BREAK.search(text[-1:] + "\n" + line[:1])):
            text = text.rstrip(" ") + " " + line.lstrip()
        else:
            text += line
    return text
