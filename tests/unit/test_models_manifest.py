"""The manifest that ships, and manifests that must be refused."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.errors import GgufUnusable, UnknownModel, WeightsDamaged, WeightsMissing
from backend.models import Manifest, manifest, model_name, ready_weights, weights_path
from backend.models.manifest import MANIFEST, HubSource, IndexSource
from backend.settings import Settings, load


def settings(tmp_path: Path, **overrides: object) -> Settings:
    return load(data_dir=tmp_path, **{"llm_gguf": None, "llm_model": "", **overrides})


def test_the_shipped_manifest_is_whole() -> None:
    shipped = manifest()
    sizes = {model.name: model.size for model in shipped.models}
    assert sizes == {
        "qwen2.5-coder-1.5b-instruct": 1_117_320_768,
        "qwen2.5-coder-0.5b-instruct": 491_400_064,
        "smollm2-135m-instruct": 98_362_432,
    }
    assert shipped.default == "qwen2.5-coder-1.5b-instruct"
    assert {model.licence for model in shipped.models} == {"Apache-2.0"}


def test_the_hub_comes_first_where_its_file_is_known_to_be_the_same() -> None:
    kinds = {model.name: [type(source) for source in model.sources] for model in manifest().models}
    assert kinds["qwen2.5-coder-1.5b-instruct"] == kinds["qwen2.5-coder-0.5b-instruct"] == [HubSource, IndexSource]
    assert kinds["smollm2-135m-instruct"] == [IndexSource]


def test_no_wheel_is_named_twice() -> None:
    hashes = [
        part.sha256
        for model in manifest().models
        for source in model.sources
        if isinstance(source, IndexSource)
        for part in source.parts
    ]
    assert len(hashes) == len(set(hashes)) == 22 + 6 + 1


def spoilt(**changes: object) -> dict[str, object]:
    data = json.loads(MANIFEST.read_text())
    data["models"][0].update(changes)
    return data


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": 5}, "the pieces have 1117320768 bytes, the file 5"),
        ({"name": "smollm2-135m-instruct"}, "two models have the same name"),
        ({"file": "smollm2-135m-instruct-q4_1.gguf"}, "two models have the same file"),
        ({"name": "other"}, "the default qwen2.5-coder-1.5b-instruct is not among the models"),
        ({"file": "../outside.gguf"}, "String should match pattern"),
        ({"sha256": "abc"}, "String should match pattern"),
        ({"sources": []}, "at least 1 item"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_a_manifest_that_does_not_add_up_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Manifest.model_validate(spoilt(**changes))


def test_names_are_found_in_any_case_and_nothing_means_the_default() -> None:
    assert manifest().model(" SmolLM2-135M-Instruct ").name == "smollm2-135m-instruct"
    assert manifest().model("").name == manifest().default


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel) as caught:
        weights_path(settings(tmp_path, llm_model="gpt-9"))
    message = str(caught.value)
    assert "gpt-9" in message
    assert all(model.name in message for model in manifest().models)


def test_the_path_of_a_model_that_is_not_there_yet(tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    assert weights_path(wanted) == tmp_path / "weights" / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    with pytest.raises(WeightsMissing, match=r"python -m backend\.models fetch qwen2\.5-coder-1\.5b-instruct"):
        ready_weights(wanted)


def test_a_file_of_another_size_is_not_ready(tmp_path: Path) -> None:
    wanted = settings(tmp_path, llm_model="smollm2-135m-instruct")
    path = weights_path(wanted)
    path.parent.mkdir()
    path.write_bytes(b"GGUF")
    with pytest.raises(WeightsDamaged, match="4 bytes instead of 98,362,432"):
        ready_weights(wanted)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file"),
        (b"", "does not begin with `GGUF`"),
        (b"PK\x03\x04", "does not begin with `GGUF`"),
        (b"GGUF", "cut off or damaged"),
        (b"GGUF" + (99).to_bytes(4, "little") + bytes(16), "version 99"),
        (b"GGUF" + (3).to_bytes(4, "little") + bytes(16), "does not describe a language model"),
    ],
)
def test_a_file_of_ones_own_must_be_a_gguf(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "mine.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GgufUnusable, match=reason):
        weights_path(settings(tmp_path, llm_gguf=path))


def test_a_folder_is_no_gguf(tmp_path: Path) -> None:
    with pytest.raises(GgufUnusable, match="it is a folder"):
        weights_path(settings(tmp_path, llm_gguf=tmp_path))


def test_a_file_of_ones_own_is_called_after_itself_or_the_setting(tmp_path: Path) -> None:
    own = tmp_path / "my-model.Q4.gguf"
    assert model_name(settings(tmp_path, llm_gguf=own)) == "my-model.Q4"
    assert model_name(settings(tmp_path, llm_gguf=own, llm_model="Mine")) == "Mine"
