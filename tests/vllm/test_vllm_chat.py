"""Our client and the whole application on the real vLLM: answers, streams, limits and what is refused."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import httpx
import pytest

from backend.chat.service import Options
from backend.errors import EngineRefused
from backend.llm.engine import ChatMessage, ContextOverflow, Engine, EngineState, Finished
from backend.store.models import MessageStatus
from tests.fixtures.chat import House
from tests.fixtures.sse import events_in, text_of
from tests.vllm.conftest import OpenEngine
from tests.vllm.counting import until_quiet
from tests.vllm.server import VllmServer

HELLO: tuple[ChatMessage, ...] = ({"role": "user", "content": "Say hello to the warm floor."},)
COUNT_UP: tuple[ChatMessage, ...] = ({"role": "user", "content": "Count from one to a thousand, in words."},)
CHAT = "/api/v1/chat"


async def collect(client: Engine, messages: Sequence[ChatMessage], model: str, max_tokens: int) -> tuple[str, Finished]:
    text, finished = "", None
    async with asyncio.timeout(120):
        async for event in client.stream(messages, model=model, temperature=0.0, max_tokens=max_tokens):
            if isinstance(event, Finished):
                finished = event
            else:
                text += event
    assert finished is not None
    return text, finished


async def test_state_model_and_context_are_told(vllm: VllmServer, client: Engine) -> None:
    info = await client.require_ready()
    assert (info.state, info.model, info.context) == (EngineState.READY, vllm.model, vllm.context)


async def test_an_answer_is_streamed_and_counted(vllm: VllmServer, client: Engine) -> None:
    text, finished = await collect(client, HELLO, vllm.model, 12)
    assert text
    assert finished.reason in ("stop", "length")
    assert finished.usage is not None
    assert 0 < finished.usage.completion_tokens <= 12
    again, _ = await collect(client, HELLO, vllm.model, 12)
    assert again == text, "at temperature 0"


async def test_tokens_are_counted_as_the_server_counts_them(
    vllm: VllmServer, client: Engine, http: httpx.AsyncClient
) -> None:
    text = "Warm floors keep 온돌 warm. 😀"
    told = await http.post(f"{vllm.root_url}/tokenize", json={"prompt": text, "add_special_tokens": False})
    assert await client.count_tokens(text) == len(told.json()["tokens"]) > 5


@pytest.mark.parametrize("share", [1.0, 20.0], ids=["a little", "by far"])
async def test_a_prompt_over_the_context_is_told_as_such(
    vllm: VllmServer, client: Engine, small_context: int, share: float
) -> None:
    long: tuple[ChatMessage, ...] = ({"role": "user", "content": "floor " * round(small_context * share)},)
    with pytest.raises(ContextOverflow):
        await collect(client, long, vllm.model, 8)


async def test_an_answer_ends_where_the_context_does(vllm: VllmServer, client: Engine, small_context: int) -> None:
    nearly: tuple[ChatMessage, ...] = ({"role": "user", "content": "floor " * (small_context - 64)},)
    _, finished = await collect(client, nearly, vllm.model, small_context // 2)
    assert finished.usage is not None
    assert finished.usage.prompt_tokens + finished.usage.completion_tokens <= small_context


async def test_a_wrong_key_is_told_apart(vllm: VllmServer, open_engine: OpenEngine) -> None:
    async with open_engine(api_key="wrong") as stranger:
        assert (await stranger.info()).state is EngineState.REFUSED
        with pytest.raises(EngineRefused) as caught:
            await collect(stranger, HELLO, vllm.model, 2)
    assert caught.value.details["upstream_status"] == 401


async def test_a_model_that_is_not_served_is_refused(open_engine: OpenEngine) -> None:
    async with open_engine(model="no-such-model") as client:
        with pytest.raises(EngineRefused) as caught:
            await collect(client, HELLO, "no-such-model", 2)
    assert caught.value.details["upstream_status"] == 404


# --- the whole application -----------------------------------------------------------------------------------


async def test_the_application_answers_whole_and_streamed(vllm: VllmServer, vllm_house: House) -> None:
    asked = {"message": "What is a warm floor?", "max_tokens": 12, "temperature": 0}
    whole = await vllm_house.client.post(CHAT, json=asked, timeout=120)
    assert whole.status_code == 200, whole.text
    body = whole.json()
    assert (body["model_used"], body["provider"]) == (vllm.model, "main")
    assert body["response"]
    assert 0 < body["usage"]["completion_tokens"] <= 12

    streamed = await vllm_house.client.post(CHAT, json={**asked, "stream": True}, timeout=120)
    events = events_in(streamed.content)
    assert events[0].name == "start"
    assert events[-1].name == "done", events[-1]
    assert text_of(events) == events[-1].data["response"] == body["response"]


async def test_a_long_conversation_loses_its_beginning_and_goes_on(vllm_house: House, small_context: int) -> None:
    conversation: dict[str, str] = {}
    for _ in range(3):
        message = "Remember these words: " + "floor " * (small_context // 3)
        asked = {"message": message, "max_tokens": 4, **conversation}
        answer = await vllm_house.client.post(CHAT, json=asked, timeout=120)
        assert answer.status_code == 200, answer.text
        conversation = {"conversation_id": answer.json()["conversation_id"]}
    assert answer.json()["trimmed_messages"] > 0
    assert answer.json()["usage"]["prompt_tokens"] <= small_context


async def test_a_question_over_the_context_is_refused_with_its_size(vllm_house: House, small_context: int) -> None:
    asked = {"message": "floor " * (small_context * 2)}
    answer = await vllm_house.client.post(CHAT, json=asked, timeout=120)
    assert (answer.status_code, answer.json()["code"]) == (413, "message_over_context"), answer.text
    assert f"{small_context:,}" in answer.json()["detail"]


async def test_an_answer_may_be_wished_longer_than_the_context(vllm: VllmServer, vllm_house: House) -> None:
    """vLLM refuses a `max_tokens` beyond its context, which other engines cut without a word."""
    options = Options(max_tokens=vllm.context * 2)
    run = await vllm_house.chat.ask(vllm_house.user_id, "Count from one to a thousand.", options=options)
    async with asyncio.timeout(120), aclosing(run.read()) as texts:
        async for text in texts:
            if text:
                break
    run.stop()
    await run.wait()
    assert run.error is None


async def test_a_reader_who_stops_an_answer_frees_the_server(
    vllm: VllmServer, vllm_house: House, http: httpx.AsyncClient
) -> None:
    run = await vllm_house.chat.ask(vllm_house.user_id, COUNT_UP[0]["content"], options=Options(max_tokens=1000))
    async with asyncio.timeout(120), aclosing(run.read()) as texts:
        async for text in texts:
            if text:
                run.stop()
    assert run.status == MessageStatus.STOPPED
    assert run.text
    await until_quiet(http, vllm.root_url)
