"""Sums of a job: corrections first, every review counted once, stars and aspects beside the labels."""

from datetime import date

from sqlalchemy import text

from backend.sentiment.labels import Label
from backend.sentiment.pages import RowFilter
from backend.sentiment.store import JobView
from backend.store.models import SentimentAspect
from tests.fixtures.sentiment import Desk

POSITIVE, NEGATIVE, NEUTRAL = Label.POSITIVE, Label.NEGATIVE, Label.NEUTRAL
# restaurant, day, stars, text, label, confidence
REVIEWS = [
    ("강남점", "2026-01-05", 5, "국물이 진하고 직원분들도 친절했어요", POSITIVE, 0.95),
    ("강남점", "2026-01-06", 1, "국물이 진하고 직원분들도 친절했어요", POSITIVE, 0.95),
    ("강남점", "2026-01-06", 2, "한 시간을 기다렸는데 음식이 식어 있었습니다", NEGATIVE, 0.9),
    ("서면점", "2026-01-12", 4, "이 가격에 이 맛이라니 돈이 아깝습니다", NEGATIVE, 0.55),
    ("서면점", "", 3, "역 앞에 있고 자리는 스무 석", NEUTRAL, 0.6),
    ("서면점", "2026-01-13", "", "100% 만족_합니다", POSITIVE, 1.0),
]


async def made(desk: Desk) -> JobView:
    """The job, with labels written as if a model had said so."""
    lines = [f"{shop},{day},{stars},{words}" for shop, day, stars, words, _, _ in REVIEWS]
    job = await desk.done("restaurant,date,rating,content\n" + "\n".join(lines) + "\n서면점,,,\n")
    update = text("""
        UPDATE sentiment_rows SET label = :label, confidence = :confidence
        WHERE job_id = :job AND position = :position""")
    async with desk.database.session() as session:
        for position, (*_, label, confidence) in enumerate(REVIEWS):
            values = {"job": job.id, "position": position, "label": label, "confidence": confidence}
            await session.execute(update, values)
        for position, aspect, polarity in ((0, "맛", "positive"), (2, "서비스", "negative"), (2, "맛", "positive")):
            session.add(
                SentimentAspect(job_id=job.id, position=position, aspect=aspect, polarity=polarity, evidence="국물")
            )
    return job


async def test_sums(desk: Desk) -> None:
    job = await made(desk)
    totals = await desk.service.totals(desk.mina, job.id)
    assert totals.counts == {POSITIVE: 3, NEGATIVE: 2, NEUTRAL: 1}
    assert totals.ratios == {POSITIVE: 0.5, NEGATIVE: 2 / 6, NEUTRAL: 1 / 6}
    assert (totals.failed, totals.corrected, totals.mixed) == (0, 0, 1)
    assert (totals.histogram[POSITIVE][9], totals.histogram[NEGATIVE][5], totals.histogram[NEUTRAL][6]) == (3, 1, 1)
    assert totals.step == "day"
    assert [(each.name, sum(each.counts.values())) for each in totals.trend] == [
        ("2026-01-05", 1), ("2026-01-06", 2), ("2026-01-12", 1), ("2026-01-13", 1),
    ]  # fmt: skip
    assert [(each.name, each.counts[POSITIVE]) for each in totals.restaurants] == [("강남점", 2), ("서면점", 1)]
    assert [each.position for each in totals.telling[POSITIVE]] == [0]  # the other one is the same, the third too short
    assert [each.position for each in totals.telling[NEGATIVE]] == [2, 3]
    assert totals.stars.table["low"] == {POSITIVE: 1, NEGATIVE: 1, NEUTRAL: 0}
    assert (totals.stars.compared, totals.stars.contradictions) == (5, 2)
    tastes = totals.aspects[0]
    assert (tastes.aspect, tastes.positive, tastes.negative) == ("맛", 3, 0)  # a duplicate says it as well

    await desk.service.correct(desk.mina, job.id, 3, POSITIVE)
    totals = await desk.service.totals(desk.mina, job.id)
    assert totals.counts == {POSITIVE: 4, NEGATIVE: 1, NEUTRAL: 1}
    assert (totals.corrected, totals.stars.contradictions) == (1, 1)
    assert [each.position for each in totals.telling[NEGATIVE]] == [2]


async def test_labels_without_a_confidence_are_counted_apart(desk: Desk) -> None:
    job = await made(desk)
    unmeasured = "UPDATE sentiment_rows SET positive = NULL, negative = NULL, neutral = NULL, confidence = NULL {where}"
    async with desk.database.session() as session:
        await session.execute(text(unmeasured.format(where="WHERE position IN (0, 1, 3)")))
    totals = await desk.service.totals(desk.mina, job.id)
    assert (totals.unmeasured, totals.counts[POSITIVE]) == (3, 3)
    assert {label: sum(parts) for label, parts in totals.histogram.items()} == {POSITIVE: 1, NEGATIVE: 1, NEUTRAL: 1}
    assert [[each.position for each in totals.telling[label]] for label in (POSITIVE, NEGATIVE)] == [[], [2]]
    least = await desk.service.least_sure(desk.mina, job.id, 10)
    assert [row.position for row in least] == [4, 2, 5, 0, 3]
    below = await desk.service.results(desk.mina, job.id, RowFilter(below=0.95))
    assert [row.position for row in below] == [2, 4]
    rows = await desk.rows(job)
    assert [(row.is_measured, row.scores is None) for row in rows[:3]] == [(False, True), (False, True), (True, False)]

    async with desk.database.session() as session:
        await session.execute(text(unmeasured.format(where="")))
    totals = await desk.service.totals(desk.mina, job.id)
    assert totals.unmeasured == 6 and not any(map(sum, totals.histogram.values()))


async def test_the_trend_is_told_by_week_or_month_for_longer_spans(desk: Desk) -> None:
    for last, step in (("2026-04-30", "week"), ("2028-12-30", "month")):
        job = await desk.done(f"date,content\n2026-01-07,국물이 진해요\n{last},면이 불었어요\n", f"{step}.csv")
        totals = await desk.service.totals(desk.mina, job.id)
        assert (totals.step, len(totals.trend)) == (step, 2)
        first = date.fromisoformat(totals.trend[0].name)
        assert first == (date(2026, 1, 5) if step == "week" else date(2026, 1, 1))


async def test_pages_and_filters(desk: Desk) -> None:
    job = await made(desk)

    async def positions(wanted: RowFilter, after: int = -1, limit: int = 100) -> list[int]:
        found = await desk.service.results(desk.mina, job.id, wanted, after=after, limit=limit)
        return [row.position for row in found]

    assert await positions(RowFilter()) == [0, 1, 2, 3, 4, 5, 6]
    assert await positions(RowFilter(), after=1, limit=2) == [2, 3]
    assert await positions(RowFilter(label=NEGATIVE)) == [2, 3]
    assert await positions(RowFilter(below=0.61)) == [3, 4]
    assert await positions(RowFilter(contains="100%")) == [5]
    assert await positions(RowFilter(contains="만족_")) == [5]
    assert await positions(RowFilter(contains="%만족")) == []
    assert await positions(RowFilter(restaurant="강남점", label=POSITIVE)) == [0, 1]
    assert await positions(RowFilter(failed=True)) == [6]
    assert await positions(RowFilter(contradicting=True)) == [1, 3]
    rows = await desk.rows(job)
    assert [row.is_mixed for row in rows] == [False, False, True, False, False, False, False]
    assert [each["aspect"] for each in rows[1].aspects] == ["맛"]
    assert [row.position for row in await desk.service.least_sure(desk.mina, job.id, 2)] == [3, 4]
