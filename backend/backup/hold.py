"""Keeps Ondol from being started while a backup is put back: a pod starts it again by itself soon after a stop."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backend.errors import StartUnderWay
from backend.settings import REPOSITORY

LOCK = REPOSITORY / "var" / "quick_start.lock"
"""The lock of `quick_start.sh` (deploy/lib/lock.sh)."""


@contextmanager
def no_start(lock: Path = LOCK) -> Iterator[None]:
    """Nobody starts or stops Ondol from this folder meanwhile.

    Raises:
        StartUnderWay: somebody is doing so now.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:  # no folder, or none of ours to write in: nothing is started from here
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartUnderWay from None
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
