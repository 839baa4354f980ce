"""A backup takes the place of what is in the database, in one transaction: all of it, or everything stays as it was.

The transaction removes what is there, lets pg_restore write the backup, and counts the rows of every table; only then
is it committed. Nothing is touched before the whole file has been read and found whole.
"""

import asyncio
import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from backend.backup import tables
from backend.backup.archive import DUMP, Archive, Manifest
from backend.backup.creating import create
from backend.backup.programs import Programs, Target, programs_of, target_of, told
from backend.backup.server import Connection, connect, running
from backend.errors import (
    BackupTooNew,
    DatabaseInUse,
    DatabaseNotEmpty,
    ForeignTables,
    OndolError,
    PostgresToolFailed,
    RestoreUnfinished,
)
from backend.settings import Settings
from backend.store.database import Database, alembic_config, url_of

_PIECE = 1 << 20
_LEAVING_S = 3.0  # a connection that was closed is seen for a moment longer
_KNOWS_TRANSACTION_TIMEOUT = 17  # major version of the first server with that setting
_LEFT_OUT = (" SCHEMA - ", " EXTENSION - ", " COMMENT - SCHEMA", " COMMENT - EXTENSION")


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of it.

    Attributes:
        safety: backup of what was there before; None when there was nothing.
        migrated: the tables were brought up to this release.
        secrets: names of the files that were put back.
    """

    manifest: Manifest
    safety: Path | None
    migrated: bool
    secrets: tuple[str, ...]


def restore(settings: Settings, path: Path, *, replace: bool = False, with_secrets: bool = True) -> Restored:
    """Puts a backup back.

    Args:
        replace: also where the database has rows; these are backed up first, into `DATA_DIR/backups`.
        with_secrets: the secrets too, where the backup has them.

    Raises:
        BackupUnreadable, BackupTooNew, DatabaseInUse, DatabaseNotEmpty, ForeignTables, DatabaseUnavailable,
        PostgresToolsMissing, PostgresToolFailed: nothing was changed.
        RestoreUnfinished: the data is back, and what comes after the commit failed.
    """
    with Archive(path) as archive:
        _require_known(archive.manifest)
        archive.verify()
        with running(settings):
            with connect(settings) as connection:
                has_rows = _require_room(connection, replace=replace)
                server_major = connection.info.server_version // 10_000
                programs = programs_of(settings, server_major)
                safety = _safety(settings) if has_rows else None
                dropping = tables.dropping(connection)
            _put_back(archive, programs, target_of(settings), dropping, server_major)
            try:
                secrets = _secrets(settings, archive) if with_secrets else ()
                migrated = _migrate(settings)
                with connect(settings) as connection:
                    connection.execute("ANALYZE")  # a dump has no statistics, and the search plans by them
            except (OndolError, SQLAlchemyError, psycopg.Error, OSError, RuntimeError) as error:
                raise RestoreUnfinished(reason=_reason(error), safety=safety or "-") from error
        return Restored(archive.manifest, safety, migrated, secrets)


def _require_known(manifest: Manifest) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if manifest.revision not in known:
        raise BackupTooNew(version=manifest.version[:40], revision=manifest.revision[:60])


def _require_room(connection: Connection, *, replace: bool) -> bool:
    """Whether the database has rows, which is refused without `replace`."""
    end = time.monotonic() + _LEAVING_S
    while count := tables.others(connection):
        if time.monotonic() > end:
            raise DatabaseInUse(count=count)
        time.sleep(0.05)
    if names := tables.foreign(connection):
        raise ForeignTables(tables=", ".join(names[:5]))
    rows = sum(count for name, count in tables.rows_of(connection).items() if name != tables.REVISION)
    if rows and not replace:
        raise DatabaseNotEmpty(rows=rows)
    return rows > 0


def _safety(settings: Settings) -> Path:
    folder = settings.data_dir / "backups"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.zip"
    create(settings, path)
    return path


def _put_back(archive: Archive, programs: Programs, target: Target, dropping: str, server_major: int) -> None:
    """One psql with one transaction. It is committed by a line that is written last; without it nothing happened."""
    with tempfile.TemporaryDirectory(prefix="ondol-restore-") as folder:
        script = script_of(archive, programs, Path(folder) / "wanted", server_major)
        with (Path(folder) / "errors").open("w+b") as errors, _Psql(programs, target, errors) as psql:
            psql.write(
                "SET client_min_messages = warning;\nBEGIN;\nSET LOCAL statement_timeout = 0;\n"
                f"{dropping}\nCREATE EXTENSION IF NOT EXISTS vector;\n".encode()
            )
            for piece in script:
                psql.write(piece)
            psql.write(f"\n{tables.checking(archive.manifest.rows)}\nCOMMIT;\n".encode())


class _Psql:
    """A psql that ends at the first error. Leaving the block by an error ends it before it is told to commit."""

    def __init__(self, programs: Programs, target: Target, errors: IO[bytes]) -> None:
        command = [programs.path("psql"), "-XqAt", "-w", "-v", "ON_ERROR_STOP=1", "-d", target.conninfo, "-f", "-"]
        self._errors = errors
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, env=target.environment
        )

    def __enter__(self) -> "_Psql":
        return self

    def write(self, piece: bytes) -> None:
        """Raises PostgresToolFailed when it has ended."""
        try:
            if self._process.stdin:
                self._process.stdin.write(piece)
        except BrokenPipeError:
            raise self._failed() from None

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.close()
        if self._process.wait() != 0 and kind is None:
            raise self._failed()

    def _failed(self) -> PostgresToolFailed:
        self._process.wait()
        self._errors.seek(0)
        return told("psql", self._errors.read())


def _wanted(archive: Archive, programs: Programs) -> str:
    """The dump's table of contents without the schema and the extension, which may belong to somebody else."""
    lines = b"".join(_restored([programs.path("pg_restore"), "--list"], archive.pieces(DUMP))).decode()
    return "\n".join(line for line in lines.splitlines() if not any(word in line for word in _LEFT_OUT))


def script_of(archive: Archive, programs: Programs, wanted: Path, server_major: int) -> Iterator[bytes]:
    """The dump as statements for a server of this major version, which may be older than the programs.

    Args:
        wanted: a file for the part of the table of contents that is put back.

    Raises:
        PostgresToolFailed: at the end at the latest.
    """
    wanted.write_text(_wanted(archive, programs))
    command = [
        programs.path("pg_restore"), "--no-owner", "--no-privileges", f"--use-list={wanted}", "--file=-",
    ]  # fmt: skip
    pieces = _restored(command, archive.pieces(DUMP))
    if server_major < _KNOWS_TRANSACTION_TIMEOUT:  # pg_restore sets it before all else, whatever the server
        yield next(pieces, b"").replace(b"\nSET transaction_timeout = 0;\n", b"\n", 1)
    yield from pieces


def _restored(command: list[str], dump: Iterable[bytes]) -> Iterator[bytes]:
    """What pg_restore writes when it is given the dump. Raises PostgresToolFailed, at the end at the latest."""
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
            feeder = threading.Thread(target=_feed, args=(process.stdin, dump), daemon=True)
            feeder.start()
            try:
                while process.stdout and (piece := process.stdout.read(_PIECE)):
                    yield piece
            except BaseException:
                process.kill()
                raise
            finally:
                feeder.join()
        if process.returncode != 0:
            errors.seek(0)
            raise told("pg_restore", errors.read())


def _feed(pipe: IO[bytes], dump: Iterable[bytes]) -> None:
    """A listing is done before the dump is at its end, and hangs up."""
    with contextlib.suppress(BrokenPipeError), pipe:
        for piece in dump:
            pipe.write(piece)


def _reason(error: Exception) -> str:
    """One line; a statement that failed is not told, it may hold what people wrote."""
    if isinstance(error, SQLAlchemyError | psycopg.Error):
        return type(error).__name__
    return str(error).partition("\n")[0] or type(error).__name__


def _migrate(settings: Settings) -> bool:
    """Whether there was something to do."""

    async def upgrade() -> bool:
        database = Database(url_of(settings), pool_size=1)
        try:
            if await database.schema_is_current():
                return False
            await database.migrate()
        finally:
            await database.close()
        return True

    return asyncio.run(upgrade())


def _secrets(settings: Settings, archive: Archive) -> tuple[str, ...]:
    """Each file is replaced in one step, mode 0600."""
    found = archive.secrets()
    settings.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in found.items():
        candidate = settings.secrets_dir / f".{name}.restored"
        candidate.unlink(missing_ok=True)
        with os.fdopen(os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        candidate.replace(settings.secrets_dir / name)
    return tuple(sorted(found))
