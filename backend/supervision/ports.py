"""Who has a port, and which one is free."""

import errno
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from backend.errors import AddressUnusable, PortInUse

_LISTEN = "0A"  # state column of /proc/net/tcp, net/tcp_states.h


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that listens on a port."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def require_free(host: str, port: int, other: str) -> None:
    """Makes sure a server of ours can listen there.

    Args:
        other: how to choose another port, for the message.

    Raises:
        PortInUse: somebody listens there already.
        AddressUnusable: no such address here, or not allowed.
    """
    try:
        _try_to_listen(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            reason = error.strerror or str(error)
            raise AddressUnusable(host=host, port=port, reason=reason) from None
        raise PortInUse(port=port, owner=owner_of(port) or "?", other=other) from None


def next_free(host: str, first: int) -> int:
    """The first port from `first` on that can be listened on. Raises AddressUnusable when there is none."""
    for port in range(first, min(first + 1000, 65536)):
        try:
            _try_to_listen(host, port)
        except OSError:
            continue
        return port
    raise AddressUnusable(host=host, port=first, reason="no free port above it")


def owner_of(port: int) -> Owner | None:
    """The process that listens on a TCP port, as far as this user may see it."""
    if Path("/proc/net/tcp").exists():
        return _owner_in_proc(port)
    return _owner_by_lsof(port) if shutil.which("lsof") else None


def _try_to_listen(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does: closing connections do not count
        probe.bind(address)
        probe.listen(1)


def _owner_in_proc(port: int) -> Owner | None:
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening_inodes(table, port)}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                return Owner(int(process.name), (process / "comm").read_text().strip())
        except OSError:  # gone meanwhile, or another user's
            continue
    return None


def _listening_inodes(table: str, port: int) -> list[str]:
    try:
        rows = Path("/proc/net", table).read_text().splitlines()[1:]
    except OSError:
        return []
    columns = [row.split() for row in rows]
    return [c[9] for c in columns if c[3] == _LISTEN and int(c[1].rpartition(":")[2], 16) == port]


def _owner_by_lsof(port: int) -> Owner | None:
    found = subprocess.run(
        ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"], capture_output=True, text=True, check=False
    )
    fields = {line[0]: line[1:] for line in found.stdout.splitlines() if line}
    return Owner(int(fields["p"]), fields["c"]) if {"p", "c"} <= fields.keys() else None
