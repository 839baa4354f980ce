"""Models and migrations describe the same tables, forwards and backwards."""

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import version

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from backend.sentiment.calibration import Fit
from backend.sentiment.calibrations import Calibrations
from backend.settings import REPOSITORY
from backend.store.database import Database, alembic_config
from backend.store.models import Base
from tests.fixtures.database import RunningPostgres

MIGRATIONS = REPOSITORY / "backend" / "store" / "migrations"
# Written and read as SQL, without classes: search tables, and the queue of a library.
OUTSIDE_THE_MODELS = {"chunk_lex", "chunk_vectors", "lex_df", "lex_n"} | {
    f"procrastinate_{name}" for name in ("events", "jobs", "periodic_defers", "workers")
}
A_USER = text(
    "INSERT INTO users (id, username, role, password_hash, must_change_password, created_at)"
    " VALUES (gen_random_uuid(), 'mina', 'user', 'x', false, now())"
)


# Functions, types and views that no extension brought.
LEFT_OVER = """
    SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    UNION ALL SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relname NOT LIKE 'alembic%'
    UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
        AND typname NOT LIKE '%alembic%'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_type.oid AND deptype IN ('e', 'i'))
"""


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
    context = MigrationContext.configure(connection, opts={"compare_server_default": True, "include_name": _is_ours})
    return list(compare_metadata(context, Base.metadata))


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name not in OUTSIDE_THE_MODELS


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_models_and_migrations_agree(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_files_are_stored_so_that_a_piece_can_be_read(database: Database) -> None:
    query = (
        "SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'document_files'::regclass AND attname = 'content'"
    )
    async with database.engine.connect() as connection:
        assert await connection.scalar(text(query)) == "e"  # external: beside the row, not compressed


async def test_down_to_nothing_and_up_again(empty: Database) -> None:
    assert not await empty.schema_is_current()
    await empty.migrate()
    assert await empty.schema_is_current()
    async with empty.engine.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(alembic_config(c), "base"))
        assert await connection.run_sync(_tables) == set()
        assert list(await connection.scalars(text(LEFT_OVER))) == []
    assert not await empty.schema_is_current()
    await empty.migrate()
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(_tables) == set(Base.metadata.tables) | OUTSIDE_THE_MODELS


async def test_conversations_without_a_choice_follow_the_routes(empty: Database) -> None:
    await empty.migrate()
    async with empty.engine.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(alembic_config(c), "0005"))
        await connection.execute(A_USER)
        for name in ("main", "pod"):
            await connection.execute(text(
                "INSERT INTO conversations (id, user_id, title, provider, system_prompt, created_at, updated_at)"
                " SELECT gen_random_uuid(), id, :name, :name, '', now(), now() FROM users"
            ), {"name": name})  # fmt: skip
    await empty.migrate()
    async with empty.engine.connect() as connection:
        found = await connection.execute(text("SELECT title, provider FROM conversations"))
        assert dict(list(found)) == {"main": None, "pod": "pod"}


async def test_a_temperature_becomes_weights_and_comes_back(empty: Database) -> None:
    await empty.migrate()
    async with empty.engine.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(alembic_config(c), "0006"))
        await connection.execute(text(
            "INSERT INTO sentiment_calibrations (model, language, temperature, bias, reviews)"
            " VALUES ('m', 'ko', 2, '{0.1,0,-0.1}', 60)"
        ))  # fmt: skip
    await empty.migrate()
    kept = (await Calibrations(empty).of("m")).fits["ko"]
    assert kept == Fit(Fit.of_temperature(2).weights, (0.1, 0.0, -0.1))
    async with empty.engine.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(alembic_config(c), "0006"))
        assert await connection.scalar(text("SELECT temperature FROM sentiment_calibrations")) == 2


async def test_a_confidence_that_was_never_measured_becomes_none(empty: Database) -> None:
    await empty.migrate()
    scores = "positive, negative, neutral, confidence"
    query = text(f"SELECT position, {scores} FROM sentiment_rows ORDER BY position")
    async with empty.engine.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(alembic_config(c), "0007"))
        await connection.execute(A_USER)
        await connection.execute(text(
            "INSERT INTO sentiment_jobs (id, user_id, name, state, size_bytes, shape, mapping, options, rows, skipped,"
            " duplicates, model) SELECT gen_random_uuid(), id, state, state, 0, '{}', '{}', '{}', 0, 0, 0, ''"
            " FROM users, unnest(ARRAY['failed', 'paused']) state"
        ))  # fmt: skip
        await connection.execute(text("INSERT INTO sentiment_pieces SELECT id, 0, 'x' FROM sentiment_jobs"))
        await connection.execute(text(
            "INSERT INTO sentiment_rows (job_id, position, review_id, text, restaurant, is_skipped, label, "
            f"{scores}) SELECT id, v.* FROM sentiment_jobs, (VALUES (0, '', '', '', false, 'negative', 0, 1, 0, 1),"
            " (1, '', '', '', false, 'positive', 1, 1e-9, 1e-9, 1),"
            " (2, '', '', '', false, NULL, NULL, NULL, NULL, NULL)) v WHERE state = 'paused'"
        ))  # fmt: skip
        before = list(await connection.execute(query))
    await empty.migrate()
    async with empty.engine.begin() as connection:
        assert list(await connection.execute(query)) == [(0, None, None, None, None), *before[1:]]
        kept = "SELECT name FROM sentiment_jobs JOIN sentiment_pieces ON job_id = id"
        assert list(await connection.scalars(text(kept))) == ["paused"]
        await connection.run_sync(lambda c: command.downgrade(alembic_config(c), "0007"))
        assert list(await connection.execute(query)) == before


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


def test_the_queue_is_of_the_version_its_migration_was_written_for() -> None:
    """Another version of the library may want other tables: upgrading it means writing a migration."""
    assert version("procrastinate") == "3.10.0"
