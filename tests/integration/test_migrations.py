"""Models and migrations describe the same tables, forwards and backwards."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from backend.store.database import Database, alembic_config
from backend.store.models import Base
from tests.fixtures.database import RunningPostgres


@pytest.fixture
async def empty(postgres: RunningPostgres) -> AsyncIterator[Database]:
    """A database without tables."""
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE empty")
    database = Database(postgres.server.url("empty"))
    yield database
    await database.close()
    with postgres.connect() as connection:
        connection.execute("DROP DATABASE empty WITH (FORCE)")


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_models_and_migrations_agree(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_down_to_nothing_and_up_again(empty: Database) -> None:
    assert not await empty.schema_is_current()
    await empty.migrate()
    assert await empty.schema_is_current()
    async with empty.engine.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(alembic_config(c), "base"))
        assert await connection.run_sync(_tables) == set()
    assert not await empty.schema_is_current()
    await empty.migrate()
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(_tables) == set(Base.metadata.tables)


async def test_several_processes_migrate_at_once(empty: Database) -> None:
    others = [Database(empty.engine.url.render_as_string(hide_password=False)) for _ in range(4)]
    await asyncio.gather(*(each.migrate() for each in others))
    assert await empty.schema_is_current()
    for each in others:
        await each.close()


async def test_a_failing_migration_leaves_nothing(empty: Database) -> None:
    async with empty.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE messages (mine int)"))
    with pytest.raises(Exception, match="messages"):
        await empty.migrate()
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(_tables) == {"messages"}


async def test_a_user_who_may_not_create_pgvector_is_told_what_to_do(
    empty: Database, postgres: RunningPostgres
) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE ROLE modest LOGIN")
    modest = Database(empty.engine.url.set(username="modest").render_as_string(hide_password=False))
    with pytest.raises(RuntimeError, match="CREATE EXTENSION vector"):
        await modest.migrate()
    await modest.close()
