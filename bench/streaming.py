"""What Ondol adds to an engine's stream: time to the first word, evenness of the text, processor time.

Starts a database, a stand-in engine and the app on free ports with a temporary data folder, asks both the app
and the engine the same questions, and prints one JSON line (`docs/benchmarks.md` explains the figures).

    python -m bench.streaming
"""

import argparse
import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import httpx
import orjson
import psutil
import structlog

from backend.accounts.administration import FIRST_ADMIN
from backend.accounts.identity import Scope
from backend.accounts.service import Accounts
from backend.settings import REPOSITORY, Settings, load
from backend.store.database import Database
from backend.store.embedded import server_of
from bench.figures import gaps_ms, percentile
from bench.processes import Program, ProgramFailedError, answers, program
from bench.reader import Protocol, Target

_START_TIMEOUT_S = 120.0
_PAIR_TOKENS = 8  # of a pair only the first word counts
_WARM_UP = 4  # pairs that are not counted: the first ones open connections and compile queries
_ENGINE_KEY = "bench"
_SUBJECTS = ("정렬", "recursion", "이진 탐색", "hash tables", "동적 계획법", "graphs", "문자열", "sliding windows")


@dataclass(frozen=True, slots=True)
class Plan:
    """Size of the measurement."""

    pairs: int
    streams: int
    seconds: float
    tokens_per_second: float

    @property
    def stream_tokens(self) -> int:
        return max(2, round(self.seconds * self.tokens_per_second))


@dataclass(frozen=True, slots=True)
class Running:
    """The programs that are measured."""

    app: Program
    ondol: Target
    engine: Target


def main() -> int:
    plan = _options()
    signal.signal(signal.SIGTERM, _leave)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    try:
        with tempfile.TemporaryDirectory(prefix="ondol-bench-") as folder, _system(plan, Path(folder)) as running:
            result = measure(running, plan)
    except ProgramFailedError as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


def measure(running: Running, plan: Plan) -> dict[str, Any]:
    """All figures, from one run on one machine. Raises ProgramFailedError when an answer fails."""
    both = (running.ondol, running.engine)
    times = _read(both, _prompts(_WARM_UP + plan.pairs), _PAIR_TOKENS)[_WARM_UP:]
    added = [ours - direct for ours, direct in times]
    prompts = _prompts(plan.streams)
    before = cpu_seconds(running.app.pid)
    ours = _read((running.ondol,), prompts, plan.stream_tokens)
    cpu_s = cpu_seconds(running.app.pid) - before
    direct = _read((running.engine,), prompts, plan.stream_tokens)
    tokens = sum(reading["tokens"] for reading in ours)
    return {
        "added_ttft_ms_p50": round(percentile(added, 50), 2),
        "added_ttft_ms_p95": round(percentile(added, 95), 2),
        "ttft_ms_p50": round(percentile([ours for ours, _ in times], 50), 2),
        "ttft_ms_p50_direct": round(percentile([direct for _, direct in times], 50), 2),
        **gap_figures(ours, ""),
        **gap_figures(direct, "_direct"),
        "cpu_s_per_1000_tokens": round(cpu_s / tokens * 1000, 4),
        "pairs": len(added),
        "streams": len(ours),
        "tokens": tokens,
        "tokens_per_s": round(tokens / _span_s(ours), 1),
    }


def gap_figures(readings: Sequence[dict[str, Any]], suffix: str) -> dict[str, float]:
    """Silence within the streams in milliseconds; the wait for the first text is not part of it."""
    gaps = [gap for reading in readings for gap in gaps_ms(reading["text_s"])]
    return {
        f"gap_p50_ms{suffix}": round(percentile(gaps, 50), 2),
        f"gap_p95_ms{suffix}": round(percentile(gaps, 95), 2),
        f"gap_max_ms{suffix}": round(max(gaps), 2),
    }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children."""
    process = psutil.Process(pid)
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return float(sum(used.user + used.system for used in times))


def _read(targets: Sequence[Target], prompts: list[str], max_tokens: int) -> Any:
    """Runs the reader in its own process."""
    plan = {"targets": [asdict(target) for target in targets], "prompts": prompts, "max_tokens": max_tokens}
    command = [sys.executable, "-m", "bench.reader"]
    done = subprocess.run(command, input=orjson.dumps(plan), capture_output=True, cwd=REPOSITORY, check=False)
    if done.returncode:
        raise ProgramFailedError(f"The reader failed: {done.stderr.decode(errors='replace').strip()}")
    return orjson.loads(done.stdout)


@contextmanager
def _system(plan: Plan, folder: Path) -> Iterator[Running]:
    """Database, engine and app, in this order; ended in the other one."""
    app_port = _free_port()
    settings = load(DATA_DIR=str(folder / "data"))
    environment = {"DATA_DIR": str(settings.data_dir)}
    python = sys.executable
    with program("database", [python, "-m", "backend.store.embedded"], environment, folder) as database:
        url = server_of(settings).url()
        database.wait_for(lambda: asyncio.run(answers(url)), _START_TIMEOUT_S)
        token = asyncio.run(_token(url, settings))
        engine_arguments = [python, "-m", "bench.engine", "--api-key", _ENGINE_KEY, "--answer-tokens", "100000"]
        engine_arguments += ["--max-model-len", "200000", "--max-running", str(plan.streams)]
        engine_arguments += ["--tokens-per-second", str(plan.tokens_per_second)]
        with program("engine", engine_arguments, {}, folder) as engine_program:
            engine_program.wait_for(lambda: bool(engine_program.first_line()), _START_TIMEOUT_S)
            engine = orjson.loads(engine_program.first_line())
            environment |= {
                "DATABASE_URL": url,
                "GRADIO_SERVER_NAME": "127.0.0.1",
                "GRADIO_SERVER_PORT": str(app_port),
                "LLM_SERVICE_TYPE": "vllm",
                "VLLM_SERVER_URL": engine["base_url"],
                "LLM_MODEL_NAME": "double",
                "LLM_API_KEY": _ENGINE_KEY,
                "LLM_PROVIDERS": "[]",
                "REQUESTS_PER_MINUTE": "100000",
                "STREAMS_PER_USER": str(plan.streams + 1),
            }
            with program("app", [python, "app.py"], environment, folder) as app:
                app.wait_for(lambda: _is_healthy(app_port), _START_TIMEOUT_S)
                ondol = Target(Protocol.ONDOL, app_port, token)
                yield Running(app, ondol, Target(Protocol.OPENAI, engine["port"], _ENGINE_KEY, "double"))


async def _token(url: str, settings: Settings) -> str:
    """Makes the tables, a user and a token for the API."""
    database = Database(url)
    try:
        await database.migrate()
        accounts = Accounts(database, settings)
        try:
            password_file = await accounts.ensure_first_admin()
            assert password_file is not None, "the folder is new"
            who, _ = await accounts.login(FIRST_ADMIN, password_file.read_text().strip(), "127.0.0.1", "bench")
            _, secret = await accounts.create_token(who, "bench", [Scope.CHAT])
            return secret
        finally:
            accounts.close()
    finally:
        await database.close()


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _prompts(count: int) -> list[str]:
    """Different questions, so that no cache answers any."""
    return [f"{number}. {_SUBJECTS[number % len(_SUBJECTS)]}: explain it with one example." for number in range(count)]


def _span_s(readings: Sequence[dict[str, Any]]) -> float:
    """Seconds from the first request to the last text."""
    return float(max(reading["text_s"][-1] for reading in readings) - min(reading["sent_s"] for reading in readings))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _leave(_number: int, _frame: object) -> NoReturn:
    """SIGTERM ends the blocks above in order, and with them every program."""
    sys.exit(143)


def _options() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench.streaming", description=__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="requests to each side for the first word")
    parser.add_argument("--streams", type=int, default=32, help="answers at the same time")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of these answers")
    parser.add_argument("--tokens-per-second", type=float, default=50.0, help="speed of one answer")
    options = parser.parse_args()
    if min(options.pairs, options.streams, options.seconds, options.tokens_per_second) <= 0:
        parser.error("all numbers must be above 0")
    return Plan(options.pairs, options.streams, options.seconds, options.tokens_per_second)


if __name__ == "__main__":
    sys.exit(main())
