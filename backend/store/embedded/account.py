"""Root lends the server a system account, because PostgreSQL refuses to run as root.

Everything that needs root happens here, and ends with root's rights given up for good; the rest of the start is
the same for root and for an ordinary user.
"""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from backend.store.embedded.failures import AccountError, DiskFullError
from backend.store.embedded.place import SYSTEM_DIR, EmbeddedServer

_OWN_ACCOUNT = "ondol"
_BORROWED_ACCOUNT = "postgres"  # where a distribution's PostgreSQL made it
_PROGRAM_COPY_BYTES = 100 * 2**20


def become_server_account(server: EmbeddedServer) -> None:
    """Makes the server's folders and, as root, turns this process into the account that owns them.

    Raises:
        AccountError: there is no such account, or a folder cannot be given to it.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        uid, gid = _account(server.owner)
        if server.programs != server.wheel:
            _copy_programs(server)
        if server.owner is None:
            _make_folder(server.base, uid, gid)
        _give_up_root(uid, gid)
    _require_name(uid)
    for folder in {server.base, server.socket_dir}:
        _make_folder(folder, uid, gid)
    if not os.access(server.base, os.R_OK | os.W_OK | os.X_OK):
        raise AccountError(
            f"User {uid}, to whom the database belongs, cannot reach {server.base}. "
            "Make the folders above it passable (chmod o+x), or set DATA_DIR to another place."
        )


def _require_name(uid: int) -> None:
    """PostgreSQL's initdb looks its user up by name and cannot do without."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise AccountError(
            f"PostgreSQL needs an account with a name, and user {uid} has none in /etc/passwd. "
            "Add one (a container: start it with a user its image knows), or set DATABASE_URL."
        ) from None


def _give_up_root(uid: int, gid: int) -> None:
    try:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except PermissionError:
        raise AccountError(
            f"PostgreSQL must not run as root, and this root may not become user {uid} (CAP_SETUID is missing). "
            "Start Ondol as an ordinary user, or set DATABASE_URL."
        ) from None


def _account(owner: int | None) -> tuple[int, int]:
    """The uid and gid to run as: those of existing data, otherwise of the system account."""
    if owner:
        try:
            return owner, pwd.getpwuid(owner).pw_gid
        except KeyError:
            return owner, owner
    for attempt in (_OWN_ACCOUNT, "", _BORROWED_ACCOUNT):
        name = attempt or _new_account()
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise AccountError(
        "PostgreSQL must not run as root, and there is no account for it. Create one "
        f"(useradd --system --user-group --no-create-home {_OWN_ACCOUNT}), start Ondol as an ordinary user, "
        "or set DATABASE_URL."
    )


def _new_account() -> str:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd:
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        command = [useradd, *options, "--shell", "/usr/sbin/nologin", _OWN_ACCOUNT]
        subprocess.run(command, check=False, capture_output=True)
    return _OWN_ACCOUNT


def _make_folder(path: Path, uid: int, gid: int) -> None:
    """Makes `path` a folder of mode 0700 of this account, and the folders above it passable where they are new.

    It may lie where others write: nothing is followed, and only a folder of root's own is given away.
    """
    try:
        for parent in reversed([above for above in path.parents if not above.exists()]):
            parent.mkdir(exist_ok=True)
            parent.chmod(0o755)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise AccountError(
            f"The database's folder {path} cannot be made or opened as user {os.geteuid()}: {error.strerror}. "
            "Look at who owns it and the folders above it, or set DATA_DIR to another place."
        ) from None
    try:
        found = os.fstat(handle)
        if found.st_uid not in (uid, os.geteuid()):
            raise AccountError(f"{path} belongs to user {found.st_uid} and not to {uid}. Remove it, then start again.")
        if found.st_uid != uid:
            os.fchown(handle, uid, gid)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(handle, 0o700)
    except OSError as error:
        raise AccountError(
            f"{path} cannot be given to user {uid}: {error.strerror}. "
            "The file system may not know owners; set DATA_DIR to a local disk."
        ) from None
    finally:
        os.close(handle)


def _copy_programs(server: EmbeddedServer) -> None:
    """Copies the programs to where every account can run them; one copy for each version of the wheel."""
    package = server.programs.parent
    stamp = package.parent
    if stamp.exists():
        return
    SYSTEM_DIR.mkdir(mode=0o755, parents=True, exist_ok=True)
    if shutil.disk_usage(SYSTEM_DIR).free < _PROGRAM_COPY_BYTES:
        raise DiskFullError(f"A copy of PostgreSQL's programs does not fit into {SYSTEM_DIR}; free 100 MB there.")
    stamp.parent.mkdir(mode=0o755, exist_ok=True)
    unfinished = stamp.with_name(f".{stamp.name}.{os.getpid()}")
    leave_out = shutil.ignore_patterns("include", "pkgconfig", "*.a")
    shutil.copytree(server.wheel, unfinished / package.name / server.wheel.name, ignore=leave_out)
    libraries = server.wheel.parent.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    for path in (SYSTEM_DIR, stamp.parent, unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        unfinished.rename(stamp)
    except OSError:  # another start was faster
        shutil.rmtree(unfinished)
