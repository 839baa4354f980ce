"""The data directory: one server at a time, made whole or not at all, taken over after a crash."""

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from backend.processes import die_with_parent
from backend.store.embedded.failures import AlreadyRunningError, DiskFullError, EmbeddedServerError, WrongVersionError
from backend.store.embedded.place import DATABASE, SUPERUSER, EmbeddedServer

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # nothing of ours: it may hold keys
# One call for the whole file system instead of one for each of a thousand files: 0.5 s for a recovery, not 4.
SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"
_TAKEOVER_S = 30.0
_PATIENCE_S = 5.0  # for processes of a dead server to end when asked to
_POLL_S = 0.05
_NEW_CLUSTER_BYTES = 128 * 2**20  # a new cluster takes 46 MB, its first tables and WAL the rest
_START_BYTES = 2 * 2**20
_INITDB = (
    f"--username={SUPERUSER}",
    "--auth-local=trust",  # the socket's folder and mode say who may connect
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--lc-ctype=C.UTF-8",
    "--lc-collate=C",
    "--data-checksums",
    f"--sync-method={SYNC_METHOD}",
)


def lock(server: EmbeddedServer) -> int:
    """Takes the data for this process and returns the lock's file descriptor.

    The server inherits the descriptor and so do its children: after a kill -9 of the postmaster the lock is free when
    the last of them has ended, and not before. Leftovers are asked to end, and killed when they do not.

    Raises:
        AlreadyRunningError: a server runs on the data.
        EmbeddedServerError: the data is still in use when the waiting time is over.
    """
    handle = os.open(server.base / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    start = time.monotonic()
    sent: set[tuple[int, signal.Signals]] = set()
    while True:
        if pid := running_postmaster(server):
            raise AlreadyRunningError(
                f"A database server (process {pid}) is already running on {server.cluster}; only one can use the data."
            )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - start
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            return handle  # a file system without locks: PostgreSQL's own checks remain
        else:
            return handle
        if waited > _TAKEOVER_S:
            raise EmbeddedServerError(
                f"{server.base} has been in use by another process for {_TAKEOVER_S:.0f} s: a start that does not end, "
                "a server in another container, or what is left of one. End it, then start again."
            )
        for order in {(pid, signal.SIGTERM if waited < _PATIENCE_S else signal.SIGKILL) for pid in _children(server)}:
            if order not in sent:
                sent.add(order)
                _send(*order)
        time.sleep(_POLL_S)


def prepare(server: EmbeddedServer, handle: int) -> None:
    """Makes the cluster if there is none, and clears what a dead server left in the way.

    Raises:
        DiskFullError, WrongVersionError: before anything is touched.
        EmbeddedServerError: PostgreSQL's own tools failed; the message has their last words.
    """
    if server.cluster.exists():
        _require_version(server)
        _require_space(server.base, _START_BYTES)
        _clear_stale_locks(server)
    else:
        _require_space(server.base, _NEW_CLUSTER_BYTES)
        _create(server, handle)


def running_postmaster(server: EmbeddedServer) -> int | None:
    """The process id of the server that runs on the data. A process id that has been used again is not taken for it."""
    pid = _pid_in(server.cluster / "postmaster.pid")
    if pid is None or not _alive(pid):
        return None
    command = _command(pid)
    if command is None:  # no /proc to look into: believe the file
        return pid
    return pid if _is_postmaster(command, server) else None


def _is_postmaster(command: str, server: EmbeddedServer) -> bool:
    words = command.split("\0")
    return Path(words[0]).name == "postgres" and str(server.cluster) in words


def _children(server: EmbeddedServer) -> Iterator[int]:
    """Processes of a server on this data other than its postmaster, known by the cluster's name in their titles."""
    if not Path("/proc/self/cmdline").exists():
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (_command(int(entry.name)) or "").startswith(f"postgres: {server.name}: "):
            yield int(entry.name)


def _command(pid: int) -> str | None:
    """The process's command line, words ended by zero bytes; None where it cannot be seen."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or was never ours
        os.kill(pid, number)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pid_in(path: Path) -> int | None:
    """The process id a lock file of PostgreSQL names in its first line; a single-user server writes it negative."""
    try:
        return abs(int(path.read_text().split("\n", 1)[0]))
    except (FileNotFoundError, ValueError):
        return None


def _require_version(server: EmbeddedServer) -> None:
    try:
        found = (server.cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedServerError(
            f"{server.cluster} is not a database: PG_VERSION is missing. Restore the folder from a backup, or move it "
            "away to start with an empty database."
        ) from None
    printed = subprocess.run([server.program("postgres"), "--version"], check=True, capture_output=True, text=True)
    ours = printed.stdout.split()[-1].split(".")[0]
    if found != ours:
        raise WrongVersionError(
            f"The data in {server.cluster} was made by PostgreSQL {found}, and this is PostgreSQL {ours}. "
            f"Dump it with version {found} (pg_dump) and restore it into a new one; docs/database.md tells how."
        )


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFullError(
            f"The disk of {folder} is full: {free // 2**20} MB are free and the database needs {needed // 2**20} MB "
            "to start. Free some space; it starts again by itself where it is supervised."
        )


def _clear_stale_locks(server: EmbeddedServer) -> None:
    """Removes lock files whose process id now belongs to something else, which PostgreSQL would take for a server.

    Files of dead processes are left to PostgreSQL: it uses them to check for shared memory that is still in use.
    """
    for path in (server.cluster / "postmaster.pid", server.socket_dir / f".s.PGSQL.{server.port}.lock"):
        pid = _pid_in(path)
        if pid is not None and _alive(pid):
            path.unlink()


def _create(server: EmbeddedServer, handle: int) -> None:
    """Makes the cluster beside its place and renames it when it is complete: a start that is cut short leaves
    nothing that the next one could take for a database."""
    unfinished = server.base / "cluster.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        _run(handle, [server.program("initdb"), "--pgdata", unfinished, *_INITDB])
        single: list[str | Path] = [
            server.program("postgres"),
            "--single",
            "-c",
            "exit_on_error=on",
            "-D",
            unfinished,
            "postgres",
        ]
        _run(handle, single, f"CREATE DATABASE {DATABASE};\n")
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(server.cluster)
    folder = os.open(server.base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _run(handle: int, command: Sequence[str | Path], text: str = "") -> None:
    """Runs one of PostgreSQL's tools. It holds the lock too: an orphan of a killed start keeps the next one waiting."""
    done = subprocess.run(
        command,
        check=False,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        cwd="/",
        env=ENVIRONMENT,
        pass_fds=(handle,),
        preexec_fn=lambda: die_with_parent(signal.SIGKILL),  # safe: there are no threads yet
    )
    if done.returncode == 0:
        return
    words = done.stdout.strip()[-800:]
    if "No space left on device" in words or "Disk quota exceeded" in words:
        raise DiskFullError(f"The disk became full while the database was made. Free some space.\n{words}")
    raise EmbeddedServerError(f"{Path(command[0]).name} failed with status {done.returncode}:\n{words}")
