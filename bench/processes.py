"""Programs a benchmark starts: each with a log of its own, each ended by its own id, also after an error."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from backend.errors import DatabaseUnavailable
from backend.settings import REPOSITORY
from backend.store.database import Database

_STOP_TIMEOUT_S = 20.0
_LOG_LINES = 15


class ProgramFailedError(Exception):
    """A program ended, or was not ready in time; the message has the end of its log."""


class Program:
    """A running program."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name, self.pid = name, process.pid
        self._process = process
        self._log = log

    def wait_for(self, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Waits for the program. Raises ProgramFailedError when it ends before or needs longer."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self._process.poll() is not None:
                raise ProgramFailedError(f"{self.name} ended with status {self._process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ProgramFailedError(f"{self.name} was not ready within {timeout_s:.0f} s:\n{self.tail()}")
            time.sleep(0.05)

    def first_line(self) -> str:
        """The first line the program has written, or empty."""
        text = self._log.read_text(errors="replace")
        return text.partition("\n")[0] if "\n" in text else ""

    def tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:])

    def stop(self) -> None:
        """SIGTERM, and after 20 s SIGKILL to the program and what it started."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)  # its group has no other members: it was started as a session
            self._process.wait()


@contextmanager
def program(name: str, arguments: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[Program]:
    """Starts a program in the repository; it is ended with the block. Its log is `<folder>/<name>.log`."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    running = Program(name, process, log)
    try:
        yield running
    finally:
        running.stop()


async def answers(url: str) -> bool:
    """Whether the database takes queries."""
    database = Database(url, pool_size=1)
    try:
        await database.ping()
    except DatabaseUnavailable:
        return False
    finally:
        await database.close()
    return True
