"""The watchdog and the app it cannot see: alive, starting, gone, or out of its reach."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from backend.pod import outside, watchdog
from backend.pod.lease import Heartbeat
from backend.pod.outside import App
from backend.pod.pods import PodStatus
from backend.pod.policy import Config
from backend.pod.quiet import QuietWindow
from backend.pod.sample import Verdict
from backend.settings import load
from tests.fixtures.fickle_pod import FicklePod
from tests.fixtures.keeper import Keeper, Signals, memory_folder
from tests.fixtures.outside_servers import HeartbeatServer
from tests.fixtures.runpod import ManualClock

MONDAY = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)  # 14:00 in Seoul
DEAD = (502, b"<html>Bad gateway</html>")


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as path:
        yield path


@pytest.fixture
def page() -> Iterator[HeartbeatServer]:
    with HeartbeatServer() as server:
        server.answers = DEAD
        yield server


class Outpost:
    """A watchdog with nothing but a key and an id, and a pod with an app whose page is all it sees of it."""

    def __init__(self, folder: Path, page: HeartbeatServer, *options: str) -> None:
        self.clock, self.page = ManualClock(at=MONDAY), page
        self.signals = Signals(self.clock, self.clock.now() - timedelta(hours=1))
        self.pod = FicklePod(self.clock, self.signals, lambda: None)
        self.app = Keeper(folder / "pod", self.pod, self.clock)
        self.app.signals = self.signals
        self.app.shutdown = self.app._new()
        given = watchdog._parser().parse_args(["--state", str(folder / "laptop" / "state.json"), *options])
        settings = load(runpod_api_key="k", runpod_pod_id="pod0main", pod_page_url=page.url)
        self.dog = watchdog._watchdog(settings, given, self.clock, self.pod)
        self.dog.open()

    async def run(self, seconds: float, *, lives: bool = True, until: Callable[[], bool] = lambda: False) -> None:
        """Lets time pass, with an app that answers or, unless it `lives`, RunPod's proxy in its place."""
        for _ in range(round(seconds / 10)):
            self.clock.advance(10)
            if lives:
                await self.app.shutdown.tick()
                self.page.answers = (200, json.dumps(self.app.shutdown.heartbeat()).encode())
            elif self.page.answers[0] == 200:
                self.page.answers = DEAD
            await self.dog.tick()
            if until():
                return

    async def ran_s(self, seconds: float) -> float:
        """How long the pod still ran with a dead app."""
        began = self.clock.now()
        await self.run(seconds, lives=False, until=lambda: self.pod.stops > 0)
        return (self.clock.now() - began).total_seconds()


async def test_a_living_app_is_found_without_being_told_where(folder: Path, page: HeartbeatServer) -> None:
    there = Outpost(folder, page)
    there.app.shutdown.open()
    there.signals.verdicts["requests"] = Verdict.BUSY  # work of the processor: the GPU does nothing
    await there.run(1800)
    assert (there.pod.stops, there.app.phase) == (0, "armed")
    until = there.clock.now() + timedelta(minutes=30)
    there.app.shutdown.keep_awake(until, "user:kim")
    there.signals.verdicts["requests"] = Verdict.IDLE
    await there.run(60)
    assert there.dog.app.keeps_awake(), "what it says is heard at every check"
    there.app.shutdown.cancel("user:kim")
    await there.run(60)
    assert 120 <= await there.ran_s(3600) <= 600, "gone, it is acted for"
    assert there.pod.status is PodStatus.EXITED


async def test_the_address_is_runpods_unless_another_is_given(folder: Path) -> None:
    for options, url in (
        ([], "https://pod0main-7860.proxy.runpod.net"),
        (["--app-url", "https://{pod}.example.org/"], "https://pod0main.example.org"),
        (["--no-app"], ""),
    ):
        given = watchdog._parser().parse_args(["--state", str(folder / "state.json"), *options])
        more = {"pod_page_url": given.pod_page_url} if given.pod_page_url else {}
        settings = load(runpod_api_key="k", runpod_pod_id="pod0main", **more)
        assert watchdog._watchdog(settings, given, ManualClock(), None).app._url == url


async def test_a_pod_that_is_coming_up_is_given_time(folder: Path, page: HeartbeatServer) -> None:
    there = Outpost(folder, page)
    there.pod.status = PodStatus.EXITED
    await there.run(60, lives=False)
    there.pod.come_up()  # packages and weights are fetched: minutes without GPU and app
    assert 2400 <= await there.ran_s(7200) <= 2820, "an app that never comes is given up"


async def test_the_minimum_runtime_counts_from_when_the_app_was_ready(folder: Path, page: HeartbeatServer) -> None:
    there = Outpost(folder, page)
    there.pod.come_up()
    there.signals.ready_since = None
    await there.run(1200, lives=False)
    there.app.shutdown.open()
    there.signals.ready_since = there.clock.now()
    await there.run(60)
    assert await there.ran_s(3600) == pytest.approx(540, abs=90)


async def test_hours_in_which_it_must_not_stop_outlive_the_app(folder: Path, page: HeartbeatServer) -> None:
    there = Outpost(folder, page)
    there.app.config = Config(quiet=(QuietWindow(time(9), time(14, 30)),))
    there.app.shutdown.open()
    await there.run(600)
    left_s = (MONDAY + timedelta(minutes=30) - there.clock.now()).total_seconds()
    assert left_s <= await there.ran_s(7200) <= left_s + 120


@pytest.mark.parametrize("status", [404, 500, 502, 503, 524])
async def test_what_the_proxy_answers_in_its_place_says_that_it_is_gone(
    folder: Path, page: HeartbeatServer, status: int
) -> None:
    there = Outpost(folder, page)
    page.answers = (status, b"<html>")
    assert await there.ran_s(1200) <= 420
    assert there.dog.app.is_known and not there.dog.app.is_alive


@pytest.mark.parametrize(
    ("status", "body"), [(302, b""), (401, b""), (403, b""), (429, b""), (200, b"<html>"), (200, b"[" * 15_000)]
)
async def test_what_stands_before_it_says_nothing(
    folder: Path, page: HeartbeatServer, status: int, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    there = Outpost(folder, page)
    page.answers = (status, body)
    for _ in range(10):
        there.clock.advance(60)
        await there.dog.tick()
    assert there.pod.stops == 0
    assert "the app's page cannot be asked (" in capsys.readouterr().out
    view = there.dog.shutdown.status()
    assert watchdog._status_of(view, there.dog.app) == watchdog.NOT_READ


async def test_where_the_page_is_out_of_reach_only_the_word_for_it_stops_the_pod(
    folder: Path, page: HeartbeatServer
) -> None:
    there = Outpost(folder, page)
    there.dog.app._url = "http://127.0.0.1:9"
    await there.run(1800, lives=False)
    assert there.pod.stops == 0
    alone = Outpost(folder / "alone", page, "--no-app")
    assert await alone.ran_s(1200) <= 420


async def test_an_app_that_hangs_is_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "_TIMEOUT_S", 0.05)
    server = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    async with server:
        app = App(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", folder, ManualClock())
        await app.read()
    assert app.is_known and not app.is_alive


async def test_the_word_of_another_pods_app_does_not_count(folder: Path, page: HeartbeatServer) -> None:
    clock = ManualClock()
    told: dict[str, Any] = {"state": "armed", "acting": True, "busy": False}
    for number, (pod_id, decides) in enumerate([("pod1other", False), ("", True), ("pod0main", True)]):
        beat = Heartbeat(clock.now(), clock.now() + timedelta(seconds=120), pod_id=pod_id, **told)
        page.answers = (200, json.dumps(beat.to_json()).encode())
        app = App(page.url, folder / str(number), clock, "pod0main")
        await app.read()
        assert (app.decides, bool(app.trouble)) == (decides, not decides)


async def test_an_answer_that_comes_late_does_not_hide_a_newer_one(folder: Path, page: HeartbeatServer) -> None:
    clock = ManualClock()
    app = App(page.url, folder, clock)
    beat = Heartbeat(clock.now(), clock.now() + timedelta(seconds=120), state="armed", acting=True)
    for age_s in (0.0, 300.0):  # of the server that keeps the pod, and of one beside it
        page.answers = (200, json.dumps({**beat.to_json(), "age_s": age_s}).encode())
        await app.read()
        assert app.decides


async def test_two_do_not_work_with_one_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_TICK_S", 0.01)
    path, ended = folder / "watchdog.lock", asyncio.Event()
    given = watchdog._parser().parse_args(["--state", str(folder / "state.json"), "--once"])
    with FileLock(path):
        assert await watchdog._run(load(runpod_api_key="k", runpod_pod_id="pod0main"), given) == watchdog.OK
        assert "Another watchdog is at work" in capsys.readouterr().err
        assert not (folder / "pod-audit.jsonl").exists()
        waiting = asyncio.create_task(watchdog._has_turn(FileLock(path), ended, waits=True))
        await asyncio.sleep(0)
        assert not waiting.done(), "a service waits for a run of cron to end"
    assert await waiting
