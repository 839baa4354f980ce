"""Brings a model of the manifest onto this machine: from the first source that gives the right bytes.

What is half done stays under `.fetch/` and is taken up again; the file itself appears only when it is whole and
its SHA-256 is right, so nobody ever loads a broken model.
"""

import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from backend.errors import FetchFailed
from backend.models import hub, index
from backend.models.checks import (
    FreeBytes,
    SourceFailed,
    ensure_room,
    full_disk_told,
    is_known_good,
    remember_good,
    sha256_of,
)
from backend.models.hub import Hub
from backend.models.manifest import HubSource, Model, Source
from backend.models.progress import Meter, Report


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def fetch(
    model: Model,
    folder: Path,
    *,
    hub_address: Hub,
    report: Report = lambda _: None,
    free_bytes: FreeBytes = _free_bytes,
) -> Path:
    """Returns the verified file in `folder`, fetching what is missing of it.

    Safe to call from several processes: one fetches, the others wait for it. Interrupted at any point, the next
    call goes on where this one stopped.

    Raises:
        FetchFailed: no source gave the file; the message has every source's reason.
        NoSpaceForWeights: before the download when it would not fit, or during it.
    """
    work = folder / ".fetch"
    work.mkdir(parents=True, exist_ok=True)
    meter = Meter(model.size, report)
    path = folder / model.file
    lock = FileLock(work / f"{model.file}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        meter.waiting()
        lock.acquire()
    try:
        if not _is_there(path, model, meter):
            attempts = [_Attempt(source, model, work, hub_address) for source in model.sources]
            _fetch_from_any(attempts, path, meter, free_bytes)
    finally:
        lock.release()
    return path


def _is_there(path: Path, model: Model, meter: Meter) -> bool:
    if not path.is_file():
        return False
    if is_known_good(path, model):
        return True
    if path.stat().st_size == model.size and sha256_of(path, meter.checking) == model.sha256:
        remember_good(path, model)
        return True
    meter.note(f"{path} is damaged or another file; it is replaced.")
    return False


def _fetch_from_any(attempts: list["_Attempt"], path: Path, meter: Meter, free_bytes: FreeBytes) -> None:
    """Tries the sources in order; one that an earlier call had begun goes first."""
    attempts.sort(key=lambda attempt: -attempt.begun())
    reasons: list[str] = []
    for attempt in attempts:
        reason = _try(attempt, path, meter, free_bytes)
        if reason is None:
            for other in attempts:
                other.forget()
            return
        reasons.append(reason)
        if attempt is not attempts[-1]:
            meter.note(f"{reason}; trying the next source.")
    raise FetchFailed(model=attempts[0].model.name, reasons="; ".join(reasons), path=path)


class _Attempt:
    """One source, and the unfinished file that belongs to it."""

    def __init__(self, source: Source, model: Model, work: Path, hub_address: Hub) -> None:
        self._source = source
        self._hub = hub_address
        self.model = model
        self.part = work / f"{model.file}.{source.kind}-part"

    def begun(self) -> int:
        if isinstance(self._source, HubSource):
            return hub.begun(self.part)
        return index.begun(self._source, self.part)

    def room_needed(self) -> int:
        if isinstance(self._source, HubSource):
            return max(self.model.size - self.begun(), 0)
        return index.room_needed(self._source, self.part)

    def download(self, meter: Meter) -> None:
        if isinstance(self._source, HubSource):
            hub.download(self._source, self.model, self.part, hub=self._hub, meter=meter)
        else:
            index.download(self._source, self.part, meter)

    def forget(self) -> None:
        index.forget(self.part)


def _try(attempt: _Attempt, path: Path, meter: Meter, free_bytes: FreeBytes) -> str | None:
    """Fetches from one source and puts the verified file in its place. Returns why it did not work, or None.

    Wrong bytes that begin with an earlier attempt's are fetched once more from the start: that attempt may have
    been damaged, or the file behind the address may have changed in between.
    """
    model, folder = attempt.model, path.parent
    while True:
        resumed = attempt.begun()
        ensure_room(folder, attempt.room_needed(), free_bytes)
        if resumed:
            meter.note(
                f"Going on where the last download stopped, at {resumed / 1e6:,.0f} of {model.size / 1e6:,.0f} MB."
            )
        try:
            with full_disk_told(folder, attempt.room_needed, free_bytes):
                attempt.download(meter)
        except SourceFailed as failure:
            return str(failure)
        found = sha256_of(attempt.part, meter.checking)
        if found == model.sha256:
            attempt.part.replace(path)
            remember_good(path, model)
            return None
        attempt.forget()
        if not resumed:
            return f"what was fetched is not {model.file} (SHA-256 {found})"
        meter.note("The earlier download was damaged; starting again.")
