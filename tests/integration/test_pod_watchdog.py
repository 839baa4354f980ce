"""The watchdog as people run it: a process of its own, RunPod over HTTP, an app that is there or gone."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backend.errors import Text
from backend.pod.alerts import Alert
from backend.pod.lease import Heartbeat, write_heartbeat
from backend.pod.machine import Timing
from backend.pod.outside import App, Outside
from backend.pod.policy import Config
from backend.pod.runpod import RunpodRest
from backend.pod.schedule import parse
from backend.pod.shutdown import Shutdown
from backend.pod.webhook import Alerts
from backend.settings import REPOSITORY
from tests.fixtures.keeper import memory_folder, no_pause
from tests.fixtures.outside_servers import HeartbeatServer, MailServer, Receiver
from tests.fixtures.runpod import ManualClock
from tests.runpod_double import KEY, Account, FakePod, FaultKind, RunpodDouble

_DEADLINE_S = 60.0
_INTERVAL_S = 3


@pytest.fixture
def runpod() -> Iterator[RunpodDouble]:
    double = RunpodDouble(Account(stop_s=0.3, provision_s=0.1, start_s=0.1))
    double.account.add(FakePod("pod0main", status="RUNNING", gpu_util=1))
    double.up()
    yield double
    assert not double.account.terminations
    double.down()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


def command(folder: Path, *more: str, script: bool = False) -> list[str]:
    start = [str(REPOSITORY / "scripts" / "watchdog.py")] if script else ["-m", "backend.pod.watchdog"]
    options = ["--state", str(folder / "state.json"), "--check-interval", str(_INTERVAL_S), "--idle-limit", "2"]
    return [sys.executable, *start, *options, *more]


def environment(double: RunpodDouble, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "RUNPOD_API_URL": double.url,
        "RUNPOD_API_KEY": KEY,
        "RUNPOD_POD_ID": "pod0main",
        "RUNPOD_API": "rest",
        "POD_PAGE_URL": double.page_url,
        **more,
    }


def once(double: RunpodDouble, folder: Path, *more: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(folder, "--once", *more),
        env=environment(double, **variables),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=_DEADLINE_S,
    )


def status(double: RunpodDouble) -> str:
    return double.account.settled()["pod0main"].status


def test_runs_of_cron_add_up_to_a_stop_that_is_proven(runpod: RunpodDouble, tmp_path: Path) -> None:
    deadline, said = time.monotonic() + _DEADLINE_S, ""
    while status(runpod) == "RUNNING":
        assert time.monotonic() < deadline, said
        began = time.monotonic()
        done = once(runpod, tmp_path)
        said += done.stdout + done.stderr
        assert done.returncode == 0, said
        # Cron keeps the interval: runs that come sooner are no checks of their own.
        time.sleep(max(0.0, _INTERVAL_S - (time.monotonic() - began)) if status(runpod) == "RUNNING" else 0.0)
    assert "idle 1 of 2" in said and "stop verified" in said and "GPU 1 %" in said
    events = [json.loads(line)["event"] for line in (tmp_path / "pod-audit.jsonl").read_text().splitlines()]
    assert events[-4:] == ["warned", "rechecked", "stop_requested", "stop_verified"]
    assert KEY not in said + (tmp_path / "state.json").read_text()


def test_in_a_loop_it_says_what_it_sees_and_ends_when_it_is_told(runpod: RunpodDouble, tmp_path: Path) -> None:
    loop = subprocess.Popen(
        [*command(tmp_path, "--json", "--check-interval", "1", "--idle-limit", "3", script=True)],
        env=environment(runpod),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = threading.Timer(_DEADLINE_S, loop.kill)
    end.start()
    try:
        assert loop.stdout is not None
        lines = []
        for line in loop.stdout:
            lines.append(json.loads(line))
            if lines[-1]["phase"] == "stopped":
                break
    finally:
        loop.terminate()
        end.cancel()
    assert loop.wait(_DEADLINE_S) == 0
    assert status(runpod) == "EXITED"
    assert [line["idle_checks"] for line in lines][:2] == [1, 2]
    assert lines[-1]["events"] and not lines[0]["app_decides"]


def test_a_dry_run_says_what_it_would_do_and_leaves_the_pod_alone(runpod: RunpodDouble, tmp_path: Path) -> None:
    loop = subprocess.Popen(
        command(tmp_path, "--dry-run", "--check-interval", "1"),
        env=environment(runpod),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    end = threading.Timer(_DEADLINE_S, loop.kill)
    end.start()
    try:
        assert loop.stdout is not None
        assert any("dry run: would stop the pod now" in line for line in loop.stdout)
    finally:
        loop.terminate()
        end.cancel()
        loop.communicate(timeout=_DEADLINE_S)
    assert status(runpod) == "RUNNING"
    assert runpod.account.asked("stop") == 0


def test_what_is_missing_or_wrong_is_told_with_its_own_status(runpod: RunpodDouble, tmp_path: Path) -> None:
    missing = once(runpod, tmp_path, RUNPOD_API_KEY="")
    assert (missing.returncode, "RUNPOD_API_KEY" in missing.stderr) == (2, True)
    wrong = once(runpod, tmp_path, "--schedule", "sometimes")
    assert (wrong.returncode, "sometimes" in wrong.stderr) == (2, True)
    refused = once(runpod, tmp_path, "--api-key", "not-the-key")
    assert refused.returncode == 4
    assert "list of processes" in refused.stderr and "not-the-key" not in refused.stdout + refused.stderr


class Side:
    """A watchdog in this process, under a clock that tests move, and an app whose heartbeat they write."""

    def __init__(self, double: RunpodDouble, folder: Path, alerts: Alerts, schedule: str = "") -> None:
        self.clock = ManualClock(at=datetime(2026, 3, 2, 0, 0, tzinfo=UTC))  # Monday, nine in Seoul
        self.double, self.folder = double, folder
        account = double.account
        account.now, account.stop_s, account.provision_s, account.start_s = self.clock.now, 5.0, 20.0, 40.0
        account.pods.clear()
        self.pod = account.add(FakePod("pod0main", status="RUNNING"))
        self.provider = RunpodRest(SecretStr(KEY), double.url, sleep=no_pause)
        self.app = App("", folder, self.clock)
        outside = Outside(self.app, lambda: 5.0, parse(schedule), self.clock)
        self.shutdown = Shutdown(
            pod_id="pod0main",
            provider=self.provider,
            reader=outside.sample,
            config=lambda: Config(warn_s=0.0),
            state_path=folder / "state.json",
            timing=lambda: Timing(warn_s=0.0, grace_s=0.0),
            schedule=outside.schedule,
            alerts=alerts,
            holder="watchdog",
            guard=outside.may_act,
            patience_s=1800.0,
            clock=self.clock,
        )
        self.shutdown.open()

    def beat(self, **more: Any) -> None:
        now = self.clock.now()
        given: dict[str, Any] = {"state": "armed", "acting": True, "busy": False, **more}
        write_heartbeat(self.folder, Heartbeat(now, now + timedelta(seconds=120), **given))

    async def run(self, seconds: float, beat: dict[str, Any] | None = None) -> None:
        for _ in range(round(seconds / 5)):
            self.clock.advance(5)
            if beat is not None:
                self.beat(**beat)
            await self.shutdown.tick()

    @property
    def status(self) -> str:
        return status(self.double)

    @property
    def events(self) -> list[str]:
        return [entry.event for entry in self.shutdown.status().audit][::-1]


@pytest.fixture
async def side(runpod: RunpodDouble, tmp_path: Path, webhook: Receiver) -> AsyncIterator[Side]:
    made = Side(runpod, tmp_path, Alerts(webhook.url, pause_s=0.0))
    yield made
    await made.provider.close()


async def test_it_only_watches_while_the_app_decides_and_acts_once_that_is_gone(side: Side) -> None:
    await side.run(3600, beat={})
    assert side.double.account.asked("stop") == 0
    await side.run(100)
    assert side.double.account.asked("stop") == 0
    await side.run(400)
    assert side.status == "EXITED"


async def test_an_app_that_cannot_act_is_asked_whether_somebody_works(side: Side) -> None:
    await side.run(1800, beat={"acting": False, "busy": True})
    assert side.double.account.asked("stop") == 0
    await side.run(500, beat={"acting": False})
    assert side.status == "EXITED"


async def test_the_word_to_stay_awake_outlives_the_app(side: Side) -> None:
    until = side.clock.now() + timedelta(hours=2)
    await side.run(60, beat={"keep_awake_until": until})
    await side.run(7000)
    assert side.double.account.asked("stop") == 0
    await side.run(700)
    assert side.status == "EXITED"


async def test_without_a_runtime_nothing_is_known_and_nothing_stopped(side: Side) -> None:
    side.pod.has_runtime = False
    await side.run(3600)
    assert side.double.account.asked("stop") == 0


async def test_the_schedule_of_the_app_is_kept_when_it_is_gone(
    runpod: RunpodDouble, tmp_path: Path, webhook: Receiver
) -> None:
    side = Side(runpod, tmp_path, Alerts(webhook.url, pause_s=0.0))
    side.pod.gpu_util = 50
    work = {"schedule": "mon-fri 09:00-19:00 Asia/Seoul"}
    await side.run(300, beat=work)
    await side.run(9 * 3600 + 3600 - 300)  # to seven in the evening, with the GPU at work
    assert side.double.account.asked("stop") == 0
    await side.run(1700)
    assert side.double.account.asked("stop") == 0  # it waits for the work
    await side.run(400)
    assert side.status == "EXITED"  # but not for ever
    side.pod.host_is_full = True
    await side.run(13.5 * 3600)
    assert side.status == "EXITED"
    assert side.double.account.asked("start") >= 2
    [alert] = webhook.bodies
    assert alert["event"] == "start_failed" and "L4 24 GB $0.43/h" in alert["text"]
    side.pod.host_is_full = False
    await side.run(900)
    assert side.status == "RUNNING"
    await side.provider.close()


async def test_a_schedule_of_its_own_is_kept_beside_an_app_that_has_none(runpod: RunpodDouble, tmp_path: Path) -> None:
    side = Side(runpod, tmp_path, Alerts(), "daily 09:00-10:00 Asia/Seoul")
    await side.run(3500, beat={})
    assert side.double.account.asked("stop") == 0
    await side.run(200, beat={})
    assert side.status == "EXITED"
    await side.provider.close()


async def test_the_word_to_stay_awake_holds_up_no_start(runpod: RunpodDouble, tmp_path: Path) -> None:
    side = Side(runpod, tmp_path, Alerts(), "daily 10:00-11:00 Asia/Seoul")
    await side.run(60, beat={"keep_awake_until": side.clock.now() + timedelta(hours=8)})
    runpod.account.apply(side.pod, "stop")
    await side.run(3400)
    assert side.status == "EXITED"
    await side.run(300)
    assert side.status == "RUNNING"
    await side.provider.close()


async def test_a_start_that_runpod_stumbles_over_is_tried_again(runpod: RunpodDouble, tmp_path: Path) -> None:
    side = Side(runpod, tmp_path, Alerts(), "daily 10:00-11:00 Asia/Seoul")
    runpod.account.apply(side.pod, "stop")
    await side.run(3500)
    runpod.fail(FaultKind.HTML_500, "start", times=2)
    await side.run(600)
    assert side.status == "RUNNING"
    assert side.events.count("start_failed") == 2
    runpod.heal()
    await side.provider.close()


async def test_the_heartbeat_comes_over_http_with_its_age(tmp_path: Path) -> None:
    clock = ManualClock(at=datetime(2026, 3, 2, 0, 0, tzinfo=UTC))
    with HeartbeatServer() as server:
        app = App(f"{server.url}/", tmp_path, clock)
        theirs = clock.now() + timedelta(hours=9)  # a clock that goes wrong
        beat = Heartbeat(theirs, theirs + timedelta(seconds=120), state="armed", acting=True, busy=False)
        server.answers = (200, json.dumps({**beat.to_json(), "age_s": 30.0}).encode())
        await app.read()
        assert app.decides and app.last is not None
        assert app.last.at == clock.now() - timedelta(seconds=30)
        for status_code, body in ((503, b""), (200, b"[]"), (200, b"{}"), (200, b" " * 30_000)):
            server.answers = (status_code, body)
            await app.read()
            assert app.decides, body[:10]  # what it said last still holds
    clock.advance(600)
    await app.read()
    assert not app.is_alive and not app.decides
    assert App("", tmp_path, clock).last == app.last  # kept for the next run


async def test_an_alert_goes_by_mail_too() -> None:
    with MailServer() as server:
        alerts = Alerts("", "ops@example.org", f"smtp://127.0.0.1:{server.port}", pause_s=0.0)
        text = Text("꺼지지 않습니다", "It does not stop")
        delivery = await alerts.send(Alert("stop_failed", text, text, "ab", "pod0main", datetime.now(UTC)))
    assert delivery.reached == ("email",)
    [mail] = server.mails
    message = message_from_bytes(mail, policy=default)
    assert message["To"] == "ops@example.org" and "꺼지지 않습니다" in message["Subject"]
    body = message.get_body()
    assert body is not None and "It does not stop" in body.get_content()
