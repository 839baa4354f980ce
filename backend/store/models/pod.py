"""The rented GPU: what was measured, what it cost, what was set, and who did what."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Identity, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.models.base import Base


class PodSample(Base):
    """One check. Kept for two weeks: charts, and what other settings would have done."""

    __tablename__ = "pod_samples"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    pod_id: Mapped[str]
    ready_since: Mapped[datetime | None]
    gpu_percent: Mapped[float | None]  # the busiest GPU
    gpu_memory_percent: Mapped[float | None]  # all of them together
    gpu_celsius: Mapped[float | None]  # the hottest
    gpu_watts: Mapped[float | None]  # all of them together
    prompt_tokens: Mapped[int | None] = mapped_column(BigInteger)  # read since the sample before
    generated_tokens: Mapped[int | None] = mapped_column(BigInteger)  # written since the sample before
    requests_running: Mapped[int | None]
    requests_waiting: Mapped[int | None]
    signals: Mapped[list[dict[str, Any]]]  # [{name, verdict, value, at, source, detail}]

    __table_args__ = (Index("ix_pod_samples_pod_id_at", "pod_id", "at"),)


class PodRun(Base):
    """One stretch from a start to a stop. `rate_usd` is the last that was told while it ran, per hour."""

    __tablename__ = "pod_runs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    pod_id: Mapped[str]
    started_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    rate_usd: Mapped[float]
    ended_by: Mapped[str] = mapped_column(default="")

    __table_args__ = (Index("ix_pod_runs_pod_id_started_at", "pod_id", "started_at", unique=True),)


class PodSettings(Base):
    """What the operator has changed: one row. Absent fields are those of the environment."""

    __tablename__ = "pod_settings"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    values: Mapped[dict[str, Any]] = mapped_column(JSONB)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PodState(Base):
    """A copy of what the state machine of a pod has on disk."""

    __tablename__ = "pod_state"

    pod_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[dict[str, Any]] = mapped_column(JSONB)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PodAudit(Base):
    """A copy of the audit file's lines, under the ids they have there."""

    __tablename__ = "pod_audit"

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    pod_id: Mapped[str]
    event: Mapped[str]
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (Index("ix_pod_audit_at", "at"),)
