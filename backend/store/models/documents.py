"""Collections, documents and their passages."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.models.base import Base


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
