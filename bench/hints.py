"""Hints of a real model for 30 buggy programs of our own: `python -m bench.hints`.

Starts the default laptop model on a free port, or asks the engine at `--url`. Each program gets one hint; levels, tones
and languages are spread over them. Prints one JSON line; the hints go to standard error. Status 1 when a hint that is
shown does not pass the guard, is in another language, or names nothing of the learner's program.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from backend.hints.asking import Progress, Source
from backend.hints.ladder import Tone
from backend.hints.language import is_in
from backend.hints.leak_guard import candidates, check
from backend.hints.levels import Level
from backend.hints.problem_files import read_problems
from backend.hints.problems import LanguageName
from backend.hints.sandbox import Judge
from backend.hints.tasks import judged, task_of
from backend.hints.validation import Subject, program_names
from backend.hints.writing import write
from backend.hints.written import Task, Written
from backend.llm.engine import Engine
from backend.llm.providers import Provider
from backend.llm.router import alone
from backend.llm.routes import Workload
from backend.settings import REPOSITORY, ServiceType
from bench.processes import ProgramFailedError, program

_BUGGY = Path(__file__).parent / "data" / "hints_buggy.json"
_PROBLEMS = REPOSITORY / "data" / "problems_multi_solution.json"
_MODEL = "qwen2.5-coder-1.5b-instruct"
_START_TIMEOUT_S = 120.0
_LANGUAGES: tuple[LanguageName, ...] = ("ko", "en")


@dataclass(frozen=True)
class Shown:
    """A hint and what an independent look at it finds."""

    written: Written
    passed_guard: bool
    right_language: bool
    names_program: bool
    seconds: float

    @property
    def ok(self) -> bool:
        return self.passed_guard and self.right_language and self.names_program


def main() -> int:
    """0 when every hint may be shown, is in its language and names something of its program."""
    options = _options()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    key = os.environ.get("LLM_API_KEY") or secrets.token_urlsafe(16)
    try:
        with tempfile.TemporaryDirectory(prefix="ondol-hints-") as folder, _engine(options, key, Path(folder)) as url:
            provider = Provider("main", url, ServiceType.VLLM, model=options.model, api_key=SecretStr(key))
            shown = asyncio.run(_hints(provider, options.limit))
    except ProgramFailedError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(_figures(shown)))
    return 0 if all(each.ok for each in shown) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.hints", description=__doc__)
    parser.add_argument("--limit", type=int, default=None, help="programs, spread over all of them")
    parser.add_argument("--url", default="", help="an engine that runs already, ends in /v1; its key is LLM_API_KEY")
    parser.add_argument("--model", default="", help="of that engine; left out: the first one it lists")
    options = parser.parse_args()
    if options.limit is not None and options.limit < 1:
        parser.error("--limit must be above 0")
    return options


@contextmanager
def _engine(options: argparse.Namespace, key: str, folder: Path) -> Iterator[str]:
    """Address of the engine; the laptop model is started where none is given."""
    if options.url:
        yield options.url
        return
    port = _free_port()
    environment = {
        "DATA_DIR": str(folder),
        "LLM_SERVICE_TYPE": "llamacpp",
        "LLM_GGUF": str(REPOSITORY / "var" / "weights" / f"{_MODEL}-q4_k_m.gguf"),
        "LLM_MODEL_NAME": _MODEL,
        "LLM_API_KEY": key,
        "LLM_SLOTS": "1",
        "VLLM_HOST": "127.0.0.1",
        "VLLM_PORT": str(port),
    }
    with program("engine", [sys.executable, "-m", "backend.llm.llama_server"], environment, folder) as running:
        running.wait_for(lambda: _answers(port), _START_TIMEOUT_S)
        yield f"http://127.0.0.1:{port}/v1"


async def _hints(provider: Provider, limit: int | None) -> list[Shown]:
    problems = {each.problem_id: each for each in read_problems(_PROBLEMS.read_bytes()).problems}
    buggy = json.loads(_BUGGY.read_text(encoding="utf-8"))
    step = 1 if limit is None else max(1, len(buggy) // limit)
    judge, engine = Judge(), Engine(provider, first_token_timeout_s=300)
    shown = []
    try:
        for place, entry in enumerate(buggy[::step][:limit]):
            problem, code = problems[int(entry["problem_id"])], entry["code"]
            task = await task_of(
                judge,
                problem,
                code,
                await judged(judge, problem, code),
                level=Level(place % len(Level) + 1),
                tone=list(Tone)[place % len(Tone)],
                language=_LANGUAGES[place % 2],
            )
            found = await _hint(task, engine)
            _tell(entry["id"], task, found)
            shown.append(found)
    finally:
        await engine.close()
    return shown


async def _hint(task: Task, engine: Engine) -> Shown:
    begin = time.perf_counter()
    async with aclosing(write(task, alone(engine, 300).call(Workload.HEAVY))) as events:
        async for event in events:
            if not isinstance(event, Progress):
                return await _looked_at(event, task, time.perf_counter() - begin)
    raise RuntimeError("a hint always comes")


async def _looked_at(written: Written, task: Task, seconds: float) -> Shown:
    """Judges the text anew, as it would be shown."""
    text = written.text
    solves = [await task.passes(each) for each in candidates(text, task.code)]
    subject = Subject(task.problem, task.diagnosis, written.level, task.language)
    return Shown(
        written=written,
        passed_guard=check(text, written.level, task.material, executes=any(solves)).allowed,
        right_language=is_in(text, task.language, known=f"{task.code}\n{task.problem.description}"),
        names_program=bool(program_names(text, subject)),
        seconds=seconds,
    )


def _figures(shown: Sequence[Shown]) -> dict[str, Any]:
    from_model = [each for each in shown if each.written.source is Source.MODEL]
    refused = [refused for each in shown for refused in each.written.refused]
    return {
        "programs": len(shown),
        "passed_guard": sum(each.passed_guard for each in shown),
        "right_language": sum(each.right_language for each in shown),
        "names_program": sum(each.names_program for each in shown),
        "from_model": len(from_model),
        "from_template": len(shown) - len(from_model),
        "first_try": sum(not each.written.refused for each in from_model),
        "lower_level": sum(each.written.level < each.written.level_asked for each in shown),
        "refused": len(refused),
        "leaks_blocked": sum(each.is_leak for each in refused),
        "median_s": round(statistics.median(each.seconds for each in shown), 1),
        "max_s": round(max(each.seconds for each in shown), 1),
    }


def _tell(name: str, task: Task, found: Shown) -> None:
    written = found.written
    marks = " ".join(mark for mark in ("passed_guard", "right_language", "names_program") if not getattr(found, mark))
    print(
        f"\n{name} level {task.level} {task.tone} {task.language}: {written.source}, {found.seconds:.0f} s",
        file=sys.stderr,
    )
    for refused in written.refused:
        print(f"  refused for {', '.join(refused.reasons)}: {refused.text}", file=sys.stderr)
    print(f"  {'NOT ' + marks + ': ' if marks else ''}{written.text}", file=sys.stderr, flush=True)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
