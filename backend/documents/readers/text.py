"""Plain text, Markdown and tables of comma separated values, in whatever encoding they were written."""

import csv
import io
import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from backend.documents.blocks import Block, Headings, ReadFile
from backend.errors import DocumentDamaged

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SAMPLE_BYTES = 200_000
_HANGUL = re.compile(r"[가-힣]")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_ATX = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_SETEXT = re.compile(r"\s{0,3}(=+|-{3,})\s*$")
_ROWS_CHARACTERS = 500
_FIELD_LIMIT = 1_000_000


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16, cp949 (Korean Windows) or another encoding that can be told.

    A file of mixed lines, some UTF-8 and some cp949, is decoded line by line.

    Raises:
        DocumentDamaged: the bytes are no text.
    """
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    sample = text[:_SAMPLE_BYTES]
    if sample and len(_NOT_TEXT.findall(sample)) > len(sample) / 20:
        raise DocumentDamaged
    return _NOT_TEXT.sub(" ", text)


def _decoded(data: bytes) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    if data[:_SAMPLE_BYTES].count(0) > len(data[:_SAMPLE_BYTES]) / 10:
        return _wide(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if (korean := _as_cp949(data)) is not None:
        return korean
    lines = data.split(b"\n")
    told = [_line(line) for line in lines]
    if sum(line is None for line in told) <= len(lines) / 50:
        return "\n".join(
            line if line is not None else raw.decode("cp949", errors="replace")
            for line, raw in zip(told, lines, strict=True)
        )
    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    if best is None:
        raise DocumentDamaged
    return data.decode(best.encoding, errors="replace")


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: every other byte of its ASCII is zero."""
    name = "utf-16-be" if data[0:_SAMPLE_BYTES:2].count(0) > data[1:_SAMPLE_BYTES:2].count(0) else "utf-16-le"
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        raise DocumentDamaged from None


def _as_cp949(data: bytes) -> str | None:
    """The text if it is Korean: other encodings of East Asia decode as cp949 too, but into few Hangul letters."""
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        return None
    sample = text[:_SAMPLE_BYTES]
    foreign = sum(not letter.isascii() for letter in sample)
    return text if foreign and len(_HANGUL.findall(sample)) >= foreign * 0.5 else None


def _line(raw: bytes) -> str | None:
    for name in ("utf-8", "cp949"):
        try:
            return raw.decode(name)
        except UnicodeDecodeError:
            continue
    return None


def read_text(data: bytes) -> ReadFile:
    """Paragraphs of plain text: blank lines stand between them."""
    return ReadFile([Block(paragraph) for paragraph in paragraphs(decode(data))])


def read_markdown(data: bytes) -> ReadFile:
    """Paragraphs under their headings. The first heading of the first level is the title."""
    return markdown_file(decode(data))


def paragraphs(text: str) -> Iterator[str]:
    """Runs of lines without a blank one between them."""
    for part in re.split(r"\n[^\S\n]*\n\s*", text):
        if stripped := part.strip():
            yield stripped


def markdown_file(text: str) -> ReadFile:
    """As `read_markdown`, of text."""
    headings = Headings()
    blocks: list[Block] = []
    title = ""
    lines: list[str] = []
    fence = ""

    def close() -> None:
        blocks.extend(Block(paragraph, path=headings.path) for paragraph in paragraphs("\n".join(lines)))
        lines.clear()

    def enter(level: int, name: str) -> None:
        nonlocal title
        close()
        headings.enter(level, _unmarked(name))
        if level == 1 and not title:
            title = _unmarked(name)

    for line in text.split("\n"):
        if found := _FENCE.match(line):
            fence = found[1] if not fence else ("" if found[1].startswith(fence) else fence)
            lines.append(line)
        elif not fence and (found := _ATX.match(line)):
            enter(len(found[1]), found[2])
        elif not fence and lines and not line.strip(" =-") and _SETEXT.match(line) and _is_underlined(lines):
            name = lines.pop()
            enter(1 if "=" in line else 2, name)
        else:
            lines.append(line)
    close()
    return ReadFile(blocks, title)


def _is_underlined(lines: list[str]) -> bool:
    """Whether the last line can be a heading with the next one drawn under it: a short paragraph of one line."""
    above = lines[-2] if len(lines) > 1 else ""
    return bool(lines[-1].strip()) and len(lines[-1]) < 200 and not above.strip() and "|" not in lines[-1]


def _unmarked(name: str) -> str:
    """A heading without emphasis and link addresses."""
    return re.sub(r"[*_`]+", "", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", name)).strip()


def read_csv(data: bytes) -> ReadFile:
    """Rows as `column: value` lines, some of them a passage; the path tells which rows."""
    text = decode(data)
    csv.field_size_limit(_FIELD_LIMIT)
    try:
        rows = list(csv.reader(io.StringIO(text), _dialect(text)))
    except csv.Error:
        raise DocumentDamaged from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        return ReadFile([])
    head, body = ([], rows) if _is_number_row(rows[0]) or len(rows) == 1 else (rows[0], rows[1:])
    first = len(rows) - len(body) + 1
    blocks: list[Block] = []
    group: list[str] = []

    def close(last: int) -> None:
        nonlocal first
        if group:
            path = f"행 {first}" if first == last else f"행 {first}–{last}"
            blocks.append(Block("\n".join(group), path=(path,), is_unit=True))
        group.clear()
        first = last + 1

    size = 0
    for number, row in enumerate(body, start=first):
        line = _row(head, row)
        if group and size + len(line) > _ROWS_CHARACTERS:
            close(number - 1)
            size = 0
        group.append(line)
        size += len(line)
    close(len(rows))
    return ReadFile(blocks)


def _dialect(text: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        return csv.excel


def _is_number_row(row: list[str]) -> bool:
    return all(re.fullmatch(r"[\s\d.,%+-]*", cell) for cell in row)


def _row(head: list[str], row: list[str]) -> str:
    cells = []
    for column, cell in enumerate(row):
        value = " ".join(cell.split())
        if value:
            name = " ".join(head[column].split()) if column < len(head) else ""
            cells.append(f"{name}: {value}" if name else value)
    return " | ".join(cells)
