"""Chunks: one worker at a time, results stored by the one that has the lease, and what is left after many deaths."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from backend.sentiment import jobs as sentiment_jobs
from backend.sentiment.chunks import MAX_ATTEMPTS, Chunk, Chunks, LeaseLost
from backend.sentiment.importing import Importing
from backend.sentiment.labels import Finding, Label
from backend.sentiment.store import JobView
from bench.engine_batch.costs import FREE
from tests.fixtures.sentiment import Desk, csv_of


async def imported(desk: Desk, count: int = 40) -> JobView:
    """A running job that nobody works on."""
    job = await desk.start(csv_of([f"{n}번째 국물이 진해요" for n in range(count)]))
    assert await Importing(desk.database, desk.settings).run(job.id)
    return await desk.service.job(desk.mina, job.id)


def findings(chunk: Chunk, label: Label) -> list[Finding]:
    return [Finding(each.index, each.id, label, dict.fromkeys(Label, 1 / 3), 1 / 3, "ko") for each in chunk.reviews]


async def test_a_worker_that_comes_back_too_late_stores_nothing(desk: Desk) -> None:
    job = await imported(desk)
    slow, quick = (Chunks(desk.database, job.id, uuid4()) for _ in range(2))
    first = await slow.take()
    other = await quick.take()
    assert first is not None and other is not None
    assert (first.number, other.number, len(first.reviews), len(other.reviews)) == (0, 1, 32, 8)
    assert await quick.take() is None
    async with desk.database.session() as session:
        await session.execute(
            text("UPDATE sentiment_chunks SET leased_until = now() - interval '1 s' WHERE number = 0")
        )
    again = await quick.take()
    assert again is not None and again.number == 0
    await quick.acknowledge(again, findings(again, Label.POSITIVE), "quick")
    with pytest.raises(LeaseLost):
        await slow.acknowledge(first, findings(first, Label.NEGATIVE), "slow")
    with pytest.raises(LeaseLost):
        await quick.acknowledge(again, findings(again, Label.NEGATIVE), "quick")
    view = await desk.service.job(desk.mina, job.id)
    assert (view.done, view.model) == (32, "quick")
    assert (await desk.service.totals(desk.mina, job.id)).counts[Label.NEGATIVE] == 0
    assert await slow.renew()
    await desk.service.pause(desk.mina, job.id)
    assert not await slow.renew()
    with pytest.raises(LeaseLost):
        await quick.acknowledge(other, findings(other, Label.POSITIVE), "quick")


async def test_a_chunk_with_which_workers_die_again_and_again_is_left(desk: Desk) -> None:
    job = await imported(desk)
    async with desk.database.session() as session:
        await session.execute(
            text("UPDATE sentiment_chunks SET attempts = :most WHERE number = 0"), {"most": MAX_ATTEMPTS}
        )
    await desk.service.jobs.defer(job.id)
    await desk.jobs.work_until_idle()
    ended = await desk.service.job(desk.mina, job.id)
    assert (ended.state, ended.done, ended.failed) == ("finished", 8, 32)


async def test_a_long_job_lets_a_short_one_pass(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentiment_jobs, "_TURN_S", 0.1)
    desk.engine.config = desk.slow(step_s=0.05)
    long = await desk.start(csv_of([f"{n}번째 국물이 진해요" for n in range(20_000)]), "long.csv")
    async with desk.working():
        await desk.until(long, lambda view: view.done > 0)
        short = await desk.start(csv_of([f"{n}번째 면이 불었어요" for n in range(40)]), "short.csv")
        await desk.until(short, lambda view: view.state == "finished")
        assert (await desk.service.job(desk.mina, long.id)).state == "running"
        assert await desk.service.running_jobs() == 1
        assert desk.engine.config.costs != FREE


async def test_a_lost_job_of_the_queue_makes_way_for_the_one_that_waits(desk: Desk) -> None:
    """A killed worker leaves a job that is being done; one with the same key may have been put in meanwhile."""
    await desk.jobs.defer("sentiment.classify", once="key", job_id=str(uuid4()), slot=0)
    async with desk.database.session() as session:
        await session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    await desk.jobs.defer("sentiment.classify", once="key", job_id=str(uuid4()), slot=0)
    await desk.jobs.recover()
    async with desk.database.session() as session:
        left = (await session.scalars(text("SELECT status::text FROM procrastinate_jobs"))).all()
    assert left == ["todo"]
