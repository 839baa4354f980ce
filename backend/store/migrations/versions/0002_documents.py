"""Documents, their search tables, and the queue of background jobs."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"
_DROP_SEARCH = """
DROP MATERIALIZED VIEW mv_searchable_chunks;
DROP TABLE chunk_vectors, chunk_lex, lex_df, lex_n;
DROP FUNCTION bm25(int[], int[], bigint[], int, int, int, bigint[]), lex_compact(), lex_count();
"""
_DROP_JOBS = r"""
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables
        WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\_%' LOOP
        EXECUTE format('DROP TABLE %I CASCADE', one.tablename);
    END LOOP;
    FOR one IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'procrastinate\_%' LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', one.name);
    END LOOP;
    FOR one IN SELECT oid::regtype AS name FROM pg_type
        WHERE typnamespace = current_schema()::regnamespace AND typname LIKE 'procrastinate\_%'
          AND typtype IN ('e', 'c') LOOP
        EXECUTE format('DROP TYPE %s CASCADE', one.name);
    END LOOP;
END $$;
"""


def upgrade() -> None:
    _documents()
    op.add_column(
        "conversations", sa.Column("collection_ids", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False)
    )
    op.add_column("messages", sa.Column("sources", JSONB()))
    _run((_SQL / "search.sql").read_text(encoding="utf-8"))
    # The library's own tables, of the version it is pinned to; one that changes them brings a migration of its own.
    _run(SchemaManager.get_schema())


def downgrade() -> None:
    _run(_DROP_JOBS)
    _run(_DROP_SEARCH)
    op.drop_column("messages", "sources")
    op.drop_column("conversations", "collection_ids")
    for table in ("encoders", "chunks", "document_files", "documents", "collections"):
        op.drop_table(table)


def _documents() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False, unique=True),
        _owned_by("owner_id", "users"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        _set_by_server("created_at"),
        sa.Column("deleted_at", TIMESTAMP(timezone=True)),
    )
    op.create_index("ix_collections_owner_id", "collections", ["owner_id"])
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _owned_by("collection_id", "collections"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_detail", sa.Text()),
        sa.Column("pages", sa.Integer()),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        _set_by_server("created_at"),
        _set_by_server("updated_at"),
        sa.UniqueConstraint("collection_id", "sha256"),
    )
    unready = sa.text("status <> 'ready'")
    op.create_index("ix_documents_unready", "documents", ["collection_id"], postgresql_where=unready)
    op.create_table(
        "document_files",
        sa.Column("sha256", sa.LargeBinary(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    # Files are read back a piece at a time. Of compressed content each piece would be unpacked from the beginning, and
    # most kinds of file are compressed themselves.
    op.execute("ALTER TABLE document_files ALTER content SET STORAGE EXTERNAL")
    op.create_table(
        "chunks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        _owned_by("document_id", "documents"),
        sa.Column("collection_number", sa.Integer(), nullable=False),
        sa.Column("ord", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.UniqueConstraint("document_id", "ord"),
    )
    op.create_index("ix_chunks_collection_number", "chunks", ["collection_number"])
    op.create_table(
        "encoders",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _set_by_server("created_at"),
        sa.UniqueConstraint("name", "dimensions"),
    )


def _run(script: str) -> None:
    """Several statements at once, `%` and `:` taken as they are."""
    op.get_bind().exec_driver_sql(script, execution_options={"no_parameters": True})


def _set_by_server(name: str) -> sa.Column[Any]:
    return sa.Column(name, TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False)


def _owned_by(name: str, table: str) -> sa.Column[Any]:
    """A reference whose row goes when the row it points to goes."""
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)
