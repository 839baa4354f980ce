"""The note between the process that prepares an engine and the page that tells about it."""

from pathlib import Path

import pytest

from backend.llm.preparation import Lowered, Phase, Preparation, forget, note, noted
from backend.settings import Settings, load

FULL = Preparation(
    phase=Phase.LOWERED,
    model="Qwen/Qwen2.5-Coder-7B-Instruct",
    done_bytes=15_231_233_024,
    total_bytes=15_231_233_024,
    chosen=(("VLLM_MAX_MODEL_LEN", "32768"), ("VLLM_MAX_NUM_SEQS", "64")),
    because="fits_24gb",
    lowered=(Lowered("VLLM_MAX_MODEL_LEN", "32768", "16384"),),
    error="engine_out_of_memory",
    at=1_764_000_000.5,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path)


def test_a_note_comes_back_as_it_was_written(settings: Settings) -> None:
    note(settings, FULL)
    assert noted(settings) == FULL


def test_each_provider_has_its_own_note(settings: Settings) -> None:
    other = Preparation(Phase.DOWNLOADING, "qwen2.5:3b", done_bytes=5, at=1.0)
    note(settings, FULL)
    note(settings, other, "ollama")
    assert noted(settings) == FULL
    assert noted(settings, "ollama") == other
    forget(settings, "ollama")
    assert noted(settings, "ollama") is None
    forget(settings, "ollama")


def test_a_note_replaces_the_one_before_and_leaves_nothing_else(settings: Settings) -> None:
    note(settings, FULL)
    note(settings, Preparation(Phase.READY, FULL.model, at=2.0))
    assert noted(settings) == Preparation(Phase.READY, FULL.model, at=2.0)
    assert [file.name for file in (settings.data_dir / "run").iterdir()] == ["preparation-main.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"phase": "ready"}', '{"phase": "dancing", "model": "m", "chosen": [], "lowered": []}']
)
def test_a_note_that_cannot_be_read_is_no_note(settings: Settings, text: str) -> None:
    note(settings, FULL)
    (settings.data_dir / "run" / "preparation-main.json").write_text(text)
    assert noted(settings) is None


def test_a_note_that_cannot_be_written_stops_nobody(settings: Settings) -> None:
    (settings.data_dir / "run").write_text("a file where the folder should be")
    note(settings, FULL)
    assert noted(settings) is None


@pytest.mark.parametrize("name", ["", "../main", "Main", "a" * 40])
def test_a_name_is_a_provider_s(settings: Settings, name: str) -> None:
    with pytest.raises(ValueError, match="provider"):
        note(settings, FULL, name)
