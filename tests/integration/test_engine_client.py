"""The client of an engine against a stand-in that fails in every known way, and against a real llama.cpp."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from backend.errors import (
    EngineBusy,
    EngineInterrupted,
    EngineLoading,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    Language,
    OndolError,
)
from backend.llm import engine as engine_module
from backend.llm.engine import ChatMessage, ContextOverflow, Engine, EngineState, Finished
from backend.llm.providers import Provider
from backend.settings import ServiceType
from bench.engine.faults import Fault, FaultKind
from bench.engine.server import EngineConfig, EngineDouble
from tests.fixtures.engine import Engine as RealEngine
from tests.fixtures.engine import free_port

HELLO: tuple[ChatMessage, ...] = ({"role": "user", "content": "안녕하세요"},)


@asynccontextmanager
async def client_of(base_url: str, *, key: str = "", model: str = "", **more: Any) -> AsyncIterator[Engine]:
    service_type = more.pop("service_type", ServiceType.VLLM)
    opened = Engine(Provider("main", base_url, service_type, model, SecretStr(key)), **more)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def double() -> AsyncIterator[EngineDouble]:
    config = EngineConfig(tokens_per_second=500, prefill_ms=1, answer_tokens=20, max_model_len=4096)
    async with EngineDouble(config).serving() as engine:
        yield engine


@pytest.fixture
async def client(double: EngineDouble) -> AsyncIterator[Engine]:
    async with client_of(double.base_url) as opened:
        yield opened


async def collect(client: Engine, messages: tuple[ChatMessage, ...] = HELLO, **more: Any) -> tuple[str, Finished]:
    text, finished = "", None
    async with asyncio.timeout(30):
        async for event in client.stream(messages, model=more.pop("model", "double"), **more):
            if isinstance(event, Finished):
                finished = event
            else:
                assert finished is None
                text += event
    assert finished is not None
    return text, finished


async def failure(client: Engine, **more: Any) -> tuple[str, Exception]:
    """The text that came, and the error after it."""
    text = ""
    with pytest.raises((OndolError, ContextOverflow)) as caught:
        async with asyncio.timeout(30):
            async for event in client.stream(HELLO, model=more.pop("model", "double"), **more):
                text += event if isinstance(event, str) else ""
    return text, caught.value


# --- answers -------------------------------------------------------------------------------------------------


async def test_a_streamed_answer_is_whole(double: EngineDouble, client: Engine) -> None:
    double.next_answer = '끝 "따옴표"\n\n```py\nx = 1\n``` 😀'
    text, finished = await collect(client, temperature=0.0, max_tokens=100)
    assert text == double.next_answer
    assert finished.reason == "stop"
    assert finished.usage is not None
    assert finished.usage.completion_tokens > 0
    sent = double.requests[-1]
    assert (sent["temperature"], sent["max_tokens"]) == (0.0, 100)
    assert sent["messages"] == list(HELLO)


async def test_what_is_not_asked_for_is_not_sent(double: EngineDouble, client: Engine) -> None:
    await collect(client)
    assert not {"temperature", "max_tokens"} & set(double.requests[-1])


async def test_an_answer_that_was_cut_says_so(client: Engine) -> None:
    _, finished = await collect(client, max_tokens=3)
    assert finished.reason == "length"


async def test_leaving_an_answer_closes_its_connection_at_once(double: EngineDouble, client: Engine) -> None:
    double.next_answer = "word " * 2000

    async def read() -> None:
        async for _ in client.stream(HELLO, model="double"):
            begun.set()

    begun = asyncio.Event()
    reading = asyncio.create_task(read())
    async with asyncio.timeout(10):
        await begun.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        while not double.counters.aborted:  # noqa: ASYNC110 -- the engine has no event to wait on
            await asyncio.sleep(0.01)
    assert not double.batch.running


@pytest.mark.parametrize(
    ("option", "code"), [("max_tokens", "unsupported_parameter"), ("temperature", "unsupported_value")]
)
async def test_an_option_that_a_model_does_not_take_is_left_out_from_then_on(
    double: EngineDouble, client: Engine, option: str, code: str
) -> None:
    double.refused_options[option] = code
    for _ in range(2):
        _, finished = await collect(client, temperature=0.2, max_tokens=3)
    assert len(double.requests) == 3, "the second answer needed no second request"
    assert option not in double.requests[-1]
    assert (finished.reason, double.requests[-1].get("max_completion_tokens", 3)) == ("length", 3)


async def test_two_first_requests_at_once_both_learn_what_a_model_does_not_take(
    double: EngineDouble, client: Engine
) -> None:
    double.refused_options["max_tokens"] = "unsupported_parameter"
    answers = await asyncio.gather(*(collect(client, max_tokens=3) for _ in range(4)))
    assert [finished.reason for _, finished in answers] == ["length"] * 4


# --- failures ------------------------------------------------------------------------------------------------

BEFORE = {
    FaultKind.REFUSED: EngineUnavailable,
    FaultKind.LOADING: EngineLoading,
    FaultKind.HANG_UP: EngineUnavailable,
    FaultKind.SERVER_ERROR: EngineRefused,
    FaultKind.RATE_LIMITED: EngineBusy,
    FaultKind.UNAUTHORIZED: EngineRefused,
    FaultKind.OVERFLOW: ContextOverflow,
    FaultKind.OVERFLOW_LLAMACPP: ContextOverflow,
}
IN_THE_MIDDLE = (FaultKind.DIE_MID_STREAM, FaultKind.ERROR_MID_STREAM, FaultKind.GARBAGE)


@pytest.mark.parametrize("kind", BEFORE)
async def test_failures_before_the_first_text(double: EngineDouble, client: Engine, kind: FaultKind) -> None:
    await double.set_fault(Fault(kind))
    text, error = await failure(client)
    assert (text, type(error)) == ("", BEFORE[kind])
    if isinstance(error, EngineBusy):
        assert error.retry_after_s == 3
    if isinstance(error, ContextOverflow):
        assert error.tokens == (9000 if kind is FaultKind.OVERFLOW_LLAMACPP else None)
    await double.set_fault(Fault())
    await collect(client)


@pytest.mark.parametrize("kind", IN_THE_MIDDLE)
async def test_failures_after_the_first_text(double: EngineDouble, client: Engine, kind: FaultKind) -> None:
    await double.set_fault(Fault(kind, after_tokens=5))
    text, error = await failure(client)
    assert text
    assert isinstance(error, EngineInterrupted)


async def test_an_engine_that_does_not_begin_is_given_up(double: EngineDouble) -> None:
    await double.set_fault(Fault(FaultKind.SLOW_FIRST_BYTE, delay_s=60))
    async with client_of(double.base_url, first_token_timeout_s=0.1) as client:
        text, error = await failure(client)
    assert (text, type(error)) == ("", EngineTimeout)


async def test_an_engine_that_falls_silent_is_given_up(
    double: EngineDouble, client: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_GAP_TIMEOUT_S", 0.2)
    await double.set_fault(Fault(FaultKind.STALL, after_tokens=5))
    text, error = await failure(client)
    assert text
    assert isinstance(error, EngineTimeout)


# --- what an engine tells of itself --------------------------------------------------------------------------


async def test_state_model_and_context_are_told(double: EngineDouble, client: Engine) -> None:
    info = await client.info()
    assert (info.state, info.model, info.context) == (EngineState.READY, "double", 4096)
    assert await client.require_ready() == info


@pytest.mark.parametrize(
    ("kind", "state", "error"),
    [
        (FaultKind.LOADING, EngineState.LOADING, EngineLoading),
        (FaultKind.REFUSED, EngineState.UNREACHABLE, EngineUnavailable),
    ],
)
async def test_an_engine_that_is_away_is_noticed_when_it_is_back(
    double: EngineDouble, client: Engine, kind: FaultKind, state: EngineState, error: type[OndolError]
) -> None:
    await double.set_fault(Fault(kind))
    assert (await client.info()).state is state
    with pytest.raises(error):
        await client.require_ready()
    await double.set_fault(Fault())
    assert (await client.info()).state is state, "asked a moment ago"
    assert (await client.info(max_age_s=0)).state is EngineState.READY


async def test_an_engine_that_failed_is_looked_at_before_it_is_asked_again(
    double: EngineDouble, client: Engine
) -> None:
    assert (await client.info()).state is EngineState.READY
    await double.set_fault(Fault(FaultKind.REFUSED))
    assert (await client.info()).state is EngineState.READY, "asked a moment ago"
    await failure(client)
    with pytest.raises(EngineUnavailable):
        await client.require_ready()


async def test_those_who_ask_together_share_one_probe(double: EngineDouble, client: Engine) -> None:
    infos = await asyncio.gather(*(client.info() for _ in range(20)))
    assert len({id(info) for info in infos}) == 1
    assert double.counters.connections == 1


async def test_the_wrong_key_is_told_apart_from_an_engine_that_is_away() -> None:
    async with EngineDouble(EngineConfig(api_key="right", answer_tokens=3)).serving() as double:
        async with client_of(double.base_url, key="wrong") as client:
            assert (await client.info()).state is EngineState.REFUSED
            with pytest.raises(EngineRefused):
                await client.require_ready()
            assert type((await failure(client))[1]) is EngineRefused
        async with client_of(double.base_url, key="right") as client:
            assert (await client.info()).state is EngineState.READY
            await collect(client)


async def test_tokens_are_counted_where_the_engine_can(double: EngineDouble, client: Engine) -> None:
    assert await client.count_tokens("one two three") == 3
    await double.set_fault(Fault(FaultKind.REFUSED))
    assert await client.count_tokens("one two three") is None
    async with client_of(double.base_url, service_type=ServiceType.OPENAI) as hosted:
        assert await hosted.count_tokens("one two three") is None


# --- engines that answer oddly -------------------------------------------------------------------------------


@asynccontextmanager
async def answering(status: str, body: bytes) -> AsyncIterator[str]:
    """A server that gives one answer to everything; yields its base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status.encode(), len(body)))
        writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", free_port())
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        ("200 OK", b"<html>sign in</html>", EngineState.REFUSED),
        ("200 OK", b"[]", EngineState.REFUSED),
        ("200 OK", b'{"data": [1]}', EngineState.REFUSED),
        ("200 OK", b'{"data": []}', EngineState.READY),
        ("404 Not Found", b"", EngineState.REFUSED),
        ("503 Service Unavailable", b"", EngineState.LOADING),
        ("500 Internal Server Error", b"", EngineState.REFUSED),
        ("502 Bad Gateway", b"<html>no live upstreams</html>", EngineState.UNREACHABLE),
        ("504 Gateway Time-out", b"", EngineState.UNREACHABLE),
    ],
)
async def test_what_is_no_engine_is_not_ready(status: str, body: bytes, state: EngineState) -> None:
    async with answering(status, body) as url, client_of(url, model="chosen") as client:
        info = await client.info()
        assert info.state is state
        assert (info.model, info.context) == ("chosen", 4096), "as assumed"
        assert await client.count_tokens("text") is None


async def test_a_balancer_without_engines_is_not_taken_for_a_wrong_key() -> None:
    for status in ("502 Bad Gateway", "504 Gateway Time-out"):
        async with answering(status, b"") as url, client_of(url) as client:
            with pytest.raises(EngineUnavailable):
                await client.require_ready()
            assert type((await failure(client))[1]) is EngineUnavailable
    async with answering("403 Forbidden", b"") as url, client_of(url) as client:
        with pytest.raises(EngineRefused) as refused:
            await client.require_ready()
        assert "HTTP 403" in refused.value.message(Language.EN)


def chunk(delta: object, reason: str | None = None) -> bytes:
    return b"data:" + orjson.dumps({"choices": [{"delta": delta, "finish_reason": reason}]}) + b"\r\n\r\n"


async def test_other_spellings_of_the_protocol_are_read() -> None:
    body = b": comment\r\n\r\nevent: x\r\n" + chunk({"role": "assistant", "content": None}) + chunk({"content": "a"})
    body += b'data: {"choices": []}\n\n' + chunk(None) + chunk({"content": "b"}, "stop") + b"data:[DONE]\r\n\r\n"
    async with answering("200 OK", body) as url, client_of(url) as client:
        assert await collect(client) == ("ab", Finished("stop", None))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>sign in</html>",
        b"data: []\n\n",
        b'data: {"choices": [1]}\n\n',
        b'data: {"choices": [{"delta": "text"}]}\n\n',
        b'data: {"usage": [1], "choices": []}\n\n',
        b'data: {"choices": [{"delta": {"content": "\\ud800"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": 5}}]}\n\n',
    ],
)
async def test_a_stream_that_is_none_is_told_as_broken(body: bytes) -> None:
    async with answering("200 OK", body) as url, client_of(url) as client:
        text, error = await failure(client)
    assert (text, type(error)) == ("", EngineInterrupted)


# --- a real llama.cpp ----------------------------------------------------------------------------------------


@asynccontextmanager
async def real_client(engine: RealEngine, key: str | None = None) -> AsyncIterator[Engine]:
    key = engine.api_key if key is None else key
    async with client_of(engine.base_url, key=key, service_type=ServiceType.LLAMACPP) as client:
        yield client


async def test_a_real_engine_answers_counts_and_tells_its_context(engine: RealEngine) -> None:
    async with real_client(engine) as client:
        info = await client.info()
        assert (info.state, info.model, info.context) == (EngineState.READY, engine.model, engine.context)
        counted = await client.count_tokens("Warm floors keep the whole room warm.")
        assert counted is not None
        assert 5 < counted < 15
        text, finished = await collect(client, model=info.model, temperature=0.0, max_tokens=8)
        assert text
        assert finished.reason in ("stop", "length")
        assert finished.usage is not None
        assert 0 < finished.usage.completion_tokens <= 8


async def test_a_real_engine_says_how_long_a_prompt_was_that_it_cannot_read(engine: RealEngine) -> None:
    long: tuple[ChatMessage, ...] = ({"role": "user", "content": "floor " * 3000},)
    async with real_client(engine) as client:
        with pytest.raises(ContextOverflow) as caught:
            await collect(client, long, model=engine.model)
    assert caught.value.tokens is not None
    assert caught.value.tokens >= 3000


async def test_a_real_engine_refuses_another_key(engine: RealEngine) -> None:
    async with real_client(engine, key="wrong") as client:
        assert (await client.info()).state is EngineState.REFUSED
        assert type((await failure(client, model=engine.model))[1]) is EngineRefused


async def test_a_real_engine_is_seen_loading_and_serves_when_it_is_ready_and_is_missed(own_engine: RealEngine) -> None:
    own_engine.launch()
    async with real_client(own_engine) as client:
        seen = [EngineState.UNREACHABLE]
        async with asyncio.timeout(60):
            while seen[-1] is not EngineState.READY:
                seen.append((await client.info(max_age_s=0)).state)
        order = [EngineState.UNREACHABLE, EngineState.LOADING, EngineState.READY]
        assert seen == sorted(seen, key=order.index), "never ready before it is loaded"
        assert (await client.info()).context == own_engine.context
        await collect(client, model=own_engine.model, max_tokens=2)

        text = ""
        with pytest.raises(EngineInterrupted):
            async for event in client.stream(HELLO, model=own_engine.model, max_tokens=1500):
                text += event if isinstance(event, str) else ""
                await asyncio.to_thread(own_engine.kill)
        assert text
        with pytest.raises(EngineUnavailable):
            await client.require_ready()
