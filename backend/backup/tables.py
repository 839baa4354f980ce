"""What is in the database: tables, rows, and what has to go before a backup takes its place."""

from psycopg import sql

from backend.backup.server import Connection
from backend.store.models import Base

REVISION = "alembic_version"
# Tables of the search and of the queue are SQL of the migrations, without classes.
_WITHOUT_CLASSES = {"chunk_lex", "chunk_vectors", "lex_df", "lex_n", REVISION}
_QUEUE = "procrastinate_"
# Name, and name as SQL has it, of what no extension brought.
_RELATIONS = """
    SELECT relname::text, 'public.' || quote_ident(relname) FROM pg_class found
    WHERE relnamespace = 'public'::regnamespace AND relkind = ANY(%s)
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = found.oid AND deptype = 'e')
    ORDER BY 1"""
_ROUTINES = """
    SELECT proname::text, found.oid::regprocedure::text FROM pg_proc found
    WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = found.oid AND deptype = 'e')
    ORDER BY 2"""
_TYPES = """
    SELECT typname::text, 'public.' || quote_ident(typname) FROM pg_type found
    WHERE typnamespace = 'public'::regnamespace
        AND (typtype IN ('e', 'd', 'r') OR EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = found.oid AND deptype = 'e')
    ORDER BY 1"""


def rows_of(connection: Connection) -> dict[str, int]:
    """How many rows each table has, by name."""
    counts: dict[str, int] = {}
    for name in _tables(connection):
        query = sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name))
        row = connection.execute(query).fetchone()
        counts[name] = int(str(row[0])) if row else 0
    return counts


def foreign(connection: Connection) -> list[str]:
    """Tables that no release up to this one makes."""
    ours = set(Base.metadata.tables) | _WITHOUT_CLASSES
    return [name for name in _tables(connection) if name not in ours and not name.startswith(_QUEUE)]


def revision_of(connection: Connection) -> str:
    """The last migration that was applied; empty in a database without tables."""
    if REVISION not in _tables(connection):
        return ""
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return str(row[0]) if row else ""


def others(connection: Connection) -> int:
    """Connections of others to this database."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).fetchone()
    return int(str(row[0])) if row else 0


def dropping(connection: Connection) -> str:
    """SQL that removes everything in the schema `public` that no extension brought."""
    found = [
        *(("MATERIALIZED VIEW", row) for row in connection.execute(_RELATIONS, [["m"]])),
        *(("VIEW", row) for row in connection.execute(_RELATIONS, [["v"]])),
        *(("TABLE", row) for row in connection.execute(_RELATIONS, [["r", "p"]])),
        *(("SEQUENCE", row) for row in connection.execute(_RELATIONS, [["S"]])),
        *(("ROUTINE", row) for row in connection.execute(_ROUTINES)),
        *(("TYPE", row) for row in connection.execute(_TYPES)),
    ]
    return "\n".join(f"DROP {kind} IF EXISTS {name} CASCADE;" for kind, (_, name) in found)


def checking(rows: dict[str, int]) -> str:
    """SQL that fails where a table does not have its rows."""
    checks = [
        sql.SQL(
            "IF (SELECT count(*) FROM public.{}) <> {} THEN RAISE EXCEPTION 'rows of % differ', {}; END IF;"
        ).format(sql.Identifier(name), count, name)
        for name, count in rows.items()
    ]
    body = sql.SQL("DO $ondol$ BEGIN\n{}\nEND $ondol$;").format(sql.SQL("\n").join(checks))
    return body.as_string(None)


def _tables(connection: Connection) -> list[str]:
    return [str(name) for name, _ in connection.execute(_RELATIONS, [["r", "p"]])]
