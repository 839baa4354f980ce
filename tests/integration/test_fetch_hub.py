"""The fetcher against a hub on loopback that understands Range, breaks off, lies or is not there."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import FetchFailed, NoSpaceForWeights
from backend.models import Model
from backend.models.fetch import fetch
from backend.models.hub import Hub
from backend.models.progress import Phase, Progress
from backend.settings import REPOSITORY
from tests.fixtures.weights_hosts import FileHost, hub_path, made_model, served

CONTENT = b"GGUF" + os.urandom(900_000)
MODEL = made_model(CONTENT)
PATH = hub_path(MODEL.file)


@pytest.fixture
def host() -> Iterator[FileHost]:
    with served(FileHost({PATH: CONTENT})) as running:
        yield running


def part_of(folder: Path, content: bytes) -> Path:
    """Leaves what an interrupted download leaves."""
    part = folder / ".fetch" / f"{MODEL.file}.hub-part"
    part.parent.mkdir()
    part.write_bytes(content)
    return part


def left_over(folder: Path) -> set[str]:
    return {path.name for path in (folder / ".fetch").iterdir()} - {"tiny.gguf.lock", "tiny.gguf.verified"}


def test_a_whole_file_appears_with_progress(host: FileHost, tmp_path: Path) -> None:
    reports: list[Progress] = []
    path = fetch(MODEL, tmp_path, hub_address=Hub(host.url, "secret-token"), report=reports.append)
    assert path.read_bytes() == CONTENT
    downloads = [report for report in reports if report.phase is Phase.DOWNLOADING]
    assert downloads[-1].done == downloads[-1].total == len(CONTENT)
    assert host.tokens == ["Bearer secret-token"]
    assert left_over(tmp_path) == set()


def test_a_second_call_asks_nobody(host: FileHost, tmp_path: Path) -> None:
    fetch(MODEL, tmp_path, hub_address=Hub(host.url))
    fetch(MODEL, tmp_path, hub_address=Hub(host.url))
    assert len(host.gets) == 1


def test_goes_on_where_it_stopped(host: FileHost, tmp_path: Path) -> None:
    part_of(tmp_path, CONTENT[:400_000])
    assert fetch(MODEL, tmp_path, hub_address=Hub(host.url)).read_bytes() == CONTENT
    assert host.gets == [(PATH, "bytes=400000-")]


def test_an_interruption_keeps_what_was_there(host: FileHost, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.phase is Phase.DOWNLOADING:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(MODEL, tmp_path, hub_address=Hub(host.url), report=interrupt)
    kept = (tmp_path / ".fetch" / f"{MODEL.file}.hub-part").stat().st_size
    assert not (tmp_path / MODEL.file).exists()
    assert 0 < kept < len(CONTENT)
    assert fetch(MODEL, tmp_path, hub_address=Hub(host.url)).read_bytes() == CONTENT
    assert host.gets[-1] == (PATH, f"bytes={kept}-")


def test_a_host_without_range_starts_again(host: FileHost, tmp_path: Path) -> None:
    host.ranges = False
    part_of(tmp_path, CONTENT[:400_000])
    assert fetch(MODEL, tmp_path, hub_address=Hub(host.url)).read_bytes() == CONTENT


def test_a_connection_that_breaks_off_is_taken_up_again(host: FileHost, tmp_path: Path) -> None:
    host.break_after, host.breaks = 300_000, 2
    assert fetch(MODEL, tmp_path, hub_address=Hub(host.url)).read_bytes() == CONTENT
    assert [span for _, span in host.gets] == ["", "bytes=300000-", "bytes=600000-"]


@pytest.mark.parametrize("left", [b"x" * 400_000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_a_damaged_part_is_thrown_away(host: FileHost, tmp_path: Path, left: bytes) -> None:
    part_of(tmp_path, left)
    assert fetch(MODEL, tmp_path, hub_address=Hub(host.url)).read_bytes() == CONTENT


def test_other_contents_are_refused(host: FileHost, tmp_path: Path) -> None:
    host.files[PATH] = b"GGUF" + bytes(len(CONTENT) - 4)
    with pytest.raises(FetchFailed, match=r"is not tiny\.gguf") as caught:
        fetch(MODEL, tmp_path, hub_address=Hub(host.url))
    assert str(tmp_path / MODEL.file) in str(caught.value)
    assert not (tmp_path / MODEL.file).exists()
    assert left_over(tmp_path) == set()


def test_another_size_is_refused_before_it_is_downloaded(host: FileHost, tmp_path: Path) -> None:
    host.files[PATH] = CONTENT + b"more"
    with pytest.raises(FetchFailed, match=r"900,008 bytes instead of 900,004"):
        fetch(MODEL, tmp_path, hub_address=Hub(host.url))


@pytest.mark.parametrize(("status", "reason"), [(401, "HF_TOKEN"), (404, "does not have the file"), (403, "refuses")])
def test_a_refusal_is_final_and_says_why(host: FileHost, tmp_path: Path, status: int, reason: str) -> None:
    host.status = status
    with pytest.raises(FetchFailed, match=reason):
        fetch(MODEL, tmp_path, hub_address=Hub(host.url))
    assert len(host.gets) == 1


def test_a_hub_in_trouble_is_asked_again_but_not_for_long(host: FileHost, tmp_path: Path) -> None:
    host.status = 503
    with pytest.raises(FetchFailed, match="HTTP 503"):
        fetch(MODEL, tmp_path, hub_address=Hub(host.url))
    assert len(host.gets) == 2


def test_a_hub_that_never_answers_is_left_after_the_limit(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(FetchFailed, match=r"does not answer within 0.2 s"):
            fetch(MODEL, tmp_path, hub_address=Hub(address, reach_s=0.2))


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://[bad", "http://hub.invalid"])
def test_a_hub_that_is_not_there_is_named(tmp_path: Path, address: str) -> None:
    with pytest.raises(FetchFailed, match=r"cannot be reached|does not answer"):
        fetch(MODEL, tmp_path, hub_address=Hub(address))


def test_room_is_checked_before_anything_is_asked(host: FileHost, tmp_path: Path) -> None:
    with pytest.raises(NoSpaceForWeights, match="1 MB are needed, 0 MB are free"):
        fetch(MODEL, tmp_path, hub_address=Hub(host.url), free_bytes=lambda _: 1000)
    assert host.gets == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_on_the_way_is_told(host: FileHost, tmp_path: Path) -> None:
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch" / f"{MODEL.file}.hub-part").symlink_to("/dev/full")
    with pytest.raises(NoSpaceForWeights, match="not enough room"):
        fetch(MODEL, tmp_path, hub_address=Hub(host.url))


def test_a_damaged_file_is_replaced_and_said_so(host: FileHost, tmp_path: Path) -> None:
    (tmp_path / MODEL.file).write_bytes(b"GGUF, but something else")
    reports: list[Progress] = []
    assert fetch(MODEL, tmp_path, hub_address=Hub(host.url), report=reports.append).read_bytes() == CONTENT
    assert any("is damaged or another file" in report.note for report in reports)


def test_a_file_that_was_put_there_by_hand_is_checked_and_taken(tmp_path: Path) -> None:
    (tmp_path / MODEL.file).write_bytes(CONTENT)
    assert fetch(MODEL, tmp_path, hub_address=Hub("http://127.0.0.1:9")).read_bytes() == CONTENT


def test_two_processes_download_it_once(host: FileHost, tmp_path: Path) -> None:
    """The first is held in mid-download until the second has said that it waits."""
    host.gate.clear()
    first, second = start_fetcher(MODEL, tmp_path, host.url), None
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "started\n"
        second = start_fetcher(MODEL, tmp_path, host.url)
        assert second.stdout is not None
        assert second.stdout.readline() == "started\n"
        host.gate.set()
        assert first.wait(timeout=60) == second.wait(timeout=60) == 0
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.communicate()
    assert (tmp_path / MODEL.file).read_bytes() == CONTENT
    assert len(host.gets) == 1


def start_fetcher(model: Model, folder: Path, address: str) -> "subprocess.Popen[str]":
    """A fetcher in another process. It says `started` when it waits for the other one, or when the hub has answered."""
    script = (
        "import sys, pathlib\n"
        "from backend.models import Model\n"
        "from backend.models import fetch as module, hub\n"
        "asked = hub._transfer\n"
        "def transfer(*args):\n"
        "    print('started', flush=True)\n"
        "    asked(*args)\n"
        "hub._transfer = transfer\n"
        "def report(progress):\n"
        "    if progress.phase == 'waiting': print('started', flush=True)\n"
        "model = Model.model_validate_json(sys.argv[1])\n"
        "module.fetch(model, pathlib.Path(sys.argv[2]), hub_address=hub.Hub(sys.argv[3]), report=report)\n"
    )
    arguments = [sys.executable, "-c", script, model.model_dump_json(), str(folder), address]
    return subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
