"""A stop from the first idle check to the proof, with RunPod answering over HTTP, well and badly."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.errors import ActsElsewhere, KeepAwakeOutOfRange, RunpodKeyMissing, StopUnderWay
from backend.pod.audit import AuditLog
from backend.pod.lease import Lease
from backend.pod.machine import Phase
from backend.pod.runpod import RunpodRest
from backend.pod.sample import Verdict
from backend.pod.webhook import Alerts
from tests.fixtures.keeper import Keeper, memory_folder, no_pause
from tests.fixtures.outside_servers import Receiver
from tests.fixtures.runpod import ManualClock
from tests.runpod_double import CANARY, KEY, Account, FakePod, FaultKind, RunpodDouble

UNTIL_REQUEST_S = 5 * 60 + 60 + 10  # the checks, the countdown, and what a tick takes


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def shared() -> Iterator[RunpodDouble]:
    double = RunpodDouble(Account())
    double.up()
    yield double
    double.down()


class House:
    """RunPod, the keeper and the webhook of one test."""

    def __init__(self, double: RunpodDouble, folder: Path, webhook: Receiver) -> None:
        self.clock = ManualClock()
        self.double, self.account, self.webhook = double, double.account, webhook
        double.heal()
        self.account.now = self.clock.now
        self.account.pods.clear()
        self.account.requests.clear()
        self.pod = self.account.add(FakePod("pod0main", status="RUNNING"))
        self.provider = RunpodRest(SecretStr(KEY), double.url, sleep=no_pause)
        self.keeper = Keeper(folder, self.provider, self.clock, alerts=Alerts(webhook.url, pause_s=0.0))
        self.keeper.shutdown.open()

    def in_state(self, status: str) -> bool:
        return self.account.settled()["pod0main"].status == status


@pytest.fixture
async def house(shared: RunpodDouble, tmp_path: Path, webhook: Receiver) -> AsyncIterator[House]:
    made = House(shared, tmp_path, webhook)
    yield made
    await made.provider.close()
    assert not made.account.terminations
    assert CANARY not in (tmp_path / "pod-audit.jsonl").read_text()
    assert CANARY not in (tmp_path / "pod-state.json").read_text()


async def test_an_idle_pod_is_warned_of_rechecked_stopped_and_verified(house: House) -> None:
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.WARNED, UNTIL_REQUEST_S)
    countdown = keeper.shutdown.status().progress.until
    assert countdown is not None and countdown - house.clock.now() == timedelta(seconds=60)
    assert house.account.asked("stop") == 0
    await keeper.run_until(lambda: keeper.phase == Phase.REQUESTED, 90)
    assert keeper.work.refuses
    assert house.in_state("RUNNING")
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 30)
    assert house.in_state("EXITED")
    assert not keeper.work.refuses
    assert keeper.events[-4:] == ["warned", "rechecked", "stop_requested", "stop_verified"]
    assert not house.webhook.bodies


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        (FaultKind.UNAUTHORIZED, 1),
        (FaultKind.FORBIDDEN, 1),
        (FaultKind.NOT_FOUND, 1),
        (FaultKind.CONFLICT, 2),
        (FaultKind.RATE_LIMITED, 3),
        (FaultKind.HTML_500, 3),
        (FaultKind.SERVER_ERROR, 2),
        (FaultKind.NOT_APPLIED, 2),
        (FaultKind.GONE, 1),
    ],
)
async def test_a_fault_that_passes_ends_in_a_verified_stop(house: House, kind: FaultKind, times: int) -> None:
    house.double.fail(kind, "stop", times=times)
    keeper = house.keeper
    await keeper.run_until(lambda: house.account.asked("stop") > 0, UNTIL_REQUEST_S)
    assert keeper.phase != Phase.STOPPED
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 900)
    assert house.in_state("EXITED")
    assert house.account.asked("stop") == times + 1
    assert not house.webhook.bodies


@pytest.mark.parametrize("kind", [FaultKind.BROKEN_OFF, FaultKind.GARBAGE, FaultKind.EMPTY])
async def test_a_stop_whose_answer_was_lost_is_found_by_reading_the_pod(house: House, kind: FaultKind) -> None:
    house.double.fail(kind, "stop", times=1)
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, UNTIL_REQUEST_S + 60)
    assert house.account.asked("stop") == 1


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.UNAUTHORIZED,
        FaultKind.FORBIDDEN,
        FaultKind.NOT_FOUND,
        FaultKind.CONFLICT,
        FaultKind.RATE_LIMITED,
        FaultKind.HTML_500,
        FaultKind.NOT_APPLIED,
        FaultKind.GONE,
    ],
)
async def test_a_fault_that_stays_is_told_once_and_tried_on(house: House, kind: FaultKind) -> None:
    house.double.fail(kind, "stop")
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.ESCALATED, 3000)
    assert house.in_state("RUNNING")
    [alert] = house.webhook.bodies
    assert alert["event"] == "stop_failed" and "pod0main" in alert["text"] and CANARY not in json.dumps(alert)
    assert keeper.shutdown.status().progress.trouble is not None
    await keeper.run(4000, step=5)
    assert len(house.webhook.bodies) == 1
    house.double.heal()
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 1200)
    assert house.in_state("EXITED")
    assert len(house.webhook.bodies) == 1


async def test_a_locked_pod_is_told_of_and_stopped_once_it_is_unlocked(house: House) -> None:
    house.pod.locked = True
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.ESCALATED, 600)
    trouble = keeper.shutdown.status().progress.trouble
    assert trouble is not None and trouble.code == "pod_locked"
    assert len(house.webhook.bodies) == 1
    house.pod.locked = False
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 1200)


async def test_a_pod_that_cannot_be_read_is_never_shown_as_stopped(house: House) -> None:
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.WARNED, UNTIL_REQUEST_S)
    house.double.fail(FaultKind.HTML_500, "get")
    await keeper.run_until(lambda: house.in_state("EXITED"), 200)
    await keeper.run(60)
    assert keeper.phase != Phase.STOPPED
    house.double.heal()
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 200)


async def test_unknown_signals_stop_nothing(house: House) -> None:
    house.pod.has_runtime = False
    house.keeper.signals.verdicts["gpu"] = Verdict.UNKNOWN
    await house.keeper.run(3600, step=5)
    assert house.keeper.phase == Phase.ARMED
    assert house.account.asked("stop") == 0


@pytest.mark.parametrize("moment", [Phase.WARNED, Phase.DRAINING])
async def test_somebody_who_comes_back_keeps_the_pod(house: House, moment: Phase) -> None:
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.WARNED, UNTIL_REQUEST_S)
    if moment is Phase.DRAINING:
        keeper.work.count = 0
        await keeper.run_until(lambda: keeper.phase == Phase.DRAINING, 90, step=0.5)
    keeper.signals.verdicts["gpu"] = Verdict.BUSY
    await keeper.run(10)
    assert keeper.phase == Phase.ARMED
    assert not keeper.work.refuses
    assert house.account.asked("stop") == 0
    assert "called_off" in keeper.events


async def test_a_confirmed_order_lets_answers_finish_and_then_stops(house: House) -> None:
    keeper = house.keeper
    keeper.signals.verdicts["requests"] = Verdict.BUSY
    keeper.work.count = 1
    await keeper.run(5)
    keeper.shutdown.stop_now("user:kim", "done for today")
    assert keeper.work.refuses
    await keeper.run(30)
    assert house.account.asked("stop") == 0
    keeper.work.count = 0
    await keeper.run(2)
    assert house.account.asked("stop") == 1
    with pytest.raises(StopUnderWay):
        keeper.shutdown.cancel("user:kim")
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 60)
    ordered = next(e for e in keeper.shutdown.status().audit if e.event == "stop_ordered")
    assert (ordered.actor, ordered.detail["reason"]) == ("user:kim", "done for today")


async def test_an_answer_that_does_not_end_is_cut_off_after_the_grace(house: House) -> None:
    keeper = house.keeper
    keeper.work.count = 1
    keeper.shutdown.stop_now("user:kim")
    await keeper.run(58)
    assert house.account.asked("stop") == 0
    await keeper.run(5)
    assert house.account.asked("stop") == 1


async def test_cancel_and_keep_awake_end_a_countdown(house: House) -> None:
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.WARNED, UNTIL_REQUEST_S)
    keeper.shutdown.cancel("user:kim")
    assert keeper.phase == Phase.ARMED
    await keeper.run_until(lambda: keeper.phase == Phase.WARNED, UNTIL_REQUEST_S)
    until = house.clock.now() + timedelta(hours=1)
    keeper.shutdown.keep_awake(until, "user:kim")
    assert keeper.shutdown.status().keep_awake_until == until
    await keeper.run(3590, step=10)
    assert (keeper.phase, house.account.asked("stop")) == (Phase.ARMED, 0)
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, UNTIL_REQUEST_S + 60)
    with pytest.raises(KeepAwakeOutOfRange):
        keeper.shutdown.keep_awake(house.clock.now(), "user:kim")


async def test_a_start_finds_out_that_the_pod_was_stopped_and_measures_itself(house: House) -> None:
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.REQUESTED, UNTIL_REQUEST_S + 30)
    # The pod goes out and takes the app with it; an hour later somebody starts it.
    house.clock.advance(3600)
    assert house.in_state("EXITED")
    house.account.apply(house.pod, "start")
    house.clock.advance(90)
    assert house.in_state("RUNNING")
    keeper.signals.ready_since = house.clock.now() + timedelta(seconds=30)
    keeper.crash()
    house.clock.advance(30)
    await keeper.run(120)
    assert keeper.phase == Phase.ARMED
    assert "stop_confirmed_at_start" in keeper.events
    assert house.account.asked("stop") == 1
    restart_s = keeper.shutdown.status().restart_s
    assert restart_s is not None and 30 <= restart_s <= 120


async def test_a_restarted_app_goes_on_where_it_was(house: House) -> None:
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.REQUESTED, UNTIL_REQUEST_S + 30)
    keeper.crash()
    assert keeper.work.refuses
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 60)
    assert house.account.asked("stop") == 1


async def test_without_a_key_everything_is_seen_and_nothing_done(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, None)
    keeper.shutdown.open()
    await keeper.run(1200, step=5)
    view = keeper.shutdown.status()
    assert isinstance(view.pod_trouble, RunpodKeyMissing)
    assert view.decision is not None and view.decision.wants_stop
    assert view.progress.phase == Phase.ARMED
    assert keeper.shutdown.heartbeat()["acting"] is False
    with pytest.raises(RunpodKeyMissing):
        keeper.shutdown.stop_now("user:kim")


async def test_while_the_watchdog_acts_the_app_does_not(house: House, tmp_path: Path) -> None:
    keeper = house.keeper
    for _ in range(10):
        assert Lease(tmp_path, "watchdog").take(house.clock.now())
        await keeper.run(100, step=2)
    assert (keeper.phase, house.account.asked("stop")) == (Phase.ARMED, 0)
    assert not keeper.shutdown.status().acts
    with pytest.raises(ActsElsewhere):
        keeper.shutdown.stop_now("user:kim")


async def test_no_record_no_request(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = house.keeper

    def full(*_arguments: object, **_details: object) -> None:
        raise OSError(28, "No space left on device")

    await keeper.run_until(lambda: keeper.phase == Phase.WARNED, UNTIL_REQUEST_S)
    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "write", full)
        await keeper.run_until(lambda: keeper.phase == Phase.ESCALATED, 1000)
        assert house.account.asked("stop") == 0
        assert len(house.webhook.bodies) == 1
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 1200)


async def test_an_alert_that_reached_nobody_is_sent_again_later(house: House) -> None:
    house.webhook.status = 500
    house.pod.locked = True
    keeper = house.keeper
    await keeper.run_until(lambda: keeper.phase == Phase.ESCALATED, 600)
    assert len(house.webhook.bodies) == 3
    house.webhook.status = 200
    await keeper.run(2000, step=2)
    assert len(house.webhook.bodies) == 4
    assert keeper.shutdown.status().progress.escalated


async def test_start_and_restart_are_recorded_with_who_asked(house: House) -> None:
    keeper = house.keeper
    keeper.shutdown.stop_now("user:kim")
    await keeper.run_until(lambda: keeper.phase == Phase.STOPPED, 60)
    await keeper.shutdown.start("user:lee")
    await keeper.run_until(lambda: keeper.phase == Phase.ARMED, 120)
    await keeper.run_until(lambda: house.in_state("RUNNING"), 120)
    await keeper.shutdown.restart("user:lee")
    actors = {e.event: e.actor for e in keeper.shutdown.status().audit}
    assert actors["start_requested"] == actors["restart_requested"] == "user:lee"
