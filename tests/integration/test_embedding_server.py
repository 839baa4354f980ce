"""The embedding server over HTTP: what it refuses, how it gathers requests, what it says before it is ready."""

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import openai
import pytest

from backend.embedding_server import LAPTOP_MODEL, Config, Encoder
from tests.fixtures.embedding import HashEncoder, Serving, serving


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def server(encoder: HashEncoder) -> Iterator[Serving]:
    config = Config(model="some/hash", max_texts=100, max_chars=500, max_bytes=50_000, queue_texts=120)
    with serving(config, lambda _: encoder) as running:
        encoder.passes.clear()
        _drain(encoder)
        yield running
        encoder.gate.set()


class TestAnswers:
    def test_health_tells_the_model(self, server: Serving) -> None:
        body = _get(server, "/health").json()
        assert (body["status"], body["model"], body["dimensions"]) == ("ok", "some/hash", 8)
        assert body["device"] == "cpu"
        assert body["state"] == "ready"

    def test_json_keeps_the_order_and_the_kind(self, server: Serving) -> None:
        body = _embed(server, texts=["가", "나"], kind="query").json()
        np.testing.assert_allclose(body["embeddings"][1], HashEncoder.vector("query:나"), atol=1e-6)
        assert body["dimensions"] == 8
        assert body["tokens"] == 2

    @pytest.mark.parametrize(("form", "dtype", "tolerance"), [("float32", "<f4", 0), ("float16", "<f2", 1e-3)])
    def test_numbers_come_raw(self, server: Serving, form: str, dtype: str, tolerance: float) -> None:
        answer = _embed(server, texts=["가", "나"], format=form)
        assert answer.headers["x-embedding-dtype"] == form
        assert answer.headers["x-embedding-dimensions"] == "8"
        found = np.frombuffer(answer.content, dtype=dtype).reshape(2, 8)
        np.testing.assert_allclose(found[0], HashEncoder.vector("passage:가"), atol=tolerance)

    def test_accept_asks_for_raw_numbers_too(self, server: Serving) -> None:
        answer = _embed(server, {"Accept": "application/octet-stream"}, texts=["가"])
        assert len(answer.content) == 8 * 4

    def test_openais_own_client_is_content(self, server: Serving) -> None:
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
            found = client.embeddings.create(model="hash", input=["가", "나"])  # asks for base64 by itself
            plain = client.embeddings.create(model="some/hash", input="가", encoding_format="float")
            assert [model.id for model in client.models.list()] == ["some/hash"]
        np.testing.assert_allclose(found.data[1].embedding, HashEncoder.vector("passage:나"), atol=1e-6)
        np.testing.assert_allclose(plain.data[0].embedding, HashEncoder.vector("passage:가"), atol=1e-6)
        assert found.usage.total_tokens == 2

    def test_base64_is_float32(self, server: Serving) -> None:
        body = {"input": "가", "model": "hash", "encoding_format": "base64", "input_type": "query"}
        found = _post(server, "/v1/embeddings", body).json()["data"][0]["embedding"]
        np.testing.assert_allclose(np.frombuffer(base64.b64decode(found), "<f4"), HashEncoder.vector("query:가"))

    def test_metrics_are_prometheus(self, server: Serving) -> None:
        _embed(server, texts=["가", "나"])
        _embed(server, texts=[])
        text = _get(server, "/metrics").text
        assert 'embedding_requests_total{path="/embed",status="200"} 1' in text
        assert 'embedding_requests_total{path="/embed",status="422"} 1' in text
        assert "embedding_texts_total 2" in text
        assert "embedding_waiting_texts 0" in text
        from prometheus_client.parser import text_string_to_metric_families

        names = {family.name for family in text_string_to_metric_families(text)}
        assert {"embedding_request_seconds", "embedding_batches", "embedding_ready"} <= names


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"texts": []}, 422, "no_texts"),
            ({}, 422, "invalid_input"),
            ({"texts": "가"}, 422, "invalid_input"),
            ({"texts": ["가", 3]}, 422, "invalid_input"),
            ({"texts": ["가", "  \n"]}, 422, "empty_text"),
            ({"texts": ["가"], "kind": "title"}, 422, "wrong_kind"),
            ({"texts": ["가"], "kind": ["query"]}, 422, "wrong_kind"),
            ({"texts": ["가"], "format": "float64"}, 422, "invalid_input"),
            ({"texts": ["가"], "kinds": "query"}, 422, "invalid_input"),
            ({"texts": ["가"] * 101}, 413, "too_many_texts"),
            ({"texts": ["가" * 501]}, 413, "text_too_long"),
            ({"texts": ["\ud800"]}, 422, "invalid_input"),
            ({"texts": ["가"], "\ud800": 1}, 422, "invalid_input"),
        ],
    )
    def test_each_says_what_is_wrong(self, server: Serving, body: dict[str, Any], status: int, code: str) -> None:
        answer = _post(server, "/embed", body)
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == code
        assert answer.json()["detail"] == answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"input": "가", "model": "text-embedding-3-large"}, 404),
            ({"input": "가", "dimensions": 4}, 400),
            ({"input": "가", "encoding_format": "hex"}, 400),
            ({"input": [1, 2, 3]}, 422),
            ({"input": [["가"]]}, 422),
            ({"input": ""}, 422),
        ],
    )
    def test_openais_too(self, server: Serving, body: dict[str, Any], status: int) -> None:
        answer = _post(server, "/v1/embeddings", body)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]

    @pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 20_000])
    def test_what_is_no_json_object(self, server: Serving, body: bytes) -> None:
        answer = httpx2.post(f"{server.url}/embed", content=body, timeout=30)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "invalid_json"

    def test_a_body_that_is_too_large(self, server: Serving) -> None:
        answer = _embed(server, texts=["가" * 400] * 90)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")

    def test_unknown_addresses_have_the_same_form(self, server: Serving) -> None:
        assert _get(server, "/nowhere").json()["error"]["code"] == "http_error"
        assert _get(server, "/embed").status_code == 405

    def test_a_key_is_asked_of_everything_but_health(self) -> None:
        with serving(Config(model="hash", api_key="비밀-key"), lambda _: HashEncoder()) as server:
            body = {"texts": ["가"]}
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": ""}):
                assert _post(server, "/embed", body, headers).status_code == 401
            assert _get(server, "/metrics").status_code == 401
            assert _get(server, "/health").status_code == 200
            for name, value in (("Authorization", "Bearer 비밀-key"), ("X-API-Key", "비밀-key")):
                answer = httpx2.post(f"{server.url}/embed", json=body, headers={name: value.encode()}, timeout=30)
                assert answer.status_code == 200

    def test_texts_beyond_the_model_are_told(self) -> None:
        with serving(Config(model="hash"), lambda _: HashEncoder(max_tokens=5)) as server:
            body = {"texts": ["짧은 글", "이것은 아주 긴 글"]}
            assert _post(server, "/embed", body).json()["truncated"] == [1]
            refused = _post(server, "/embed", {**body, "truncate": False})
            assert refused.status_code == 413
            assert "texts[1]" in refused.json()["detail"]


class TestGathering:
    async def test_fifty_clients_share_passes(self, server: Serving, encoder: HashEncoder) -> None:
        encoder.gate.clear()
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            calls = [
                asyncio.create_task(client.post("/embed", json={"texts": [f"질문 {n}"], "kind": "query"}))
                for n in range(50)
            ]
            while _waiting(await client.get("/health")) < 50:
                pass
            encoder.gate.set()
            answers = await asyncio.gather(*calls)
        for n, answer in enumerate(answers):
            np.testing.assert_allclose(answer.json()["embeddings"][0], HashEncoder.vector(f"query:질문 {n}"), atol=1e-6)
        assert len(encoder.passes) <= 3
        assert sum(map(len, encoder.passes)) == 50
        assert _waiting(_get(server, "/health")) == 0

    async def test_a_question_does_not_wait_for_a_long_import(self, server: Serving, encoder: HashEncoder) -> None:
        encoder.gate.clear()
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            first = asyncio.create_task(client.post("/embed", json={"texts": ["하나"]}))
            await asyncio.to_thread(encoder.entered.acquire)
            large = asyncio.create_task(client.post("/embed", json={"texts": ["글" * 100] * 30}))
            while _waiting(await client.get("/health")) < 31:
                pass
            question = asyncio.create_task(client.post("/embed", json={"texts": ["물음"], "kind": "query"}))
            while _waiting(await client.get("/health")) < 32:
                pass
            encoder.gate.set()
            await asyncio.gather(first, large, question)
        assert encoder.passes[1][0] == "query:물음", "beside the first part of the import, not behind all of it"
        assert len(encoder.passes[1]) > 1
        assert sum(map(len, encoder.passes)) == 32

    def test_a_text_longer_than_a_pass_goes_alone(self) -> None:
        encoder = HashEncoder(batch_tokens=10)
        with serving(Config(model="hash"), lambda _: encoder) as server:
            encoder.passes.clear()
            answer = _embed(server, texts=["글" * 50, "가", "나" * 30])
            assert answer.status_code == 200
        assert [len(texts) for texts in encoder.passes] == [1, 1, 1]

    async def test_a_full_queue_says_when_to_come_back(self, server: Serving, encoder: HashEncoder) -> None:
        encoder.gate.clear()
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            waiting = asyncio.create_task(client.post("/embed", json={"texts": ["글"] * 100}))
            while _waiting(await client.get("/health")) < 100:
                pass
            refused = await client.post("/embed", json={"texts": ["글"] * 21})
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "queue_full"
            assert int(refused.headers["retry-after"]) >= 1
            also = asyncio.create_task(client.post("/embed", json={"texts": ["글"] * 20}))
            encoder.gate.set()
            assert [answer.status_code for answer in await asyncio.gather(waiting, also)] == [200, 200]
        assert "embedding_refused_total 1" in _get(server, "/metrics").text

    async def test_the_work_of_a_client_that_left_is_dropped(self, server: Serving, encoder: HashEncoder) -> None:
        encoder.gate.clear()
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            first = asyncio.create_task(client.post("/embed", json={"texts": ["하나"]}))
            await asyncio.to_thread(encoder.entered.acquire)
            leaver = asyncio.create_task(client.post("/embed", json={"texts": ["떠난 사람"] * 60}))
            while _waiting(await client.get("/health")) < 61:
                pass
            leaver.cancel()
            while _waiting(await client.get("/health")) > 1:
                pass
            encoder.gate.set()
            assert (await first).status_code == 200
            assert (await client.post("/embed", json={"texts": ["다음"]})).status_code == 200
        assert not any("떠난 사람" in text for texts in encoder.passes for text in texts)
        assert "embedding_abandoned_total 60" in _get(server, "/metrics").text

    def test_a_pass_that_fails_is_told_and_the_next_one_works(self, server: Serving, encoder: HashEncoder) -> None:
        encoder.fails = True
        failed = _embed(server, texts=["가"])
        assert failed.status_code == 500
        assert failed.json()["error"]["code"] == "encoding_failed"
        assert "0x1234" not in failed.text
        encoder.fails = False
        assert _embed(server, texts=["가"]).status_code == 200

    def test_a_stop_answers_those_who_wait(self, encoder: HashEncoder) -> None:
        with serving(Config(model="hash"), lambda _: encoder) as server:
            encoder.gate.clear()
            _drain(encoder)
            answers: list[int] = []
            caller = threading.Thread(target=lambda: answers.append(_embed(server, texts=["가"]).status_code))
            caller.start()
            encoder.entered.acquire()
            encoder.gate.set()
        caller.join(30)
        assert answers == [200]


class TestLoading:
    def test_until_it_is_ready_it_says_so(self) -> None:
        may_load = threading.Event()

        def load(_: Config) -> Encoder:
            may_load.wait(60)
            return HashEncoder()

        with serving(Config(model="hash"), load, ready=False) as server:
            body = server.wait_until(503)
            assert (body["detail"], body["state"], body["reason"]) == ("Model not initialized", "loading", "")
            refused = _embed(server, texts=["가"])
            assert refused.status_code == 503
            assert "Model not initialized" in refused.text
            assert "retry-after" in refused.headers
            may_load.set()
            server.wait_until(200)
            assert _embed(server, texts=["가"]).status_code == 200

    def test_a_model_that_cannot_be_loaded_is_told_with_the_reason(self) -> None:
        with serving(Config(model="/no/such/folder"), _missing, ready=False) as server:
            while not (body := server.wait_until(503))["reason"]:
                pass
            assert body["state"] == "failed"
            assert "no weights in /no/such/folder" in body["reason"]
            assert "no weights" in _embed(server, texts=["가"]).json()["detail"]

    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ({"EMBED_MAX_TEXTS": "many"}, "EMBED_MAX_TEXTS"),
            ({"EMBED_MAX_TEXTS": "0"}, "at least 1"),
            ({"EMBED_QUEUE_TEXTS": "5"}, "EMBED_QUEUE_TEXTS"),
            ({"EMBED_THREADS": "-1"}, "EMBED_THREADS"),
        ],
    )
    def test_wrong_variables_are_named(
        self, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], told: str
    ) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ValueError, match=told):
            Config.from_environment()

    def test_the_key_is_not_in_what_is_printed(self) -> None:
        assert "s3cret" not in repr(Config(api_key="s3cret"))


class TestLaptopEncoder:
    def test_korean_and_english_of_the_same_meaning_are_near(self, laptop_encoder: Serving) -> None:
        texts = ["고양이가 소파에서 잔다", "A cat is sleeping on the sofa", "국회는 예산안을 심의한다"]
        answer = _embed(laptop_encoder, texts=texts, format="float32")
        assert answer.headers["x-embedding-model"] == LAPTOP_MODEL
        vectors = np.frombuffer(answer.content, "<f4").reshape(3, 512)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]

    def test_a_text_has_the_same_vector_alone_and_in_company(self, laptop_encoder: Serving) -> None:
        texts = [f"{n}번째 글입니다. " * (n % 7 + 1) for n in range(100)]
        together = np.frombuffer(_embed(laptop_encoder, texts=texts, format="float32").content, "<f4").reshape(100, 512)
        alone = np.frombuffer(_embed(laptop_encoder, texts=texts[41:42], format="float32").content, "<f4")
        assert together[41] @ alone > 0.9999


def _missing(config: Config) -> Encoder:
    raise OSError(f"no weights in {config.model}")


def _post(server: Serving, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
    content = json.dumps(body)  # escapes everything, halves of surrogate pairs too
    return httpx2.post(f"{server.url}{path}", content=content, headers=headers, timeout=60)


def _embed(server: Serving, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    return _post(server, "/embed", body, headers)


def _get(server: Serving, path: str) -> httpx2.Response:
    return httpx2.get(f"{server.url}{path}", timeout=60)


def _waiting(answer: httpx2.Response) -> int:
    return int(answer.json()["waiting_texts"])


def _drain(encoder: HashEncoder) -> None:
    while encoder.entered.acquire(blocking=False):
        pass
