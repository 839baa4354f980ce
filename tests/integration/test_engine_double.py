"""The stand-in engine is believed by the official client, and fails in the ways it promises."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from bench.engine import EngineConfig, EngineDouble, Fault, FaultKind, words

QUESTION = [{"role": "user", "content": "온돌은 어떻게 방을 데우나요?"}]
FAST = EngineConfig(tokens_per_second=2000, prefill_ms=1, answer_tokens=40)


@pytest.fixture
async def engine() -> AsyncIterator[EngineDouble]:
    async with EngineDouble(FAST).serving() as running:
        yield running


@pytest.fixture
async def client(engine: EngineDouble) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=engine.base_url, api_key="none", max_retries=0) as running:
        yield running


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 -- the engine has no event to wait on
            await asyncio.sleep(0.005)


async def ask(client: AsyncOpenAI, **options: Any) -> list[Any]:
    stream = await client.chat.completions.create(model="double", messages=QUESTION, stream=True, **options)
    return [chunk async for chunk in stream]


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def test_stream_has_the_shape_of_openai(client: AsyncOpenAI) -> None:
    chunks = await ask(client, stream_options={"include_usage": True})

    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.object == "chat.completion.chunk" and chunk.id == chunks[0].id for chunk in chunks)
    assert text_of(chunks) == "".join(words.answer(QUESTION[0]["content"], 40))
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * 41 + ["stop"]
    assert chunks[-1].choices == []
    usage = chunks[-1].usage
    assert usage.completion_tokens == 40
    assert usage.total_tokens == usage.prompt_tokens + 40


async def test_raw_stream_ends_with_done_and_reports_usage_only_when_asked(engine: EngineDouble) -> None:
    body = {"model": "double", "messages": QUESTION, "stream": True, "max_tokens": 2}
    async with httpx.AsyncClient() as http:
        response = await http.post(f"{engine.base_url}/chat/completions", json=body)

    assert response.headers["content-type"].startswith("text/event-stream")
    events = response.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    assert len(chunks) == 4  # role, two tokens, finish
    assert not any("usage" in chunk for chunk in chunks)


async def test_answer_without_streaming(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model="double", messages=QUESTION)

    assert whole.choices[0].message.content == "".join(words.answer(QUESTION[0]["content"], 40))
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 40


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_length_is_respected(client: AsyncOpenAI, name: str) -> None:
    chunks = await ask(client, **{name: 7})

    assert chunks[-1].choices[0].finish_reason == "length"
    assert words.pieces(text_of(chunks)) == words.answer(QUESTION[0]["content"], 7)


async def test_answers_hold_both_languages_and_differ_by_prompt() -> None:
    answers = {"".join(words.answer(prompt, 200)) for prompt in ("a", "b", "c", "d")}

    assert len(answers) > 1
    assert all("온돌" in answer and "warmth" in answer for answer in answers)


async def test_chosen_answer_comes_back_unchanged(engine: EngineDouble, client: AsyncOpenAI) -> None:
    html = '<img src=x onerror="alert(1)">\n한글 😀 `끝`\t\r\n'
    async with httpx.AsyncClient() as http:
        await http.post(f"{engine.control_url}/answer", json={"text": html})

    assert text_of(await ask(client)) == html


async def test_streams_share_the_batch_and_the_rest_waits() -> None:
    config = EngineConfig(tokens_per_second=500, prefill_ms=1, answer_tokens=10, max_running=4)
    async with (
        EngineDouble(config).serving() as engine,
        AsyncOpenAI(base_url=engine.base_url, api_key="none") as client,
    ):
        answers = await asyncio.gather(*(ask(client) for _ in range(10)))

    assert len({text_of(chunks) for chunks in answers}) == 1
    assert engine.batch.peak_running == 4
    assert engine.counters.generated_tokens == 100


async def test_leaving_cancels_at_once(engine: EngineDouble, client: AsyncOpenAI) -> None:
    slow = EngineConfig(tokens_per_second=50, answer_tokens=1000)
    async with (
        EngineDouble(slow).serving() as engine,
        AsyncOpenAI(base_url=engine.base_url, api_key="none") as client,
    ):
        stream = await client.chat.completions.create(model="double", messages=QUESTION, stream=True)
        await anext(aiter(stream))
        await stream.close()
        await until(lambda: engine.counters.aborted == 1)

        assert engine.batch.running == []
        assert engine.counters.generated_tokens < 1000


async def test_models_health_tokenize_and_metrics(engine: EngineDouble, client: AsyncOpenAI) -> None:
    models = await client.models.list()
    assert [model.id for model in models.data] == ["double"]
    assert models.data[0].model_extra is not None
    assert models.data[0].model_extra["max_model_len"] == FAST.max_model_len
    chunks = await ask(client, stream_options={"include_usage": True})
    root = engine.base_url.removesuffix("/v1")

    async with httpx.AsyncClient(base_url=root) as http:
        assert (await http.get("/health")).status_code == 200
        counted = (await http.post("/tokenize", json={"model": "double", "messages": QUESTION})).json()
        assert counted["count"] == len(counted["tokens"]) == chunks[-1].usage.prompt_tokens
        plain = (await http.post("/tokenize", json={"prompt": "abc 한글"})).json()
        assert plain["count"] == 2
        assert (await http.post("/tokenize", json={})).status_code == 400
        metrics = (await http.get("/metrics")).text
    assert 'vllm:generation_tokens_total{engine="0",model_name="double"} 40' in metrics
    assert 'finished_reason="stop"} 1' in metrics


async def test_key_guards_the_protocol_only() -> None:
    async with EngineDouble(EngineConfig(api_key="secret")).serving() as engine:
        async with AsyncOpenAI(base_url=engine.base_url, api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        async with AsyncOpenAI(base_url=engine.base_url, api_key="secret", max_retries=0) as client:
            assert (await client.models.list()).data[0].id == "double"
        async with httpx.AsyncClient() as http:
            assert (await http.get(engine.base_url.removesuffix("/v1") + "/metrics")).status_code == 200


async def test_bad_requests_are_refused_as_vllm_does(engine: EngineDouble, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        await client.chat.completions.create(model="other", messages=QUESTION)
    with pytest.raises(openai.BadRequestError, match="at least one"):
        await client.chat.completions.create(model="double", messages=[])
    with pytest.raises(openai.BadRequestError, match="at least 1"):
        await client.chat.completions.create(model="double", messages=QUESTION, max_tokens=0)
    with pytest.raises(openai.BadRequestError, match="maximum context length is 32768"):
        await client.chat.completions.create(model="double", messages=QUESTION, max_tokens=40_000)
    async with httpx.AsyncClient(base_url=engine.base_url) as http:
        assert (await http.post("/chat/completions", content=b"{")).status_code == 400
        assert (await http.get("/chat/completions")).status_code == 405
        assert (await http.get("/nothing")).status_code == 404


async def test_what_is_no_http_gets_a_400_and_is_closed(engine: EngineDouble) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    writer.write(b"hello\r\n\r\n")

    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.REFUSED, openai.APIConnectionError),
        (FaultKind.HANG_UP, openai.APIConnectionError),
        (FaultKind.SERVER_ERROR, openai.InternalServerError),
        (FaultKind.RATE_LIMITED, openai.RateLimitError),
        (FaultKind.UNAUTHORIZED, openai.AuthenticationError),
        (FaultKind.LOADING, openai.InternalServerError),
        (FaultKind.OVERFLOW, openai.BadRequestError),
        (FaultKind.OVERFLOW_LLAMACPP, openai.BadRequestError),
    ],
)
async def test_faults_before_the_answer(
    engine: EngineDouble, client: AsyncOpenAI, kind: FaultKind, error: type[Exception]
) -> None:
    await engine.set_fault(Fault(kind))
    with pytest.raises(error):
        await ask(client)

    await engine.set_fault(Fault())
    assert text_of(await ask(client))


async def test_refused_port_is_not_listening_and_running_streams_die(engine: EngineDouble) -> None:
    async with httpx.AsyncClient() as http:
        await http.post(f"{engine.control_url}/fault", json={"kind": "refused"})
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{engine.base_url}/models")
        await http.post(f"{engine.control_url}/fault", json={"kind": "none"})
        assert (await http.get(f"{engine.base_url}/models")).status_code == 200


async def test_loading_engine_says_so_everywhere(engine: EngineDouble) -> None:
    await engine.set_fault(Fault(FaultKind.LOADING))
    async with httpx.AsyncClient(base_url=engine.base_url.removesuffix("/v1")) as http:
        for path in ("/health", "/v1/models"):
            response = await http.get(path)
            assert response.status_code == 503
            assert response.json()["error"]["message"] == "Loading model"


@pytest.mark.parametrize("kind", [FaultKind.DIE_MID_STREAM, FaultKind.GARBAGE, FaultKind.ERROR_MID_STREAM])
async def test_faults_in_mid_stream(engine: EngineDouble, client: AsyncOpenAI, kind: FaultKind) -> None:
    await engine.set_fault(Fault(kind, after_tokens=3))
    stream = await client.chat.completions.create(model="double", messages=QUESTION, stream=True)
    received = []
    with pytest.raises((openai.APIError, httpx.HTTPError, json.JSONDecodeError, OSError)):
        async for chunk in stream:
            received.append(chunk)

    assert text_of(received) == "".join(words.answer(QUESTION[0]["content"], 3))
    assert engine.batch.running == []


async def test_stalled_stream_keeps_its_place_until_the_client_leaves(
    engine: EngineDouble, client: AsyncOpenAI
) -> None:
    await engine.set_fault(Fault(FaultKind.STALL, after_tokens=2))
    stream = await client.chat.completions.create(model="double", messages=QUESTION, stream=True)
    await until(lambda: engine.counters.generated_tokens == 2)
    await until(lambda: bool(engine.batch.running) and engine.batch.running[0].stalled)
    await stream.close()

    await until(lambda: engine.counters.aborted == 1)
    assert engine.batch.running == []


async def test_slow_first_byte_is_only_late(engine: EngineDouble, client: AsyncOpenAI) -> None:
    await engine.set_fault(Fault(FaultKind.SLOW_FIRST_BYTE, delay_s=0.05))

    assert text_of(await ask(client)) == "".join(words.answer(QUESTION[0]["content"], 40))


async def test_fault_strikes_as_often_as_asked(engine: EngineDouble, client: AsyncOpenAI) -> None:
    await engine.set_fault(Fault(FaultKind.SERVER_ERROR, times=1))
    with pytest.raises(openai.InternalServerError):
        await ask(client)

    assert text_of(await ask(client))


@pytest.mark.parametrize(
    "body",
    [{"kind": "unheard-of"}, {"kind": "500", "times": 0}, {"after_tokens": "two"}, {"delay_s": -1}, {"when": 1}, []],
)
async def test_wrong_faults_are_explained(engine: EngineDouble, body: Any) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.post(f"{engine.control_url}/fault", json=body)

    assert response.status_code == 400
    assert response.json()["error"]["message"]
    assert engine.fault == Fault()


async def test_program_tells_its_ports_and_ends_on_sigterm() -> None:
    arguments = ["-m", "bench.engine", "--tokens-per-second", "1000", "--answer-tokens", "5", "--api-key", "k"]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            ready = json.loads(await process.stdout.readline())
        async with AsyncOpenAI(base_url=ready["base_url"], api_key="k", max_retries=0) as client:
            assert len(await ask(client)) == 7
        async with httpx.AsyncClient() as http:
            stats = (await http.get(f"http://127.0.0.1:{ready['control_port']}/stats")).json()
        assert stats["generated_tokens"] == 5
        assert stats["requests_seen"][0]["messages"] == QUESTION
    finally:
        os.kill(process.pid, signal.SIGTERM)
        async with asyncio.timeout(10):
            status = await process.wait()
    assert status == 0


async def test_program_explains_a_taken_port(engine: EngineDouble) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.engine", "--port", str(engine.port), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        _, message = await process.communicate()

    assert process.returncode == 1
    assert b"Choose another --port" in message
