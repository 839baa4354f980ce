"""ZIP archives of documents: what may come out of them, how much, and under which names.

Nothing is ever written under a name of the archive: members go to numbered files, names are only shown.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backend.errors import (
    ArchiveNameUnsafe,
    ArchiveNested,
    ArchiveTooLarge,
    ArchiveTooManyFiles,
    DocumentDamaged,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentTooLarge,
    OndolError,
)

MAX_FILES = 2_000
MAX_ENTRIES = 20_000  # with folders; the list alone of more would take the memory
MAX_UNPACKED_BYTES = 1_000_000_000
MAX_RATIO = 200  # of a member over 1 MB: text packs to a tenth, a bomb to a thousandth
_RATIO_FROM_BYTES = 1_000_000
_PIECE = 1 << 20
_IGNORED = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)", re.I)
_UNIX_LINK = 0o120000


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: `path` holds its bytes, or `error` says why they were left."""

    name: str
    path: Path | None = None
    error: OndolError | None = None


def unpack(archive: Path, folder: Path, max_file_bytes: int) -> Iterator[Member]:
    """Unpacks into `folder` member by member; one that is refused does not stop the rest.

    Raises:
        DocumentDamaged: it is no ZIP.
        ArchiveTooManyFiles, ArchiveTooLarge: the whole is refused, a bomb included, before anything is unpacked
            where its own figures tell, else as soon as it shows.
    """
    try:
        opened = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise DocumentDamaged from None
    with opened:
        if len(opened.infolist()) > MAX_ENTRIES:
            raise ArchiveTooManyFiles(count=len(opened.infolist()), limit=MAX_FILES)
        entries = [entry for entry in opened.infolist() if not entry.is_dir() and not _IGNORED.search(name_of(entry))]
        if len(entries) > MAX_FILES:
            raise ArchiveTooManyFiles(count=len(entries), limit=MAX_FILES)
        if not entries:
            raise DocumentEmpty
        if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES or any(_is_bomb(entry) for entry in entries):
            raise ArchiveTooLarge(limit=MAX_UNPACKED_BYTES)
        left = MAX_UNPACKED_BYTES
        for number, entry in enumerate(entries):
            target = folder / str(number)
            try:
                refuse(entry, max_file_bytes)
                left -= _write(opened, entry, target, min(left, max_file_bytes))
            except OndolError as error:
                target.unlink(missing_ok=True)
                if isinstance(error, ArchiveTooLarge):
                    raise
                yield Member(name_of(entry), error=error)
            else:
                yield Member(name_of(entry), target)


def name_of(entry: zipfile.ZipInfo) -> str:
    """The member's name with `/` between folders. Korean Windows writes cp949 and says nothing about it."""
    name = entry.orig_filename if hasattr(entry, "orig_filename") else entry.filename
    if not entry.flag_bits & 0x800:
        try:
            raw = name.encode("cp437")
            name = raw.decode("utf-8") if _is_utf8(raw) else raw.decode("cp949")
        except UnicodeError:
            pass
    return "".join(letter if letter.isprintable() else "�" for letter in name.replace("\\", "/"))


def refuse(entry: zipfile.ZipInfo, max_file_bytes: int) -> None:
    """Raises the reason for which a member is left."""
    name = name_of(entry)
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        raise ArchiveNameUnsafe
    if (entry.external_attr >> 16) & 0o170000 == _UNIX_LINK:
        raise ArchiveNameUnsafe
    if name.lower().endswith((".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".alz", ".egg")):
        raise ArchiveNested
    if entry.flag_bits & 1:
        raise DocumentEncrypted
    if entry.file_size == 0:
        raise DocumentEmpty
    if entry.file_size > max_file_bytes:
        raise DocumentTooLarge(limit=max_file_bytes)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_bomb(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > _RATIO_FROM_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, limit: int) -> int:
    """Bytes written. The figures of an archive may lie, so what really comes out is counted."""
    written = 0
    try:
        with archive.open(entry) as source, target.open("wb") as out:
            while piece := source.read(_PIECE):
                written += len(piece)
                if written > limit:
                    raise ArchiveTooLarge(limit=MAX_UNPACKED_BYTES)
                out.write(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise DocumentDamaged from None
    return written
