"""Sentiment: jobs, their reviews with what was found, and each person's own instruction and examples."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    false,
    text,
)
from sqlalchemy import func as sql_func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.store.models.base import Base


class SentimentJobState(StrEnum):
    """Where a job stands. `queued` until its reviews are in the database."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"  # its file cannot be read; `error_code` says why
    CANCELLED = "cancelled"


class SentimentJob(Base):
    """A set of reviews to be classified.

    `shape` and `mapping` say how its file is read, `options` hold the language and the aspects that are asked for.
    `rows` counts reviews with something in them, `skipped` those without, `duplicates` those that say what another
    one says. `imported_at` is empty until all are in the database; `waiting_since` is set while no model answers.
    `hosted`: reviews were sent to a provider outside.
    """

    __tablename__ = "sentiment_jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default=SentimentJobState.QUEUED)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    shape: Mapped[dict[str, Any]] = mapped_column(JSONB)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    rows: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    model: Mapped[str] = mapped_column(default="")
    hosted: Mapped[bool] = mapped_column(server_default=false(), default=False)
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    waiting_since: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sql_func.now())
    imported_at: Mapped[datetime | None]
    resumed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_sentiment_jobs_user_created", "user_id", "created_at"),
        Index("ix_sentiment_jobs_open", "created_at", postgresql_where=text("state IN ('queued', 'running')")),
    )


class SentimentPiece(Base):
    """A piece of the uploaded file, kept until its rows are in the database: any machine may read it."""

    __tablename__ = "sentiment_pieces"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("sentiment_jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class SentimentRow(Base):
    """A review and what was found. `position` counts the rows of the file from 0.

    `chunk` is empty for what was left out (`is_skipped`; `error_code` says why). A duplicate has the chunk of the
    review it repeats (`duplicate_of`) and gets its result. `text_hash` is of the normalised text. `confidence` and the
    three scores are empty where the engine told the label alone. `is_cut`: it was read by its beginning and its end.
    """

    __tablename__ = "sentiment_rows"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("sentiment_jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    chunk: Mapped[int | None]
    review_id: Mapped[str]
    text: Mapped[str]
    text_hash: Mapped[bytes | None]
    restaurant: Mapped[str]
    written_at: Mapped[date | None]
    rating: Mapped[float | None] = mapped_column(Double)
    is_skipped: Mapped[bool]
    duplicate_of: Mapped[int | None]
    language: Mapped[str | None]
    label: Mapped[str | None]
    positive: Mapped[float | None] = mapped_column(Double)
    negative: Mapped[float | None] = mapped_column(Double)
    neutral: Mapped[float | None] = mapped_column(Double)
    confidence: Mapped[float | None] = mapped_column(Double)
    is_cut: Mapped[bool] = mapped_column(server_default=false(), default=False)
    corrected_label: Mapped[str | None]
    error_code: Mapped[str | None]
    error_message: Mapped[list[str] | None]  # Korean, English

    __table_args__ = (Index("ix_sentiment_rows_chunk", "job_id", "chunk"),)


class SentimentChunk(Base):
    """Reviews that one worker takes at a time. `lease` is its worker's mark, good until `leased_until`. `is_done` is
    set in the transaction that stores the results of its rows; `done` rows have a label, `failed` an error."""

    __tablename__ = "sentiment_chunks"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("sentiment_jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    rows: Mapped[int]
    is_done: Mapped[bool] = mapped_column(default=False)
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_sentiment_chunks_open", "job_id", "number", postgresql_where=text("NOT is_done")),)


class SentimentAspect(Base):
    """What a review says about one aspect, with the words that say so."""

    __tablename__ = "sentiment_aspects"

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    aspect: Mapped[str] = mapped_column(primary_key=True)
    polarity: Mapped[str]  # positive, negative, mixed, neutral
    evidence: Mapped[str]

    __table_args__ = (
        ForeignKeyConstraint(
            ["job_id", "position"], ["sentiment_rows.job_id", "sentiment_rows.position"], ondelete="CASCADE"
        ),
    )


class SentimentProfile(Base):
    """A person's own instruction and examples for reviews of one language. `examples`: [{text, label}], the newest
    last. An empty instruction stands for the one that is built in."""

    __tablename__ = "sentiment_profiles"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    instruction: Mapped[str] = mapped_column(default="")
    examples: Mapped[list[dict[str, Any]]]
    updated_at: Mapped[datetime] = mapped_column(server_default=sql_func.now())


class SentimentCalibration(Base):
    """What was fitted to labelled reviews for one model and language of the prompt: log-probabilities are multiplied by
    `weights`, then `bias` is added (positive, negative, neutral). `reviews` counts those it was fitted to."""

    __tablename__ = "sentiment_calibrations"

    model: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    weights: Mapped[list[list[float]]] = mapped_column(ARRAY(Double, dimensions=2))
    bias: Mapped[list[float]] = mapped_column(ARRAY(Double))
    reviews: Mapped[int]
    fitted_at: Mapped[datetime] = mapped_column(server_default=sql_func.now())
