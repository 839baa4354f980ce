"""The record of everything that was decided about a pod: on disk before the call it speaks of.

One JSON object a line in `DATA_DIR/pod-audit.jsonl`, which a pod keeps on its volume. A stop seen from inside ends the
process that asked for it, so the line is fsynced before the request goes out. The database gets a copy, when there.
"""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from backend.logs import redact
from backend.pod.clock import Clock, aware
from backend.pod.files import sync_folder

FILE_NAME = "pod-audit.jsonl"
_TAIL_BYTES = 100_000
ROTATE_BYTES = 5_000_000  # years of stops; a full file becomes `.1`, the one before it is dropped


@dataclass(frozen=True)
class AuditEntry:
    """One line.

    Attributes:
        id: 32 hexadecimal digits, the same in the file and in the database.
        event: what happened, e.g. `stop_requested`.
        actor: `policy`, `watchdog`, `schedule` or `user:NAME`.
        detail: JSON values, without secrets.
    """

    id: str
    at: datetime
    event: str
    actor: str
    pod_id: str
    detail: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The entry as JSON, without a line break."""
        return json.dumps({**vars(self), "at": self.at.isoformat()}, ensure_ascii=False, default=str)


class AuditLog:
    """The file; several processes may append to it.

    Args:
        folder: where `pod-audit.jsonl` is kept.
        rotate_bytes: size from which a new file is begun.
    """

    def __init__(self, folder: Path, clock: Clock, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.path = folder / FILE_NAME
        self._clock, self._rotate_bytes = clock, rotate_bytes
        self._older = self.path.with_name(f"{FILE_NAME}.1")

    def write(self, event: str, actor: str, pod_id: str, **detail: Any) -> AuditEntry:
        """Appends a line and returns when the disk has it.

        Raises:
            OSError: it could not be written; what it announces must not be done.
        """
        entry = AuditEntry(
            uuid.uuid4().hex, self._clock.now(), event, actor, pod_id, dict(redact(None, "", dict(detail)))
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock"), mode=0o600):
            self._rotate()
            self._append(entry.line())
        return entry

    def entries(self) -> Iterator[AuditEntry]:
        """What was written, oldest first. A line that a crash cut short is passed over."""
        for path in (self._older, self.path):
            if path.exists():
                yield from _entries(path.read_bytes())

    def tail(self, count: int) -> list[AuditEntry]:
        """The newest entries, newest first."""
        found = _entries(_end_of(self.path))[::-1]
        if len(found) < count:
            found += _entries(_end_of(self._older))[::-1]
        return found[:count]

    def _rotate(self) -> None:
        if self.path.exists() and self.path.stat().st_size >= self._rotate_bytes:
            self.path.replace(self._older)

    def _append(self, line: str) -> None:
        is_new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            # A line cut short by a crash gets its end, so that this one is not lost with it.
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            _write_all(handle, (b"\n" if torn else b"") + line.encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            sync_folder(self.path.parent)


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _end_of(path: Path) -> bytes:
    """The last part of a file, from the beginning of a line."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            found = file.read()
    except FileNotFoundError:
        return b""
    return found if size <= _TAIL_BYTES else found.partition(b"\n")[2]


def _entries(data: bytes) -> list[AuditEntry]:
    return [entry for line in data.splitlines() if (entry := _entry(line)) is not None]


def _entry(line: bytes) -> AuditEntry | None:
    try:
        found = json.loads(line)
        return AuditEntry(**{**found, "at": aware(found["at"])})
    except (ValueError, TypeError, KeyError):
        return None
