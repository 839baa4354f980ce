"""Attacks the sandbox of learners' programs: `python -m bench.sandbox`.

Prints one JSON line, `{"attacks", "held", "median_ms"}`; what happened goes to standard error. An attack is held when
no line of its output starts with `PWN:`, nothing of it lives on, the process that judges lives, the run ends within its
time and the verdict is not "passed". Each attack counts once. When root runs this, every attack is made as root and as
an ordinary user, and is held only when it is both times. The median is of ordinary programs, one at a time, before.
"""

import argparse
import asyncio
import ctypes
import json
import multiprocessing
import os
import secrets
import shutil
import signal
import statistics
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from backend.errors import OndolError, SandboxUnavailable
from backend.hints.sandbox import Case, Limits, Verdict
from backend.hints.sandbox.execution import CHILD, PYTHON, run
from backend.hints.sandbox.judge import checked
from backend.hints.sandbox.verdicts import result_of
from bench.attacks import FUNCTIONS, PROGRAMS

_NOBODY = 65534
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_GRACE_S = 2.0  # for ending a process and telling
_ROUNDS, _QUICK_ROUNDS = 10, 2
_QUICK = Limits(cpu_s=1, wall_s=1.5)
_ORDINARY = [
    "a, b = map(int, input().split())\nprint(a + b)",
    "import sys\ninput = sys.stdin.readline\nprint(sum(map(int, input().split())))",
    "from collections import deque\nimport heapq\nq = deque(map(int, open(0).read().split()))\nprint(sum(q))",
    "import math, itertools\nfor line in open(0):\n    print(math.gcd(*map(int, line.split())) + 6)",
    "from dataclasses import dataclass\nfrom typing import List\n@dataclass\nclass A:\n    x: List[int]\nprint(7)",
]


@dataclass(frozen=True)
class Attack:
    """A program and, for one that defines a function, its name."""

    name: str
    program: str
    function: str = ""


def main() -> int:
    """Makes the attacks; 0 when all are held."""
    options = _options()
    attacks = [attack for attack in _attacks(options.extra) if options.only in attack.name]
    limits = _QUICK if options.quick else Limits()
    try:
        median_ms = asyncio.run(_ordinary_ms(_QUICK_ROUNDS if options.quick else _ROUNDS))
    except SandboxUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    modes = ["root", "user"] if os.geteuid() == 0 else ["user"]
    print(f"{len(attacks)} attacks, each as {' and as '.join(modes)}", file=sys.stderr)
    runs = [Mode(mode, attacks, limits) for mode in modes]
    lost = {name for mode in runs for name in mode.lost()}
    print(json.dumps({"attacks": len(attacks), "held": len(attacks) - len(lost), "median_ms": round(median_ms, 1)}))
    return 1 if lost else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sandbox",
        description="Attacks the sandbox; prints {attacks, held, median_ms} as JSON. Each attack counts once: when "
        "root runs this, it is made as root and as an ordinary user (uid 65534), and held when it is both times.",
    )
    parser.add_argument(
        "--extra", type=Path, metavar="FILE.json", help="further attacks: a JSON object of program texts by name"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only the attacks whose name has this in it")
    parser.add_argument("--quick", action="store_true", help="1.5 s a run instead of 4")
    return parser.parse_args()


def _attacks(extra: Path | None) -> list[Attack]:
    attacks = [Attack(name, program) for name, program in PROGRAMS.items()]
    attacks += [Attack(name, program, "solve") for name, program in FUNCTIONS.items()]
    attacks = [Attack(attack.name, attack.program.replace("SCRIPT", str(CHILD)), attack.function) for attack in attacks]
    if extra is not None:
        further = json.loads(extra.read_text("utf-8"))
        if not isinstance(further, dict) or not all(isinstance(text, str) for text in further.values()):
            raise SystemExit(f"{extra} has to be a JSON object of program texts by name")
        attacks += [Attack(f"extra:{name}", text) for name, text in further.items()]
    return attacks


async def _ordinary_ms(rounds: int) -> float:
    times = []
    for _ in range(rounds):
        for program in _ORDINARY:
            execution = await run(program, "3 4\n", limits=Limits())
            result = result_of(0, Case("3 4\n", "7"), execution)
            if result.verdict is not Verdict.PASSED:
                raise SystemExit(f"an ordinary program fails: {result}")
            times.append(execution.ms)
    return statistics.median(times)


class Mode:
    """The attacks as one kind of user, in a process of their own, which an attack may try to kill."""

    def __init__(self, mode: str, attacks: list[Attack], limits: Limits) -> None:
        self._mode, self._limits = mode, limits
        self._waiting = list(attacks)
        self._start()

    def lost(self) -> Iterator[str]:
        """Waits for the end; names of the attacks that were not held."""
        while self._waiting:
            try:
                name, reason = self._answers.recv()
            except EOFError:  # the process is gone: killed by the attack whose answer is due
                self._process.join()
                name, reason = self._waiting[0].name, f"the judge ended with status {self._process.exitcode}"
                self._waiting.pop(0)
                self._start()
            else:
                self._waiting.pop(0)
            if reason:
                print(f"NOT HELD as {self._mode}: {name}: {reason}", file=sys.stderr)
                yield name
        self._process.join()

    def _start(self) -> None:
        self._answers, answer = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.get_context("fork").Process(
            target=_attack_all, args=(self._mode, self._waiting, self._limits, answer)
        )
        self._process.start()
        answer.close()


def _attack_all(mode: str, attacks: list[Attack], limits: Limits, answer: Connection) -> None:
    """Runs in the process of a mode: `(name, why it was not held or empty)` for every attack."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # daemons come to us when their parent ends
    if mode == "user" and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    python = _python()
    for attack in attacks:
        try:
            reason = asyncio.run(_attack(attack, limits, python))
        except OndolError as error:
            reason = str(error) if isinstance(error, SandboxUnavailable) else ""  # a program turned away does nothing
        answer.send((attack.name, reason or _survivors()))


def _python() -> str:
    """The interpreter that runs this, or another one where this user may not execute it."""
    if os.access(PYTHON, os.X_OK):
        return PYTHON
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    other = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
    print(f"an ordinary user may not execute {PYTHON}; {other or 'and there is no other ' + name}", file=sys.stderr)
    return other or PYTHON


async def _attack(attack: Attack, limits: Limits, python: str) -> str:
    program = checked(attack.program.replace("JUDGE_PID", str(os.getpid())))
    case = Case("3 4\n", f"answer-{secrets.token_hex(16)}")
    if attack.function:
        case = Case("[3, 4]", json.dumps(case.expected))
    execution = await run(
        program,
        "" if attack.function else case.input,
        limits=limits,
        function=attack.function,
        arguments=[3, 4] if attack.function else [],
        python=python,
    )
    result = result_of(0, case, execution, function=attack.function)
    print(f"{attack.name}: {result.verdict} {result.call or result.message[:80]} {result.ms:.0f} ms", file=sys.stderr)
    written = f"{execution.stdout.decode(errors='replace')}\n{execution.stderr.decode(errors='replace')}\n{result.got}"
    for line in written.splitlines():
        if line.startswith("PWN:"):
            return line
    if result.verdict is Verdict.PASSED:
        return "it passed"
    if len(execution.stdout) > limits.output_bytes:
        return f"{len(execution.stdout)} bytes came through"
    return "it ran too long" if result.ms > (limits.wall_s + _GRACE_S) * 1000 else ""


def _survivors() -> str:
    """Processes below this one, which are ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(folder.name))
    for process in found:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    return f"{len(found)} processes lived on" if found else ""


if __name__ == "__main__":
    sys.exit(main())
