"""Signals of this machine beside the GPU and the servers: own work, jobs, downloads, SSH, a command."""

import asyncio
import os
import shlex
import signal as signals
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from backend.activity import Activity
from backend.pod.needs import FIRST_READING, work_names
from backend.pod.sample import Phrase, Signal, Verdict
from backend.pod.signals import TIMEOUT_S

PROBE_TIMEOUT_S = 10.0
_ESTABLISHED = "01"
_PARTS = ("*.part", "*-part", "*.incomplete")  # ours, and those of the Hugging Face libraries


class RequestsSource:
    """Busy while the app does work, or when work has ended since the reading before."""

    name, timeout_s = "requests", TIMEOUT_S

    def __init__(self, activity: Activity) -> None:
        self._activity, self._finished = activity, activity.finished

    async def read(self, now: datetime) -> Signal:
        ended, self._finished = self._activity.finished - self._finished, self._activity.finished
        count, last = self._activity.count, self._activity.last
        detail: str = work_names(sorted(kind for kind, number in self._activity.in_flight.items() if number))
        if not detail and last is not None:
            moment = f"{last:%Y-%m-%d %H:%M:%S} UTC"
            detail = Phrase(f"last at {moment}", f"마지막은 {moment}")
        verdict = Verdict.BUSY if count or ended else Verdict.IDLE
        value = Phrase(f"{count} now, {ended} ended", f"지금 {count}건, 끝난 것 {ended}건")
        return Signal(self.name, verdict, value, now, "Ondol", detail)


class JobsSource:
    """Busy while background jobs run. `running` counts them and may fail."""

    name, timeout_s = "jobs", TIMEOUT_S

    def __init__(self, running: Callable[[], Awaitable[int]]) -> None:
        self._running = running

    async def read(self, now: datetime) -> Signal:
        try:
            count = await self._running()
        except Exception as error:  # the database is away: whatever its driver raises
            return Signal(self.name, Verdict.UNKNOWN, "", now, "database", type(error).__name__)
        value = Phrase(f"{count} running", f"{count}개 도는 중")
        return Signal(self.name, Verdict.BUSY if count else Verdict.IDLE, value, now, "database")


class DownloadsSource:
    """Busy while unfinished files grow. One that lies there without growing is no work."""

    name, timeout_s = "downloads", TIMEOUT_S

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._sizes: dict[Path, int] | None = None

    async def read(self, now: datetime) -> Signal:
        sizes = await asyncio.to_thread(self._found)
        before, self._sizes = self._sizes, sizes
        where = ", ".join(str(folder) for folder in self._folders)
        if before is None and sizes:
            return Signal(self.name, Verdict.UNKNOWN, "", now, where, FIRST_READING)
        grown = sum(max(0, size - (before or {}).get(path, 0)) for path, size in sizes.items())
        verdict = Verdict.BUSY if grown else Verdict.IDLE
        names = ", ".join(sorted(path.name for path in sizes))
        return Signal(self.name, verdict, f"+{grown / 1e6:.1f} MB", now, where, names)

    def _found(self) -> dict[Path, int]:
        sizes = {}
        for path in {path for folder in self._folders for pattern in _PARTS for path in folder.rglob(pattern)}:
            with suppress(FileNotFoundError):  # finished between the two looks
                sizes[path] = path.stat().st_size
        return sizes


class SshSource:
    """Busy while somebody is connected to the machine's SSH server; a system without `/proc` has no such signal.

    A forgotten session keeps the machine awake, and so does a tunnel; where people come through tunnels only, leave
    this source out.
    """

    name, timeout_s = "ssh", TIMEOUT_S

    def __init__(
        self, port: int = 22, tables: Iterable[Path] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    ) -> None:
        self._port, self._tables = port, tuple(tables)

    async def read(self, now: datetime) -> Signal | None:
        texts = [table.read_text(encoding="ascii") for table in self._tables if table.exists()]
        if not texts:
            return None
        peers = [peer for text in texts for peer in _connected(text, self._port)]
        verdict = Verdict.BUSY if peers else Verdict.IDLE
        value = Phrase(f"{len(peers)} open", f"{len(peers)}개 열림")
        return Signal(self.name, verdict, value, now, f"port {self._port}", ", ".join(sorted(peers)))


class ProbeSource:
    """A command of the operator's own: it ends with 0 when there is work, with 1 when there is none.

    It is started without a shell, and ended with all its children when it takes too long.
    """

    name, timeout_s = "probe", PROBE_TIMEOUT_S + TIMEOUT_S

    def __init__(self, command: str, timeout_s: float = PROBE_TIMEOUT_S) -> None:
        self._command, self._limit_s = shlex.split(command), timeout_s

    async def read(self, now: datetime) -> Signal:
        source = self._command[0]
        try:
            status = await self._status()
        except OSError as error:
            return Signal(self.name, Verdict.UNKNOWN, "", now, source, error.strerror or type(error).__name__)
        if status is None:
            late = Phrase(f"no end within {self._limit_s:g} s", f"{self._limit_s:g}초 안에 끝나지 않음")
            return Signal(self.name, Verdict.UNKNOWN, "", now, source, late)
        verdict = {0: Verdict.BUSY, 1: Verdict.IDLE}.get(status, Verdict.UNKNOWN)
        return Signal(self.name, verdict, Phrase(f"status {status}", f"종료 상태 {status}"), now, source)

    async def _status(self) -> int | None:
        """Exit status; None when it took too long."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return await asyncio.wait_for(process.wait(), self._limit_s)
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signals.SIGKILL)
                await process.wait()


def _connected(table: str, port: int) -> list[str]:
    """Addresses connected to a local port, from the text of `/proc/net/tcp` or `tcp6`."""
    peers = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _ESTABLISHED and int(fields[1].rpartition(":")[2], 16) == port:
            peers.append(_address(fields[2].partition(":")[0]))
    return peers


def _address(digits: str) -> str:
    """The kernel writes addresses as 32-bit words in the machine's byte order, which is little-endian here."""
    words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
    packed = b"".join(words)
    if len(packed) == 4:
        return str(IPv4Address(packed))
    address = IPv6Address(packed)
    return str(address.ipv4_mapped or address)
