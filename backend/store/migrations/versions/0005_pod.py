"""The rented GPU: samples, runs, settings, state and audit."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pod_samples",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        _time("at", nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        _time("ready_since"),
        *(sa.Column(name, sa.Double()) for name in ("gpu_percent", "gpu_memory_percent", "gpu_celsius", "gpu_watts")),
        *(sa.Column(name, sa.BigInteger()) for name in ("prompt_tokens", "generated_tokens")),
        *(sa.Column(name, sa.Integer()) for name in ("requests_running", "requests_waiting")),
        sa.Column("signals", JSONB(), nullable=False),
    )
    op.create_index("ix_pod_samples_pod_id_at", "pod_samples", ["pod_id", "at"])
    op.create_table(
        "pod_runs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("pod_id", sa.Text(), nullable=False),
        _time("started_at", nullable=False),
        _time("ready_at"),
        _time("stopped_at"),
        sa.Column("rate_usd", sa.Double(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
    )
    op.create_index("ix_pod_runs_pod_id_started_at", "pod_runs", ["pod_id", "started_at"], unique=True)
    op.create_table(
        "pod_settings",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("values", JSONB(), nullable=False),
        _updated(),
    )
    op.create_table(
        "pod_state",
        sa.Column("pod_id", sa.Text(), primary_key=True),
        sa.Column("state", JSONB(), nullable=False),
        _updated(),
    )
    op.create_table(
        "pod_audit",
        sa.Column("id", sa.Text(), primary_key=True),
        _time("at", nullable=False),
        sa.Column("pod_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("detail", JSONB(), nullable=False),
    )
    op.create_index("ix_pod_audit_at", "pod_audit", ["at"])


def downgrade() -> None:
    for table in ("pod_audit", "pod_state", "pod_settings", "pod_runs", "pod_samples"):
        op.drop_table(table)


def _time(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, TIMESTAMP(timezone=True), nullable=nullable)


def _updated() -> sa.Column[Any]:
    return sa.Column("updated_at", TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False)
