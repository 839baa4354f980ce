"""Problem sets that were imported, attempts of learners, hints and what was blocked of them."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Identity, Index, Integer, SmallInteger, false, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.models.base import Base


class ProblemSet(Base):
    """A file of problems that an admin imported. `number` is the order in which sets lie upon each other."""

    __tablename__ = "problem_sets"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(Integer, Identity(always=True), unique=True)
    name: Mapped[str]
    mode: Mapped[str]
    payload: Mapped[bytes]
    imported_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    imported_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ReferenceCheck(Base):
    """How a reference solution fared on the cases of its problem; the key is a hash of both."""

    __tablename__ = "reference_checks"

    content_hash: Mapped[bytes] = mapped_column(primary_key=True)
    verdict: Mapped[str]
    detail: Mapped[str] = mapped_column(default="")
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())


class HintAttempt(Base):
    """A program that was run against the cases of a problem. `failing`: the smallest failing case, if there is one."""

    __tablename__ = "hint_attempts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    problem_id: Mapped[int]
    code: Mapped[str]
    verdict: Mapped[str]
    passed: Mapped[int]
    total: Mapped[int]
    failing: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("ix_hint_attempts_user_problem", "user_id", "problem_id", "created_at"),
        Index("ix_hint_attempts_problem", "problem_id", "created_at"),
    )


class Hint(Base):
    """A hint that was shown. `source` is `model` or `template`; hints compared side by side share `comparison_id`.

    `note` is why it is not what was asked for. `hosted`: for it something was sent to a provider outside.
    """

    __tablename__ = "hints"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    problem_id: Mapped[int]
    attempt_id: Mapped[UUID | None] = mapped_column(ForeignKey("hint_attempts.id", ondelete="SET NULL"), index=True)
    level_asked: Mapped[int] = mapped_column(SmallInteger)
    level_given: Mapped[int] = mapped_column(SmallInteger)
    tone: Mapped[str]
    language: Mapped[str]
    provider: Mapped[str | None]
    model: Mapped[str | None]
    text: Mapped[str]
    source: Mapped[str]
    note: Mapped[str | None]
    hosted: Mapped[bool] = mapped_column(server_default=false(), default=False)
    diagnosis: Mapped[dict[str, Any]] = mapped_column(JSONB)
    guard: Mapped[dict[str, Any]] = mapped_column(JSONB)
    validation: Mapped[dict[str, Any]] = mapped_column(JSONB)
    comparison_id: Mapped[UUID | None] = mapped_column(index=True)
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    complaint: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    duration_ms: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("ix_hints_user_problem", "user_id", "problem_id", "created_at"),
        Index("ix_hints_problem", "problem_id", "created_at"),
    )


class HintBlock(Base):
    """A text of a model that was kept back, and why. `hint_id` is the hint that was shown instead."""

    __tablename__ = "hint_blocks"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    hint_id: Mapped[UUID | None] = mapped_column(ForeignKey("hints.id", ondelete="SET NULL"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    problem_id: Mapped[int]
    level: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str]
    reasons: Mapped[list[str]]
    attempt: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
