"""Backup, wipe, restore on the real embedded PostgreSQL: the same conversations, documents and search as before."""

import asyncio
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from backend.backup import Archive, create, restore, tables
from backend.backup.__main__ import main
from backend.backup.archive import DUMP, Manifest, writing
from backend.backup.creating import settings_told
from backend.backup.hold import no_start
from backend.backup.programs import programs_of
from backend.backup.restoring import script_of
from backend.backup.server import connect
from backend.errors import (
    BackupExists,
    BackupNotWritten,
    BackupTooNew,
    BackupUnreadable,
    DatabaseInUse,
    DatabaseNotEmpty,
    ForeignTables,
    Language,
    PostgresToolFailed,
    RestoreUnfinished,
    StartUnderWay,
)
from backend.settings import REPOSITORY, Settings, load
from backend.store.database import Database
from backend.store.embedded import server_of
from tests.fixtures.chat import House
from tests.fixtures.database import RunningPostgres
from tests.fixtures.library import articles, shelve

LAW = REPOSITORY / "data" / "documents" / "공유자전거법.txt"
QUESTION = "대여 기간은 며칠이고 돌려주지 않으면 어떻게 되나요?"


@dataclass
class Kept:
    """A house with something in it, at rest: nothing is connected to its database."""

    house: House
    database: Database
    settings: Settings
    folder: Path

    async def seen(self) -> dict[str, Any]:
        """What people see of it, ids and times included."""
        client = self.house.client
        seen: dict[str, Any] = {}
        for path in ("/api/v1/conversations", "/api/v1/collections"):
            seen[path] = (await client.get(path)).raise_for_status().json()
        for conversation in seen["/api/v1/conversations"]:
            path = f"/api/v1/conversations/{conversation['id']}"
            seen[path] = (await client.get(path)).raise_for_status().json()
        for collection in seen["/api/v1/collections"]:
            path = f"/api/v1/collections/{collection['id']}/documents"
            documents = seen[path] = (await client.get(path)).raise_for_status().json()
            for document in documents:
                path = f"/api/v1/documents/{document['id']}/file"
                file = await client.get(path)
                seen[path] = file.content if file.status_code == 200 else file.status_code  # shelved ones have none
        answer = await client.post("/api/v1/search", json={"query": QUESTION, "limit": 5})
        seen["search"] = answer.raise_for_status().json()["passages"]
        assert seen["search"]
        await self.rest()
        return seen

    async def rest(self) -> None:
        """Returns when nothing is connected; what is written after an answer may connect once more."""
        async with asyncio.timeout(60):
            while True:
                await self.house.services.jobs.close()
                await self.house.database.close()
                await self.database.close()
                with connect(self.settings) as connection:
                    if tables.others(connection) == 0:
                        return
                await asyncio.sleep(0.05)

    def wipe(self) -> None:
        with connect(self.settings) as connection:
            connection.execute(tables.dropping(connection).encode())
        shutil.rmtree(self.settings.secrets_dir)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with connect(self.settings) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
async def kept(house: House, database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    await shelve(house.database, house.user_id, articles())
    (await house.client.post("/api/v1/chat", json={"message": QUESTION})).raise_for_status()
    made = Kept(house, database, house.services.settings, tmp_path_factory.mktemp("backups"))
    made.settings.local_secret("device_key")
    await made.rest()
    yield made


def _in_thread(call: Any, *given: Any, **options: Any) -> Any:
    """`restore` runs a loop of its own."""
    return asyncio.to_thread(call, *given, **options)


async def test_backup_wipe_restore(kept: Kept) -> None:
    client = kept.house.client
    collection = (await client.post("/api/v1/collections", json={"name": "법"})).json()["id"]
    files = [("files", (LAW.name, LAW.read_bytes()))]
    await client.post("/api/v1/documents", data={"collection_id": collection}, files=files)
    await kept.house.services.jobs.work_until_idle()
    body = {"message": QUESTION, "collection_ids": [collection]}
    (await client.post("/api/v1/chat", json=body)).raise_for_status()
    before, path = await kept.seen(), kept.folder / "ondol.zip"
    key = (kept.settings.secrets_dir / "device_key").read_bytes()
    manifest = create(kept.settings, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert manifest.rows["conversations"] == 2 and manifest.rows["chunks"] > 5
    assert [file.name for file in kept.folder.iterdir()] == ["ondol.zip"]

    kept.wipe()
    assert kept.query("SELECT 1 FROM pg_class WHERE relname = 'users'") == []
    done = await _in_thread(restore, kept.settings, path)
    assert (done.safety, done.migrated) == (None, False)
    assert "device_key" in done.secrets
    assert await kept.seen() == before, "the same token, conversations, files, passages and scores"
    restored = kept.settings.secrets_dir / "device_key"
    assert restored.read_bytes() == key
    assert stat.S_IMODE(restored.stat().st_mode) == 0o600
    # The app goes on as before: it may write, and the search finds what is new.
    answer = await kept.house.client.post("/api/v1/chat", json={"message": "한 번 더"})
    assert answer.status_code == 200, answer.text


async def test_what_is_there_is_replaced_only_when_asked_and_kept_first(kept: Kept) -> None:
    path = kept.folder / "ondol.zip"
    create(kept.settings, path, with_secrets=False)
    before = await kept.seen()
    kept.query("UPDATE conversations SET title = 'later'")
    with pytest.raises(DatabaseNotEmpty):
        await _in_thread(restore, kept.settings, path)
    done = await _in_thread(restore, kept.settings, path, replace=True)
    assert await kept.seen() == before
    assert done.safety is not None and done.secrets == ()
    assert stat.S_IMODE(done.safety.stat().st_mode) == 0o600
    await _in_thread(restore, kept.settings, done.safety, replace=True)
    assert kept.query("SELECT DISTINCT title FROM conversations") == [("later",)]


async def test_an_older_backup_is_brought_up_to_date(kept: Kept) -> None:
    before = await kept.seen()
    await _in_thread(_downgrade, kept.settings)
    path = kept.folder / "old.zip"
    assert create(kept.settings, path).revision == "0004"
    kept.wipe()
    done = await _in_thread(restore, kept.settings, path)
    assert done.migrated
    assert await kept.seen() == before


async def test_a_restore_that_fails_leaves_everything_as_it_was(kept: Kept) -> None:
    before, path = await kept.seen(), kept.folder / "ondol.zip"
    create(kept.settings, path)
    _rewritten(path, lambda manifest: manifest["rows"].update(users=99))
    with pytest.raises(PostgresToolFailed, match="rows of users differ"):
        await _in_thread(restore, kept.settings, path, replace=True)
    assert await kept.seen() == before


async def test_an_older_server_is_asked_for_no_setting_that_it_does_not_know(kept: Kept) -> None:
    create(kept.settings, kept.folder / "ondol.zip")
    programs, later = programs_of(kept.settings, 17), b"SET transaction_timeout = 0;\n"
    with Archive(kept.folder / "ondol.zip") as archive:
        old, new = (b"".join(script_of(archive, programs, kept.folder / "wanted", major)) for major in (16, 17))
    keyed = re.compile(rb"^\\(?:un)?restrict .*$", re.M)  # a random key
    assert later in new and keyed.sub(b"", old) == keyed.sub(b"", new.replace(later, b""))


async def test_what_cannot_be_restored_is_refused_before_anything_is_touched(kept: Kept) -> None:
    path = kept.folder / "ondol.zip"
    create(kept.settings, path)
    with pytest.raises(BackupExists):
        create(kept.settings, path)
    with pytest.raises(BackupNotWritten):
        create(kept.settings, kept.folder / "nowhere" / "x.zip")

    damaged = kept.folder / "damaged.zip"
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo(DUMP).header_offset + 2000
    damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    cut, text = kept.folder / "cut.zip", kept.folder / "text.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    text.write_text("no backup")
    for bad in (damaged, cut, text, kept.folder / "missing.zip"):
        with pytest.raises(BackupUnreadable):
            await _in_thread(restore, kept.settings, bad, replace=True)
    _rewritten(path, lambda manifest: manifest.update(revision="9999", version="99.0"))
    with pytest.raises(BackupTooNew, match=r"99\.0"):
        await _in_thread(restore, kept.settings, path, replace=True)


async def test_a_secret_that_is_none_of_ours_is_left_out_and_named(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept.settings.secrets_dir / "large").write_bytes(b"x" * 100_001)
    (kept.settings.secrets_dir / "a key (old)").write_text("x")
    path = kept.folder / "ondol.zip"
    monkeypatch.setenv("DATABASE_URL", kept.settings.database_url.get_secret_value())
    monkeypatch.setenv("DATA_DIR", str(kept.settings.data_dir))
    assert main(["create", str(path)]) == 0
    assert "a key (old), large" in capsys.readouterr().out
    with Archive(path) as archive:
        archive.verify()
        assert "device_key" in archive.secrets() and "large" not in archive.secrets()
    done = await _in_thread(restore, kept.settings, path, replace=True)
    assert done.safety is not None
    with Archive(done.safety):
        pass


def test_a_file_that_cannot_be_opened_again_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupNotWritten, match="cannot be read back"), writing(tmp_path / "x.zip") as writer:
        writer.finish(Manifest("1", "0001", "now", "18", {}))
    assert list(tmp_path.iterdir()) == []


async def test_what_fails_after_the_commit_is_told_with_the_way_back(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept.folder / "ondol.zip"
    create(kept.settings, path)
    shutil.rmtree(kept.settings.secrets_dir)
    kept.settings.secrets_dir.write_text("a file where the folder was")
    with pytest.raises(RestoreUnfinished, match="File exists"):
        await _in_thread(restore, kept.settings, path, replace=True)
    kept.settings.secrets_dir.unlink()

    async def broken(_: Database) -> None:
        raise OperationalError("UPDATE conversations SET title = 'mine'", {}, Exception("mine"))

    monkeypatch.setattr(Database, "schema_is_current", broken)
    with pytest.raises(RestoreUnfinished, match=r"OperationalError.*before-restore-") as told:
        await _in_thread(restore, kept.settings, path, replace=True)
    assert "mine" not in str(told.value)
    assert (kept.settings.secrets_dir / "device_key").exists(), "secrets come before the tables are changed"


async def test_a_database_that_is_used_or_not_ours_is_left_alone(kept: Kept) -> None:
    path = kept.folder / "ondol.zip"
    create(kept.settings, path)
    with connect(kept.settings), pytest.raises(DatabaseInUse):
        await _in_thread(restore, kept.settings, path, replace=True)
    kept.query("CREATE TABLE payroll (id int)")
    with pytest.raises(ForeignTables, match="payroll"):
        await _in_thread(restore, kept.settings, path, replace=True)


async def test_no_password_is_told_and_no_setting_that_holds_one(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kept.folder / "ondol.zip"
    monkeypatch.setenv("DATABASE_URL", kept.settings.database_url.get_secret_value())
    monkeypatch.setenv("DATA_DIR", str(kept.settings.data_dir))
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    monkeypatch.setenv("VLLM_SERVER_URL", "http://somebody:canary@127.0.0.1:8000/v1")
    assert main(["create", str(path)]) == 0
    assert main(["--language", "ko", "inspect", str(path)]) == 0
    assert main(["inspect", "--json", str(path)]) == 0
    told = capsys.readouterr().out
    assert "비밀 키가 들어 있습니다" in told
    settings = json.loads(told.splitlines()[-1])["settings"]
    assert settings["VLLM_SERVER_URL"] == "http://127.0.0.1:8000/v1"
    assert "canary" not in told + json.dumps(settings_told(load()))
    with Archive(path) as archive:
        assert "canary" not in json.dumps(archive.settings())
    assert main(["restore", str(path)]) == 1
    assert "--replace" in capsys.readouterr().err


async def test_the_embedded_server_is_started_for_it_and_stopped_again(mortal: RunningPostgres, tmp_path: Path) -> None:
    """As after `./quick_start.sh --stop`, from the shell."""
    database = Database(mortal.url)
    await database.migrate()
    await database.close()
    with mortal.connect() as connection:
        connection.execute("INSERT INTO users (id, username, role, password_hash, must_change_password, created_at)"
                           " VALUES (gen_random_uuid(), 'mina', 'user', 'x', false, now())")  # fmt: skip
    mortal.stop()
    path = tmp_path / "ondol.zip"
    environment = {**os.environ, "DATA_DIR": str(mortal.settings.data_dir), "DATABASE_URL": ""}
    try:
        for arguments in (["create", path], ["restore", "--replace", path]):
            command = [sys.executable, "-m", "backend.backup", *map(str, arguments)]
            done = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this loop
                command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, done.stderr
            with pytest.raises(psycopg.OperationalError):
                mortal.connect()
        assert len(list((mortal.settings.data_dir / "backups").iterdir())) == 1
    finally:
        mortal.start()
    with mortal.connect() as connection:
        assert connection.execute("SELECT username FROM users").fetchall() == [("mina",)]
    assert server_of(mortal.settings).cluster.exists()


def test_nothing_is_started_while_a_backup_is_put_back(tmp_path: Path) -> None:
    """The scripts take the same lock (deploy/lib/lock.sh)."""
    lock = tmp_path / "quick_start.lock"
    script = f"ONDOL_ROOT={tmp_path}; text() {{ echo held; }}; fail() {{ exit 3; }}; . deploy/lib/lock.sh; take_lock"
    command = ["bash", "-c", script]
    (tmp_path / "var").symlink_to(tmp_path)
    with no_start(lock):
        assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 3
        with pytest.raises(StartUnderWay), no_start(lock):
            pass
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0
    with no_start(tmp_path / "missing" / "lock"):
        pass


def test_every_refusal_is_told_in_both_languages(tmp_path: Path) -> None:
    with pytest.raises(BackupUnreadable) as refused:
        Archive(tmp_path / "missing.zip")
    assert "그런 파일이 없습니다" in refused.value.message(Language.KO)
    assert "no such file" in refused.value.message(Language.EN)


def _rewritten(path: Path, change: Any) -> None:
    """The backup with another manifest."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _downgrade(settings: Settings) -> None:
    """Takes the last migration back."""
    from alembic import command
    from sqlalchemy import create_engine

    from backend.store.database import alembic_config, url_of

    engine = create_engine(url_of(settings))
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0004")
    engine.dispose()
