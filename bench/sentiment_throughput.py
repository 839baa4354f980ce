"""Reviews per second of our classifier beside other clients of the same engine, and its memory.

Starts the stand-in of `bench.engine_batch`, whose costs are a real vLLM's, or takes a real one by `--url`, and prints
one JSON line (`docs/sentiment-engine.md` explains the figures). Every client runs in a process of its own.

    python -m bench.sentiment_throughput
    python -m bench.sentiment_throughput --url http://127.0.0.1:8000/v1 --model Qwen/Qwen2.5-7B-Instruct
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import orjson

from backend.settings import REPOSITORY
from bench.processes import ProgramFailedError, program
from bench.sentiment_load import Load

_START_TIMEOUT_S = 60.0
_KEY = "BENCH_ENGINE_KEY"


def main() -> int:
    options = _options()
    try:
        with _engine(options) as load:
            result = measure(load, options)
    except ProgramFailedError as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


def measure(load: Load, options: argparse.Namespace) -> dict[str, float]:
    """All figures, one client after the other, against one engine. Raises ProgramFailedError."""
    numbers = iter(range(1, 1 << 62))

    def of(client: str, count: int) -> dict[str, float]:
        # Reviews that nobody has sent yet, so that no cache of the engine knows more than the shared prefix.
        return _run(replace(load, client=client, count=count, first=next(numbers) * 1_000_000))

    pairs = [
        (of("ours", options.reviews)["per_s"], of("direct", options.reviews)["per_s"]) for _ in range(options.rounds)
    ]
    ours, direct = median(ours for ours, _ in pairs), median(direct for _, direct in pairs)
    usual = of("asyncopenai", options.usual)["per_s"]
    labels = of("asyncopenai_labels", options.usual)["per_s"]
    sequential = of("sequential", options.sequential)["per_s"]
    small, large = of("ours", options.small)["peak_mb"], of("ours", options.large)["peak_mb"]
    return {
        "ours": round(ours, 1),
        "direct": round(direct, 1),
        "asyncopenai": round(usual, 1),
        "sequential": round(sequential, 1),
        "peak_mb_10k": round(small, 1),
        "peak_mb_200k": round(large, 1),
        "asyncopenai_labels": round(labels, 1),
        "ours_to_direct": round(median(ours / direct for ours, direct in pairs), 3),
        "ours_to_asyncopenai": round(ours / usual, 2),
    }


def _run(load: Load) -> dict[str, float]:
    print(f"{load.client}: {load.count} reviews", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "bench.sentiment_load", orjson.dumps(asdict(load)).decode()]
    done = subprocess.run(command, capture_output=True, cwd=REPOSITORY, check=False)
    if done.returncode:
        raise ProgramFailedError(f"{load.client} failed: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    figures: dict[str, float] = orjson.loads(done.stdout.splitlines()[-1])
    print(f"    {figures}", file=sys.stderr, flush=True)
    return figures


@contextmanager
def _engine(options: argparse.Namespace) -> Iterator[Load]:
    if options.url:
        yield Load("", options.url.rstrip("/"), options.model, 0, api_key=os.environ.get(_KEY, ""))
        return
    with tempfile.TemporaryDirectory(prefix="ondol-bench-") as folder:
        command = [sys.executable, "-m", "bench.engine_batch"]
        with program("engine", command, {}, Path(folder)) as running:
            running.wait_for(lambda: bool(running.first_line()), _START_TIMEOUT_S)
            yield Load("", orjson.loads(running.first_line())["base_url"], "double", 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.sentiment_throughput", description=__doc__, epilog=f"A real engine's key: ${_KEY}."
    )
    parser.add_argument("--url", default="", help="of a real engine, ends in /v1; empty: the stand-in")
    parser.add_argument("--model", default="double")
    parser.add_argument("--reviews", type=int, default=20_000, help="for ours and direct")
    parser.add_argument("--rounds", type=int, default=2, help="ours and direct are measured in turn so often")
    parser.add_argument("--usual", type=int, default=3_000, help="for AsyncOpenAI")
    parser.add_argument("--sequential", type=int, default=150)
    parser.add_argument("--small", type=int, default=10_000, help="for memory")
    parser.add_argument("--large", type=int, default=200_000, help="for memory")
    options = parser.parse_args()
    if min(options.reviews, options.rounds, options.usual, options.sequential, options.small, options.large) < 1:
        parser.error("all numbers must be above 0")
    return options


if __name__ == "__main__":
    sys.exit(main())
