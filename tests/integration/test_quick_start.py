"""`quick_start.sh` for real: a checkout in an awkward folder, started, killed piece by piece, and stopped."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.fixtures.checkout import DEADLINE_S, Checkout


def test_a_start_tells_where_and_how(running: Checkout) -> None:
    password = (running.folder / "var/secrets/admin_password").read_text().strip()
    assert password in running.first_told
    told = running.run().stdout
    assert "Ondol is already running" in told
    assert password not in told, "shown once, kept in its file"
    assert f"http://127.0.0.1:{running.port}" in told
    assert "var/secrets/admin_password" in told
    assert "--stop" in told
    assert running.is_healthy()


def test_status_lists_every_service(running: Checkout) -> None:
    done = running.run("--status")
    assert done.returncode == 0, done.stdout
    assert set(running.pids()) == {"app", "llm", "embedding", "database"}
    assert str(running.port) in done.stdout


def test_the_port_is_remembered(running: Checkout) -> None:
    assert f"GRADIO_SERVER_PORT={running.port}\n" in (running.folder / "var/quick_start.env").read_text()
    before = running.pids()
    assert running.run().returncode == 0
    assert running.pids() == before


def test_every_piece_is_checked(running: Checkout) -> None:
    done = running.run("--json", script="verify_system.sh")
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["ok"] is True
    assert {check["check"] for check in report["checks"]} >= {
        "settings",
        "database",
        "weights",
        "answer",
        "embedding",
        "page",
        "api",
    }
    assert all(check["latency_ms"] >= 0 for check in report["checks"])


def test_logs_are_shown_by_service(running: Checkout) -> None:
    assert "model_server" in running.run("--logs", "llm").stdout
    unknown = running.run("--logs", "nonsense")
    assert unknown.returncode == 2
    assert "supervisord" in unknown.stdout


@pytest.mark.parametrize("service", ["app", "llm", "embedding", "database"])
def test_a_killed_service_comes_back(running: Checkout, service: str) -> None:
    before = running.pids()[service]
    os.kill(before, signal.SIGKILL)
    _wait_for(lambda: running.pids().get(service, 0) not in (0, before))
    _wait_for(running.is_healthy)


def test_after_a_killed_supervisor_nothing_lives_on_and_a_start_recovers(running: Checkout) -> None:
    supervisor = int((running.folder / "var/run/supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    _wait_for(lambda: not running.processes())
    down = running.run("--status")
    assert down.returncode == 1
    assert "Not running" in down.stdout
    assert running.run().returncode == 0
    assert running.is_healthy()


def test_a_taken_port_is_told_with_its_owner(running: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = running.run("--port", str(server.getsockname()[1]))
    assert done.returncode == 1
    assert f"pid {os.getpid()}" in done.stderr
    assert psutil.Process().name()[:15] in done.stderr


def test_an_unknown_model_is_refused_and_not_remembered(running: Checkout) -> None:
    done = running.run("--model", "no-such-model")
    assert done.returncode == 1
    assert "no-such-model" in done.stderr
    assert "no-such-model" not in (running.folder / "var/quick_start.env").read_text()
    assert running.is_healthy()


def test_a_wrong_setting_is_told_before_anything_is_touched(running: Checkout) -> None:
    done = running.run(LOG_LEVEL="loud")
    assert done.returncode == 1
    assert "LOG_LEVEL" in done.stderr
    assert running.is_healthy()


def test_two_starts_at_once_do_not_meet(running: Checkout) -> None:
    with (running.folder / "var/quick_start.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = running.run()
    assert done.returncode == 1
    assert "at work in this folder" in done.stderr


def test_an_interrupt_in_the_foreground_stops_everything(running: Checkout) -> None:
    command = [str(running.folder / "quick_start.sh"), "--foreground"]
    attached = subprocess.Popen(command, env=running.environment, stdout=subprocess.PIPE, text=True)
    assert attached.stdout is not None
    assert any("Ctrl-C" in line for line in attached.stdout)
    attached.send_signal(signal.SIGINT)
    assert attached.wait(DEADLINE_S) == 0
    assert running.processes() == []


def test_a_stop_leaves_no_process(running: Checkout) -> None:
    assert running.processes()
    assert running.run("--stop").returncode == 0
    assert running.processes() == []
    report = json.loads(running.run("--json", script="verify_system.sh").stdout)
    failed = {check["check"] for check in report["checks"] if not check["ok"]}
    assert report["ok"] is False
    assert failed == {"services", "database", "migrations", "engine", "answer", "embedding", "page", "health", "api"}
    assert all(check["next_step"] for check in report["checks"] if not check["ok"])
    again = running.run("--stop")
    assert again.returncode == 0
    assert "Nothing is running" in again.stdout


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
