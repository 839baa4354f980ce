"""The file: a ZIP without compression whose members are named, with length and SHA-256, by `manifest.json`.

ZIP because a member of unknown length can be written in one pass, so that a dump never lies on the disk twice.
PostgreSQL's dump is compressed by itself.
"""

import contextlib
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from backend.errors import BackupExists, BackupNotWritten, BackupUnreadable, Text

DUMP, SETTINGS, SECRETS = "database.dump", "settings.json", "secrets/"
_FORMAT = 1
_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 1_000_000  # bytes
_LARGEST_SECRET = 100_000  # bytes
_PIECE = 1 << 20
_MEMBER = re.compile(r"database\.dump|settings\.json|secrets/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)

_NO_FILE = Text("그런 파일이 없습니다.", "there is no such file.")
_NO_ZIP = Text("Ondol의 백업이 아니거나 잘렸습니다.", "it is no backup of Ondol, or was cut short.")
_DAMAGED = Text("내용이 손상되었습니다(체크섬이 다릅니다).", "its contents are damaged (a checksum differs).")
_NOT_READ_BACK = Text("쓴 것을 다시 읽을 수 없습니다", "what was written cannot be read back")
_OTHER_FORMAT = Text("이 판이 모르는 형식입니다.", "it has a format that this release does not know.")


def takes(secret: Path) -> bool:
    """Whether a file is one that a backup may hold: neither too large nor of an unusual name."""
    return _MEMBER.fullmatch(SECRETS + secret.name) is not None and secret.stat().st_size <= _LARGEST_SECRET


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside: its length in bytes and the SHA-256 of its contents in hexadecimal digits."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        version: of Ondol that made it.
        revision: of the tables, the last migration that was applied.
        made_at: ISO 8601 in UTC.
        postgres: version of the server.
        rows: of each table.
        members: every other file in it by its name.
    """

    version: str
    revision: str
    made_at: str
    postgres: str
    rows: dict[str, int]
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def has_secrets(self) -> bool:
        return any(name.startswith(SECRETS) for name in self.members)


class Writer:
    """A backup that is being written; see `writing`."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._zip = file
        self.members: dict[str, Member] = {}

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator["Sink"]:
        """Takes the contents of one member, in pieces."""
        with self._zip.open(name, "w", force_zip64=True) as raw:
            sink = Sink(raw)
            yield sink
        self.members[name] = Member(sink.length, sink.digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Writes the manifest, which ends the file."""
        body = {"format": _FORMAT, **asdict(manifest)}
        self._zip.writestr(_MANIFEST, json.dumps(body, ensure_ascii=False, indent=1))


class Sink:
    """Counts and hashes what goes into a member."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.length, self.digest = 0, hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self._raw.write(piece)
        self.length += len(piece)
        self.digest.update(piece)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new backup at `path`, mode 0600; nothing of it stays when the block ends with an error.

    Raises:
        BackupExists
        BackupNotWritten: the disk is full, the folder cannot be written, or what was written cannot be read.
    """
    if path.exists():
        raise BackupExists(path=path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                yield Writer(archive)
            file.flush()
            os.fsync(file.fileno())
        Archive(unfinished).close()  # what cannot be opened again is no backup
        unfinished.rename(path)
    except BackupUnreadable as error:
        raise BackupNotWritten(path=path, reason=_NOT_READ_BACK) from error
    except OSError as error:
        raise BackupNotWritten(path=path, reason=error.strerror or type(error).__name__) from error
    finally:
        unfinished.unlink(missing_ok=True)


class Archive:
    """A backup that is there, opened for reading. Its manifest was read; `verify` reads the rest."""

    def __init__(self, path: Path) -> None:
        """Raises BackupUnreadable."""
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise BackupUnreadable(path=path, reason=_NO_FILE) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise BackupUnreadable(path=path, reason=Text(reason, reason)) from None
        except zipfile.BadZipFile:
            raise BackupUnreadable(path=path, reason=_NO_ZIP) from None
        try:
            self.manifest = self._manifest()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Reads everything. Raises BackupUnreadable when a byte is not what it was."""
        for name, member in self.manifest.members.items():
            digest, length = hashlib.sha256(), 0
            try:
                for piece in self.pieces(name):
                    digest.update(piece)
                    length += len(piece)
            except (zipfile.BadZipFile, OSError):
                raise BackupUnreadable(path=self.path, reason=_DAMAGED) from None
            if (length, digest.hexdigest()) != (member.bytes, member.sha256):
                raise BackupUnreadable(path=self.path, reason=_DAMAGED)

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member's contents."""
        with self._zip.open(name) as file:
            while piece := file.read(_PIECE):
                yield piece

    def settings(self) -> dict[str, Any]:
        """Settings that were in use, by variable, without secrets."""
        found = json.loads(b"".join(self.pieces(SETTINGS)))
        return found if isinstance(found, dict) else {}

    def secrets(self) -> dict[str, bytes]:
        """Contents of the secret files by name; empty when the backup was made without them."""
        names = [name for name in self.manifest.members if name.startswith(SECRETS)]
        return {name.removeprefix(SECRETS): b"".join(self.pieces(name)) for name in names}

    def _manifest(self) -> Manifest:
        """Names and lengths have to agree with what is in the file, so that nothing else is ever read from it."""
        entries = {info.filename: info for info in self._zip.infolist()}
        try:
            if entries[_MANIFEST].file_size > _LARGEST_MANIFEST:
                raise ValueError("too long")
            body = json.loads(self._zip.read(_MANIFEST))
            if body.pop("format") != _FORMAT:
                raise BackupUnreadable(path=self.path, reason=_OTHER_FORMAT)
            members = {name: Member(**member) for name, member in body.pop("members").items()}
            manifest = Manifest(**body, members=members)
            told = {name: member.bytes for name, member in members.items()}
            there = {name: info.file_size for name, info in entries.items() if name != _MANIFEST}
            is_whole = told == there and {DUMP, SETTINGS} <= set(told) and all(map(_MEMBER.fullmatch, told))
            if not is_whole or any(size > _LARGEST_SECRET for name, size in told.items() if name.startswith(SECRETS)):
                raise ValueError("names or lengths differ")
        except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, NotImplementedError):
            raise BackupUnreadable(path=self.path, reason=_NO_ZIP) from None
        return manifest
