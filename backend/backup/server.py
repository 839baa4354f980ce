"""The database for the time of a command: the one that runs, or the embedded one, started and stopped again."""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import psycopg

from backend.backup.programs import conninfo_of
from backend.errors import DatabaseUnavailable
from backend.settings import REPOSITORY, Settings

_READY_S = 60.0
_POLL_S = 0.1
_STOP_S = 60.0

Connection = psycopg.Connection[tuple[object, ...]]


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[None]:
    """Sees to it that the database answers within the block. Raises DatabaseUnavailable."""
    if _answers(settings):
        yield
        return
    if settings.database_url.get_secret_value():
        raise DatabaseUnavailable
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "backend.store.embedded"]
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            if not _came_up(settings, server):
                said.seek(0)
                sys.stderr.buffer.write(said.read())  # why it did not start
                raise DatabaseUnavailable
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(_STOP_S)


def connect(settings: Settings) -> Connection:
    """A connection of its own, in autocommit. Raises DatabaseUnavailable."""
    try:
        return psycopg.connect(
            conninfo_of(settings), autocommit=True, connect_timeout=5, application_name="ondol-backup"
        )
    except psycopg.OperationalError:
        raise DatabaseUnavailable from None


def _answers(settings: Settings) -> bool:
    try:
        connect(settings).close()
    except DatabaseUnavailable:
        return False
    return True


def _came_up(settings: Settings, server: "subprocess.Popen[bytes]") -> bool:
    end = time.monotonic() + _READY_S
    while not _answers(settings):
        if server.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True
