"""Where a checkout keeps what concerns its running processes."""

import hashlib
import os
from pathlib import Path

from backend.errors import RuntimeFolderUnsafe
from backend.settings import REPOSITORY

# sun_path has 108 bytes with the final zero (104 on macOS); supervisord first binds to the name with ".<pid>" added.
_LONGEST_SOCKET = 92


def runtime_dir(repository: Path = REPOSITORY) -> Path:
    """Folder of supervisord's socket and pid file, made if needed, for this user only.

    It is `var/run` of the checkout, or a folder in /tmp when that path is too long for a socket.

    Raises:
        RuntimeFolderUnsafe: somebody else made that folder first.
    """
    folder = repository / "var" / "run"
    if len(os.fsencode(folder / "s")) > _LONGEST_SOCKET:
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
