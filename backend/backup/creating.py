"""A backup is made from one snapshot of the database: what is counted is what is dumped, while people go on working."""

import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import psycopg
from pydantic import SecretStr

from backend.backup import tables
from backend.backup.archive import DUMP, SECRETS, SETTINGS, Manifest, Writer, takes, writing
from backend.backup.programs import Programs, Target, programs_of, target_of, told
from backend.backup.server import connect, running
from backend.settings import Settings, variables
from backend.version import VERSION

_PIECE = 1 << 20


def create(settings: Settings, path: Path, *, with_secrets: bool = True) -> Manifest:
    """Writes a backup, mode 0600, while Ondol runs or not.

    Args:
        with_secrets: the files of `DATA_DIR/secrets` too, without those of `left_out`.

    Raises:
        BackupExists, BackupNotWritten, DatabaseUnavailable, PostgresToolsMissing, PostgresToolFailed
    """
    with writing(path) as writer, running(settings), connect(settings) as connection:
        programs = programs_of(settings, connection.info.server_version // 10_000)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
            manifest = Manifest(
                version=VERSION,
                revision=tables.revision_of(connection),
                made_at=datetime.now(UTC).isoformat(timespec="seconds"),
                postgres=connection.info.parameter_status("server_version") or "",
                rows=tables.rows_of(connection),
                members=writer.members,
            )
            _dump(programs, target_of(settings), str(snapshot[0]) if snapshot else "", writer)
        with writer.member(SETTINGS) as sink:
            sink.write(orjson.dumps(settings_told(settings), option=orjson.OPT_INDENT_2))
        if with_secrets:
            for file in filter(takes, secret_files(settings)):
                with writer.member(SECRETS + file.name) as sink:
                    sink.write(file.read_bytes())
        writer.finish(manifest)
    return manifest


def secret_files(settings: Settings) -> list[Path]:
    """What is kept in `DATA_DIR/secrets`, without lock files."""
    if not settings.secrets_dir.is_dir():
        return []
    return sorted(f for f in settings.secrets_dir.iterdir() if f.is_file() and not f.name.startswith("."))


def left_out(settings: Settings) -> list[str]:
    """Names of the files in `DATA_DIR/secrets` that no backup takes: none of them is Ondol's."""
    return [file.name for file in secret_files(settings) if not takes(file)]


def settings_told(settings: Settings) -> dict[str, Any]:
    """The settings that differ from their defaults, by variable; no secret, no password inside an address."""
    chosen = {name for name in settings.model_fields_set if not isinstance(getattr(settings, name), SecretStr)}
    values = settings.model_dump(mode="json", include=chosen)
    return {variables(name)[0]: _without_secrets(values[name]) for name in sorted(values)}


def _without_secrets(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_secrets(each) for key, each in value.items() if key != "api_key"}
        case list():
            return [_without_secrets(each) for each in value]
        case str() if "@" in value and "://" in value:
            address = urlsplit(value)
            return urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))
        case _:
            return value


def _dump(programs: Programs, target: Target, snapshot: str, writer: Writer) -> None:
    command = [
        programs.path("pg_dump"), "--format=custom", "--schema=public", "--no-owner", "--no-privileges",
        "--no-password", f"--snapshot={snapshot}", f"--dbname={target.conninfo}",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as errors, writer.member(DUMP) as sink:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=target.environment
        ) as process:
            try:
                while process.stdout and (piece := process.stdout.read(_PIECE)):
                    sink.write(piece)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            errors.seek(0)
            raise told("pg_dump", errors.read())
