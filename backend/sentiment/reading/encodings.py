"""The encoding of a text file, and its lines.

Files that were put together from several sources mix encodings: a line that is not of the file's encoding is tried
in the other one that is usual here.
"""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from charset_normalizer import from_bytes

from backend.errors import ReviewFileUnknown
from backend.sentiment.reading.shape import MAX_RECORD_CHARACTERS

SAMPLE_BYTES = 1 << 20
_BLOCK = 1 << 20
_MAX_LINE_BYTES = 4 * MAX_RECORD_CHARACTERS  # of a longer line the beginning is enough to refuse it
_OTHER = {"utf-8": "cp949", "utf-8-sig": "cp949", "cp949": "utf-8"}


def encoding_of(sample: bytes) -> str:
    """The encoding of a file that begins with `sample`. Raises ReviewFileUnknown for what is no text."""
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if found := _utf_16_without_mark(sample):
        return found
    if sample.count(0) * 20 > len(sample):
        raise ReviewFileUnknown
    lines = [line for line in sample.splitlines()[:2000] if not line.isascii()]
    if not lines or _share(lines, "utf-8") >= 0.5:
        return "utf-8"
    if _share(lines, "cp949") >= 0.9 and _hangul_share(lines) >= 0.5:
        return "cp949"
    best = from_bytes(b"\n".join(lines)[:100_000]).best()
    if best is None:
        raise ReviewFileUnknown
    return best.encoding


def lines_of(path: Path, encoding: str) -> Iterator[str]:
    """Lines with their ends, whichever those are. A character that cannot be read becomes U+FFFD."""
    if encoding.startswith("utf-16"):
        yield from _wide_lines(path, encoding)
        return
    other = _OTHER.get(encoding)
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    for number, line in enumerate(_byte_lines(path)):
        kept = line.removeprefix(codecs.BOM_UTF8) if number == 0 else line
        try:
            yield kept.decode(codec)
        except UnicodeDecodeError:
            yield _in_other(kept, codec, other)


def blocks_of(path: Path, encoding: str) -> Iterator[str]:
    """Text a million characters at a time, whether it has lines or not."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while block := file.read(_BLOCK):
            yield block


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


def _hangul_share(lines: list[bytes]) -> float:
    text = b"".join(lines).decode("cp949", "ignore")
    foreign = [letter for letter in text if not letter.isascii()]
    return sum("가" <= letter <= "힣" for letter in foreign) / max(len(foreign), 1)
