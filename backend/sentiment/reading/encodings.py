"""The encoding of a text file, and its lines.

Files that were put together from several sources mix encodings: a line that is not of the file's encoding is tried
in the other one that is usual here.
"""

import codecs
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from charset_normalizer import from_bytes

from backend.errors import ReviewFileUnknown
from backend.sentiment.reading.shape import MAX_RECORD_CHARACTERS

SAMPLE_BYTES = 1 << 20
_BLOCK = 1 << 20
_MAX_LINE_BYTES = 4 * MAX_RECORD_CHARACTERS  # of a longer line the beginning is enough to refuse it
_OTHER = {"utf-8": "cp949", "utf-8-sig": "cp949", "cp949": "utf-8"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-16", "utf-32")
_MOSTLY_KOREAN = 0.75  # of the letters; what is Japanese or Chinese and read as cp949 stays below it
_ENOUGH_CHARACTERS = 100_000
_LONE_JAMO = frozenset("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅑㅓㅕㅗㅛㅜㅠㅡㅣ")  # as in ㅋㅋ, ㅠㅠ, ㅇㅈ


def encoding_of(sample: bytes) -> str:
    """The encoding of a file that begins with `sample`. Raises ReviewFileUnknown for what is no text."""
    marked = next((encoding for mark, encoding in _MARKS if sample.startswith(mark)), None)
    if found := marked or _utf_16_without_mark(sample):
        return found
    if sample.count(0) * 20 > len(sample):
        raise ReviewFileUnknown
    lines = [line for line in sample.splitlines()[:2000] if not line.isascii()]
    if not lines or _share(lines, "utf-8") >= 0.5:
        return "utf-8"
    can_be_korean = _share(lines, "cp949") >= 0.9
    if can_be_korean and _is_korean(lines):
        return "cp949"
    best = from_bytes(b"\n".join(lines)[:100_000]).best()
    if best is None and not can_be_korean:
        raise ReviewFileUnknown
    return "cp949" if best is None else best.encoding


def lines_of(path: Path, encoding: str) -> Iterator[str]:
    """Lines with their ends, whichever those are. A character that cannot be read becomes U+FFFD."""
    lines = _wide_lines(path, encoding) if encoding.startswith(_WIDE) else _narrow_lines(path, encoding)
    for first in islice(lines, 1):
        yield first.lstrip("\ufeff")
    yield from lines


def blocks_of(path: Path, encoding: str) -> Iterator[str]:
    """Text a million characters at a time, whether it has lines or not."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while block := file.read(_BLOCK):
            yield block


def _narrow_lines(path: Path, encoding: str) -> Iterator[str]:
    other = _OTHER.get(encoding)
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    for line in _byte_lines(path):
        try:
            yield line.decode(codec)
        except UnicodeDecodeError:
            yield _in_other(line, codec, other)


def _in_other(line: bytes, codec: str, other: str | None) -> str:
    if other is not None:
        try:
            return line.decode(other)
        except UnicodeDecodeError:
            pass
    return line.decode(codec, "replace")


def _byte_lines(path: Path) -> Iterator[bytes]:
    """Lines that end with LF, CR LF or CR, of bounded length."""
    left = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            lines = (left + block).splitlines(keepends=True)
            # The last line goes on in the next block, and so may a CR LF.
            left = lines.pop() if not lines[-1].endswith(b"\n") else b""
            yield from lines
            if len(left) > _MAX_LINE_BYTES:
                yield left[:_MAX_LINE_BYTES]
                left = _rest_of_line(file)
    if left:
        yield left


def _rest_of_line(file: io.BufferedReader) -> bytes:
    """Skips to the next line. Returns nothing: the line is begun anew."""
    while (piece := file.readline(_BLOCK)) and not piece.endswith(b"\n"):
        pass
    return b""


def _wide_lines(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while line := file.readline(_MAX_LINE_BYTES):
            yield line


def _utf_16_without_mark(sample: bytes) -> str | None:
    """Latin letters and line ends leave every other byte zero."""
    pairs = max(len(sample[:4000]) // 2, 1)
    low, high = sample[:4000:2].count(0) / pairs, sample[1:4000:2].count(0) / pairs
    if max(low, high) < 0.2 or min(low, high) > 0.05:
        return None
    return "utf-16-be" if low > high else "utf-16-le"


def _share(lines: list[bytes], encoding: str) -> float:
    """Share of lines that can be read so; the last may be cut and does not count among several."""
    counted = lines[:-1] or lines
    return sum(_can_be(line, encoding) for line in counted) / len(counted)


def _can_be(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_korean(lines: list[bytes]) -> bool:
    """Whether what is read as cp949 is Korean. Stars and hearts are no letters, and Japanese ones say nothing.
    Syllables that only cp949 has and its predecessor has not are rare in Korean, but are what other encodings look
    like."""
    text = b"".join(lines).decode("cp949", "ignore")[:_ENOUGH_CHARACTERS]
    letters = [each for each in text if not each.isascii() and each.isalpha() and not "ぁ" <= each <= "ヺ"]
    korean = sum(letter in _LONE_JAMO or _is_common(letter) for letter in letters)
    return korean >= _MOSTLY_KOREAN * len(letters)


def _is_common(letter: str) -> bool:
    try:
        return "가" <= letter <= "힣" and len(letter.encode("euc_kr")) == 2
    except UnicodeEncodeError:
        return False
