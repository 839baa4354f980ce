"""A model comes from the hub by the hub's own library, in a process of its own, against a hub over real HTTP."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from backend.errors import ModelDownloadFailed, ModelGated, ModelNotOnHub, ModelNotServable, NoSpaceForModel
from backend.llm import hub_weights
from backend.llm.vllm_command import arguments
from backend.llm.vllm_download import Download
from backend.llm.vllm_plan import Reason, plan
from backend.llm.vllm_server import VllmServer
from backend.settings import Settings, load
from tests.fixtures.hub import REVISION, HubDouble

MODEL = "house/coder"
WEIGHTS = bytes(range(256)) * 400


@pytest.fixture
def settings(tmp_path: Path, hub_double: HubDouble, monkeypatch: pytest.MonkeyPatch) -> Settings:
    hub_double.models[MODEL] = {
        "config.json": b'{"num_hidden_layers": 2}',
        "model.safetensors": WEIGHTS,
        "pytorch_model.bin": WEIGHTS,
        "original/consolidated.00.pth": WEIGHTS,
    }
    hub_double.refuse = None
    hub_double.break_off_after.clear()
    monkeypatch.setenv("HF_ENDPOINT", hub_double.address)
    return load(_env_file=None, data_dir=tmp_path)


def fetched(settings: Settings) -> list[tuple[int, int]]:
    with Download(settings, MODEL) as download:
        return list(download.progress())


def test_one_format_of_the_weights_comes_and_is_known_to_be_whole(settings: Settings, hub_double: HubDouble) -> None:
    assert hub_weights.ready_folder(settings, MODEL) is None
    total = len(WEIGHTS) + len(hub_double.models[MODEL]["config.json"])
    assert fetched(settings)[-1] == (total, total)
    folder = hub_weights.ready_folder(settings, MODEL)
    assert folder is not None
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert folder.name == REVISION
    assert hub_weights.fetched_bytes(settings, MODEL) == total


def test_vllm_is_given_the_files_and_needs_no_hub(settings: Settings) -> None:
    fetched(settings)
    folder = hub_weights.ready_folder(settings, MODEL)
    assert folder is not None
    chosen = plan([], 1, settings, model=MODEL, because=Reason.ASKED_FOR)
    command = arguments(("vllm",), chosen, settings, folder)
    assert (Path(command[2]) / "config.json").is_file()
    assert command[command.index("--served-model-name") + 1] == MODEL


def test_a_repository_that_vllm_cannot_load_is_told(settings: Settings, hub_double: HubDouble) -> None:
    del hub_double.models[MODEL]["config.json"]
    with pytest.raises(ModelNotServable):
        fetched(settings)


@pytest.mark.parametrize("index", [None, ["a.safetensors", "b.safetensors"]])
def test_what_another_program_left_whole_serves_without_the_hub(settings: Settings, index: list[str] | None) -> None:
    kept = hub_weights.folder_of(settings, MODEL)
    snapshot = kept / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    files = ["config.json", *(index or ["model.safetensors"])]
    if index is not None:
        weight_map = {f"layer.{place}": name for place, name in enumerate(index)}
        (snapshot / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for name in files:
        assert hub_weights.cached_folder(settings, MODEL) is None
        (snapshot / name).write_text("{}")
    assert hub_weights.cached_folder(settings, MODEL) is None  # nobody says that it is the newest
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(REVISION)
    assert hub_weights.cached_folder(settings, MODEL) == snapshot
    away = load(_env_file=None, data_dir=settings.data_dir, hf_endpoint="http://127.0.0.1:9")
    assert VllmServer(away)._download(MODEL) == snapshot
    (snapshot / files[-1]).unlink()
    assert hub_weights.cached_folder(settings, MODEL) is None


@pytest.mark.parametrize(("status", "code", "error"), [
    (403, "GatedRepo", ModelGated), (401, "RepoNotFound", ModelNotOnHub), (404, "", ModelNotOnHub),
    (500, "", ModelDownloadFailed),
])  # fmt: skip
def test_a_hub_that_refuses_is_told_apart(
    settings: Settings, hub_double: HubDouble, status: int, code: str, error: type[Exception]
) -> None:
    hub_double.refuse = (status, code)
    with pytest.raises(error):
        fetched(settings)
    assert hub_weights.ready_folder(settings, MODEL) is None


def test_a_hub_that_is_not_there_is_a_failed_download(tmp_path: Path) -> None:
    settings = load(_env_file=None, data_dir=tmp_path, hf_endpoint="http://127.0.0.1:9")
    with pytest.raises(ModelDownloadFailed):
        fetched(settings)


def test_a_full_disk_is_told_before_anything_is_fetched(
    settings: Settings, hub_double: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=1 << 20))
    hub_double.asked.clear()
    with pytest.raises(NoSpaceForModel):
        fetched(settings)
    assert not [path for _, path in hub_double.asked if "/resolve/" in path]


def test_a_folder_of_the_operators_own_needs_no_hub(settings: Settings, tmp_path: Path) -> None:
    assert hub_weights.ready_folder(settings, str(tmp_path)) == tmp_path
