"""`python -m backend.documents` on a running database."""

import json
import os
import subprocess
import sys
from pathlib import Path

from backend.settings import REPOSITORY
from backend.store.models import DocumentStatus
from tests.fixtures.documents import Library

LAW = (REPOSITORY / "data" / "documents" / "공유자전거법.txt").read_bytes()


def _run(library: Library, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "DATA_DIR": str(library.settings.data_dir),
        "DATABASE_URL": library.settings.database_url.get_secret_value(),
        "EMBED_PORT": "9",  # the discard port: no encoder
        "REMOTE_EMBED_URL": "",
    }
    return subprocess.run(
        [sys.executable, "-m", "backend.documents", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_import_search_export_reindex(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "inner").mkdir(parents=True)
    (folder / "법.txt").write_bytes(LAW)
    (folder / "inner" / "빈.txt").write_bytes(b"")
    done = _run(library, "import", str(folder), "--user", "Mina", "--collection", "규정")
    assert done.returncode == 1, done.stderr
    assert "빈.txt: The file is empty." in done.stderr
    assert "Files read: 1, there already: 0, failed or refused: 1." in done.stdout

    found = _run(library, "search", "반납 시간", "--user", "mina", "--limit", "1")
    assert found.returncode == 0, found.stderr
    assert "제6조 제1항" in found.stdout

    lines = [json.loads(line) for line in _run(library, "export").stdout.splitlines()]
    assert len(lines) == 25
    assert lines[0]["file_name"] == "법.txt"

    again = _run(library, "reindex")
    assert again.returncode == 0, again.stderr
    document = (await library.documents.list_documents(library.mina, library.collection))[0]
    assert (document.status, document.chunk_count) == (DocumentStatus.READY, 25)
    assert len(await library.chunks(document)) == 25


async def test_what_is_wrong_is_told(library: Library, tmp_path: Path) -> None:
    assert _run(library, "nonsense").returncode == 2
    unknown = _run(library, "search", "x", "--user", "nobody")
    assert unknown.returncode == 1
    assert "nobody" in unknown.stderr
    without = _run(library, "embed")
    assert without.returncode == 1
    assert "embedding server" in without.stderr
