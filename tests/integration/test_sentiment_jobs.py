"""Jobs over files of reviews: every review once, whoever dies; paused, cancelled, waiting for a model that is away."""

import asyncio
from dataclasses import replace

import pytest
import stamina
from sqlalchemy import func, select

from backend.errors import InvalidRequest, ReviewFileEmpty, SentimentJobNotReady, UnknownReview, UnknownSentimentJob
from backend.sentiment.labels import Label
from backend.sentiment.pages import RowFilter
from backend.sentiment.profiles import MAX_EXAMPLES
from backend.sentiment.prompt import Profile
from backend.sentiment.service import GivenReview
from backend.sentiment.store import JobView, Stage
from backend.store.models import SentimentPiece
from bench.engine_batch import FREE, Feature
from tests.fixtures.sentiment import Desk, csv_of, expected


async def test_a_file_becomes_results_in_its_order(desk: Desk) -> None:
    texts = [f"{n}번째 국물이 진해요" for n in range(1500)]
    texts[700] = texts[20]
    texts[1400] = " 20번째  국물이 진해요 "
    job = await desk.done(csv_of(texts) + "1500,\n1501,끝\n")
    assert (job.state, job.stage, job.rows, job.done, job.failed) == ("finished", None, 1501, 1501, 0)
    assert (job.skipped, job.duplicates, job.model, job.progress) == (1, 2, "double", 1.0)
    rows = await desk.rows(job)
    assert [row.position for row in rows] == list(range(1502))
    assert [row.label for row in rows[:1400]] == [expected(text) for text in texts[:1400]]
    assert (rows[700].duplicate_of, rows[1400].duplicate_of) == (20, 20)
    assert rows[700].scores == rows[1400].scores == rows[20].scores
    assert (rows[1500].is_skipped, rows[1500].error and rows[1500].error.code) == (True, "blank_text")


async def test_two_workers_share_one_job(desk: Desk) -> None:
    desk.engine.config = desk.slow(step_s=0.05)
    job = await desk.start(csv_of([f"{n}번째 반찬이 좋아요" for n in range(6000)]))
    async with desk.working(), desk.working():
        await desk.until_runners(job, 2)
        desk.engine.config = replace(desk.engine.config, max_num_seqs=1024, costs=FREE)
        ended = await desk.until(job, lambda view: view.state == "finished")
    assert (ended.done, ended.failed) == (6000, 0)
    # The few of the calibration besides, and chunks whose lease ran out on a busy machine; not all of them twice.
    assert desk.engine.counters.finished < 9000


async def test_pause_resume_and_cancel_are_noticed_at_once(desk: Desk) -> None:
    job = await desk.start(csv_of([f"{n}번째 반찬이 좋아요" for n in range(3000)]))
    desk.engine.config = desk.slow(step_s=0.05)
    async with desk.working():
        running = await desk.until(job, lambda view: view.done > 0)
        assert (running.stage, running.rate is not None, running.eta_s is not None) == (Stage.CLASSIFYING, True, True)
        desk.engine.trouble.is_held = True
        await desk.engine_is_busy()
        paused = await desk.service.pause(desk.mina, job.id)
        assert (paused.state, paused.stage, paused.rate) == ("paused", None, None)
        assert await desk.service.running_jobs() == 0
        async with asyncio.timeout(10):
            while desk.engine.unfinished:  # noqa: ASYNC110 -- the engine is told by a closed connection
                await asyncio.sleep(0.02)
        desk.engine.trouble.is_held = False
        await desk.service.resume(desk.mina, job.id)
        ended = await desk.until(job, lambda view: view.state == "finished")
        assert ended.done == 3000

        other = await desk.start(csv_of([f"{n}번째 커피가 별로" for n in range(3000)]))
        await desk.until(other, lambda view: view.done > 0)
        cancelled = await desk.service.cancel(desk.mina, other.id)
        assert cancelled.state == "cancelled" and cancelled.finished_at is not None
        with pytest.raises(SentimentJobNotReady, match="cancelled"):
            await desk.service.resume(desk.mina, other.id)
    with pytest.raises(UnknownSentimentJob):
        await desk.service.cancel(desk.sumin, other.id)


async def test_a_job_waits_for_a_model_that_is_away(desk: Desk) -> None:
    desk.engine.trouble.statuses.extend([503] * 10_000)
    job = await desk.start(csv_of([f"{n}번째 반찬이 좋아요" for n in range(600)]))
    async with desk.working():
        with stamina.set_testing(True, attempts=2):
            waiting = await desk.until(job, lambda view: view.stage is Stage.WAITING)
        assert (waiting.state, waiting.failed) == ("running", 0)
        desk.engine.trouble.statuses.clear()
        ended = await desk.until(job, lambda view: view.state == "finished")
    assert (ended.done, ended.failed) == (600, 0)


async def test_failed_reviews_are_listed_and_can_be_run_again(desk: Desk) -> None:
    desk.engine.trouble.poison = "독이 든"
    texts = ["국물이 진해요", "독이 든 글", "보통이에요", "독이  든 글", "끝"]
    job = await desk.done(csv_of(texts))
    assert (job.state, job.done, job.failed, job.duplicates) == ("finished", 3, 2, 1)
    failed = await desk.service.results(desk.mina, job.id, RowFilter(failed=True))
    assert [(row.position, row.error and row.error.code) for row in failed] == [
        (1, "review_refused"),
        (3, "review_refused"),
    ]
    desk.engine.trouble.poison = ""
    again = await desk.service.retry_failed(desk.mina, job.id)
    assert (again.state, again.done, again.failed) == ("running", 3, 0)
    await desk.jobs.work_until_idle()
    ended = await desk.service.job(desk.mina, job.id)
    assert (ended.state, ended.done, ended.failed) == ("finished", 5, 0)
    unchanged = await desk.service.retry_failed(desk.mina, job.id)
    assert unchanged.state == "finished"


async def test_a_file_that_cannot_be_read_fails_with_the_reason(desk: Desk) -> None:
    job = await desk.done("id,content\n1,\n2,  \n")
    assert job.state == "failed"
    assert isinstance(job.failure, ReviewFileEmpty)
    async with desk.database.session() as session:  # nobody reads the file any more
        assert await session.scalar(select(func.count()).select_from(SentimentPiece)) == 0
    await desk.service.delete(desk.mina, job.id)
    with pytest.raises(UnknownSentimentJob):
        await desk.service.job(desk.mina, job.id)


async def test_letters_that_the_database_refuses_cost_no_other_review(desk: Desk) -> None:
    words = "국물이 진하고 친절했어요 " * 5
    job = await desk.done(f"id,con\0tent\n1,{words}\n2\0,\0\n3\0,면이\0 불었어요\n")
    assert (job.state, job.done, job.skipped) == ("finished", 2, 1)
    assert [row.id for row in await desk.rows(job)] == ["1", "2", "3"]


async def test_reviews_that_are_handed_in_are_a_job_too(desk: Desk) -> None:
    given = [GivenReview(str(n), f"{n}번 좋아요\x00\ud800", "r1", "2026-01-02", 4.5) for n in range(3)]
    job = await desk.service.start_reviews(desk.mina, given, "붙여 넣은 글\n", aspects=["맛", "맛", " 배달 "])
    assert (job.name, job.options["aspects"]) == ("붙여 넣은 글", ["맛", "배달"])
    await desk.jobs.work_until_idle()
    rows = await desk.rows(job)
    assert [(row.id, row.text, row.restaurant, row.rating) for row in rows] == [
        (str(n), f"{n}번 좋아요?", "r1", 4.5) for n in range(3)
    ]
    assert all(row.label for row in rows)


async def test_a_model_that_tells_no_probabilities_gives_labels_alone(desk: Desk) -> None:
    desk.engine.config = replace(desk.engine.config, features=frozenset({Feature.JSON_SCHEMA}))
    long = "국물이 진해요 " * 2_000
    job = await desk.done(csv_of(["면이 불었어요", long, long + " "]))
    rows = await desk.rows(job)
    assert [row.label for row in rows][:1] == [expected("면이 불었어요")] and all(row.label for row in rows)
    assert [(row.scores, row.confidence, row.is_measured) for row in rows] == [(None, None, False)] * 3
    assert [(row.is_cut, row.duplicate_of) for row in rows] == [(False, None), (True, None), (True, 1)]
    assert (await desk.service.totals(desk.mina, job.id)).unmeasured == 3


async def test_a_correction_is_of_all_that_say_the_same(desk: Desk) -> None:
    job = await desk.done(csv_of(["국물이 진해요", "면이 불었어요", "국물이  진해요", "국물이 진해요 "]))
    rows = await desk.rows(job)
    assert rows[0].label is not None
    other = Label.NEGATIVE if rows[0].label is not Label.NEGATIVE else Label.POSITIVE
    changed = await desk.service.correct(desk.mina, job.id, 2, other)
    assert (changed.position, changed.label, changed.is_corrected) == (2, other, True)
    assert [row.is_corrected for row in await desk.rows(job)] == [True, False, True, True]
    assert (await desk.service.totals(desk.mina, job.id)).corrected == 3
    assert [row.position for row in await desk.service.least_sure(desk.mina, job.id, 10)] == [1]

    async def examples() -> list[str]:
        profile = await desk.service.profiles.profile_of(desk.mina)
        return [each.text for each in profile.prompts["ko"].examples if "국물이 진해요" in each.text]

    assert len(await examples()) == 1
    await desk.service.correct(desk.mina, job.id, 0, rows[0].label)  # another of them: the same example
    assert len(await examples()) == 1
    await desk.service.correct(desk.mina, job.id, 3, None)
    assert await examples() == []
    assert not any(row.is_corrected for row in await desk.rows(job))


async def test_a_correction_joins_the_prompt_that_the_review_was_asked_about_with(desk: Desk) -> None:
    profiles = desk.service.profiles
    path = desk.file("reviews.csv", csv_of(["スープがとても美味しかったです", "국물이 진해요"]))

    async def run(language: str | None) -> JobView:
        job = await desk.service.start_file(desk.mina, path, "reviews.csv", language=language)
        await desk.jobs.work_until_idle()
        return job

    async def examples(language: str) -> list[str]:
        profile = await profiles.profile_of(desk.mina)
        return [each.text for each in profile.prompts[language].examples]

    job = await run(None)
    await desk.service.correct(desk.mina, job.id, 0, Label.NEUTRAL)  # there is no Japanese prompt yet
    assert (await examples("en"))[-1] == "スープがとても美味しかったです"
    await profiles.save(desk.mina, "ja", "positive, negative か neutral\x00", [])
    assert (await profiles.profile_of(desk.mina)).prompts["ja"].instruction == "positive, negative か neutral"
    await desk.service.correct(desk.mina, job.id, 0, Label.NEGATIVE)
    assert await examples("ja") == ["スープがとても美味しかったです"]
    assert "スープがとても美味しかったです" not in await examples("en")
    in_english = await run("en")
    await desk.service.correct(desk.mina, in_english.id, 1, Label.NEUTRAL)
    assert (await examples("en"))[-1] == "국물이 진해요" and "국물이 진해요" not in await examples("ko")


async def test_corrections_count_and_become_examples(desk: Desk) -> None:
    job = await desk.done(csv_of([f"{n}번째 국물이 진해요" for n in range(30)]))
    before = (await desk.service.totals(desk.mina, job.id)).counts
    rows = await desk.rows(job)
    chosen = next(row for row in rows if row.label is not Label.NEUTRAL)
    assert chosen.label is not None
    changed = await desk.service.correct(desk.mina, job.id, chosen.position, Label.NEUTRAL)
    assert (changed.label, changed.model_label, changed.is_corrected) == (Label.NEUTRAL, chosen.label, True)
    totals = await desk.service.totals(desk.mina, job.id)
    assert totals.corrected == 1
    assert totals.counts[Label.NEUTRAL] == before[Label.NEUTRAL] + 1
    prompt = (await desk.service.profiles.profile_of(desk.mina)).prompts["ko"]
    assert (prompt.examples[-1].text, prompt.examples[-1].label) == (chosen.text, Label.NEUTRAL)
    assert len(prompt.examples) <= MAX_EXAMPLES
    assert (await desk.service.profiles.profile_of(desk.sumin)) == Profile()

    await desk.service.correct(desk.mina, job.id, chosen.position, None)
    assert (await desk.service.totals(desk.mina, job.id)).counts == before
    assert chosen.text not in [
        each.text for each in (await desk.service.profiles.profile_of(desk.mina)).prompts["ko"].examples
    ]
    with pytest.raises(UnknownReview):
        await desk.service.correct(desk.sumin, job.id, chosen.position, Label.NEUTRAL)
    with pytest.raises(UnknownReview):
        await desk.service.correct(desk.mina, job.id, 10_000, Label.NEUTRAL)
    with pytest.raises(InvalidRequest, match="neutral"):
        await desk.service.profiles.save(desk.mina, "ko", "positive or negative", [])
    await desk.service.profiles.reset(desk.mina, "ko")
    assert (await desk.service.profiles.profile_of(desk.mina)) == Profile()
