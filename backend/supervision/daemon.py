"""supervisord: started, asked and stopped through its socket."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from backend.errors import StopTimedOut, SupervisorFailed
from backend.settings import REPOSITORY
from backend.supervision.places import socket_path

CONFIGURATION = REPOSITORY / "deploy" / "supervisord.conf"
STOP_DEADLINE_S = 100.0  # longer than the longest stopwaitsecs of the configuration


class ServiceState(StrEnum):
    """States of supervisord's processes, as it names them."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"


_STARTED = frozenset({ServiceState.STARTING, ServiceState.RUNNING, ServiceState.BACKOFF})


@dataclass(frozen=True, slots=True)
class Service:
    """One supervised process: `uptime_s` seconds since it was started, `pid` 0 when it is not there."""

    name: str
    state: ServiceState
    pid: int
    uptime_s: int
    log: Path


class Daemon:
    """The supervisord of this checkout, running or not."""

    def __init__(self, socket_file: Path | None = None) -> None:
        self._socket = socket_file or socket_path()

    def is_running(self) -> bool:
        """Whether it answers. A socket file left by a killed one does not."""
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(2)
                probe.connect(str(self._socket))
        except OSError:
            return False
        return True

    def services(self) -> list[Service]:
        """What it looks after, in the order of starting; empty when it does not run."""
        try:
            rows: Any = self._call("getAllProcessInfo")
        except OSError:
            return []
        return [_service(row) for row in rows]

    def start(self, environment: dict[str, str]) -> None:
        """Starts it in the background; `environment` is added to what it inherits.

        Raises:
            SupervisorFailed: it ended at once.
        """
        as_root = ["-u", "root"] if os.geteuid() == 0 else []  # otherwise it complains about root on every start
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIGURATION), *as_root]
        values = [f"{name}={value}" for name, value in environment.items()]
        done = subprocess.run(
            ["/usr/bin/env", *values, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            check=False,
        )
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise SupervisorFailed(reason=lines[-1] if lines else f"exit status {done.returncode}")

    def stop(self, deadline_s: float = STOP_DEADLINE_S, clock: Callable[[], float] = time.monotonic) -> bool:
        """Stops every service and then supervisord itself; False when it did not run.

        Raises:
            StopTimedOut: something did not end in `deadline_s` seconds.
        """
        try:
            pid = int(self._call("getPID"))
            self._call("shutdown")
        except (OSError, Error):
            if not self.is_running():
                return False
            raise
        end = clock() + deadline_s
        while _is_alive(pid):
            if clock() > end:
                raise StopTimedOut(pid=pid, seconds=deadline_s)
            time.sleep(0.05)
        return True

    def start_service(self, name: str) -> None:
        """Starts one that was not started with the others; does nothing when it is started already.

        Raises:
            SupervisorFailed: it cannot be started.
        """
        if any(service.name == name and service.state in _STARTED for service in self.services()):
            return
        try:
            self._call("startProcess", name, False)
        except (OSError, Error) as error:
            raise SupervisorFailed(reason=str(error)) from None

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)


def _service(row: dict[str, Any]) -> Service:
    started = int(row["start"])
    return Service(
        name=row["name"],
        state=ServiceState(row["statename"]),
        pid=int(row["pid"]),
        uptime_s=int(row["now"]) - started if row["pid"] else 0,
        log=Path(row["stdout_logfile"]),
    )


def _is_alive(pid: int) -> bool:
    """A process that nobody has collected yet (we may be its parent, as process 1 of a container) has ended."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self").exists()
