"""Workbooks, a row at a time, out of a process of their own."""

import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from backend.errors import OndolError, ReviewColumnsTooMany, ReviewFileDamaged, ReviewFileEncrypted, ReviewFileTooHard
from backend.sentiment.reading import sheet_child
from backend.sentiment.reading.shape import MAX_COLUMNS
from backend.settings import REPOSITORY

_TIMEOUT_S = 300.0
_MOST_UNPACKED_BYTES = 1 << 30
_MOST_RATIO = 400  # spreadsheets shrink to a tenth or a twentieth, seldom to a hundredth
_SMALL_BYTES = 20 << 20


class Sheet(Iterator[list[str]]):
    """Rows of the first sheet that has any, without the blank ones.

    Attributes:
        row_count: of its rows from the first to the last that is not blank, a header among them.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        found = orjson.loads(self._line() or b'{"error": "too_hard"}')
        if "error" in found:
            raise _ERRORS[found["error"]]()
        self.row_count: int = found["rows"]

    def __next__(self) -> list[str]:
        line = self._line()
        if not line:
            raise ReviewFileTooHard
        row: list[str] | None = orjson.loads(line)
        if row is None:
            raise StopIteration
        return row

    def _line(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 -- opened as a pipe
        return self._process.stdout.readline()


@contextmanager
def opened(path: Path) -> Iterator[Sheet]:
    """Opens a workbook; its process ends at the end of the block.

    Raises:
        ReviewFileDamaged, ReviewFileEncrypted, ReviewColumnsTooMany.
        ReviewFileTooHard: it unpacks to too much, or takes too much memory or time. Also while rows are read.
    """
    _refuse_bombs(path)
    command = [sys.executable, "-m", sheet_child.__name__, str(path), str(MAX_COLUMNS)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    clock = threading.Timer(_TIMEOUT_S, process.kill)
    clock.daemon = True
    clock.start()
    try:
        yield Sheet(process)
    finally:
        clock.cancel()
        process.kill()
        process.wait()
        assert process.stdout is not None  # noqa: S101 -- opened as a pipe
        process.stdout.close()


def _refuse_bombs(path: Path) -> None:
    """Looks at what the archive says of itself; the limits of the process hold what it conceals."""
    if not zipfile.is_zipfile(path):
        return  # an older format, which is not compressed
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise ReviewFileDamaged from None
    for member in members:
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > _SMALL_BYTES and ratio > _MOST_RATIO:
            raise ReviewFileTooHard
    if sum(member.file_size for member in members) > _MOST_UNPACKED_BYTES:
        raise ReviewFileTooHard


_ERRORS: dict[str, type[OndolError]] = {
    sheet_child.ENCRYPTED: ReviewFileEncrypted,
    sheet_child.DAMAGED: ReviewFileDamaged,
    sheet_child.TOO_WIDE: ReviewColumnsTooMany,
    sheet_child.TOO_HARD: ReviewFileTooHard,
}
