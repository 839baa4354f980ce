"""Passages: sentences put together up to a number of tokens, with some overlap, never across a heading or law unit.

A passage also ends with its page, so that the page it names is where each of its sentences begins: whoever opens the
original finds the text there. Only a sentence that runs on to the next page is finished first.

Tokens are estimated and not counted by a model's vocabulary, which differs from encoder to encoder: a Hangul syllable
or Chinese character is 0.75, a word of letters 1 for every 4, a run of digits 1 for every 3, anything else 1. The
estimate lies above what XLM-RoBERTa's vocabulary makes of ordinary Korean and English prose, so a passage fits.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from backend.documents.blocks import PATH_SEPARATOR, Block

PASSAGE_TOKENS = 320
OVERLAP_TOKENS = 40
Sentences = Callable[[str], Sequence[tuple[int, int]]]
_TOKENS = re.compile(r"([가-힣一-鿿ぁ-ヿ㐀-䶿]+)|([^\W\d_가-힣一-鿿ぁ-ヿ㐀-䶿]+)|(\d+)|([^\s\w]|_)")
_PLACE_CHARACTERS = 400
_SEGMENT_CHARACTERS = 10_000
_OPEN_END = re.compile(r"[^\W\d_][,·]?$|[,·]$")  # a page number or a bracket ends what stands before it
_SENTENCE_END = re.compile(r"[.?!。][)\]」』”’\"']*$")
_RUNNING_CHARACTERS = 1_000  # of a page's beginning in which the end of the running sentence is looked for
_WIDEST = 16  # characters a token, where a text has more white space than any


@dataclass(frozen=True, slots=True)
class Passage:
    """What becomes a row: `path` in words, 1-based `page` of its sentences, its text, and its estimated tokens."""

    path: str
    page: int | None
    body: str
    tokens: int


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    page: int | None
    tokens: int
    gap: str  # what stood between it and the piece before
    runs_on: bool = False  # the end of a sentence that begins on the page before


def tokens_of(text: str) -> int:
    """Estimated tokens."""
    total = 0.0
    for found in _TOKENS.finditer(text):
        length = found.end() - found.start()
        if found.lastindex == 1:
            total += 0.75 * length
        elif found.lastindex in {2, 3}:
            total += ceil(length / (4 if found.lastindex == 2 else 3))
        else:
            total += 1
    return ceil(total)


def passages(
    blocks: Iterable[Block], sentences: Sentences, *, limit: int = PASSAGE_TOKENS, overlap: int = OVERLAP_TOKENS
) -> Iterator[Passage]:
    """The passages of a file, in order.

    Args:
        blocks: its text.
        sentences: finds the character ranges of the sentences of a text.
        limit: most tokens of a passage, its lead not counted.
        overlap: most tokens of whole sentences that a passage repeats from the one before it.
    """
    group: list[Block] = []
    for block in blocks:
        if group and (block.is_unit or group[0].is_unit or block.path != group[0].path):
            yield from _of_group(group, sentences, limit, overlap)
            group = []
        group.append(block)
    if group:
        yield from _of_group(group, sentences, limit, overlap)


def _of_group(blocks: list[Block], sentences: Sentences, limit: int, overlap: int) -> Iterator[Passage]:
    """Passages of blocks that stand under one heading."""
    path = _place(blocks[0].path)
    lead = blocks[0].lead
    held: list[_Piece] = []
    page: int | None = None  # where what no passage had yet begins
    size = 0
    for piece in _of_pages(blocks, sentences, limit):
        turned = piece.page != page and not piece.runs_on
        if held and (turned or size + piece.tokens > limit):
            yield _passage(path, page, lead, held)
            held = _tail(held, piece.page, min(overlap, limit - piece.tokens))
            size = sum(each.tokens for each in held)
            page = piece.page
        elif not held:
            page = piece.page
        held.append(piece)
        size += piece.tokens
    if held:
        yield _passage(path, page, lead, held)


def _passage(path: str, page: int | None, lead: str, pieces: list[_Piece]) -> Passage:
    body = pieces[0].text + "".join(piece.gap + piece.text for piece in pieces[1:])
    body = f"{lead}\n{body}" if lead else body
    return Passage(path, page, body, tokens_of(body))


def _tail(pieces: list[_Piece], page: int | None, most: int) -> list[_Piece]:
    """The last whole sentences of this page within `most` tokens, but never all of them."""
    kept: list[_Piece] = []
    size = 0
    for piece in reversed(pieces[1:]):
        size += piece.tokens
        if size > most or piece.page != page or piece.runs_on:
            break
        kept.insert(0, piece)
    return kept


def _of_pages(blocks: list[Block], sentences: Sentences, limit: int) -> Iterator[_Piece]:
    """The pieces of blocks, those marked that finish a sentence of the page before."""
    before: Block | None = None
    for block in blocks:
        rest = block.text
        if before and before.page != block.page and _OPEN_END.search(before.text):
            end = _first_sentence(block.text, sentences)
            for piece in _pieces(replace(block, text=rest[:end]), sentences, limit) if end else ():
                yield replace(piece, runs_on=True)
            rest = rest[end:].strip()
        if rest:
            yield from _pieces(replace(block, text=rest), sentences, limit)
        before = block


def _first_sentence(text: str, sentences: Sentences) -> int:
    """Where the first sentence ends; 0 where none does, as in a list, a table or the title of a slide."""
    beginning = text[:_RUNNING_CHARACTERS]
    end = next((stop for start, stop in sentences(beginning) if stop > start), 0)
    return end if _SENTENCE_END.search(beginning[:end].rstrip()) else 0


def _pieces(block: Block, sentences: Sentences, limit: int) -> Iterator[_Piece]:
    """The sentences of a block; one that is over the limit by itself is cut between words, at worst within one."""
    if tokens_of(block.text) <= limit // 4:
        yield _Piece(block.text, block.page, tokens_of(block.text), "\n")
        return
    gap = "\n"
    for segment in _segments(block.text):
        for start, stop in _covering(sentences(segment), len(segment)):
            raw = segment[start:stop]
            text = raw.strip()
            if not text:
                continue
            if "\n" in raw[: len(raw) - len(raw.lstrip())]:
                gap = "\n"
            for part in _cut(text, limit):
                yield _Piece(part, block.page, tokens_of(part), gap)
                gap = ""
            gap = "\n" if "\n" in raw[len(raw.rstrip()) :] else (" " if raw[-1].isspace() else "")
            if stop < len(segment) and segment[stop].isspace():
                gap = "\n" if segment[stop] == "\n" else " "


def _segments(text: str) -> Iterator[str]:
    """The text in parts that are cheap to split into sentences, cut at a line or between words."""
    start = 0
    while len(text) - start > _SEGMENT_CHARACTERS:
        end = start + _SEGMENT_CHARACTERS
        at = max(text.rfind("\n", start + 1, end), text.rfind(" ", end - 1000, end)) + 1
        at = at if at > start + 1 else end
        yield text[start:at]
        start = at
    yield text[start:]


def _covering(ranges: Sequence[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    """The ranges, stretched so that nothing between two sentences is left out."""
    end = 0
    ordered = [found for found in ranges if found[1] > found[0]]
    for index, (_, stop) in enumerate(ordered):
        last = length if index == len(ordered) - 1 else stop
        if last > end:
            yield end, last
            end = last
    if end < length:
        yield end, length


def _cut(text: str, limit: int) -> Iterator[str]:
    """Parts within the limit that give the text when put together."""
    window = limit * _WIDEST  # a longer text is over the limit without counting all of it
    while len(text) > window or tokens_of(text) > limit:
        low, high = 1, min(len(text), window)
        while low < high:  # the longest beginning within the limit
            middle = (low + high + 1) // 2
            low, high = (middle, high) if tokens_of(text[:middle]) <= limit else (low, middle - 1)
        space = max(text.rfind(mark, low // 2, low) for mark in " \n\t")
        at = space + 1 if space > 0 else low
        yield text[:at]
        text = text[at:]
    if text:
        yield text


def _place(path: tuple[str, ...]) -> str:
    """The headings in words; of a very long path the innermost part, which tells most."""
    words = PATH_SEPARATOR.join(path)
    return words if len(words) <= _PLACE_CHARACTERS else f"…{words[-_PLACE_CHARACTERS:]}"
