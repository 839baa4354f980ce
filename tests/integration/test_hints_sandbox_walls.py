"""Nothing of a learner's program gets out of the sandbox or stays, and where there is no sandbox nothing is run."""

import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import uvloop

from backend.errors import SandboxUnavailable
from backend.hints.sandbox import Case, Judge
from backend.hints.sandbox.execution import CHILD, PYTHON
from backend.settings import REPOSITORY

SUM = Case("3 4\n", "7\n")
SLEEP = "import time\ntime.sleep(60)"


async def test_no_more_run_at_once_and_cancelling_leaves_none() -> None:
    task = asyncio.create_task(Judge(at_once=2).judge(SLEEP, [SUM] * 5))
    await until(lambda: len(children()) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == []


async def test_a_program_ends_with_the_process_that_judges() -> None:
    source = (
        "import asyncio\nfrom backend.hints.sandbox import Case, Judge\n"
        f"asyncio.run(Judge().judge({SLEEP!r}, [Case('', '')]))"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", source, cwd=REPOSITORY)
    try:
        await until(lambda: len(children(parent.pid)) == 1)
        (child,) = children(parent.pid)
        parent.send_signal(signal.SIGKILL)
        await parent.wait()
        await until(lambda: not is_alive(child))
    finally:
        if parent.returncode is None:
            parent.kill()
            await parent.wait()


async def test_it_works_on_the_loop_of_the_server() -> None:
    judgement = await asyncio.to_thread(lambda: uvloop.run(Judge().judge("print(7)\nprint(input())", [SUM] * 2)))
    assert [result.got for result in judgement.results] == ["7\n3 4\n"] * 2


async def test_it_is_available_here() -> None:
    assert await Judge().available() == ""


async def test_it_refuses_where_the_filter_cannot_be_set(tmp_path: Path) -> None:
    judge = Judge(python=interpreter_without_seccomp(tmp_path))
    assert "filter of system calls" in await judge.available()
    with pytest.raises(SandboxUnavailable, match="filter of system calls"):
        await judge.judge("print(7)", [SUM])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\necho 'no such library' >&2; exit 127", "status 127: no such library"),
        (f"#!/bin/sh\nsed -i s/x/x/ /dev/null; exec {PYTHON} -c 'print(7)'", "status 0"),
        ("no program", "Exec format error"),
    ],
)
async def test_it_refuses_where_the_interpreter_does_not_start(tmp_path: Path, text: str, reason: str) -> None:
    python = tmp_path / "python"
    python.write_text(text)
    python.chmod(0o755)
    assert reason in await Judge(python=str(python)).available()


def test_every_attack_is_held() -> None:
    figures, _ = bench("--quick")
    assert figures["held"] == figures["attacks"] > 120


def test_further_attacks_are_judged_the_same(tmp_path: Path) -> None:
    extra = tmp_path / "extra.json"
    extra.write_text(
        json.dumps(
            {
                "says so": "print('PWN: it says')",
                "on standard error": "import sys\nprint('x\\nPWN: it says', file=sys.stderr)",
                "held": "open('/etc/passwd')",
                "nothing": "",
                "too long": "#" * 100_000,
            }
        )
    )
    figures, status = bench("--quick", "--extra", str(extra), "--only", "extra:")
    assert (figures["attacks"], figures["held"], status) == (5, 3, 1)


def bench(*options: str) -> tuple[dict[str, float], int]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.sandbox", *options], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("\n") == 1, done.stderr
    sys.stderr.write(done.stderr)  # shown when a test fails
    return json.loads(done.stdout), done.returncode


def children(parent: int | None = None) -> Sequence[int]:
    """Processes of the sandbox that a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if above == (parent or os.getpid()) and str(CHILD) in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found


def is_alive(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


async def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def interpreter_without_seccomp(folder: Path) -> str:
    """An interpreter that starts behind a filter which lets nobody set another one, as some containers have it."""
    prctl, seccomp, architecture = {"x86_64": (157, 317, 0xC000003E), "aarch64": (167, 277, 0xC00000B7)}[
        platform.machine()
    ]
    script = folder / "python"
    script.write_text(
        f"""#!{PYTHON}
import ctypes, os, struct, sys
steps = [(0x20, 0, 0, 4), (0x15, 0, 6, {architecture}), (0x20, 0, 0, 0), (0x15, 3, 0, {seccomp}), (0x15, 0, 3, {prctl}),
         (0x20, 0, 0, 16), (0x15, 0, 1, 22), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("HBBI", *step) for step in steps)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(steps), code)), 0, 0) == 0
os.execv({PYTHON!r}, [{PYTHON!r}, *sys.argv[1:]])
"""
    )
    script.chmod(0o755)
    return str(script)
