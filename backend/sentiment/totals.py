"""What a job found, in sums. A correction goes before the model's label in all of them.

Every review counts, duplicates as well: fifty people who write the same words are fifty people. Only the lists of
single reviews show each text once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.sentiment.labels import LABELS, Label
from backend.sentiment.pages import CONTRADICTION, HIGH_STARS, LABEL, LOW_STARS, MIXED

BINS = 10
"""Of the histogram of confidences from 0 to 1."""
_RESTAURANTS = 50
_TELLING = 5
_TELLING_CHARACTERS = (15, 300)
_DAYS_IN_DAYS, _DAYS_IN_WEEKS = 62, 730  # longest spans that are told by day, by week
Counts = dict[Label, int]


@dataclass(frozen=True)
class Group:
    """Labels of a part of the reviews: a restaurant, or the time that begins at `name`."""

    name: str
    counts: Counts


@dataclass(frozen=True)
class AspectCounts:
    """How often an aspect is spoken of, and how."""

    aspect: str
    positive: int
    negative: int
    mixed: int
    neutral: int


@dataclass(frozen=True)
class Telling:
    """A review that says clearly what its label says."""

    position: int
    text: str
    restaurant: str
    confidence: float


@dataclass(frozen=True)
class Stars:
    """Labels beside stars.

    Attributes:
        table: labels of the reviews with 1–2, with 3, and with 4–5 stars.
        compared: reviews with a label and stars.
        contradictions: positive ones with 1–2 stars, and negative ones with 4–5.
    """

    table: dict[Literal["low", "middle", "high"], Counts]
    compared: int
    contradictions: int


@dataclass(frozen=True)
class Totals:
    """Sums over the reviews that have a label by now.

    Attributes:
        ratios: of the labels among the reviews that have one; 0 where there is none.
        failed: reviews the model could not label. Rows without a review are not among them.
        unmeasured: reviews whose label came without a probability, so how sure the model is of it is not known.
        histogram: for each label of the model, how often its confidence was in each of `BINS` equal parts of 0 to 1;
            without those that are unmeasured.
        trend: by `step`; reviews without a day are not in it.
        restaurants: those with most reviews, at most 50.
        mixed: reviews that praise one aspect and blame another, whatever their label.
        telling: those the model is surest of; none of those that are unmeasured.
    """

    counts: Counts
    ratios: dict[Label, float]
    failed: int
    corrected: int
    mixed: int
    unmeasured: int
    histogram: dict[Label, list[int]]
    step: Literal["day", "week", "month"]
    trend: Sequence[Group]
    restaurants: Sequence[Group]
    telling: dict[Label, Sequence[Telling]]
    stars: Stars
    aspects: Sequence[AspectCounts]


async def totals_of(session: AsyncSession, job_id: UUID) -> Totals:
    """The sums of a job, whether it has ended or not."""
    job = {"job": job_id}
    sums = (await session.execute(_SUMS, job)).one()
    counts = {label: getattr(sums, label) for label in LABELS}
    labelled = sum(counts.values())
    step = _step(sums.first_day, sums.last_day)
    return Totals(
        counts=counts,
        ratios={label: count / labelled if labelled else 0.0 for label, count in counts.items()},
        failed=sums.failed,
        corrected=sums.corrected,
        mixed=await session.scalar(_MIXED, job) or 0,
        unmeasured=sums.unmeasured,
        histogram=_histogram((await session.execute(_HISTOGRAM, {**job, "bins": BINS})).all()),
        step=step,
        trend=[_group(row) for row in await session.execute(_TREND, {**job, "step": step})],
        restaurants=[_group(row) for row in await session.execute(_BY_RESTAURANT, {**job, "limit": _RESTAURANTS})],
        telling={label: await _telling(session, job_id, label) for label in (Label.POSITIVE, Label.NEGATIVE)},
        stars=_stars((await session.execute(_STARS, job)).all(), sums.contradictions),
        aspects=[AspectCounts(**row._mapping) for row in await session.execute(_ASPECTS, job)],
    )


async def _telling(session: AsyncSession, job_id: UUID, label: Label) -> list[Telling]:
    shortest, longest = _TELLING_CHARACTERS
    values = {"job": job_id, "label": label, "shortest": shortest, "longest": longest, "limit": _TELLING}
    return [Telling(**row._mapping) for row in await session.execute(_MOST_TELLING, values)]


def _step(first: date | None, last: date | None) -> Literal["day", "week", "month"]:
    days = (last - first).days if first and last else 0
    return "day" if days <= _DAYS_IN_DAYS else "week" if days <= _DAYS_IN_WEEKS else "month"


def _group(row: Any) -> Group:
    return Group(str(row.name), {label: getattr(row, label) for label in LABELS})


def _histogram(rows: Sequence[Any]) -> dict[Label, list[int]]:
    found = {label: [0] * BINS for label in LABELS}
    for label, part, count in rows:
        found[Label(label)][part] = count
    return found


def _stars(rows: Sequence[Any], contradictions: int) -> Stars:
    table: dict[Literal["low", "middle", "high"], Counts] = {
        "low": dict.fromkeys(LABELS, 0),
        "middle": dict.fromkeys(LABELS, 0),
        "high": dict.fromkeys(LABELS, 0),
    }
    for band, label, count in rows:
        table[band][Label(label)] = count
    return Stars(table, sum(sum(counts.values()) for counts in table.values()), contradictions)


_COUNTS = ", ".join(f"count(*) FILTER (WHERE {LABEL} = '{label}') AS {label}" for label in LABELS)
_LABELLED = f"FROM sentiment_rows r WHERE r.job_id = :job AND {LABEL} IS NOT NULL"
_SUMS = text(f"""
    SELECT {_COUNTS},
        count(*) FILTER (WHERE r.error_code IS NOT NULL AND r.corrected_label IS NULL AND NOT r.is_skipped) AS failed,
        count(r.corrected_label) AS corrected,
        count(*) FILTER (WHERE r.label IS NOT NULL AND r.confidence IS NULL) AS unmeasured,
        count(*) FILTER (WHERE {CONTRADICTION}) AS contradictions,
        min(r.written_at) FILTER (WHERE {LABEL} IS NOT NULL) AS first_day,
        max(r.written_at) FILTER (WHERE {LABEL} IS NOT NULL) AS last_day
    FROM sentiment_rows r WHERE r.job_id = :job""")  # noqa: S608 -- constants
_HISTOGRAM = text("""
    SELECT label, least(floor(confidence * :bins)::int, :bins - 1) AS part, count(*)
    FROM sentiment_rows WHERE job_id = :job AND label IS NOT NULL AND confidence IS NOT NULL GROUP BY 1, 2""")
_TREND = text(f"""
    SELECT date_trunc(:step, r.written_at::timestamp)::date AS name, {_COUNTS}
    {_LABELLED} AND r.written_at IS NOT NULL GROUP BY 1 ORDER BY 1""")
_BY_RESTAURANT = text(f"""
    SELECT r.restaurant AS name, {_COUNTS}
    {_LABELLED} AND r.restaurant <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :limit""")
_STARS = text(f"""
    SELECT CASE WHEN r.rating < {LOW_STARS} THEN 'low' WHEN r.rating < {HIGH_STARS} THEN 'middle' ELSE 'high' END,
        {LABEL}, count(*)
    {_LABELLED} AND r.rating IS NOT NULL GROUP BY 1, 2""")
_MOST_TELLING = text(f"""
    SELECT r.position, r.text, r.restaurant, r.confidence
    {_LABELLED} AND {LABEL} = :label AND r.label = :label AND r.duplicate_of IS NULL
        AND r.confidence IS NOT NULL AND length(r.text) BETWEEN :shortest AND :longest
    ORDER BY r.confidence DESC, r.position LIMIT :limit""")
_ASPECTS = text("""
    SELECT a.aspect, count(*) FILTER (WHERE a.polarity = 'positive') AS positive,
        count(*) FILTER (WHERE a.polarity = 'negative') AS negative,
        count(*) FILTER (WHERE a.polarity = 'mixed') AS mixed, count(*) FILTER (WHERE a.polarity = 'neutral') AS neutral
    FROM sentiment_aspects a JOIN sentiment_rows r
        ON r.job_id = a.job_id AND coalesce(r.duplicate_of, r.position) = a.position
    WHERE a.job_id = :job GROUP BY 1 ORDER BY count(*) DESC, 1""")
_MIXED = text(f"SELECT count(*) FROM sentiment_rows r WHERE r.job_id = :job AND {MIXED}")  # noqa: S608 -- constants
