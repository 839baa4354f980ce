"""Conversations and messages."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    Index,
    false,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.models.base import Base


class MessageStatus(StrEnum):
    """Where an answer stands. A question is always `complete`."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"  # by the reader
    INTERRUPTED = "interrupted"  # the engine or this process went away
    FAILED = "failed"  # nothing was written; `error_code` says why


class Conversation(Base):
    """A thread of messages. They form a tree, because editing and regenerating keep what was there:
    `head_id` is the newest message of the branch that is shown."""

    __tablename__ = "conversations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(default="")
    system_prompt: Mapped[str] = mapped_column(default="")
    temperature: Mapped[float | None]
    max_tokens: Mapped[int | None]
    provider: Mapped[str | None]
    collection_ids: Mapped[list[UUID]] = mapped_column(server_default="{}", default=list)  # documents asked; none: none
    head_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_conversations_user_updated", "user_id", "updated_at"),)


class Message(Base):
    """One question or answer. `parent_id` is the message it follows."""

    __tablename__ = "messages"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    content: Mapped[str]
    status: Mapped[str] = mapped_column(default=MessageStatus.COMPLETE)
    provider: Mapped[str | None]
    model: Mapped[str | None]
    # For this answer something was sent to a provider outside; kept, because settings change.
    hosted: Mapped[bool] = mapped_column(server_default=false(), default=False)
    error_code: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    ttft_ms: Mapped[float | None]
    duration_ms: Mapped[float | None]
    trimmed_messages: Mapped[int] = mapped_column(default=0)
    # Passages the answer was written from, as they were then: [{n, chunk_id, document_id, document, path, page, text,
    # score, terms}]. None: no documents were asked; []: nothing relevant was found.
    sources: Mapped[list[dict[str, Any]] | None]
    rating: Mapped[int | None]
    comment: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
