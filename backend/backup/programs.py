"""PostgreSQL's own programs: where they are, and how they are told which database is meant.

A program must be at least as new as the server. The embedded server brings its own; for a database elsewhere those of
the system are taken when they are new enough, otherwise the embedded ones.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from backend.errors import PostgresToolFailed, PostgresToolsMissing
from backend.settings import ConfigurationError, Settings
from backend.store.database import url_of
from backend.store.embedded import server_of

_NAMES = ("pg_dump", "pg_restore", "psql")


@dataclass(frozen=True, slots=True)
class Target:
    """A database as libpq is told about it.

    Attributes:
        conninfo: connection string without the password, which would show in the list of processes.
        environment: of a program that connects to it; holds the password.
    """

    conninfo: str
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder with pg_dump, pg_restore and psql of one release; they must not be mixed."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)


def conninfo_of(settings: Settings) -> str:
    """Connection string of the database, password included."""
    return url_of(settings).replace("+psycopg", "", 1)


def target_of(settings: Settings) -> Target:
    """The database of the settings."""
    fields = conninfo_to_dict(conninfo_of(settings))
    password = fields.pop("password", None)
    fields.pop("application_name", None)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PGAPPNAME": "ondol-backup"}
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    return Target(make_conninfo("", **fields), environment)


def programs_of(settings: Settings, server_major: int) -> Programs:
    """The programs to use with a server of this major version. Raises PostgresToolsMissing."""
    for folder in _folders(settings):
        if all((folder / name).is_file() for name in _NAMES) and _major(folder / "pg_dump") >= server_major:
            return Programs(folder)
    raise PostgresToolsMissing(major=server_major)


def told(program: str, stderr: bytes) -> PostgresToolFailed:
    """The error for a program that ended badly, with its last words."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines
    return PostgresToolFailed(program=program, reason=errors[0][:300] if errors else "no message")


def _folders(settings: Settings) -> Iterator[Path]:
    """In the order in which they are tried."""
    if settings.database_url.get_secret_value() and (found := shutil.which("pg_dump")):
        yield Path(found).parent
    try:
        yield server_of(settings.model_copy(update={"database_url": type(settings.database_url)("")})).programs / "bin"
    except ConfigurationError:  # no embedded server in this environment
        return


def _major(pg_dump: Path) -> int:
    """Major version of a program; 0 when it does not run."""
    done = subprocess.run([pg_dump, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)(?:\.\d+)?", done.stdout)
    return int(found.group(1)) if done.returncode == 0 and found else 0
