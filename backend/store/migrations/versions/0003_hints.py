"""Problem sets, attempts of learners and hints."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "problem_sets",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("imported_by", sa.Uuid(), sa.ForeignKey("users.id", ondelete="SET NULL")),
        _set_by_server("imported_at"),
    )
    op.create_table(
        "reference_checks",
        sa.Column("content_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        _set_by_server("checked_at"),
    )
    op.create_table(
        "hint_attempts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _of_user(),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("failing", JSONB()),
        _set_by_server("created_at"),
    )
    op.create_index("ix_hint_attempts_user_problem", "hint_attempts", ["user_id", "problem_id", "created_at"])
    op.create_index("ix_hint_attempts_problem", "hint_attempts", ["problem_id", "created_at"])
    op.create_table(
        "hints",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _of_user(),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), sa.ForeignKey("hint_attempts.id", ondelete="SET NULL")),
        sa.Column("level_asked", sa.SmallInteger(), nullable=False),
        sa.Column("level_given", sa.SmallInteger(), nullable=False),
        sa.Column("tone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("diagnosis", JSONB(), nullable=False),
        sa.Column("guard", JSONB(), nullable=False),
        sa.Column("validation", JSONB(), nullable=False),
        sa.Column("comparison_id", sa.Uuid()),
        sa.Column("rating", sa.SmallInteger()),
        sa.Column("complaint", sa.Text()),
        sa.Column("prompt_tokens", sa.Integer()),
        sa.Column("completion_tokens", sa.Integer()),
        sa.Column("duration_ms", sa.Double()),
        _set_by_server("created_at"),
    )
    op.create_index("ix_hints_attempt_id", "hints", ["attempt_id"])
    op.create_index("ix_hints_comparison_id", "hints", ["comparison_id"])
    op.create_index("ix_hints_user_problem", "hints", ["user_id", "problem_id", "created_at"])
    op.create_index("ix_hints_problem", "hints", ["problem_id", "created_at"])
    op.create_table(
        "hint_blocks",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("hint_id", sa.Uuid(), sa.ForeignKey("hints.id", ondelete="SET NULL")),
        _of_user(),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reasons", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        _set_by_server("created_at"),
    )
    op.create_index("ix_hint_blocks_hint_id", "hint_blocks", ["hint_id"])
    op.create_index("ix_hint_blocks_user_id", "hint_blocks", ["user_id"])
    op.create_index("ix_hint_blocks_created_at", "hint_blocks", ["created_at"])


def downgrade() -> None:
    for table in ("hint_blocks", "hints", "hint_attempts", "reference_checks", "problem_sets"):
        op.drop_table(table)


def _set_by_server(name: str) -> sa.Column[Any]:
    return sa.Column(name, TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False)


def _of_user() -> sa.Column[Any]:
    return sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)
