"""Are the bytes on the disk the ones the manifest asks for, and is there room for them?"""

import errno
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import NoSpaceForWeights
from backend.models.manifest import Model

_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
FreeBytes = Callable[[Path], int]


class SourceFailed(Exception):
    """A source cannot give the file; the message says why, and the next source is tried."""


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a file in hexadecimal; `on_bytes` hears how many bytes have been read so far."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            on_bytes(done)
    return digest.hexdigest()


def is_known_good(path: Path, model: Model) -> bool:
    """Was exactly this file hashed before, with the right result, and not touched since?"""
    try:
        status = path.stat()
        stamp = json.loads(_stamp(path).read_text())
    except (OSError, ValueError):
        return False
    return bool(stamp == {"sha256": model.sha256, "size": status.st_size, "mtime_ns": status.st_mtime_ns})


def remember_good(path: Path, model: Model) -> None:
    """Notes that the file was hashed and is right, so that the next start need not read all of it."""
    status = path.stat()
    _stamp(path).parent.mkdir(parents=True, exist_ok=True)
    _stamp(path).write_text(
        json.dumps({"sha256": model.sha256, "size": status.st_size, "mtime_ns": status.st_mtime_ns})
    )


def _stamp(path: Path) -> Path:
    return path.parent / ".fetch" / f"{path.name}.verified"


def ensure_room(folder: Path, needed: int, free_bytes: FreeBytes) -> None:
    """Raises NoSpaceForWeights when fewer than `needed` bytes are free where `folder` is."""
    free = free_bytes(folder)
    if free < needed:
        raise NoSpaceForWeights(path=folder, needed_mb=_megabytes(needed), free_mb=free // 1_000_000)


@contextmanager
def full_disk_told(folder: Path, needed: Callable[[], int], free_bytes: FreeBytes) -> Iterator[None]:
    """Turns "no space left on device" from anything inside into the error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise NoSpaceForWeights(
            path=folder, needed_mb=_megabytes(needed()), free_mb=free_bytes(folder) // 1_000_000
        ) from error


def _megabytes(count: int) -> int:
    return -(-count // 1_000_000)
