"""Folders for the files of one piece of work, in the data folder: gone at its end, and cleared away after a crash."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from backend.settings import Settings

_LEFT_AFTER_S = 86_400  # no file takes that long


@contextmanager
def work_folder(settings: Settings, kind: str) -> Iterator[Path]:
    """A folder which only this user can open; gone at the end. `kind` begins its name."""
    parent = settings.data_dir / "tmp"
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryDirectory(prefix=f"{kind}-", dir=parent) as folder:
        yield Path(folder)


def clear_work_folders(settings: Settings, now: float) -> None:
    """Removes what killed processes have left, of every kind, a day after. `now` in seconds since 1970."""
    for folder in (settings.data_dir / "tmp").glob("*-*"):
        with suppress(OSError):
            if now - folder.stat().st_mtime > _LEFT_AFTER_S:
                shutil.rmtree(folder)
