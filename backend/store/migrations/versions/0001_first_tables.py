"""Accounts, sign-ins and conversations."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("username", sa.Text(), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        _time("disabled_at"),
        _time("last_login_at"),
        _set_by_server("created_at"),
    )
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _owned_by("user_id", "users"),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        _set_by_server("created_at"),
        _time("last_seen_at", nullable=False),
        _time("expires_at", nullable=False),
        _time("revoked_at"),
    )
    op.create_index("ix_login_sessions_user_id", "login_sessions", ["user_id"])
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _owned_by("user_id", "users"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        _set_by_server("created_at"),
        _time("last_used_at"),
        _time("expires_at"),
        _time("revoked_at"),
    )
    op.create_index("ix_api_tokens_user_id", "api_tokens", ["user_id"])
    op.create_table(
        "login_throttle",
        sa.Column("bucket", sa.Text(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("last_failure_at", nullable=False),
        _time("blocked_until"),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _owned_by("user_id", "users"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("system_prompt", sa.Text(), nullable=False),
        sa.Column("temperature", sa.Double()),
        sa.Column("max_tokens", sa.Integer()),
        sa.Column("provider", sa.Text()),
        sa.Column("head_id", sa.Uuid()),
        _set_by_server("created_at"),
        _set_by_server("updated_at"),
        _time("deleted_at"),
    )
    op.create_index("ix_conversations_user_updated", "conversations", ["user_id", "updated_at"])
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _owned_by("conversation_id", "conversations"),
        _owned_by("parent_id", "messages", nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("error_code", sa.Text()),
        sa.Column("prompt_tokens", sa.Integer()),
        sa.Column("completion_tokens", sa.Integer()),
        sa.Column("ttft_ms", sa.Double()),
        sa.Column("duration_ms", sa.Double()),
        sa.Column("trimmed_messages", sa.Integer(), nullable=False),
        sa.Column("rating", sa.Integer()),
        sa.Column("comment", sa.Text()),
        _set_by_server("created_at"),
        _set_by_server("updated_at"),
    )
    op.create_index("ix_messages_conversation_id", "messages", ["conversation_id"])
    op.create_index("ix_messages_parent_id", "messages", ["parent_id"])


def downgrade() -> None:
    for table in ("messages", "conversations", "login_throttle", "api_tokens", "login_sessions", "users"):
        op.drop_table(table)


def _time(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=nullable)


def _set_by_server(name: str) -> sa.Column[Any]:
    return sa.Column(name, TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False)


def _owned_by(name: str, table: str, *, nullable: bool = False) -> sa.Column[Any]:
    """A reference whose row goes when the row it points to goes."""
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=nullable)
