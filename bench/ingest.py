"""How long a long Korean document takes from upload to search, and how much memory: `python -m bench.ingest`.

Makes a PDF of Korean text (1,000 pages by default, 1,700 characters each), starts a database of its own, and reads
the document in a process of its own as the app does. Prints one line of JSON: pages, characters, chunks, seconds from
the start of the job to the moment the document can be searched, and peak_mb, the most memory that the reading process
and everything it starts had at one moment (the database is not counted).
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NoReturn

import psutil
import structlog

from backend.documents.service import Documents
from backend.jobs.queue import Jobs
from backend.settings import Settings, load
from backend.store.database import Database
from backend.store.embedded import server_of
from backend.store.models import DocumentStatus, User
from bench.pdf_writer import pdf_of
from bench.processes import answers, program

_START_TIMEOUT_S = 60.0
_LINES = 45
_SUBJECTS = ("위원회", "담당자", "관리자", "신청인", "기관장", "사업자", "이용자", "심사관", "감독관", "연구원")
_OBJECTS = ("신청서", "보고서", "계획서", "기록물", "설비", "자료", "예산안", "지침서", "계약서", "점검표", "통지문")
_PLACES = ("회의실", "창고", "현장", "본관", "연구동", "접수처", "자료실", "작업장", "전산실", "상담실")
_VERBS = ("검토하였다", "제출해야 한다", "보관하여야 한다", "확인할 수 있다", "반려하였다", "공개하지 않는다")
_TIMES = ("매월 초에", "사흘 안에", "다음 회기까지", "지체 없이", "서면으로", "필요한 경우에만", "두 차례에 걸쳐")


def main() -> int:
    """Exit status 1 when the document could not be read."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--pages", type=int, default=1000, help="pages of the document")
    options = parser.parse_args()
    if options.pages < 1:
        parser.error("--pages must be above 0")
    signal.signal(signal.SIGTERM, _leave)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    with tempfile.TemporaryDirectory(prefix="ondol-ingest-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database may run as another user
        settings = load(data_dir=folder, database_url="")
        environment = {"DATA_DIR": name, "DATABASE_URL": ""}
        with program("database", [sys.executable, "-m", "backend.store.embedded"], environment, folder) as database:
            server = server_of(settings)
            database.wait_for(lambda: asyncio.run(answers(server.url())), _START_TIMEOUT_S)
            found = asyncio.run(_measure(settings, server.url(), options.pages))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["status"] == DocumentStatus.READY else 1


def korean_pages(count: int, seed: int = 7) -> list[str]:
    """Pages of made-up Korean prose, 45 lines each; the same for the same seed."""
    chance = random.Random(seed)
    pages = []
    for number in range(1, count + 1):
        text = f"{number}절 {chance.choice(_OBJECTS)}의 처리\n"
        while text.count("\n") < _LINES:
            line = ""
            while len(line) < 36:
                line += (
                    f"{chance.choice(_SUBJECTS)}는 {chance.choice(_PLACES)}에서 {chance.choice(_TIMES)} "
                    f"{chance.choice(_OBJECTS)} {chance.randint(2, 900)}건을 {chance.choice(_VERBS)}. "
                )
            text += line.rstrip() + "\n"
        pages.append(text.rstrip("\n"))
    return pages


async def _measure(settings: Settings, url: str, count: int) -> dict[str, object]:
    database, jobs = Database(url), Jobs(url)
    await database.migrate()
    documents = Documents(database, settings, jobs, None)
    try:
        async with database.session() as session:
            owner = User(username="bench", password_hash="")
            session.add(owner)
        collection = await documents.create_collection(owner.id, "bench")
        texts = korean_pages(count)
        characters = sum(map(len, texts))
        added = await documents.add_file(owner.id, collection.id, "bench.pdf", pdf_of(texts))
        del texts
        with _Memory() as memory:
            start = time.perf_counter()
            await jobs.work_until_idle()
            seconds = time.perf_counter() - start
        document = await documents.get(owner.id, added.document.id)
        return {
            "pages": document.pages,
            "characters": characters,
            "chunks": document.chunk_count,
            "status": document.status,
            "seconds": round(seconds, 1),
            "peak_mb": round(memory.peak_bytes / 1e6),
        }
    finally:
        await documents.close()
        await jobs.close()
        await database.close()


class _Memory:
    """Looks at the memory of this process and all below it ten times a second. Pages that several share count once."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process(os.getpid())
        while not self._end.wait(0.1):
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak_bytes = max(self.peak_bytes, total)


def _leave(_number: int, _frame: object) -> NoReturn:
    sys.exit(143)


if __name__ == "__main__":
    sys.exit(main())
