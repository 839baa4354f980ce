"""The command line of the weights: what it shows, what it refuses, and its exit status."""

import io
from pathlib import Path

import pytest

from backend.models import manifest
from backend.models.__main__ import Display, main
from backend.models.progress import Meter, Phase, Progress

SMALL = manifest().model("smollm2-135m-instruct")


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for name in ("LLM_GGUF", "LLM_MODEL", "LLM_MODEL_NAME", "VLLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


def test_list_shows_every_model_with_its_exact_size(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights / SMALL.file).write_bytes(b"GGUF")
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for model in manifest().models:
        assert f"{model.size:,}" in shown
    lines = {line.split()[0]: line for line in shown.splitlines() if line.startswith(("qwen", "smol"))}
    assert lines[SMALL.name].endswith("damaged")
    assert lines[manifest().default].endswith("no  (default)")
    assert str(weights) in shown


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_name_is_refused_with_the_known_ones(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "gpt-9"]) == 1
    errors = capsys.readouterr().err
    assert "There is no model `gpt-9`" in errors
    assert SMALL.name in errors


def test_verify_names_missing_weights_and_how_to_get_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("missing")
    assert f"python -m backend.models fetch {manifest().default}" in shown


def test_verify_finds_other_sizes_and_other_contents(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = weights / SMALL.file
    path.write_bytes(b"GGUF")
    assert main(["verify", SMALL.name]) == 1
    assert "4 bytes instead of 98,362,432" in capsys.readouterr().out
    with path.open("r+b") as file:
        file.truncate(SMALL.size)
    assert main(["verify", SMALL.name]) == 1
    assert f"instead of {SMALL.sha256}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_a_file_of_ones_own_must_be_a_gguf(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_GGUF", str(tmp_path / "none.gguf"))
    assert main([command]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_a_configuration_that_cannot_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "not an address")
    assert main(["list"]) == 1
    assert "HF_ENDPOINT" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file"))
    assert main(["fetch", SMALL.name]) == 1
    assert "Check DATA_DIR" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["download"], ["fetch", "a", "b"]])
def test_other_commands_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_the_rate_is_that_of_the_last_seconds_and_leaves_out_what_was_there() -> None:
    now = 0.0
    reports: list[Progress] = []
    meter = Meter(1000, reports.append, clock=lambda: now)
    for now, done in ((0.0, 500), (1.0, 600), (2.0, 700), (9.0, 700)):  # noqa: B007
        meter.at("hub", done)
    assert [report.rate for report in reports] == [0, 100, 100, 0]
    assert [report.done for report in reports] == [500, 600, 700, 700]


def shown_by(stream: io.StringIO, times: list[float]) -> str:
    clock = iter(times)
    display = Display(stream, clock=lambda: next(clock))
    steps = len(times)
    for step in range(steps):
        done = 1_000_000 * (step + 1) * 100 // steps
        display(Progress(Phase.DOWNLOADING, "hub", done, 100_000_000, 5_000_000))
    display.close()
    return stream.getvalue()


def test_without_a_terminal_a_line_comes_every_two_seconds_and_at_the_end() -> None:
    lines = shown_by(io.StringIO(), [0.0, 0.5, 1.9, 2.1, 2.2]).splitlines()
    assert [line.split()[0] for line in lines] == ["20", "80", "100"]
    assert lines[1] == "  80 of 100 MB (80%) from hub, 5.0 MB/s, 4 s left"


def test_on_a_terminal_one_line_moves() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    text = shown_by(Terminal(), [0.0, 0.5, 1.9, 2.1, 2.2])
    assert text.count("\r") == 5
    assert text.count("\n") == 1
    assert "[############################]" in text
