"""What was classified already in this run, in a fixed amount of memory."""

import hashlib
import re
import struct
import unicodedata

_DIGEST = 16
_WAYS = 8  # places in which an entry may lie
_SETS = 1 << 14  # with 8 ways: 131,072 texts, 7 MB for three labels
_SPACE = re.compile(r"\s+")


def normalised(text: str) -> str:
    """The spelling under which two reviews are the same: NFKC, one space between words, none around."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _SPACE.sub(" ", text).strip()


def fingerprint(normalised_text: str) -> bytes:
    """16 bytes that stand for a normalised text."""
    return hashlib.blake2b(normalised_text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


class Seen:
    """Results by fingerprint. When a set of places is full its oldest entry makes room, so memory never grows.

    Args:
        labels: how many probabilities a result has.
    """

    def __init__(self, labels: int, sets: int = _SETS) -> None:
        self._record = struct.Struct(f"<q?{labels}f")
        self._sets = sets
        # Written to once, so that the memory is taken now and not bit by bit while a file is read.
        self._keys = bytearray(b"\xff" * (sets * _WAYS * _DIGEST))
        self._values = bytearray(b"\xff" * (sets * _WAYS * self._record.size))
        self._next = bytearray(sets)

    def get(self, key: bytes) -> tuple[int, bool, tuple[float, ...]] | None:
        """Index of the first review, whether its probabilities were measured, and the probabilities."""
        place = self._place(key)
        if place is None:
            return None
        index, is_measured, *probabilities = self._record.unpack_from(self._values, place * self._record.size)
        return index, is_measured, tuple(probabilities)

    def put(self, key: bytes, index: int, is_measured: bool, probabilities: tuple[float, ...]) -> None:
        place = self._place(key)
        if place is None:
            number = self._set(key)
            place = number * _WAYS + self._next[number]
            self._next[number] = (self._next[number] + 1) % _WAYS
            self._keys[place * _DIGEST : (place + 1) * _DIGEST] = key
        self._record.pack_into(self._values, place * self._record.size, index, is_measured, *probabilities)

    def _set(self, key: bytes) -> int:
        return int.from_bytes(key[:8], "little") % self._sets

    def _place(self, key: bytes) -> int | None:
        first = self._set(key) * _WAYS
        for place in range(first, first + _WAYS):
            if self._keys[place * _DIGEST : (place + 1) * _DIGEST] == key:
                return place
        return None
