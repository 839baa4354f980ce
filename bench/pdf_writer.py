"""A small PDF writer for measurements and tests: Korean text, an outline, pictures without text, a password.

Text is written with a composite font that is not embedded; its ToUnicode map tells readers which letters are meant,
so that the text can be taken out again. Only what is needed of ISO 32000-1 is written.
"""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_LINE_HEIGHT = 16
_TOP = 800


@dataclass(frozen=True)
class Bookmark:
    """An entry of the outline: its level from 0, its title, and the page (from 1) it leads to."""

    level: int
    title: str
    page: int


def pdf_of(pages: Sequence[str], bookmarks: Sequence[Bookmark] = ()) -> bytes:
    """A PDF whose pages have these texts, one line of the page for each line."""
    letters = sorted({letter for page in pages for letter in page if letter != "\n"})
    codes = {letter: number for number, letter in enumerate(letters, 1)}
    file = _File()
    font = file.add(_font(file, codes))
    contents = [file.stream(_text(page, codes)) for page in pages]
    parent = file.reserve()
    kids = [
        file.add(
            f"<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R "
            f"/Resources << /Font << /F1 {font} 0 R >> >> >>"
        )
        for content in contents
    ]
    return file.finish(parent, kids, bookmarks)


def pdf_of_pictures(count: int) -> bytes:
    """A PDF as a scanner makes it: pictures, and no text."""
    file = _File()
    grey = bytes((x * y) % 256 for y in range(60) for x in range(60))
    picture = file.stream(
        grey, "/Type /XObject /Subtype /Image /Width 60 /Height 60 /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    parent = file.reserve()
    content = file.stream(b"q 500 0 0 700 40 60 cm /I Do Q")
    kids = [
        file.add(
            f"<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R "
            f"/Resources << /XObject << /I {picture} 0 R >> >> >>"
        )
        for _ in range(count)
    ]
    return file.finish(parent, kids, ())


def encrypted_pdf() -> bytes:
    """An empty page behind a password (standard security handler, revision 2: ISO 32000-1, 7.6.3)."""
    file = _File()
    parent = file.reserve()
    kid = file.add(f"<< /Type /Page /Parent {parent} 0 R /MediaBox [0 0 595 842] >>")
    password = (b"secret" + _PAD)[:32]
    owner = _rc4(hashlib.md5(password).digest()[:5], password)
    identifier = b"0123456789abcdef"
    key = hashlib.md5(password + owner + (0xFFFFFFFC).to_bytes(4, "little") + identifier).digest()[:5]
    user = _rc4(key, _PAD)
    lock = file.add(f"<< /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >>")
    name = identifier.hex()
    return file.finish(parent, [kid], (), trailer=f"/Encrypt {lock} 0 R /ID [<{name}> <{name}>]")


class _File:
    """Numbered objects, and the table that says where each is."""

    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def reserve(self) -> int:
        self._objects.append(b"")
        return len(self._objects)

    def add(self, body: str | bytes) -> int:
        self._objects.append(body.encode("latin-1") if isinstance(body, str) else body)
        return len(self._objects)

    def stream(self, data: bytes, entries: str = "") -> int:
        packed = zlib.compress(data, 1)
        head = f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n"
        return self.add(head.encode() + packed + b"\nendstream")

    def finish(self, parent: int, kids: Sequence[int], bookmarks: Sequence[Bookmark], *, trailer: str = "") -> bytes:
        names = " ".join(f"{kid} 0 R" for kid in kids)
        self._objects[parent - 1] = f"<< /Type /Pages /Kids [{names}] /Count {len(kids)} >>".encode()
        outline = f" /Outlines {self._outline(kids, bookmarks)} 0 R" if bookmarks else ""
        root = self.add(f"<< /Type /Catalog /Pages {parent} 0 R{outline} >>")
        out = bytearray(b"%PDF-1.7\n")
        places = []
        for number, body in enumerate(self._objects, 1):
            places.append(len(out))
            out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
        start = len(out)
        out += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode()
        out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
        out += f"trailer << /Size {len(places) + 1} /Root {root} 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
        return bytes(out)

    def _outline(self, kids: Sequence[int], bookmarks: Sequence[Bookmark]) -> int:
        root = self.reserve()
        numbers = [self.reserve() for _ in bookmarks]
        for place, mark in enumerate(bookmarks):
            parent = self._above(bookmarks, place)
            before, after = self._beside(bookmarks, place, -1), self._beside(bookmarks, place, 1)
            links = f"/Parent {root if parent is None else numbers[parent]} 0 R"
            links += "" if before is None else f" /Prev {numbers[before]} 0 R"
            links += "" if after is None else f" /Next {numbers[after]} 0 R"
            links += self._inner(bookmarks, numbers, place)
            title = ("﻿" + mark.title).encode("utf-16-be").hex()
            dest = f"[{kids[mark.page - 1]} 0 R /Fit]"
            self._objects[numbers[place] - 1] = f"<< /Title <{title}> {links} /Dest {dest} >>".encode()
        inner = self._inner(bookmarks, numbers, None)
        self._objects[root - 1] = f"<< /Type /Outlines{inner} >>".encode()
        return root

    def _above(self, marks: Sequence[Bookmark], place: int) -> int | None:
        level = marks[place].level
        return next((other for other in range(place - 1, -1, -1) if marks[other].level < level), None)

    def _beside(self, marks: Sequence[Bookmark], place: int, step: int) -> int | None:
        other = place + step
        while 0 <= other < len(marks) and marks[other].level > marks[place].level:
            other += step
        same = 0 <= other < len(marks) and marks[other].level == marks[place].level
        return other if same else None

    def _inner(self, marks: Sequence[Bookmark], numbers: Sequence[int], place: int | None) -> str:
        inside = [other for other in range(len(marks)) if self._above(marks, other) == place]
        if not inside:
            return ""
        return f" /First {numbers[inside[0]]} 0 R /Last {numbers[inside[-1]]} 0 R /Count {len(inside)}"


def _font(file: _File, codes: dict[str, int]) -> str:
    pairs = [f"<{code:04x}> <{letter.encode('utf-16-be').hex()}>" for letter, code in codes.items()]
    parts = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    lines = "".join(f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar\n" for part in parts)
    mapping = file.stream(
        (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
            f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{lines}endcmap end end"
        ).encode()
    )
    info = "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    descriptor = file.add(
        "<< /Type /FontDescriptor /FontName /Plain /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 "
        "/Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>"
    )
    inner = file.add(
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Plain /CIDSystemInfo {info} /DW 1000 "
        f"/FontDescriptor {descriptor} 0 R >>"
    )
    return (
        f"<< /Type /Font /Subtype /Type0 /BaseFont /Plain /Encoding /Identity-H /DescendantFonts [{inner} 0 R] "
        f"/ToUnicode {mapping} 0 R >>"
    )


def _text(page: str, codes: dict[str, int]) -> bytes:
    lines = [f"BT /F1 10 Tf {_LINE_HEIGHT} TL 40 {_TOP} Td"]
    for line in page.split("\n"):
        lines.append(f"<{''.join(f'{codes[letter]:04x}' for letter in line)}> Tj T*")
    return "\n".join([*lines, "ET"]).encode()


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
