"""Tables of Ondol. Times are UTC; ids are random UUIDs, so that a number in a URL tells nothing."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it from the class
        datetime: TIMESTAMP(timezone=True),
        str: Text(),
        bytes: LargeBinary(),
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
        list[dict[str, Any]]: JSONB,
    }


class Role(StrEnum):
    ADMIN = "admin"
    USER = "user"


class User(Base):
    """A person who may sign in. `username` is stored in lower case."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(default=Role.USER)
    language: Mapped[str | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoginSession(Base):
    """A signed-in browser. Only the SHA-256 of the cookie's value is stored."""

    __tablename__ = "login_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    address: Mapped[str] = mapped_column(default="")
    user_agent: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiToken(Base):
    """A personal token for programs. Only its SHA-256 is stored; `prefix` tells tokens apart on the page."""

    __tablename__ = "api_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LoginThrottle(Base):
    """Failed sign-ins of one account, one address, or one account from one address (`bucket`)."""

    __tablename__ = "login_throttle"

    bucket: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_failure_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


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


class Collection(Base):
    """A set of documents, of one person or shared with everyone. `number` names it in the search tables."""

    __tablename__ = "collections"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(Integer, Identity(always=True), unique=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]


class DocumentStatus(StrEnum):
    """Where a document stands. Only what is `ready` is searched."""

    QUEUED = "queued"
    READING = "reading"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Document(Base):
    """An uploaded file. `progress` goes from 0 to 1 while it is read; `error_code` says why it failed."""

    __tablename__ = "documents"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    collection_id: Mapped[UUID] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    title: Mapped[str]
    file_name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes]
    status: Mapped[str] = mapped_column(default=DocumentStatus.QUEUED)
    progress: Mapped[float] = mapped_column(default=0.0)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    pages: Mapped[int | None]
    chunk_count: Mapped[int] = mapped_column(default=0)
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("collection_id", "sha256"),
        Index("ix_documents_unready", "collection_id", postgresql_where=text("status <> 'ready'")),
    )


class DocumentFile(Base):
    """The bytes of a file, kept once however many collections hold it, so that a passage opens in its place."""

    __tablename__ = "document_files"

    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class Chunk(Base):
    """A passage of a document. `path` is its place in words (headings, `제17조 제1항`), `page` its 1-based page."""

    __tablename__ = "chunks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    collection_number: Mapped[int] = mapped_column(index=True)
    ord: Mapped[int]
    path: Mapped[str] = mapped_column(default="")
    page: Mapped[int | None]
    body: Mapped[str]
    tokens: Mapped[int]

    __table_args__ = (UniqueConstraint("document_id", "ord"),)


class Encoder(Base):
    """A text encoder whose vectors are stored. One is `active`; another may be `building` its vectors meanwhile."""

    __tablename__ = "encoders"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str]
    dimensions: Mapped[int]
    state: Mapped[str] = mapped_column(default="building")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (UniqueConstraint("name", "dimensions"),)
