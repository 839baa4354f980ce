"""Programs a benchmark starts are ended by their own id, whatever happened."""

import sys
from pathlib import Path

import psutil
import pytest

from bench.processes import ProgramFailedError, program

TALKS_AND_WAITS = "import time; print('ready', flush=True); time.sleep(600)"


def run(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_program_ends_with_its_block(tmp_path: Path) -> None:
    with program("talker", run(TALKS_AND_WAITS), {}, tmp_path) as running:
        running.wait_for(lambda: running.first_line() == "ready", timeout_s=20)
        pid = running.pid
        assert psutil.pid_exists(pid)

    assert not psutil.pid_exists(pid)


def test_program_ends_when_the_block_fails(tmp_path: Path) -> None:
    pid = 0
    with pytest.raises(ZeroDivisionError), program("talker", run(TALKS_AND_WAITS), {}, tmp_path) as running:
        pid = running.pid
        raise ZeroDivisionError

    assert pid
    assert not psutil.pid_exists(pid)


def test_failed_start_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    code = "import os, sys; sys.exit('no such ' + os.environ['THING'])"
    with (
        pytest.raises(ProgramFailedError, match=r"loser ended with status 1:\nno such key"),
        program("loser", run(code), {"THING": "key"}, tmp_path) as running,
    ):
        running.wait_for(lambda: False, timeout_s=20)


def test_late_start_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(ProgramFailedError, match="talker was not ready within 0 s"),
        program("talker", run(TALKS_AND_WAITS), {}, tmp_path) as running,
    ):
        running.wait_for(lambda: False, timeout_s=0)
