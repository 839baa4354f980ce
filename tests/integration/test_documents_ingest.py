"""Reading documents as a job: all of a document or nothing, also when the process is killed in the middle."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select, text

from backend.documents.children import Child, ask_once
from backend.documents.ingest import MAX_ATTEMPTS
from backend.documents.service import failure_of
from backend.errors import DocumentDamaged, DocumentNotWaiting, DocumentTooHard, UnknownDocument, error_of
from backend.retrieval.search import Search
from backend.settings import REPOSITORY
from backend.store.models import Chunk, Document, DocumentFile, DocumentStatus
from bench.ingest import korean_pages
from bench.pdf_writer import encrypted_pdf, pdf_of, pdf_of_pictures
from tests.fixtures.documents import Library, zip_of

LAW = (REPOSITORY / "data" / "documents" / "공유자전거법.txt").read_text(encoding="utf-8")


async def test_a_statute_is_read_and_found(library: Library) -> None:
    document = await library.add("공유자전거법.txt", LAW.encode("cp949"))
    again = await library.documents.add_file(library.mina, library.collection, "사본.txt", LAW.encode("cp949"))
    assert again.is_duplicate
    assert again.document.id == document.id
    other = await library.documents.create_collection(library.mina, "다른 곳")
    assert not (await library.documents.add_file(library.mina, other.id, "법.txt", LAW.encode("cp949"))).is_duplicate
    async with library.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(DocumentFile)) == 1

    found = (await library.read())["공유자전거법.txt"]
    assert (found.status, found.progress, found.error_code) == (DocumentStatus.READY, 1.0, None)
    assert found.chunk_count == len(await library.chunks(found)) == 25

    hits = await Search(library.database, library.settings, None).search(
        library.mina, "자전거를 거치소가 아닌 곳에 두면 비용은?", collection_ids=[library.collection]
    )
    assert hits.passages[0].path.endswith("제6조 제2항")
    async with library.database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM mv_searchable_chunks")) == 50


async def test_every_bad_file_of_an_archive_is_named_and_the_rest_is_read(library: Library) -> None:
    archive = zip_of(
        {
            "법/공유자전거법.txt": LAW.encode("cp949"),
            "암호.pdf": encrypted_pdf(),
            "그림.pdf": pdf_of_pictures(2),
            "잘림.pdf": pdf_of(["가나다"])[:300],
            "빈.txt": b"",
            "../밖.txt": b"x",
            "안.zip": zip_of({"a.txt": b"a"}),
            "옛.hwp": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
            "무엇.xyz": b"?",
            "나쁜.html": ("<div>" * 3000 + "<p>온돌은 따뜻하다.</p><script>x</script>").encode(),
            "표.csv": "이름,값\n온돌,1\n".encode(),
        }
    )
    await library.add("모음.zip", archive)
    await library.read()
    found = await library.read()
    states = {name: (row.status, row.error_code) for name, row in found.items()}
    assert states == {
        "모음.zip": ("ready", None),
        "법/공유자전거법.txt": ("ready", None),
        "암호.pdf": ("failed", "document_encrypted"),
        "그림.pdf": ("failed", "document_without_text"),
        "잘림.pdf": ("failed", "document_damaged"),
        "빈.txt": ("failed", "document_empty"),
        "../밖.txt": ("failed", "archive_name_unsafe"),
        "안.zip": ("failed", "archive_nested"),
        "옛.hwp": ("failed", "old_hwp"),
        "무엇.xyz": ("failed", "document_type_unknown"),
        "나쁜.html": ("ready", None),
        "표.csv": ("ready", None),
    }
    refusal = failure_of(found["안.zip"])
    assert refusal is not None and "ZIP" in str(refusal)
    with pytest.raises(DocumentNotWaiting):  # its bytes were never taken
        await library.documents.retry(library.mina, found["../밖.txt"].id)


async def test_bombs_and_ten_thousand_files_are_refused_whole(library: Library) -> None:
    await library.add("폭탄.zip", zip_of({"a.txt": b"0" * 60_000_000}))
    await library.add("많음.zip", zip_of({f"{number}.txt": b"x" for number in range(10_000)}))
    found = await library.read()
    assert {name: row.error_code for name, row in found.items()} == {
        "폭탄.zip": "archive_too_large",
        "많음.zip": "archive_too_many_files",
    }
    refusal = failure_of(found["많음.zip"])
    assert refusal is not None and "10,000" in str(refusal)


async def test_killed_in_the_middle_it_finishes_after_the_next_start(library: Library) -> None:
    document = await library.add("긴 글.txt", "\n\n".join(korean_pages(120)))
    environment = {
        **os.environ,
        "DATA_DIR": str(library.settings.data_dir),
        "DATABASE_URL": library.settings.database_url.get_secret_value(),
    }
    command = [sys.executable, "-m", "backend.jobs", "worker"]
    worker = subprocess.Popen(command, cwd=REPOSITORY, env=environment)  # noqa: ASYNC220 -- starts at once
    try:
        await library.until(document, lambda row: row.progress > 0.3)
        below = psutil.Process(worker.pid).children(recursive=True)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
    _gone, alive = await asyncio.to_thread(psutil.wait_procs, below, 30)
    assert alive == []
    assert (await library.state(document)).status == DocumentStatus.READING
    assert await library.chunks(document) == []

    working = asyncio.create_task(library.jobs.work())
    try:
        found = await library.until(document, lambda row: row.status == DocumentStatus.READY)
    finally:
        working.cancel()
        await asyncio.wait({working})
    chunks = await library.chunks(document)
    assert [chunk.ord for chunk in chunks] == list(range(found.chunk_count))
    read = "".join("".join(chunk.body.split()) for chunk in chunks)
    for page in korean_pages(120):
        assert "".join(page.split("\n")[0].split()) in read
    async with library.database.session() as session:
        rows = "SELECT count(*), count(DISTINCT chunk_id) FROM chunk_lex"
        assert (await session.execute(text(rows))).one() == (len(chunks), len(chunks))


async def test_cancelling_stops_it_and_leaves_nothing(library: Library) -> None:
    document = await library.add("긴 글.txt", "\n\n".join(korean_pages(200)))
    working = asyncio.create_task(library.jobs.work_until_idle())
    await library.until(document, lambda row: row.progress > 0.1)
    child = library.documents.ingest._analyst.pid
    assert child is not None
    await library.documents.cancel(library.mina, document.id)
    await asyncio.wait_for(working, 30)
    assert (await library.state(document)).status == DocumentStatus.CANCELLED
    assert await library.chunks(document) == []
    assert not psutil.pid_exists(child)
    assert not list((library.settings.data_dir / "tmp").iterdir())
    with pytest.raises(DocumentNotWaiting):
        await library.documents.cancel(library.mina, document.id)


async def test_cancelled_before_its_turn_and_read_again(library: Library) -> None:
    document = await library.add("법.txt", LAW)
    await library.documents.cancel(library.mina, document.id)
    await library.read()
    assert (await library.state(document)).status == DocumentStatus.CANCELLED
    await library.documents.retry(library.mina, document.id)
    await library.read()
    assert (await library.state(document)).status == DocumentStatus.READY
    with pytest.raises(DocumentNotWaiting):
        await library.documents.retry(library.mina, document.id)


async def test_read_twice_at_once_it_is_there_once(library: Library) -> None:
    document = await library.add("법.txt", LAW)
    await asyncio.gather(*(library.documents.ingest.run(str(document.id)) for _ in range(2)))
    found = await library.state(document)
    assert found.status == DocumentStatus.READY
    assert len(await library.chunks(document)) == found.chunk_count == 25


async def test_a_document_without_a_job_gets_one(library: Library) -> None:
    document = await library.add("법.txt", LAW)
    async with library.database.session() as session:
        await session.execute(text("DELETE FROM procrastinate_jobs"))
    await library.jobs.recover()
    await library.jobs.recover()
    async with library.database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 1
    await library.read()
    assert (await library.state(document)).status == DocumentStatus.READY


async def test_a_file_with_which_the_process_dies_again_and_again_is_left(library: Library) -> None:
    document = await library.add("법.txt", LAW)
    await library.documents.ingest.run(str(document.id), attempt=MAX_ATTEMPTS)
    assert (await library.state(document)).error_code == "document_too_hard"


async def test_deleting_takes_everything(library: Library) -> None:
    document = await library.add("법.txt", LAW)
    await library.read()
    await library.documents.delete(library.mina, document.id)
    with pytest.raises(UnknownDocument):
        await library.state(document)
    async with library.database.session() as session:
        for table in (Document, Chunk, DocumentFile):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
        assert await session.scalar(text("SELECT count(*) FROM chunk_lex")) == 0
        assert await session.scalar(text("SELECT coalesce(sum(n), 0) FROM lex_n")) == 0


# --- the process in which files are opened -----------------------------------------------------------------


async def test_a_file_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    child = Child()
    pipe = tmp_path / "file"
    os.mkfifo(pipe)  # opening it never ends, as nobody writes
    with pytest.raises(DocumentTooHard):
        await child.ask("read", timeout_s=0.5, path=str(pipe), file_name="a.txt", out=str(tmp_path / "out"))
    assert child.pid is None


async def test_a_file_that_eats_memory_is_stopped(tmp_path: Path) -> None:
    huge = tmp_path / "file"
    with huge.open("wb") as file:
        file.write(b"a")
        file.truncate(3_000_000_000)
    with pytest.raises(DocumentTooHard):
        await ask_once("read", path=str(huge), file_name="a.txt", out=str(tmp_path / "out"))


async def test_a_crash_is_the_files_fault_and_the_next_one_is_read(tmp_path: Path) -> None:
    child = Child()
    pipe, good = tmp_path / "pipe", tmp_path / "good"
    os.mkfifo(pipe)
    good.write_text(LAW)
    asking = asyncio.create_task(
        child.ask("read", timeout_s=60, path=str(pipe), file_name="a.txt", out=str(tmp_path / "out"))
    )
    async with asyncio.timeout(30):
        while child.pid is None:  # noqa: ASYNC110 -- another process
            await asyncio.sleep(0.01)
    os.kill(child.pid, signal.SIGSEGV)
    with pytest.raises(DocumentDamaged):
        await asking
    found = await child.ask("read", timeout_s=60, path=str(good), file_name="a.txt", out=str(tmp_path / "out"))
    assert found["blocks"] == 25
    await child.close()


def test_unknown_errors_become_the_general_one() -> None:
    assert isinstance(error_of("gone_from_the_code", {}, DocumentDamaged), DocumentDamaged)
    assert isinstance(error_of("document_too_large", {}, DocumentDamaged), DocumentDamaged)
