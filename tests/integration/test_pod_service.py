"""The whole application on a pod: it stops when nobody works, never under somebody, and says what it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.errors import Draining
from backend.pod.console import Standing
from backend.pod.history import PodHistory
from backend.pod.machine import Phase
from backend.store.database import Database
from backend.store.models import PodAudit, PodRun, PodSample, PodState
from backend.web.services import Services, services_of
from bench.engine.server import EngineDouble
from tests.fixtures.chat import House, house_of
from tests.fixtures.pod import OWN, QUIET, PodHouse, admin_of
from tests.fixtures.runpod import ManualClock
from tests.runpod_double import FaultKind, RunpodDouble


async def test_nobody_works_and_the_pod_is_warned_of_stopped_and_proven_stopped(pod_house: PodHouse) -> None:
    await pod_house.until_warned()
    console = pod_house.pod.console()
    assert console.standing is Standing.POD
    assert console.view.decision is not None
    assert console.view.decision.wants_stop
    assert pod_house.pod.brief().until == pod_house.clock.now() + timedelta(seconds=120)
    assert pod_house.runpod.account.asked("stop") == 0
    await pod_house.run_until(lambda: pod_house.phase is Phase.STOPPED, 180)
    assert pod_house.runpod.account.settled()[OWN].status == "EXITED"
    assert pod_house.events()[-4:] == ["warned", "rechecked", "stop_requested", "stop_verified"]
    assert not pod_house.pod.brief().is_draining


async def test_a_question_during_the_countdown_keeps_the_pod(pod_house: PodHouse) -> None:
    await pod_house.until_warned()
    answer = await pod_house.house.client.post("/api/v1/chat", json={"message": "still here"})
    assert answer.status_code == 200
    await pod_house.run(10)
    assert pod_house.phase is Phase.ARMED
    assert pod_house.events()[-1] == "called_off"
    assert pod_house.runpod.account.asked("stop") == 0


async def test_looking_is_no_work(pod_house: PodHouse) -> None:
    """Health checks, metrics, the console's own polling and the heartbeat do not keep the pod awake."""

    async def poll() -> None:
        for path in ("/health", "/api/v1/pod", "/api/v1/pod/heartbeat", "/api/v1/pod/history", "/api/v1/conversations"):
            assert (await pod_house.admin.get(path)).status_code in (200, 403, 503), path

    for _ in range(20 * 60 // 30):
        if pod_house.phase is Phase.WARNED:
            break
        await poll()
        await pod_house.run(30)
    assert pod_house.phase is Phase.WARNED


async def test_an_answer_under_way_is_finished_while_new_work_is_refused(pod_house: PodHouse) -> None:
    house = pod_house.house
    await pod_house.run(61)
    house.engine.next_answer = "word " * 150
    run = await house.chat.ask(house.user_id, "a long one")
    await pod_house.pod.stop("user:root", reason="the day is over")
    refused = await house.client.post("/api/v1/chat", json={"message": "another"})
    assert (refused.status_code, refused.json()["code"]) == (503, "draining")
    assert int(refused.headers["retry-after"]) > 0
    assert (await house.client.post("/api/v1/search", json={"query": "word"})).json()["code"] == "draining"
    with pytest.raises(Draining):
        await house.services.documents.add_file(house.user_id, run.conversation_id, "a.txt", b"words")
    await pod_house.run(5)
    assert pod_house.phase is Phase.DRAINING
    assert pod_house.runpod.account.asked("stop") == 0
    async with asyncio.timeout(30):
        await run.wait()
    assert run.error is None
    assert run.text
    await pod_house.run_until(lambda: pod_house.phase is Phase.STOPPED, 60)


async def test_a_stop_that_is_cancelled_opens_the_doors(pod_house: PodHouse) -> None:
    house = pod_house.house
    await pod_house.run(61)
    house.engine.next_answer = "word " * 150
    run = await house.chat.ask(house.user_id, "a long one")
    await pod_house.pod.stop("user:root")
    assert pod_house.pod.brief().is_draining
    pod_house.pod.cancel("user:root")
    assert not pod_house.pod.brief().is_draining
    async with asyncio.timeout(30):
        await run.wait()
    assert (await house.client.post("/api/v1/chat", json={"message": "again"})).status_code == 200
    await pod_house.run(30)
    assert pod_house.runpod.account.asked("stop") == 0


async def test_a_stop_that_did_nothing_is_not_shown_as_stopped(pod_house: PodHouse) -> None:
    pod_house.runpod.fail(FaultKind.NOT_APPLIED, "stop")
    await pod_house.run(61)
    await pod_house.pod.stop("user:root")
    await pod_house.run_until(lambda: pod_house.phase is Phase.RETRYING, 200)
    console = pod_house.pod.console()
    assert console.view.progress.trouble is not None
    assert console.view.progress.trouble.code == "stop_had_no_effect"
    assert not pod_house.pod.brief().is_draining
    pod_house.runpod.heal()
    await pod_house.run_until(lambda: pod_house.phase is Phase.STOPPED, 900)


async def test_what_is_found_is_in_the_database(pod_house: PodHouse) -> None:
    await pod_house.house.client.post("/api/v1/chat", json={"message": "work"})
    await pod_house.run(200)
    async with pod_house.house.database.session() as session:
        samples = (await session.scalars(select(PodSample).order_by(PodSample.at))).all()
        run = (await session.scalars(select(PodRun))).one()
        state = await session.get(PodState, OWN)
        lines = (await session.scalars(select(PodAudit.id))).all()
    assert len(samples) == 4
    assert sum(sample.generated_tokens or 0 for sample in samples) == 0  # the first reading had nothing to compare with
    assert {"engine", "requests", "jobs", "downloads"} == {signal["name"] for signal in samples[0].signals}
    assert (run.rate_usd, run.stopped_at) == (0.69, None)
    assert state is not None
    assert len(lines) == len(pod_house.events())
    chart = await pod_house.pod.history(1)
    assert len(chart.points) == 4
    assert chart.points[0].busy


async def test_settings_that_are_changed_count_at_once_and_are_kept(pod_house: PodHouse) -> None:
    await pod_house.pod.change_options({"idle_limit": 2, "min_runtime_s": 0, "warn_s": 30}, "user:root")
    await pod_house.run_until(lambda: pod_house.phase is Phase.WARNED, 4 * 60)
    assert pod_house.pod.brief().until == pod_house.clock.now() + timedelta(seconds=30)
    assert "settings_changed" in pod_house.events()
    await pod_house.pod.prepare()
    assert pod_house.pod.console().changed == {"idle_limit", "min_runtime_s", "warn_s"}


async def test_costs_of_a_running_pod_and_of_a_stopped_one(pod_house: PodHouse) -> None:
    await pod_house.run(600, 10)
    money = pod_house.pod.console().money
    assert money.rate_usd == 0.69
    assert money.session_usd == pytest.approx(0.69 * (3600 + 600) / 3600, rel=0.02)
    assert money.month.label == "estimated"
    costs = await pod_house.pod.costs()
    assert costs.money.month.label in {"billed", "partly_billed"}
    assert costs.money.month.gpu_usd == pytest.approx(money.month.gpu_usd, rel=0.02)
    assert {cost.way for cost in costs.ways} >= {"pod", "pod_always_on", "workstation", "hosted_api"}
    await pod_house.pod.stop("user:root")
    await pod_house.run_until(lambda: pod_house.phase is Phase.STOPPED, 120)
    await pod_house.run(61)
    stopped = pod_house.pod.console().money
    assert stopped.session_usd is None
    assert stopped.rate_usd == 0.69
    assert stopped.storage_usd_a_day > 0
    await pod_house.run(6 * 3600, 900)
    later = pod_house.pod.console().money
    assert later.saved_usd is not None
    assert later.saved_usd > 3


async def test_a_job_is_work_wherever_it_runs(pod_house: PodHouse) -> None:
    jobs, activity = pod_house.house.services.jobs, pod_house.house.services.activity
    seen: list[tuple[int, int]] = []

    async def work(attempt: int) -> None:
        seen.append((activity.in_flight["jobs"], await jobs.running()))

    jobs.add("test.work", work, queue="test")
    await jobs.defer("test.work")
    await jobs.work_until_idle()
    assert seen == [(1, 1)]
    assert (activity.count, await jobs.running()) == (0, 0)
    await pod_house.run(61)
    decision = pod_house.pod.console().view.decision
    assert decision is not None
    assert decision.state.last_activity == "requests"


async def test_a_stop_that_ended_the_app_is_found_to_have_worked(pod_house: PodHouse) -> None:
    """A stop asked for from inside takes the asker with it; the next start closes the run, and knows what it cost."""
    await pod_house.run(300, 30)
    await pod_house.pod.stop("user:root", reason="done")
    await pod_house.run_until(lambda: pod_house.runpod.account.asked("stop") == 1, 30)
    asked_at = pod_house.clock.now()
    pod_house.clock.advance(4 * 3600)
    account = pod_house.runpod.account
    account.apply(account.settled()[OWN], "start")
    pod_house.clock.advance(300)
    async with _restarted(pod_house) as again:
        await again.pod.prepare()
        for _ in range(3):
            pod_house.clock.advance(61)
            await again.pod.tick()
            await again.pod.recorded()
        events = [entry.event for entry in again.pod.console().view.audit]
        assert "stop_confirmed_at_start" in events
        assert not again.activity.is_draining
        async with again.database.session() as session:
            first, second = (await session.scalars(select(PodRun).order_by(PodRun.started_at))).all()
        assert first.stopped_at is not None
        assert abs(first.stopped_at - asked_at) < timedelta(seconds=5)
        assert first.ended_by == "user:root"
        assert second.stopped_at is None
        assert second.started_at > asked_at + timedelta(hours=4)
        money = again.pod.console().money
        assert money.month.gpu_usd == pytest.approx(0.69 * (1.08 + 0.12), rel=0.05)


async def test_what_was_changed_counts_before_the_database_is_there(pod_house: PodHouse) -> None:
    """A stop of a schedule that was saved in the console waits for work, and the app is started anew meanwhile."""
    now = pod_house.clock.now()
    await pod_house.pod.change_options({"schedule": f"daily 00:00-{now + timedelta(minutes=5):%H:%M} UTC"}, "user:root")
    with pod_house.house.services.activity.work("sentiment"):
        await pod_house.run(400, 10)
    since = pod_house.pod.console().view.waiting_stop_since
    assert since == now + timedelta(minutes=5)
    async with _restarted(pod_house) as again:
        again.pod.begin()
        for moment in ("before", "after"):
            pod_house.clock.advance(1)
            await again.pod.tick()
            await again.pod.recorded()
            view = again.pod.console().view
            assert (view.schedule, view.waiting_stop_since) == (f"daily 00:00-{since:%H:%M} UTC", since), moment
            await again.pod.prepare()


async def test_what_was_learnt_is_in_force_after_every_start(
    pod_house: PodHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy_at(_history: PodHistory, _book: str) -> list[float]:
        return [900.0 * number for number in range(40)]

    monkeypatch.setattr(PodHistory, "busy_at", busy_at)
    await pod_house.pod.change_options({"learnt": True, "idle_limit": 1000}, "user:root")
    async with _restarted(pod_house) as again:
        await again.pod.prepare()
        pod_house.clock.advance(61)
        await again.pod.tick()
        await again.pod.recorded()
        decision = again.pod.console().view.decision
        assert decision is not None and decision.checks_needed <= 60


@asynccontextmanager
async def _restarted(pod_house: PodHouse) -> AsyncIterator[Services]:
    """The services of the next process on the same disk and database; that before has ended with its connections."""
    await pod_house.pod.close()
    again = services_of(pod_house.house.services.settings, pod_house.clock)
    try:
        yield again
    finally:
        await again.pod.close()
        await again.jobs.close()
        await again.encoder.close()
        await again.database.close()


async def test_a_ceiling_of_money_stops_even_a_pod_that_is_asked_all_the_time(pod_house: PodHouse) -> None:
    await pod_house.run(61)
    await pod_house.pod.change_options({"money_ceiling_usd": 0.5, "min_runtime_s": 0, "warn_s": 10}, "user:root")
    with pod_house.house.services.activity.work("chat"):
        await pod_house.run_until(lambda: pod_house.phase is Phase.STOPPED, 600)
    assert "money_ceiling" in str(pod_house.pod.console().view.audit)


async def test_what_would_have_been(pod_house: PodHouse) -> None:
    await pod_house.pod.change_options({"idle_limit": 100, "min_runtime_s": 0}, "user:root")
    await pod_house.run(20 * 60, 10)
    as_it_is = await pod_house.pod.replay({}, 1)
    assert as_it_is.stops == ()
    other = await pod_house.pod.replay({"idle_limit": 3}, 1)
    assert [stop.reason for stop in other.stops] == ["idle"]
    assert other.off_hours > 0.2
    assert (await pod_house.pod.proposal()).rule is None  # nothing to learn from yet


async def test_without_a_key_everything_is_shown_and_nothing_asked(
    database: Database, engine_double: EngineDouble, tmp_path: Path, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    settings = {**QUIET, "runpod_pod_id": OWN, "runpod_api_url": runpod.url}
    async with house_of(database, engine_double, tmp_path, pod_clock, **settings) as house:
        await _shows_and_asks_nothing(house, pod_clock, Standing.NO_KEY, ("RUNPOD_API_KEY",))
    assert runpod.account.requests == []


async def test_on_a_laptop_nothing_is_ever_asked_for(
    database: Database, engine_double: EngineDouble, tmp_path: Path, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    async with house_of(database, engine_double, tmp_path, pod_clock, **QUIET, runpod_api_url=runpod.url) as house:
        await _shows_and_asks_nothing(house, pod_clock, Standing.NO_POD, ("RUNPOD_API_KEY", "RUNPOD_POD_ID"))
    assert runpod.account.requests == []


async def _shows_and_asks_nothing(
    house: House, clock: ManualClock, standing: Standing, missing: tuple[str, ...]
) -> None:
    pod = house.services.pod
    await pod.prepare()
    await pod.change_options({"min_runtime_s": 0, "prices": {"pod_usd_per_hour": 1.2}}, "user:root")
    for _ in range(40):
        clock.advance(30)
        await pod.tick()
        await pod.recorded()
    console = pod.console()
    assert (console.standing, console.missing) == (standing, missing)
    assert console.view.decision is not None
    assert console.view.decision.wants_stop  # it would, and says so; there is nobody to ask
    assert pod.brief().phase is Phase.ARMED
    assert console.money.session_usd == pytest.approx(1.2 * 20 / 60, rel=0.1)
    assert console.engine is not None
    async with admin_of(house) as admin:
        refused = await admin.post("/api/v1/pod/stop", json={"confirm": True})
        assert (refused.status_code, refused.json()["code"]) == (503, "runpod_key_missing")
        assert (await admin.post("/api/v1/pod/keep-awake", json={"minutes": 30})).status_code == 200
