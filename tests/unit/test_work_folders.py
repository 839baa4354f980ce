"""Folders of work: gone at its end, and a day after a process was killed in it."""

import os
from pathlib import Path

from backend.settings import load
from backend.work_folders import clear_work_folders, work_folder


def test_folders_of_every_kind_that_were_left_are_cleared_away(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    with work_folder(settings, "upload") as new:
        assert new.is_dir()
        for kind in ("reviews", "upload", "export", "document"):
            left = new.parent / f"{kind}-left"
            left.mkdir()
            (left / "file").write_bytes(b"x")
            os.utime(left, (1_000, 1_000))
        clear_work_folders(settings, new.stat().st_mtime + 3_600)
        assert list(new.parent.iterdir()) == [new]
    assert not new.exists()
    clear_work_folders(load(data_dir=tmp_path / "none"), 1e9)
