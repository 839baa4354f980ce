"""`python -m backend.store.embedded`: prepares the data and becomes the PostgreSQL server, in the foreground.

A supervisor that starts this supervises PostgreSQL itself: SIGINT stops it fast and safely, SIGTERM waits for clients.
`--check` prints where data and socket are, as JSON.
"""

import argparse
import errno
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from backend.processes import die_with_parent
from backend.settings import ConfigurationError, current
from backend.store.embedded import cluster
from backend.store.embedded.account import become_server_account
from backend.store.embedded.failures import DiskFullError, EmbeddedServerError
from backend.store.embedded.place import EmbeddedServer, server_of

_MIB = 2**20
_SPACIOUS_SHM = 1024 * _MIB


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m backend.store.embedded", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="print where data and socket are, as JSON, and end")
    check = parser.parse_args().check
    try:
        server = server_of(current())
        if not check:
            run(server)
        print(json.dumps(_described(server)))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except EmbeddedServerError as error:
        print(f"The database cannot start. {error}", file=sys.stderr)
        return error.exit_status
    except OSError as error:
        print(f"The database cannot start: {error}.", file=sys.stderr)
        return DiskFullError.exit_status if error.errno in (errno.ENOSPC, errno.EDQUOT) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def run(server: EmbeddedServer) -> None:
    """Becomes the server; comes back only by an error."""
    parent = os.getppid()
    die_with_parent(signal.SIGINT)
    os.umask(0o077)
    become_server_account(server)
    handle = cluster.lock(server)
    cluster.prepare(server, handle)
    os.set_inheritable(handle, True)
    arguments = [str(server.program("postgres")), "-D", str(server.cluster)]
    for name, value in options(server).items():
        arguments += ["-c", f"{name}={value}"]
    os.chdir("/")
    die_with_parent(signal.SIGINT)  # again: the change of account has taken it back
    if os.getppid() != parent:
        raise KeyboardInterrupt
    os.execve(arguments[0], arguments, cluster.ENVIRONMENT)  # noqa: S606 -- becoming the server is the point


def options(server: EmbeddedServer) -> dict[str, str]:
    """PostgreSQL's settings for a small machine that must not lose anything, nor write prompts into its log."""
    share = min(max(_memory() // 32, 64 * _MIB), 512 * _MIB) // _MIB
    return {
        "cluster_name": server.name,
        "listen_addresses": "",
        "port": str(server.port),
        "unix_socket_directories": _listed(server.socket_dir),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{share}MB",
        "maintenance_work_mem": f"{share}MB",
        # Containers often get 64 MB of /dev/shm, too little for a parallel index build.
        "dynamic_shared_memory_type": "posix" if _shm() >= _SPACIOUS_SHM else "mmap",
        "fsync": "on",
        "recovery_init_sync_method": cluster.SYNC_METHOD,
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_line_prefix": "%m [%p] ",
        "log_checkpoints": "off",
        # Statements, their parameters and the DETAIL of an error (whole rows) hold what people wrote.
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": "0",
        "log_error_verbosity": "terse",
    }


def _listed(folder: Path) -> str:
    """One entry of a list of folders in PostgreSQL's syntax; a comma or space in it must not split it."""
    return '"' + str(folder).replace('"', '""') + '"'


def _memory() -> int:
    """Bytes of memory this process may use: the machine's, or less in a container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return min(machine, int(Path(path).read_text()))
        except (OSError, ValueError):  # absent, or "max"
            continue
    return machine


def _shm() -> int:
    try:
        return shutil.disk_usage("/dev/shm").free  # noqa: S108 -- only measured
    except OSError:
        return 0


def _described(server: EmbeddedServer) -> dict[str, object]:
    return {
        "data": str(server.cluster),
        "socket": str(server.socket_dir / f".s.PGSQL.{server.port}"),
        "url": server.url(),
        "programs": str(server.programs),
        "user": server.owner,
    }


if __name__ == "__main__":
    sys.exit(main())
