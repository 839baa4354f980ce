"""Terms of a text for the search: what Kiwi finds in Korean, and pairs of characters.

Korean glues particles and endings to its words, so that a search by words misses most of what it should find.
Kiwi's morphemes are what remains without them; pairs of characters find what Kiwi cut differently, misspelt or
unknown words, and words of other languages in another form. Both go into one index, each in a namespace of its
own. The kept tags and what each part is worth were measured: `docs/retrieval.md`.
"""

import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from threading import Lock

from kiwipiepy import Kiwi, Token

from backend.retrieval.folding import folded

TERM_LIMIT = 1_000_000_000  # dimensions of the column `chunk_lex.sv`: term ids are 1 to this
QUERY_CHARACTERS = 2000  # of a question that are read; nobody asks more, and a pasted book must not stop the rest
# Words with a meaning: nouns, numerals, verbs, adjectives, adverbs, roots, prefixes and suffixes that make words,
# foreign letters, numbers, Chinese characters, counters. No particles and endings.
CONTENT_TAGS = frozenset(("NNG", "NNP", "NR", "VV", "VA", "MAG", "XR", "XPN", "XSN", "SL", "SN", "SH", "NNB"))
# A single syllable of these is no word to mark.
_WEAK_TAGS = frozenset(("VV", "VA", "MAG", "XPN", "XSN", "NNB", "NR"))
_WORD = re.compile(r"[^\W_]+")
# Kiwi knows the ends of Korean sentences; after a word in small Latin letters, a point before a capital or Hangul ends
# one too (`Mr.`, `Dr.` and the like begin with a capital, `e.g.` and `vs.` are shorter).
_LATIN_STOP = re.compile(r"(?<![A-Za-z])[A-Za-z]?[a-z]{2,}([.!?][\"')\]]?)(?<!Mrs\.)\s+(?=[\"'(\[]?[A-Z\uac00-\ud7a3])")
_PIECE_CHARACTERS = 8192
_MARKED_PAIRS = 2  # so many pairs of characters in a row are a word to mark


class Terms:
    """Splits texts into terms. Kiwi (about 3 s, 500 MB) is loaded at the first use; all methods may be called from
    several threads, and none touches the event loop's thread for long only when called from another."""

    def __init__(self) -> None:
        self._kiwi: Kiwi | None = None
        self._loading = Lock()

    def load(self) -> None:
        """Loads Kiwi now, so that the first question need not wait for it."""
        self._loaded()

    def of_passage(self, text: str) -> list[int]:
        """Term ids (1 to TERM_LIMIT) of a passage, in no particular order, as often as each occurs."""
        return self.of_passages([text])[0]

    def of_passages(self, texts: Sequence[str]) -> list[list[int]]:
        """The same for many; Kiwi uses several cores."""
        pieces = [(number, piece) for number, text in enumerate(texts) for piece in _pieces(folded(text).text)]
        found: list[list[int]] = [[] for _ in texts]
        tokenized = self._loaded().tokenize([piece for _, piece in pieces])
        for (number, piece), tokens in zip(pieces, tokenized, strict=True):
            found[number] += [_number(name) for name in _names(piece, tokens)]
        return found

    def of_query(self, text: str) -> list[int]:
        """Distinct term ids of a question, of its first QUERY_CHARACTERS characters; empty when it has no words."""
        text = folded(text[:QUERY_CHARACTERS]).text
        return [_number(name) for name in dict.fromkeys(_names(text, self._tokens(text)))]

    def matched(self, text: str, query: str) -> list[tuple[int, int]]:
        """Where words of the question stand in a text: character ranges in order, apart from each other.

        A word is marked without its particle (`학교` of `학교에서`), also as a part of a longer one.
        """
        asked = folded(query[:QUERY_CHARACTERS]).text
        asked_tokens = self._tokens(asked)
        words = {_word_of(token) for token in asked_tokens if _is_content(token)}
        pairs = {asked[i : i + 2].lower() for i in _pair_places(asked, asked_tokens)}
        original = folded(text)
        ranges: list[tuple[int, int, bool]] = []  # start, end, whether it may stand alone
        for offset, piece in _pieces_with_places(original.text):
            tokens = self._tokens(piece)
            ranges += [
                (offset + token.start, offset + token.end, token.len > 1 or token.tag not in _WEAK_TAGS)
                for token in tokens
                if token.len and _is_content(token) and _word_of(token) in words
            ]
            ranges += ((offset + start, offset + end, True) for start, end in _runs(piece, tokens, pairs))
        return _apart(original.original(a, b) for a, b, stands in _joined(ranges) if stands or b - a > 1)

    def sentences(self, text: str) -> list[tuple[int, int]]:
        """Character ranges of the sentences of a text, without the white space around them."""
        whole = folded(text)
        found = []
        for offset, piece in _pieces_with_places(whole.text):
            for sentence in self._loaded().split_into_sents(piece):
                begin = sentence.start
                for end in [stop.end(1) for stop in _LATIN_STOP.finditer(piece, begin, sentence.end)]:
                    found.append((offset + begin, offset + end))
                    begin = end + len(piece[end:]) - len(piece[end:].lstrip())
                found.append((offset + begin, offset + sentence.end))
        return _apart(whole.original(begin, end) for begin, end in found if end > begin)

    def _tokens(self, text: str) -> list[Token]:
        return list(self._loaded().tokenize(text))

    def _loaded(self) -> Kiwi:
        if self._kiwi is None:
            with self._loading:
                if self._kiwi is None:
                    kiwi = Kiwi(num_workers=min(4, os.cpu_count() or 1))
                    kiwi.tokenize("온돌")  # most of its model is loaded by the first call only
                    self._kiwi = kiwi
        return self._kiwi


@lru_cache(maxsize=1)
def terms() -> Terms:
    """The instance of this process."""
    return Terms()


def _names(text: str, tokens: Sequence[Token]) -> Iterator[str]:
    """Terms by name: `m` and a morpheme, `b` and a pair of characters (or a single one that is a word)."""
    for token in tokens:
        if _is_content(token):
            yield f"m{_word_of(token)}"
    for found in _WORD.finditer(text.lower()):
        word = found[0]
        if len(word) == 1:
            yield f"b{word}"
        for i in range(len(word) - 1):
            yield f"b{word[i : i + 2]}"


def _number(name: str) -> int:
    """A term's id. Of a million terms about one in a thousand shares its id with another."""
    return zlib.crc32(name.encode()) % TERM_LIMIT + 1


def _is_content(token: Token) -> bool:
    """Kiwi appends `-I` or `-R` to verbs that change their stem; `W_` are addresses, numbers with points and the
    like; letters of scripts it does not know come as symbols."""
    tag = token.tag.partition("-")[0]
    return tag in CONTENT_TAGS or tag.startswith("W_") or (tag == "SW" and token.form.isalnum())


def _word_of(token: Token) -> str:
    return str(token.form).lower()


def _pair_places(text: str, tokens: Sequence[Token]) -> Iterator[int]:
    """Where pairs of characters begin that lie within words with a meaning, one after another."""
    is_content = bytearray(len(text) + 1)
    for token in tokens:
        if _is_content(token):
            is_content[token.start : token.end] = b"\1" * token.len
    for word in _WORD.finditer(text):
        for i in range(word.start(), word.end() - 1):
            if is_content[i] and is_content[i + 1]:
                yield i


def _runs(text: str, tokens: Sequence[Token], pairs: set[str]) -> Iterator[tuple[int, int]]:
    """Ranges in which several pairs in a row are among the asked ones."""
    start = length = 0
    for i in _pair_places(text, tokens):
        if text[i : i + 2].lower() not in pairs:
            continue
        if length and i == start + length:
            length += 1
            continue
        if length >= _MARKED_PAIRS:
            yield start, start + length + 1
        start, length = i, 1
    if length >= _MARKED_PAIRS:
        yield start, start + length + 1


def _joined(ranges: list[tuple[int, int, bool]]) -> Iterator[tuple[int, int, bool]]:
    """Ranges that touch become one, which stands alone when one of them does."""
    current: tuple[int, int, bool] | None = None
    for start, end, stands in sorted(ranges):
        if current is not None and start <= current[1]:
            current = (current[0], max(end, current[1]), stands or current[2])
            continue
        if current is not None:
            yield current
        current = (start, end, stands)
    if current is not None:
        yield current


def _apart(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges without overlap: of `¼`, which is compared as `1⁄4`, both numbers lead to the same place."""
    found: list[tuple[int, int]] = []
    for start, end in ranges:
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _pieces(text: str) -> list[str]:
    return [piece for _, piece in _pieces_with_places(text)]


def _pieces_with_places(text: str) -> Iterator[tuple[int, str]]:
    """A long text in pieces of at most 8,192 characters, cut at the end of a line or a word where there is one:
    Kiwi's memory grows with the length of what it is given at once."""
    start = 0
    while len(text) - start > _PIECE_CHARACTERS:
        limit = start + _PIECE_CHARACTERS
        cut = max(text.rfind("\n", start, limit), text.rfind(" ", limit - 256, limit)) + 1
        cut = cut if cut > start else limit
        yield start, text[start:cut]
        start = cut
    if start < len(text):
        yield start, text[start:]
