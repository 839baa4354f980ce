"""Starts the process that runs a program, and sees to it that it ends."""

import asyncio
import fcntl
import marshal
import math
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from backend.errors import SandboxUnavailable
from backend.hints.sandbox.modules import ALLOWED, wanted
from backend.hints.sandbox.results import Limits

# The one behind a virtual environment, whose packages a program cannot import anyway.
PYTHON = os.path.realpath(sys.executable)
CHILD = Path(__file__).with_name("child.py")
_READ_BYTES = 16 << 10
_REPORT_BYTES = 4 << 10  # more than standard error may have of the program's, for our two messages


class Report(NamedTuple):
    """What the child says at the end. It comes from where the program ran, so it is believed about nothing else.

    Attributes:
        state: done, json, value, syntax, refused, memory, output or error.
        line: of the program; 0 where there is none.
        value: what the function returned, as JSON (`json`) or as Python shows it (`value`).
    """

    state: str
    line: int
    call: str
    message: str
    value: str


@dataclass(frozen=True)
class Execution:
    """How a run ended.

    Attributes:
        stdout, stderr: what the program wrote, the second without our own messages.
        report: None where the process ended, or was ended, before its report.
        overrun: `time` or `output`, when it was ended for that.
        status: of the process, as `subprocess` gives it, negative for a signal; 0 once it has said that it is done.
        memory_kib: the most it held in memory; 0 where that is not known.
    """

    stdout: bytes
    stderr: bytes
    report: Report | None
    overrun: str
    status: int
    ms: float
    memory_kib: int


async def run(
    program: str,
    stdin: str,
    *,
    limits: Limits,
    function: str = "",
    arguments: Sequence[Any] = (),
    python: str = os.path.realpath(sys.executable),
) -> Execution:
    """Runs a program in a process of its own, which is gone when this returns, also when the caller is cancelled.

    Raises:
        SandboxUnavailable: no process could be started, or none that is locked in.
    """
    mark = secrets.token_hex(16)
    job = {
        "mark": mark,
        "program": program,
        "function": function,
        "arguments": list(arguments),
        "modules": wanted(program),
        "allowed": ALLOWED,
        "cpu_s": limits.cpu_s,
        "wall_s": math.ceil(limits.wall_s) + 1,
        "memory_bytes": limits.memory_bytes,
        "output_bytes": limits.output_bytes,
    }
    started = time.perf_counter()
    opened: list[int] = []
    try:
        opened.append(_sealed(stdin.encode(errors="replace")))
        opened.append(_sealed(marshal.dumps(job)))
        process = await asyncio.create_subprocess_exec(
            python,
            *("-I", "-S", "-B", "-X", "utf8", str(CHILD), str(opened[1])),
            stdin=opened[0],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(opened[1],),
            env={},
            cwd="/",
            start_new_session=True,
        )
    except (OSError, AttributeError) as error:  # AttributeError: a system without files that have no name
        raise SandboxUnavailable(reason=str(error)) from error
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return await _Run(process, mark.encode(), limits, started).finish()


def _sealed(data: bytes) -> int:
    """An open file without a name that holds `data` and takes no more writing."""
    descriptor = os.memfd_create("sandbox", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class _Run:
    """A process that was started, until it has ended."""

    def __init__(self, process: asyncio.subprocess.Process, mark: bytes, limits: Limits, started: float) -> None:
        self._process, self._mark, self._limits, self._started = process, mark, limits, started
        self._stdout, self._stderr = bytearray(), bytearray()
        self._overrun = ""
        self._memory_kib = 0
        self._is_done = False

    async def finish(self) -> Execution:
        """Reads until the end or a limit, ends the process, and says how it went."""
        try:
            async with asyncio.timeout(self._limits.wall_s - (time.perf_counter() - self._started)):
                await self._read_both()
                await self._process.wait()  # it may have closed its output and go on
        except TimeoutError:
            self._overrun = self._overrun or "time"
        finally:
            self._kill()
            ms = (time.perf_counter() - self._started) * 1000
            status = await asyncio.shield(asyncio.ensure_future(self._ended()))
        return self._execution(status, ms)

    async def _read_both(self) -> None:
        process, most = self._process, self._limits.output_bytes
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 -- opened as pipes
        await asyncio.gather(
            self._read(process.stdout, self._stdout, most),
            self._read(process.stderr, self._stderr, most + _REPORT_BYTES),
        )

    async def _read(self, stream: asyncio.StreamReader, into: bytearray, most: int) -> None:
        while part := await stream.read(_READ_BYTES):
            into += part
            if len(into) > most:
                del into[most:]
                self._overrun = self._overrun or "output"
                self._kill()
            elif into is self._stderr and into.endswith(self._mark + b" end\n"):
                self._memory_kib = _most_memory_kib(self._process.pid)
                self._is_done = True
                self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # it began a session of its own

    async def _ended(self) -> int:
        """The status of the process that was killed; asyncio tells it when the pipes are read to their end."""
        await self._read_both()
        return await self._process.wait()

    def _execution(self, status: int, ms: float) -> Execution:
        first, _, rest = bytes(self._stderr).partition(b"\n")
        if first != self._mark + b" locked":
            raise SandboxUnavailable(reason=self._why(first, rest, status))
        written, _, said = rest.partition(b"\n" + self._mark + b" report\n")
        return Execution(
            stdout=bytes(self._stdout),
            stderr=written,
            report=self._report(said),
            overrun=self._overrun,
            status=0 if self._is_done else status,
            ms=ms,
            memory_kib=self._memory_kib,
        )

    def _report(self, said: bytes) -> Report | None:
        text = said.decode(errors="replace")
        end = f"{self._mark.decode()} end\n"
        if not text.endswith(end):
            return None
        fields = text.removesuffix(end).split("\n")
        if len(fields) != len(Report._fields) + 1 or not (fields[1].isascii() and fields[1].isdigit()):
            return None
        return Report(fields[0], int(fields[1][:9]), fields[2], fields[3], fields[4])

    def _why(self, first: bytes, rest: bytes, status: int) -> str:
        """Why the process never said that it is locked in."""
        refused = first.removeprefix(self._mark + b" refused ")
        if refused != first:
            return refused.decode(errors="replace")
        if self._overrun == "time":
            return f"it did not start within {self._limits.wall_s:g} s"
        last = (first + b"\n" + rest).rstrip().rpartition(b"\n")[2].decode(errors="replace")
        return f"the interpreter ended with status {status}: {last}"


def _most_memory_kib(pid: int) -> int:
    """The most memory a living process has held; its own count would begin with what its parent had at the fork."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
