"""Whether a job of 100,000 reviews survives what kills its workers: `python -m bench.sentiment_recovery`.

Starts a database and the model double, uploads a CSV with duplicates and rows without text, and lets two workers
(`python -m backend.jobs worker`) share the job. One is killed (SIGKILL) after a fifth of it, both after three fifths;
each time new ones are started. Prints one line of JSON: reviews, seconds from the start of the job to its end, reviews
a second, how many were asked about again because of the kills, and `exactly_once`: every review has the label that the
double gives its text, and the sums are those of the file. `--url` asks another engine (labels are not compared then).
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import structlog
from sqlalchemy import text

from backend.jobs.queue import Jobs
from backend.llm.engine import Engine
from backend.llm.providers import MAIN, providers_of
from backend.llm.router import alone
from backend.sentiment.labels import LABELS
from backend.sentiment.service import SentimentService
from backend.sentiment.store import JobView
from backend.settings import REPOSITORY, ServiceType, Settings, load
from backend.store.database import Database
from backend.store.embedded import server_of
from backend.store.models import SentimentJobState, User
from bench.engine_batch.answers import probabilities_of
from bench.processes import answers, program
from bench.sentiment_load import review

_START_TIMEOUT_S = 60.0
_TIMEOUT_S = 900.0
_BLANK_EVERY, _DUPLICATE_EVERY, _DUPLICATE_BEHIND = 997, 40, 31
_KILL_ONE_AT, _KILL_BOTH_AT = 0.2, 0.6
_ENDED = {SentimentJobState.FINISHED, SentimentJobState.FAILED, SentimentJobState.CANCELLED}


def main() -> int:
    """Exit status 1 when a review was lost or counted twice."""
    parser = argparse.ArgumentParser(prog="python -m bench.sentiment_recovery", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--url", default="", help="an engine to ask instead of the double")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    with tempfile.TemporaryDirectory(prefix="ondol-recovery-", dir="/tmp") as name, ExitStack() as programs:
        folder = Path(name)
        folder.chmod(0o755)  # the database may run as another user
        environment = {"DATA_DIR": name, "DATABASE_URL": ""}
        command = [sys.executable, "-m", "backend.store.embedded"]
        database = programs.enter_context(program("database", command, environment, folder))
        url = server_of(load(data_dir=folder, database_url="")).url()
        database.wait_for(lambda: asyncio.run(answers(url)), _START_TIMEOUT_S)
        engine_url = options.url
        if not engine_url:
            command = [sys.executable, "-m", "bench.engine_batch", "--free"]
            double = programs.enter_context(program("engine", command, {}, folder))
            double.wait_for(lambda: bool(double.first_line()), _START_TIMEOUT_S)
            engine_url = json.loads(double.first_line())["base_url"]
        found = asyncio.run(_measure(folder, url, engine_url, options.rows, is_double=not options.url))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["exactly_once"] else 1


async def _measure(folder: Path, url: str, engine_url: str, rows: int, *, is_double: bool) -> dict[str, object]:
    database = Database(url)
    await database.migrate()
    async with database.session() as session:
        owner = User(username="bench", password_hash="")
        session.add(owner)
    settings = load(
        data_dir=folder,
        database_url=url.replace("postgresql+psycopg://", "postgresql://"),
        llm_url=engine_url,
        service_type=ServiceType.VLLM,
    )
    try:
        return await killed_twice(settings, database, owner.id, rows, compare=is_double)
    finally:
        await database.close()


async def killed_twice(
    settings: Settings, database: Database, owner: UUID, rows: int, *, compare: bool = True
) -> dict[str, object]:
    """Runs a job of `rows` rows with two workers that are killed; what is printed."""
    path = settings.data_dir / "reviews.csv"
    path.write_text(_file(rows), encoding="utf-8")
    jobs = Jobs(database.engine.url.render_as_string(hide_password=False))
    engine = Engine(providers_of(settings)[MAIN], settings.first_token_timeout_s)
    service = SentimentService(database, settings, jobs, alone(engine))
    try:
        started = time.perf_counter()
        job = await service.start_file(owner, path, "reviews.csv")
        with ExitStack() as workers:
            first, second = (workers.enter_context(_worker(settings)) for _ in range(2))
            await _until(service, owner, job, lambda view: view.progress >= _KILL_ONE_AT)
            first.kill()
            third = workers.enter_context(_worker(settings))
            await _until(service, owner, job, lambda view: view.progress >= _KILL_BOTH_AT)
            second.kill()
            third.kill()
            for _ in range(2):
                workers.enter_context(_worker(settings))
            ended = await _until(service, owner, job, lambda view: view.state in _ENDED)
            seconds = time.perf_counter() - started
        wrong = await _wrong(database, job.id, rows, compare=compare)
        counts = (await service.totals(owner, job.id)).counts
        expected = Counter(_labels(rows))
        async with database.session() as session:
            again = "SELECT coalesce(sum(attempts - 1), 0), count(*) FROM sentiment_chunks WHERE job_id = :job"
            attempts, chunks = (await session.execute(text(again), {"job": job.id})).one()
        sums_are_right = ended.done == ended.rows == sum(expected.values()) and ended.failed == 0
        return {
            "rows": ended.rows,
            "skipped": ended.skipped,
            "duplicates": ended.duplicates,
            "seconds": round(seconds, 1),
            "per_s": round(ended.rows / seconds),
            "chunks": chunks,
            "chunks_again": int(attempts),
            "state": ended.state,
            "wrong": wrong,
            "exactly_once": wrong == 0 and sums_are_right and (not compare or counts == expected),
        }
    finally:
        await service.close()
        await engine.close()
        await jobs.close()


def _texts(rows: int) -> Iterator[str]:
    for number in range(rows):
        if number % _BLANK_EVERY == _BLANK_EVERY - 1:
            yield ""
        elif number % _DUPLICATE_EVERY == _DUPLICATE_EVERY - 1:
            yield review(number - _DUPLICATE_BEHIND)
        else:
            yield review(number)


def _labels(rows: int) -> Iterator[str]:
    for words in filter(None, _texts(rows)):
        found = probabilities_of(words, LABELS)
        yield LABELS[found.index(max(found))]


def _file(rows: int) -> str:
    return "id,content\n" + "".join(f'{number},"{words}"\n' for number, words in enumerate(_texts(rows)))


async def _wrong(database: Database, job_id: UUID, rows: int, *, compare: bool) -> int:
    """Reviews without a label, or with another than the double gives."""
    async with database.session() as session:
        query = "SELECT position, label FROM sentiment_rows WHERE job_id = :job AND NOT is_skipped ORDER BY position"
        found = (await session.execute(text(query), {"job": job_id})).all()
    if not compare:
        return sum(label is None for _, label in found)
    labels = list(_labels(rows))
    differing = sum(bool(label != right) for (_, label), right in zip(found, labels, strict=False))
    return abs(len(labels) - len(found)) + differing


@contextmanager
def _worker(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker, killed at the end."""
    environment = {
        **os.environ,
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "VLLM_SERVER_URL": settings.llm_url,
        "LLM_SERVICE_TYPE": str(settings.service_type),
    }
    with (settings.data_dir / "workers.log").open("ab") as log:
        command = [sys.executable, "-m", "backend.jobs", "worker"]
        worker = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


async def _until(service: SentimentService, owner: UUID, job: JobView, is_so: Callable[[JobView], bool]) -> JobView:
    async with asyncio.timeout(_TIMEOUT_S):
        while True:
            view = await service.job(owner, job.id)
            if is_so(view) or view.state in _ENDED:
                return view
            await asyncio.sleep(0.1)


def _leave(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
