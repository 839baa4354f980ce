"""The reviews of a job with what was found, a page at a time."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import Text
from backend.sentiment.labels import ItemError, Label
from backend.sentiment.reading.values import clean
from backend.store.database import Database

MAX_PAGE = 2000
LABEL = "coalesce(r.corrected_label, r.label)"
"""SQL: the label that counts. What a person says goes before what the model says."""
LOW_STARS, HIGH_STARS = 2.5, 3.5
CONTRADICTION = f"""(({LABEL} = 'positive' AND r.rating < {LOW_STARS})
    OR ({LABEL} = 'negative' AND r.rating >= {HIGH_STARS}))"""
"""SQL: the label is the opposite of what the stars say."""
MIXED = """EXISTS (
    SELECT FROM sentiment_aspects a WHERE a.job_id = r.job_id AND a.position = coalesce(r.duplicate_of, r.position)
    HAVING bool_or(a.polarity = 'mixed') OR (bool_or(a.polarity = 'positive') AND bool_or(a.polarity = 'negative')))"""
"""SQL: the review praises one aspect and blames another. A duplicate has the aspects of the review it repeats."""


@dataclass(frozen=True)
class RowFilter:
    """Which reviews are wanted; what is None or False does not matter.

    Attributes:
        label: the one that counts, after corrections.
        below: confidence of the model less than this; none where it was not measured.
        contains: text that is in the review, in upper or lower case.
        restaurant: its very name.
        failed: only those without a label: the model failed, or the row holds no review.
        contradicting: only those whose label is the opposite of their stars.
    """

    label: Label | None = None
    below: float | None = None
    contains: str | None = None
    restaurant: str | None = None
    failed: bool = False
    contradicting: bool = False


@dataclass(frozen=True)
class ReviewRow:
    """A review with its result.

    Attributes:
        position: of its row in the file, from 0.
        label: the one that counts; None while there is none.
        model_label: what the model said.
        scores: calibrated probabilities of the model, `confidence` that of its label; None without a label of it, and
            where it told the label alone (`is_measured` is False).
        is_cut: it was too long, and only its beginning and its end were read.
        aspects: {aspect, polarity, evidence}.
        is_mixed: it praises one aspect and blames another.
        error: why it has no label; rows that hold no review (`is_skipped`) have one as well.
    """

    position: int
    id: str
    text: str
    restaurant: str
    written_at: date | None
    rating: float | None
    language: str | None
    label: Label | None
    model_label: Label | None
    is_corrected: bool
    scores: dict[Label, float] | None
    confidence: float | None
    duplicate_of: int | None
    is_cut: bool
    is_skipped: bool
    is_mixed: bool
    aspects: Sequence[dict[str, str]]
    error: ItemError | None

    @property
    def is_measured(self) -> bool:
        """Whether the model told how sure it is."""
        return self.confidence is not None


async def page(
    session: AsyncSession, job_id: UUID, wanted: RowFilter, *, after: int = -1, limit: int = MAX_PAGE
) -> list[ReviewRow]:
    """At most `limit` reviews with a result whose position is behind `after`, in the order of the file."""
    statement = text(_SELECT + _conditions(wanted) + _IN_ORDER)
    rows = await session.execute(statement, _values(job_id, wanted, after, limit))
    return [_row(row) for row in rows]


async def row_at(session: AsyncSession, job_id: UUID, position: int) -> ReviewRow | None:
    """One review, None where there is no result of it."""
    found = await page(session, job_id, RowFilter(), after=position - 1, limit=1)
    return found[0] if found and found[0].position == position else None


async def least_sure(session: AsyncSession, job_id: UUID, wanted: RowFilter, limit: int) -> list[ReviewRow]:
    """Of the reviews that are wanted those the model was least sure of and nobody has corrected, each text once; at the
    end those of which it did not say how sure it is."""
    statement = text(_SELECT + _conditions(wanted) + _UNCERTAIN_FIRST)
    rows = await session.execute(statement, _values(job_id, wanted, -1, limit))
    return [_row(row) for row in rows]


async def every(database: Database, job_id: UUID, wanted: RowFilter, after: int = -1) -> AsyncIterator[list[ReviewRow]]:
    """All reviews that are wanted, page by page; no transaction is held between two pages."""
    while True:
        async with database.session() as session:
            rows = await page(session, job_id, wanted, after=after)
        if not rows:
            return
        yield rows
        after = rows[-1].position


def _values(job_id: UUID, wanted: RowFilter, after: int, limit: int) -> dict[str, object]:
    return {
        "job": job_id,
        "after": after,
        "limit": min(limit, MAX_PAGE),
        "label": wanted.label,
        "below": wanted.below,
        "contains": _pattern(wanted.contains),
        "restaurant": wanted.restaurant and clean(wanted.restaurant),
    }


def _conditions(wanted: RowFilter) -> str:
    """Only constants of ours go into the statement; what people ask for is passed beside it."""
    conditions = {
        f"{LABEL} = :label": wanted.label is not None,
        "r.confidence < :below AND r.corrected_label IS NULL": wanted.below is not None,
        "r.text ILIKE :contains": bool(wanted.contains),
        "r.restaurant = :restaurant": wanted.restaurant is not None,
        "r.error_code IS NOT NULL AND r.corrected_label IS NULL": wanted.failed,
        CONTRADICTION: wanted.contradicting,
    }
    return "".join(f" AND {condition}" for condition, is_wanted in conditions.items() if is_wanted)


_SELECT = f"""
    SELECT r.*, {LABEL} AS final_label, {MIXED} AS is_mixed, coalesce((
        SELECT jsonb_agg(jsonb_build_object('aspect', a.aspect, 'polarity', a.polarity, 'evidence', a.evidence)
            ORDER BY a.aspect)
        FROM sentiment_aspects a WHERE a.job_id = r.job_id AND a.position = coalesce(r.duplicate_of, r.position)
    ), '[]') AS aspects
    FROM sentiment_rows r
    WHERE r.job_id = :job AND r.position > :after AND (r.label IS NOT NULL OR r.error_code IS NOT NULL)"""  # noqa: S608 -- constants
_IN_ORDER = " ORDER BY r.position LIMIT :limit"
_UNCERTAIN_FIRST = """ AND r.duplicate_of IS NULL AND r.corrected_label IS NULL AND r.label IS NOT NULL
    ORDER BY r.confidence NULLS LAST, r.position LIMIT :limit"""


def _pattern(contained: str | None) -> str | None:
    if not contained:
        return None
    escaped = contained.replace("\x00", "").replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def _row(row: Row[Any]) -> ReviewRow:
    measured = {Label.POSITIVE: row.positive, Label.NEGATIVE: row.negative, Label.NEUTRAL: row.neutral}
    return ReviewRow(
        position=row.position,
        id=row.review_id,
        text=row.text,
        restaurant=row.restaurant,
        written_at=row.written_at,
        rating=row.rating,
        language=row.language,
        label=Label(row.final_label) if row.final_label else None,
        model_label=Label(row.label) if row.label else None,
        is_corrected=row.corrected_label is not None,
        scores=measured if row.confidence is not None else None,
        confidence=row.confidence,
        duplicate_of=row.duplicate_of,
        is_cut=row.is_cut,
        is_skipped=row.is_skipped,
        is_mixed=row.is_mixed,
        aspects=row.aspects,
        error=ItemError(row.error_code, Text(*row.error_message)) if row.error_code else None,
    )
