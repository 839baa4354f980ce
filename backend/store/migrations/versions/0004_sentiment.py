"""Sentiment: jobs, their reviews and chunks, aspects, and people's own examples."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sentiment_jobs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _of("user_id", "users"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("shape", JSONB(), nullable=False),
        sa.Column("mapping", JSONB(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_detail", sa.Text()),
        _time("waiting_since"),
        _time("created_at", set_by_server=True),
        _time("imported_at"),
        _time("resumed_at"),
        _time("finished_at"),
    )
    op.create_index("ix_sentiment_jobs_user_created", "sentiment_jobs", ["user_id", "created_at"])
    is_open = sa.text("state IN ('queued', 'running')")
    op.create_index("ix_sentiment_jobs_open", "sentiment_jobs", ["created_at"], postgresql_where=is_open)
    op.create_table(
        "sentiment_pieces",
        _of("job_id", "sentiment_jobs", primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    _rows()
    op.create_table(
        "sentiment_chunks",
        _of("job_id", "sentiment_jobs", primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid()),
        _time("leased_until"),
        _time("done_at"),
    )
    op.create_index(
        "ix_sentiment_chunks_open", "sentiment_chunks", ["job_id", "number"], postgresql_where=sa.text("NOT is_done")
    )
    op.create_table(
        "sentiment_profiles",
        _of("user_id", "users", primary_key=True),
        sa.Column("language", sa.Text(), primary_key=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("examples", JSONB(), nullable=False),
        _time("updated_at", set_by_server=True),
    )
    op.create_table(
        "sentiment_calibrations",
        sa.Column("model", sa.Text(), primary_key=True),
        sa.Column("language", sa.Text(), primary_key=True),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("bias", sa.ARRAY(sa.Double()), nullable=False),
        sa.Column("reviews", sa.Integer(), nullable=False),
        _time("fitted_at", set_by_server=True),
    )


def downgrade() -> None:
    for table in ("calibrations", "profiles", "aspects", "chunks", "rows", "pieces", "jobs"):
        op.drop_table(f"sentiment_{table}")


def _rows() -> None:
    """Reviews, and what they say about aspects."""
    op.create_table(
        "sentiment_rows",
        _of("job_id", "sentiment_jobs", primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("chunk", sa.Integer()),
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.LargeBinary()),
        sa.Column("restaurant", sa.Text(), nullable=False),
        sa.Column("written_at", sa.Date()),
        sa.Column("rating", sa.Double()),
        sa.Column("is_skipped", sa.Boolean(), nullable=False),
        sa.Column("duplicate_of", sa.Integer()),
        sa.Column("language", sa.Text()),
        sa.Column("label", sa.Text()),
        sa.Column("positive", sa.Double()),
        sa.Column("negative", sa.Double()),
        sa.Column("neutral", sa.Double()),
        sa.Column("confidence", sa.Double()),
        sa.Column("corrected_label", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.ARRAY(sa.Text())),
    )
    op.create_index("ix_sentiment_rows_chunk", "sentiment_rows", ["job_id", "chunk"])
    op.create_table(
        "sentiment_aspects",
        sa.Column("job_id", sa.Uuid(), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        sa.Column("aspect", sa.Text(), primary_key=True),
        sa.Column("polarity", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id", "position"], ["sentiment_rows.job_id", "sentiment_rows.position"], ondelete="CASCADE"
        ),
    )


def _time(name: str, *, set_by_server: bool = False) -> sa.Column[Any]:
    default = sa.func.now() if set_by_server else None
    return sa.Column(name, TIMESTAMP(timezone=True), server_default=default, nullable=not set_by_server)


def _of(name: str, table: str, *, primary_key: bool = False) -> sa.Column[Any]:
    """A reference whose row goes when the row it points to goes."""
    reference = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Uuid(), reference, primary_key=primary_key, nullable=False)
