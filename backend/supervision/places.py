"""Where a checkout keeps what concerns its running processes."""

import contextlib
import errno
import hashlib
import os
import socket
from pathlib import Path

from backend.errors import RuntimeFolderUnsafe
from backend.settings import REPOSITORY

# sun_path has 108 bytes with the final zero (104 on macOS); supervisord first binds to the name with ".<pid>" added.
_LONGEST_SOCKET = 92


def runtime_dir(repository: Path = REPOSITORY) -> Path:
    """Folder of supervisord's socket and pid file, made if needed, for this user only.

    It is `var/run` of the checkout, or a folder in /tmp when that path is too long for a socket, or `var` is a link (it
    then leads to a volume), or the checkout lies on a file system where a socket cannot be.

    Raises:
        RuntimeFolderUnsafe: somebody else made that folder first.
    """
    folder = repository / "var" / "run"
    is_too_long = len(os.fsencode(folder / "s")) > _LONGEST_SOCKET
    if (repository / "var").is_symlink() or is_too_long or not _takes_sockets(folder):
        mark = hashlib.sha256(os.fsencode(repository)).hexdigest()[:12]
        folder = Path("/tmp", f"ondol-{os.getuid()}-{mark}")  # noqa: S108 - owner and mode are checked below
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise RuntimeFolderUnsafe(path=folder)
    folder.chmod(0o700)
    return folder


def socket_path(repository: Path = REPOSITORY) -> Path:
    """Supervisord's socket."""
    return runtime_dir(repository) / "s"


def choices_file(repository: Path = REPOSITORY) -> Path:
    """Options of `quick_start.sh` that later starts remember; read by deploy/lib/choices.sh."""
    return repository / "var" / "quick_start.env"


def _takes_sockets(folder: Path) -> bool:
    """Whether supervisord can have its socket there: file systems of volumes may know no sockets, hard links or owners.

    It is tried and not concluded from a pod's variables, which a session over SSH does not have. A folder that we may
    not enter is somebody else's, which the caller tells.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe, link = folder / f".{os.getpid()}", folder / f".{os.getpid()}l"
    try:
        if (folder / "s").is_socket():
            return True
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(probe))
        os.link(probe, link)
        return probe.lstat().st_uid == os.getuid()
    except OSError as error:
        return error.errno == errno.EACCES
    finally:
        for path in (probe, link):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
