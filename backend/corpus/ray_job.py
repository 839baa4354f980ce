"""Spreads the parts of a corpus over the workers of a Ray cluster, or of this machine where there is none."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import ray
import ray.data

from backend.corpus.parts import InputKind, Part
from backend.corpus.results import Results
from backend.corpus.rows import rows_of
from backend.corpus.work import Task, problems_in, work_of
from backend.errors import OndolError
from backend.settings import Settings

_PART_TRIES = 3
_FAILED_IN_A_ROW = 3  # the engine is gone: the job is better begun again later than ended part by part


@dataclass(frozen=True)
class Job:
    """What every worker is told. It holds the keys of the settings: a cluster is as trusted as the machine.

    Attributes:
        model: what did the work when the job began.
    """

    task: Task
    model: str
    text_column: str
    id_column: str | None
    results: Results
    settings: Settings


@dataclass
class Progress:
    """How far a job is.

    Attributes:
        parts, rows: that this run has finished.
        skipped: parts that an earlier run had finished.
        problems: rows without a result, by the reason.
        failed: parts that could not be done, with the reason.
        seconds: of this run.
    """

    skipped: int = 0
    parts: int = 0
    rows: int = 0
    seconds: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)


class PartWorker:
    """One actor of the pool: its connections are kept from part to part."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._runner = asyncio.Runner()
        self._work = work_of(job.task, job.settings, job.model)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Does a part, and tells how it went. A model that is away, or a file, is no end of the job."""
        part = Part(**{**row, "kind": InputKind(row["kind"])})
        for attempt in range(_PART_TRIES):
            try:
                return self._done(part)
            except OndolError as error:
                reason = error.code
                if attempt < _PART_TRIES - 1:
                    time.sleep(error.retry_after_s or 2**attempt)
            except OSError as error:
                reason = f"{error.filename}: {error.strerror}"
                break
        return {"part": part.number, "rows": 0, "problems": "{}", "failed": reason}

    def _done(self, part: Part) -> dict[str, Any]:
        rows = list(rows_of(part, self._job.text_column, self._job.id_column))
        columns = self._runner.run(self._work.done(rows))
        self._job.results.write(part, columns)
        problems = orjson.dumps(problems_in(columns)).decode()  # Arrow has no dictionaries of any keys
        return {"part": part.number, "rows": len(rows), "problems": problems, "failed": ""}


def run(
    job: Job, parts: Sequence[Part], *, workers: int, address: str | None, told: Callable[[Progress], None]
) -> Progress:
    """Does the parts that no earlier run has finished.

    Args:
        workers: at most so many at work at the same time, each with connections of its own.
        address: of a cluster; None: the one Ray's own RAY_ADDRESS names, else a fresh one on this machine.
        told: called after each part.

    Raises:
        ConnectionError: there is no cluster at the address.
    """
    progress, begun = Progress(), time.monotonic()
    left = [part for part in parts if not job.results.has(part)]
    progress.skipped = len(parts) - len(left)
    if not left:
        return progress
    ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        in_a_row = 0
        with closing(_outcomes(job, left, workers)) as outcomes:
            for outcome in outcomes:
                in_a_row = _noted(progress, outcome, in_a_row)
                progress.seconds = time.monotonic() - begun
                told(progress)
                if in_a_row == _FAILED_IN_A_ROW:
                    break
    finally:
        ray.shutdown()
    return progress


def _outcomes(job: Job, parts: Sequence[Part], workers: int) -> Generator[dict[str, Any]]:
    """What became of each part, in whatever order they end. Closing it ends the work."""
    dataset = ray.data.from_items([asdict(part) for part in parts], override_num_blocks=len(parts))
    actors = max(1, min(workers, int(ray.cluster_resources().get("CPU", 1))))  # more would never be started
    done = dataset.map(
        PartWorker,
        fn_constructor_args=[job],
        compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=1),
    )
    yield from done.iter_rows()


def _noted(progress: Progress, outcome: dict[str, Any], in_a_row: int) -> int:
    """Adds the outcome of a part; how many have failed one after the other."""
    if outcome["failed"]:
        progress.failed[int(outcome["part"])] = outcome["failed"]
        return in_a_row + 1
    progress.parts += 1
    progress.rows += int(outcome["rows"])
    progress.problems.update(orjson.loads(outcome["problems"]))
    return 0
