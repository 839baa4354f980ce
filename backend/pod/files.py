"""Small files that must survive a crash whole."""

import os
from pathlib import Path


def write_whole(path: Path, text: str, *, sync: bool = True) -> None:
    """Replaces a file so that a reader, and a start after a crash, finds the old text or the new one.

    Args:
        path: its folder is made if needed.
        text: all of it.
        sync: return only when the disk has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    new.replace(path)
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Has the disk keep the names in a folder, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
