"""Whether the real vLLM works is read from what it counts: also after answers that nobody waited for."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import httpx
import pytest

from backend.llm.engine import ChatMessage, Engine
from backend.pod.counters import CounterSource
from backend.pod.engine_counters import ENGINE_COUNTERS, engine_source, figures
from backend.pod.sample import Verdict
from tests.vllm.counting import GENERATED, counters, until_quiet
from tests.vllm.server import VllmServer

HELLO: tuple[ChatMessage, ...] = ({"role": "user", "content": "Say hello to the warm floor."},)
COUNT_UP: tuple[ChatMessage, ...] = ({"role": "user", "content": "Count from one to a thousand, in words."},)


@pytest.fixture
def source(vllm: VllmServer, http: httpx.AsyncClient) -> CounterSource:
    return engine_source(vllm.root_url, http, lambda: vllm.headers)


async def verdict(source: CounterSource) -> Verdict:
    signal = await source.read(datetime.now(UTC))
    assert signal is not None
    return signal.verdict


async def answered(client: Engine, vllm: VllmServer, max_tokens: int) -> None:
    async for _ in client.stream(HELLO, model=vllm.model, max_tokens=max_tokens):
        pass


async def test_every_counter_that_is_watched_is_there(vllm: VllmServer, http: httpx.AsyncClient) -> None:
    found = await counters(http, vllm.root_url)
    assert {name for name in ENGINE_COUNTERS if name.startswith("vllm:")} <= set(found.values)


async def test_work_moves_the_counters_and_looking_does_not(
    vllm: VllmServer, client: Engine, source: CounterSource, http: httpx.AsyncClient
) -> None:
    await until_quiet(http, vllm.root_url)
    assert await verdict(source) is Verdict.UNKNOWN, "nothing to compare with"
    await client.info(max_age_s=0)
    await client.count_tokens("only looking")
    await http.get(f"{vllm.root_url}/health")
    assert await verdict(source) is Verdict.IDLE
    await answered(client, vllm, 4)
    assert await verdict(source) is Verdict.BUSY
    found = figures(source)
    assert found is not None
    assert 1 <= found.generated_tokens <= 4
    assert found.prompt_tokens > 0
    assert found.finished == 1
    assert found.ttft_p50_s is not None
    assert (found.running, found.waiting) == (0, 0)
    assert found.kv_percent is not None
    assert await verdict(source) is Verdict.IDLE


async def test_an_answer_under_way_is_work_and_one_that_was_left_is_none(
    vllm: VllmServer, client: Engine, source: CounterSource, http: httpx.AsyncClient
) -> None:
    await until_quiet(http, vllm.root_url)
    await verdict(source)
    async with asyncio.timeout(120), aclosing(client.stream(COUNT_UP, model=vllm.model, max_tokens=1500)) as stream:
        read = 0
        async for _ in stream:
            read += 1
            if read == 5:
                assert await verdict(source) is Verdict.BUSY
                found = figures(source)
                assert found is not None
                assert found.running == 1
                break
    # The connection is closed: the server stops, and whatever its gauges say, nothing moves any more.
    async with asyncio.timeout(60):
        while await verdict(source) is not Verdict.IDLE:  # noqa: ASYNC110 -- the server tells nobody
            await asyncio.sleep(0.05)
    left_at = (await until_quiet(http, vllm.root_url)).values[GENERATED]
    await answered(client, vllm, 3)
    after = (await until_quiet(http, vllm.root_url)).values[GENERATED]
    assert 1 <= after - left_at <= 3, "the answer that was left is not written on"


async def test_many_that_leave_at_once_leave_nothing_behind(
    vllm: VllmServer, client: Engine, source: CounterSource, http: httpx.AsyncClient
) -> None:
    async def leave() -> None:
        async with aclosing(client.stream(COUNT_UP, model=vllm.model, max_tokens=1500)) as stream:
            async for _ in stream:
                return

    async with asyncio.timeout(300):
        await asyncio.gather(*(leave() for _ in range(12)))
    await until_quiet(http, vllm.root_url)
    await verdict(source)
    assert await verdict(source) is Verdict.IDLE
    await answered(client, vllm, 2)
    assert await verdict(source) is Verdict.BUSY
