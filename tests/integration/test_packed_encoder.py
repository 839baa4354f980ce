"""The packed pass computes what sentence-transformers computes, and is left alone where it cannot.

On the CPU with random weights; on a GPU only attention's kernel and the precision differ, and the server compares
both each time it loads a model.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (requirements-dev.txt)")
pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed (requirements-dev.txt)")

import httpx2

from backend.embedding_server import Config, PackedEncoder, UnsuitableError, load_encoder
from bench.encoders import Family, Shape, Words, save_encoder
from tests.fixtures.embedding import serving

WORDS = Words(count=2000)
TEXTS = ["온돌", " a ", "padding <pad> <s> in a text", "[PAD] [CLS]", *WORDS.passages(24)]
PROMPTS = {"query": "질문: ", "passage": "글: "}


@pytest.mark.parametrize("family", ["xlm-roberta", "roberta", "bert"])
@pytest.mark.parametrize(("pooling", "normalize"), [("cls", True), ("mean", False)])
def test_vectors_are_those_of_sentence_transformers(
    tmp_path: Path, family: Family, pooling: str, normalize: bool
) -> None:
    folder = save_encoder(tmp_path, Shape(family, vocabulary=1500), pooling=pooling, normalize=normalize)
    encoder = load_encoder(Config(model=str(folder)))
    assert encoder.path == "packed"
    found, expected = encoder.submit(encoder.prepare(TEXTS, "passage"))(), _expected(folder, TEXTS)
    assert _cosines(found, expected).min() >= 0.999
    # Vectors of random weights point in nearly the same direction; without their mean they do not.
    assert _cosines(found - expected.mean(axis=0), expected - expected.mean(axis=0)).min() >= 0.999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(expected, axis=1), rtol=1e-3)


def test_a_model_that_is_not_understood_runs_as_it_is(tmp_path: Path) -> None:
    shapes = {
        "dense": {"shape": Shape(vocabulary=1500), "dense": 32},
        "max": {"shape": Shape(vocabulary=1500), "pooling": "max"},
        "distilbert": {"shape": Shape("distilbert", vocabulary=1500)},
    }
    for name, options in shapes.items():
        folder = save_encoder(tmp_path / name, **options)
        encoder = load_encoder(Config(model=str(folder)))
        assert encoder.path == "sentence-transformers", name
        expected = _expected(folder, TEXTS)
        assert encoder.dimensions == expected.shape[1]
        assert _cosines(encoder.submit(encoder.prepare(TEXTS, "query"))(), expected).min() >= 0.999


def test_a_model_that_only_looks_familiar_is_not_computed_wrongly(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = save_encoder(tmp_path, Shape(vocabulary=1500))
    model = SentenceTransformer(str(folder), device="cpu")
    attention = model[0].auto_model.encoder.layer[0].attention.self
    attention.register_forward_hook(lambda _module, _inputs, found: (-found[0], *found[1:]))
    with pytest.raises(UnsuitableError, match="differs"):
        PackedEncoder(model, "cpu", Config())


def test_prompts_of_the_models_configuration_are_put_before(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, Shape(vocabulary=1500), prompts=PROMPTS)
    encoder = load_encoder(Config(model=str(folder)))
    assert encoder.path == "packed"
    for kind in ("query", "passage"):
        found = encoder.submit(encoder.prepare(TEXTS, kind))()
        assert _cosines(found, _expected(folder, [PROMPTS[kind] + text for text in TEXTS])).min() >= 0.9999


def test_a_long_text_is_cut_where_the_model_ends(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, Shape(vocabulary=1500, max_tokens=16))
    encoder = load_encoder(Config(model=str(folder)))
    text = WORDS.text(60)
    short, long = encoder.prepare(["온", text], "passage")
    assert (short.truncated, long.truncated, long.tokens) == (False, True, 16)
    assert _cosines(encoder.submit([long])(), _expected(folder, [text])).min() >= 0.999


def test_through_http_in_parts_the_vectors_are_the_same(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path, Shape(vocabulary=1500), pooling="mean")
    with serving(Config(model=str(folder), batch_tokens=300)) as server:
        assert server.wait_until(200)["path"] == "packed"
        answer = httpx2.post(f"{server.url}/embed", json={"texts": TEXTS, "format": "float32"}, timeout=60)
        metrics = httpx2.get(f"{server.url}/metrics").text
    expected = _expected(folder, TEXTS)
    assert _cosines(np.frombuffer(answer.content, "<f4").reshape(expected.shape), expected).min() >= 0.999
    assert int(next(line for line in metrics.splitlines() if line.startswith("embedding_batches_total")).split()[1]) > 2


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with serving(Config(model=str(tmp_path / "nothing")), ready=False) as server:
        while not (body := server.wait_until(503))["reason"]:
            pass
        assert body["state"] == "failed"


def _expected(folder: Path, texts: list[str]) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(texts, prompt="", show_progress_bar=False)


def _cosines(one: Any, other: Any) -> Any:
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
