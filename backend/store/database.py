"""Connections to PostgreSQL: one engine a process, short sessions, errors in our own words."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine

from backend.errors import DatabaseFull, DatabaseUnavailable
from backend.settings import Settings
from backend.store.embedded import server_of

MINIMUM_PGVECTOR = (0, 8)
_DISK_FULL = "53100"  # PostgreSQL's SQLSTATE disk_full
# SQLSTATEs of a server in trouble, to which trying again is the answer: connection, transaction rollback (deadlock),
# resources, operator intervention (shutdown, starting up, timeout), system error, read-only, lock not available.
_SERVER_TROUBLE = ("08", "40", "53", "57", "58", "25006", "55P03")


def url_of(settings: Settings) -> str:
    """SQLAlchemy URL of the database: `DATABASE_URL`, or the embedded server's socket."""
    given = settings.database_url.get_secret_value()
    if given:
        _, _, rest = given.partition("://")
        return f"postgresql+psycopg://{rest}"
    return server_of(settings).url()


class Database:
    """The pool of one process.

    Args:
        url: SQLAlchemy URL with the `postgresql+psycopg` driver.
        pool_size: connections kept; as many again may be opened for a moment.
    """

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            pool_pre_ping=True,  # a killed backend drops every connection of the pool
            hide_parameters=True,  # an error that is logged must not carry what people wrote
            connect_args={
                "connect_timeout": 5,
                "application_name": "ondol",
                "options": "-c statement_timeout=30000 -c jit=off",
            },
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A transaction: committed at the end, rolled back on an error.

        Raises:
            DatabaseUnavailable: the server is gone or does not answer.
            DatabaseFull: its disk is full; nothing was stored.
        """
        with _in_our_words():
            async with self._sessions() as session, session.begin():
                yield session

    async def ping(self) -> None:
        """Raises DatabaseUnavailable when the server does not answer a query."""
        async with self.session() as session:
            await session.execute(text("SELECT 1"))

    async def schema_is_current(self) -> bool:
        """Whether every migration has been applied."""
        with _in_our_words():
            async with self.engine.connect() as connection:
                applied = await connection.run_sync(_applied_revision)
        return applied == ScriptDirectory.from_config(alembic_config()).get_current_head()

    async def migrate(self) -> None:
        """Brings the schema up to date; several processes may call it at once.

        Raises:
            DatabaseUnavailable: the server does not answer.
            DatabaseFull: its disk is full.
            RuntimeError: pgvector is missing or older than 0.8; the message says what to do.
        """
        with _in_our_words():
            async with self.engine.begin() as connection:
                await connection.execute(text("SET LOCAL statement_timeout = 0"))  # rewriting a table takes its time
                # 0x6F6E646F is "ondo": any number does that nothing else on the server uses.
                await connection.execute(text("SELECT pg_advisory_xact_lock(x'6F6E646F'::int)"))
                await _require_pgvector(connection)
                await connection.run_sync(_upgrade)

    async def close(self) -> None:
        await self.engine.dispose()


def translated(error: DBAPIError) -> DatabaseFull | DatabaseUnavailable | None:
    """The error a person is told for a failure of the database server; None for a failure of our own statement."""
    state = getattr(error.orig, "sqlstate", None)
    if state == _DISK_FULL:
        return DatabaseFull()
    gone = error.connection_invalidated or (state is None and isinstance(error, OperationalError))
    return DatabaseUnavailable() if gone or (state or "").startswith(_SERVER_TROUBLE) else None


async def wait_until_ready(database: Database, timeout_s: float, interval_s: float = 0.2) -> None:
    """Waits for the server to answer. Raises DatabaseUnavailable after `timeout_s` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                with suppress(DatabaseUnavailable):
                    return await database.ping()
                await asyncio.sleep(interval_s)
    except TimeoutError:
        raise DatabaseUnavailable from None


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable from error
    except DBAPIError as error:
        ours = translated(error)
        if ours is None:
            raise
        raise ours from error


async def _require_pgvector(connection: AsyncConnection) -> None:
    query = "SELECT installed_version FROM pg_available_extensions WHERE name = 'vector'"
    found = (await connection.execute(text(query))).first()
    if found is None:
        raise RuntimeError("pgvector is not installed on the database server; install version 0.8 or newer there.")
    if found.installed_version is None:
        try:
            await connection.execute(text("CREATE EXTENSION vector"))
        except ProgrammingError as error:
            raise RuntimeError(
                "The database user may not create the extension pgvector; "
                "let an administrator run CREATE EXTENSION vector in this database."
            ) from error
    version = await connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
    if tuple(int(part) for part in str(version).split(".")[:2]) < MINIMUM_PGVECTOR:
        raise RuntimeError(
            f"pgvector {version} is too old; install 0.8 or newer on the database server, "
            "then run ALTER EXTENSION vector UPDATE in this database."
        )


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for the migrations, which run on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    attributes: dict[str, Any] = config.attributes
    attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(alembic_config(connection), "head")


def _applied_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
