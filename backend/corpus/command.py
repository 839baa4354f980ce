"""`python -m backend.jobs ray`: what is asked for on the command line, checked before anything is begun."""

import argparse
import asyncio
import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from backend.corpus.parts import InputKind, UnreadableInput, parts_of
from backend.corpus.results import OtherJob, OutputKind, Results
from backend.corpus.work import Task, model_of
from backend.errors import OndolError
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.corpus.ray_job import Progress

WRONG_USE = 2
_ROWS = 10_000
_MISSING = """Ray is not installed: it is an optional requirement of this command only. Install it with
  {python} -m pip install -r requirements-ray.txt"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("task", type=Task, choices=list(Task), help="what to do with every row")
    parser.add_argument("input", type=Path, nargs="+", help="CSV, JSON Lines or Parquet files, or folders of them")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results; begun there, it goes on")
    parser.add_argument("--format", type=OutputKind, choices=list(OutputKind), default=OutputKind.PARQUET)
    parser.add_argument("--text", default="text", metavar="COLUMN", help="column that holds the text")
    parser.add_argument("--id", metavar="COLUMN", help="column that is kept beside the results")
    parser.add_argument("--rows", type=int, default=_ROWS, help="rows of a part, which is done whole or not at all")
    parser.add_argument("--workers", type=int, default=2, help="parts at work at the same time")
    parser.add_argument("--address", help="of a Ray cluster (default: RAY_ADDRESS, else this machine)")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Exit status: 0 all parts are done, 1 some are left, 2 the job cannot be begun. The figures go to stdout."""
    if importlib.util.find_spec("ray") is None:
        return _refuse(_MISSING.format(python=sys.executable))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    from backend.corpus import ray_job  # noqa: PLC0415 - loads Ray

    if min(options.rows, options.workers) < 1:
        return _refuse("--rows and --workers must be at least 1")
    try:
        files = _files(options.input)
        parts = list(parts_of(files, options.rows))
        model = asyncio.run(model_of(options.task, settings))
        results = Results(options.output.resolve(), options.format)
        results.claim(_identity(options, files, model))
    except (UnreadableInput, OtherJob, OndolError, OSError) as error:
        return _refuse(str(error))
    rows = sum(part.rows for part in parts)
    print(f"{rows:,} rows in {len(parts):,} parts, by {model}", file=sys.stderr)

    def told(progress: "Progress") -> None:
        finished = progress.skipped + progress.parts
        speed = progress.rows / progress.seconds if progress.seconds else 0.0
        bad = progress.problems.total()
        print(
            f"{finished:,} of {len(parts):,} parts, {speed:,.0f} rows/s, {bad:,} rows without a result"
            f"{f', {len(progress.failed)} parts failed' if progress.failed else ''}",
            file=sys.stderr,
        )

    job = ray_job.Job(options.task, model, options.text, options.id, results, settings)
    try:
        done = ray_job.run(job, parts, workers=options.workers, address=options.address, told=told)
    except ConnectionError as error:
        return _refuse(f"no Ray cluster at {options.address or 'RAY_ADDRESS'}: {error}")
    return _ended(done, len(parts), rows)


def _ended(done: "Progress", parts: int, rows: int) -> int:
    left = parts - done.skipped - done.parts
    figures: dict[str, Any] = {
        "rows": rows,
        "parts": parts,
        "parts_done_before": done.skipped,
        "parts_done": done.parts,
        "parts_left": left,
        "rows_done": done.rows,
        "rows_without_result": dict(done.problems),
        "seconds": round(done.seconds, 1),
        "rows_per_s": round(done.rows / done.seconds, 1) if done.seconds else None,
    }
    print(orjson.dumps(figures).decode())
    if left:
        reasons = ", ".join(sorted(set(done.failed.values()))) or "the work was ended"
        print(f"{left:,} parts are left ({reasons}). The same command goes on with them.", file=sys.stderr)
    return 1 if left else 0


def _files(given: Iterable[Path]) -> list[Path]:
    """Files as they are, folders as the files in them that can be read, by name. Raises UnreadableInput, OSError."""
    found: list[Path] = []
    endings = {f".{kind}" for kind in InputKind} | {".ndjson"}
    for path in given:
        if path.is_dir():
            found += sorted(each for each in path.iterdir() if each.suffix.lower() in endings and each.is_file())
        else:
            found.append(path)
    if not found:
        raise UnreadableInput(f"there is no {', '.join(sorted(endings))} file in {', '.join(map(str, given))}")
    return [path.resolve() for path in found]


def _identity(options: argparse.Namespace, files: list[Path], model: str) -> dict[str, Any]:
    """Everything that decides which row is in which part, and what becomes of it."""
    return {
        "task": options.task.value,
        "model": model,
        "input files": [[path.name, path.stat().st_size] for path in files],
        "text column": options.text,
        "id column": options.id,
        "rows of a part": options.rows,
        "format": options.format.value,
    }


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return WRONG_USE
