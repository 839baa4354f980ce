"""What happens to our transactions when the database server is killed, full, or not there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from backend.errors import DatabaseFull, DatabaseUnavailable
from backend.store.database import Database, wait_until_ready
from tests.fixtures.database import RunningPostgres
from tests.fixtures.disk import fill


@pytest.fixture
async def killable(mortal: RunningPostgres) -> AsyncIterator[Database]:
    database = Database(mortal.url, pool_size=3)
    async with database.session() as session:
        await session.execute(text("CREATE TABLE IF NOT EXISTS kept (text text UNIQUE)"))
    yield database
    await database.close()


async def store(database: Database, value: str) -> None:
    async with database.session() as session:
        await session.execute(text("INSERT INTO kept VALUES (:value)"), {"value": value})


async def count(database: Database, value: str) -> int:
    async with database.session() as session:
        return int(await session.scalar(text("SELECT count(*) FROM kept WHERE text = :value"), {"value": value}) or 0)


async def test_a_kill_in_mid_transaction_is_told_and_the_pool_recovers(
    mortal: RunningPostgres, killable: Database
) -> None:
    await store(killable, "acknowledged")
    await asyncio.gather(*(count(killable, "acknowledged") for _ in range(3)))  # fills the pool
    with pytest.raises(DatabaseUnavailable):
        async with killable.session() as session:
            await session.execute(text("INSERT INTO kept VALUES ('unfinished')"))
            mortal.kill()
            await session.execute(text("INSERT INTO kept VALUES ('too late')"))
    with pytest.raises(DatabaseUnavailable):
        await killable.ping()
    mortal.start()
    found = await asyncio.gather(*(count(killable, "acknowledged") for _ in range(5)))
    assert found == [1] * 5
    assert await count(killable, "unfinished") == 0


async def test_a_kill_before_the_commit_is_told(mortal: RunningPostgres, killable: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with killable.session() as session:
            await session.execute(text("INSERT INTO kept VALUES ('not committed')"))
            mortal.kill()
    mortal.start()
    assert await count(killable, "not committed") == 0


async def test_waiting_sees_the_server_come_back(mortal: RunningPostgres, killable: Database) -> None:
    mortal.kill()
    mortal.launch()
    await wait_until_ready(killable, 60)
    await store(killable, "after the wait")


async def test_waiting_ends_in_our_own_words(mortal: RunningPostgres, killable: Database) -> None:
    mortal.stop()
    with pytest.raises(DatabaseUnavailable):
        await wait_until_ready(killable, 0.3, interval_s=0.05)
    for call in (killable.migrate, killable.schema_is_current):
        with pytest.raises(DatabaseUnavailable):
            await call()
    mortal.start()


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT pg_terminate_backend(pg_backend_pid())", id="terminated by an administrator"),
        pytest.param("SET LOCAL statement_timeout = 10; SELECT pg_sleep(60)", id="takes too long"),
        pytest.param("SET TRANSACTION READ ONLY; CREATE TABLE t ()", id="read-only standby"),
    ],
)
async def test_trouble_of_the_server_is_told_as_such(killable: Database, statement: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with killable.session() as session:
            for part in statement.split(";"):
                await session.execute(text(part))
    await killable.ping()


async def test_a_drained_pool_is_told(mortal: RunningPostgres) -> None:
    small = Database(mortal.url, pool_size=1)
    small.engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            await (await stack.enter_async_context(small.session())).execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable):
            await small.ping()
    await small.close()


async def test_our_own_mistakes_are_not_blamed_on_the_server(killable: Database) -> None:
    await store(killable, "once")
    with pytest.raises(IntegrityError):
        await store(killable, "once")
    with pytest.raises(ProgrammingError):
        async with killable.session() as session:
            await session.execute(text("SELECT nonsense"))


# --- a full disk ----------------------------------------------------------------------------------------------


async def test_a_full_disk_is_told_and_loses_nothing(small_disk: Path) -> None:
    server = RunningPostgres(small_disk)
    server.start()
    database = Database(server.url)
    try:
        async with database.session() as session:
            await session.execute(text("CREATE TABLE kept (text text)"))
        await store(database, "before")
        ballast = fill(small_disk, leave=256 * 1024)
        with pytest.raises(DatabaseFull):
            async with database.session() as session:
                rows = "INSERT INTO kept SELECT repeat(n::text, 200) FROM generate_series(1, 5000) AS n"
                await session.execute(text(rows))
        assert await count(database, "before") == 1
        ballast.unlink()
        await store(database, "after")
        assert await count(database, "after") == 1
    finally:
        await database.close()
        server.stop()


def test_a_start_on_a_full_disk_says_so_and_works_later(small_disk: Path) -> None:
    server = RunningPostgres(small_disk)
    ballast = fill(small_disk, leave=10 * 2**20)
    refused = server.run()
    assert refused.returncode == 5
    assert "disk" in refused.stderr
    assert "full" in refused.stderr
    ballast.unlink()
    server.start()
    server.kill()
    ballast = fill(small_disk, leave=4096)
    refused = server.run()
    assert refused.returncode == 5
    ballast.unlink()
    server.start()
    server.stop()
