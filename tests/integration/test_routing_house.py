"""Routes through the whole application: chat, documents, hints and reviews go on elsewhere, and say when they left."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.chat.run import Run
from backend.errors import Language
from backend.hints.asking import HintRequest, HintResult, Source
from backend.llm.engine import EngineState
from backend.sentiment.store import Stage
from backend.settings import ConfigurationError
from backend.store.database import Database
from backend.store.models import MessageStatus
from bench.engine.faults import Fault, FaultKind
from bench.engine.server import EngineConfig, EngineDouble
from bench.engine_batch.server import BatchConfig, BatchEngine
from tests.fixtures.chat import House, house_of, house_settings
from tests.fixtures.hints import HELPFUL, LAST_OF_EQUALS, TEMPERATURES
from tests.fixtures.library import articles, shelve
from ui.hints_ladder import told
from ui.thread import bubbles

NOTE = "text was sent to a model service outside"


@pytest.fixture
async def other_double() -> AsyncIterator[EngineDouble]:
    config = EngineConfig(tokens_per_second=500, prefill_ms=1, answer_tokens=20, max_model_len=2048, model="spare")
    async with EngineDouble(config).serving() as engine:
        yield engine


def spare(other: EngineDouble | BatchEngine, **more: object) -> dict[str, Any]:
    """Settings with a second provider behind the main one."""
    entry = {"name": "spare", "base_url": other.base_url, "service_type": "vllm", **more}
    return {"llm_providers": [entry], "llm_routes": {"heavy": ["main", "spare"], "bulk": ["main", "spare"]}}


async def ended(run: Run) -> Run:
    async with asyncio.timeout(60):
        await run.wait()
    return run


async def test_another_writes_the_answer_and_its_name_is_kept(
    database: Database, engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    async with house_of(database, engine_double, tmp_path, **spare(other_double)) as house:
        await engine_double.set_fault(Fault(FaultKind.SERVER_ERROR))
        answer = (await house.client.post("/api/v1/chat", json={"message": "안녕하세요"})).json()
        assert (answer["provider"], answer["model_used"], answer["hosted"]) == ("spare", "spare", False)
        assert len(other_double.requests) == 1
        path = f"/api/v1/conversations/{answer['conversation_id']}"
        message = (await house.client.get(path)).json()["messages"][-1]
        assert (message["model"], message["content"], message["hosted"]) == ("spare", answer["response"], False)
        wanted = await house.client.post("/api/v1/chat", json={"message": "hello", "provider": "main"})
        assert wanted.json()["code"] == "engine_refused", "who asks for one provider is not given another"
        assert len(other_double.requests) == 1


async def test_an_answer_that_breaks_off_is_kept_and_not_written_again(
    database: Database, engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    async with house_of(database, engine_double, tmp_path, **spare(other_double)) as house:
        engine_double.next_answer = "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열"
        await engine_double.set_fault(Fault(FaultKind.DIE_MID_STREAM, after_tokens=6))
        run = await ended(await house.chat.ask(house.user_id, "세어 보세요"))
        assert run.error is not None
        assert run.error.code == "engine_interrupted"
        assert engine_double.next_answer.startswith(run.text) and run.text
        assert not other_double.requests
        thread = await house.chat.conversations.thread(house.user_id, run.conversation_id)
        stored = thread.messages[-1].message
        assert (stored.content, stored.status, stored.provider) == (run.text, MessageStatus.INTERRUPTED, "main")


async def test_passages_are_cut_again_for_the_one_that_takes_over(
    database: Database, engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    async with house_of(database, engine_double, tmp_path, **spare(other_double)) as house:
        collection = await shelve(house.database, house.user_id, articles())
        await engine_double.set_fault(Fault(FaultKind.HANG_UP))
        other_double.next_answer = "대여 기간은 5일입니다 [1]."
        question = "공구를 빌릴 수 있는 대여 기간은 며칠인가요?"
        run = await ended(await house.chat.ask(house.user_id, question, collection_ids=[collection]))
        assert run.error is None
        assert (run.provider, run.text) == ("spare", other_double.next_answer)
        assert run.sources
        assert run.sources[0].text in other_double.requests[-1]["messages"][-1]["content"]
        thread = await house.chat.conversations.thread(house.user_id, run.conversation_id)
        assert thread.messages[-1].message.sources == [source.stored() for source in run.sources]


async def test_when_nobody_answers_the_page_says_who_was_asked(
    database: Database, engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    async with house_of(database, engine_double, tmp_path, **spare(other_double)) as house:
        for double in (engine_double, other_double):
            await double.set_fault(Fault(FaultKind.SERVER_ERROR))
        refused = await house.client.post("/api/v1/chat", json={"message": "hello"})
        assert refused.status_code == 503
        assert refused.json()["code"] == "no_engine_answers"
        assert "main: engine_refused, spare: engine_refused" in refused.json()["title"]
        health = (await house.client.get("/health")).json()["checks"]["engine"]
        assert health["state"] == EngineState.READY, "both are up, if not well"


# --- hosted ------------------------------------------------------------------------------------------------------


async def test_what_came_from_outside_says_so_also_after_a_reload(
    database: Database, engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    settings = spare(other_double, hosted=True, usd_per_million_input=1.0, usd_per_million_output=4.0)
    async with house_of(database, engine_double, tmp_path, **settings, llm_allow_hosted=True) as house:
        await engine_double.set_fault(Fault(FaultKind.REFUSED))
        answer = (await house.client.post("/api/v1/chat", json={"message": "hello"})).json()
        assert (answer["provider"], answer["hosted"]) == ("spare", True)
        path = f"/api/v1/conversations/{answer['conversation_id']}"
        message = (await house.client.get(path)).json()["messages"][-1]
        assert message["hosted"] is True
        run = await ended(await house.chat.ask(house.user_id, "again"))
        thread = await house.chat.conversations.thread(house.user_id, run.conversation_id)
        shown = json.dumps(bubbles(thread, Language.EN), ensure_ascii=False)
        assert NOTE in shown
        other_double.next_answer = HELPFUL
        request = HintRequest(TEMPERATURES, LAST_OF_EQUALS, language="en")
        events = [event async for event in house.services.hints.stream(house.user_id, request)]
        hint = events[-1]
        assert isinstance(hint, HintResult)
        assert (hint.source, hint.provider, hint.hosted) == (Source.MODEL, "spare", True)
        assert await house.services.hints.history(house.user_id, TEMPERATURES) == [hint]
        assert NOTE in told(hint, hint.created_at, Language.EN)
        metrics = house.services.metrics.text().decode()
        assert 'ondol_provider_requests_total{provider="spare"}' in metrics
        report = next(each for each in house.services.router.report() if each.name == "spare")
        assert report.cost_usd == pytest.approx((report.prompt_tokens + 4 * report.completion_tokens) / 1e6)
        assert report.cost_usd


async def test_a_follow_up_that_was_put_in_full_outside_says_so_though_it_was_stopped(
    database: Database, engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    settings = spare(other_double, hosted=True) | {"llm_routes": {"light": ["spare"]}, "llm_allow_hosted": True}
    async with house_of(database, engine_double, tmp_path, **settings) as house:
        collection = await shelve(house.database, house.user_id, articles())
        question = "공구를 빌릴 수 있는 대여 기간은 며칠인가요?"
        first = await ended(await house.chat.ask(house.user_id, question, collection_ids=[collection]))
        await other_double.set_fault(Fault(FaultKind.SLOW_FIRST_BYTE, delay_s=600))
        asked, here = len(other_double.requests), first.conversation_id
        run = await house.chat.ask(house.user_id, "그럼 연장은요?", conversation_id=here)
        async with asyncio.timeout(60):
            while len(other_double.requests) == asked:  # noqa: ASYNC110 -- the engine has no event for it
                await asyncio.sleep(0.02)
        run.stop()
        await ended(run)
        thread = await house.chat.conversations.thread(house.user_id, here)
        assert [item.message.hosted for item in thread.messages] == [False, False, False, True]


async def test_nothing_is_sent_outside_where_that_is_not_allowed(
    database: Database, engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    settings = spare(other_double, hosted=True)
    async with house_of(database, engine_double, tmp_path, **settings) as house:
        await engine_double.set_fault(Fault(FaultKind.REFUSED))
        refused = await house.client.post("/api/v1/chat", json={"message": "hello"})
        assert refused.json()["code"] == "engine_unavailable"
        wanted = await house.client.post("/api/v1/chat", json={"message": "hello", "provider": "spare"})
        assert (wanted.status_code, wanted.json()["code"]) == (403, "hosted_not_allowed")
        names = [each["name"] for each in (await house.client.get("/api/v1/providers")).json()]
        assert names == ["main"]
        assert other_double.counters.connections == 0


async def test_a_route_that_only_leads_outside_keeps_the_app_from_starting(
    engine_double: EngineDouble, other_double: EngineDouble, tmp_path: Path
) -> None:
    entry = {"name": "spare", "base_url": other_double.base_url, "hosted": True}
    with pytest.raises(ConfigurationError, match="LLM_ALLOW_HOSTED"):
        house_settings(
            tmp_path, "postgresql://x", engine_double, llm_providers=[entry], llm_routes={"heavy": ["spare"]}
        )


# --- reviews -----------------------------------------------------------------------------------------------------

REVIEWS = ["국물이 진해요", "면이 불었어요", "직원이 친절해요", "값이 비싸요"]


@pytest.fixture
async def spare_batch() -> AsyncIterator[BatchEngine]:
    async with BatchEngine(BatchConfig(model="spare")).serving() as engine:
        yield engine


async def analysed(house: House) -> dict[str, Any]:
    body = {"reviews": [{"content": text} for text in REVIEWS]}
    answer = await house.client.post("/api/v1/sentiment/analyze", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_reviews_go_to_the_cheapest_that_is_up(
    database: Database, engine_double: EngineDouble, batch_engine: BatchEngine, spare_batch: BatchEngine, tmp_path: Path
) -> None:
    entries = [
        {"name": "dear", "base_url": batch_engine.base_url, "usd_per_million_input": 2.0},
        {"name": "cheap", "base_url": spare_batch.base_url, "usd_per_million_input": 0.1},
    ]
    settings = {"llm_providers": entries, "llm_routes": {"bulk": ["dear", "cheap"]}}
    async with house_of(database, engine_double, tmp_path, **settings) as house:
        found = await analysed(house)
        assert (found["model"], found["failed"], found["hosted"]) == ("spare", 0, False)
        assert batch_engine.counters.requests == 0
        spare_batch.trouble.statuses = deque([401] * 500)
        again = await analysed(house)
        assert (again["model"], again["failed"]) == ("double", 0)
        assert [each["label"] for each in again["results"]] == [each["label"] for each in found["results"]]
        report = {each.name: each for each in house.services.router.report()}
        assert report["cheap"].cooling_s > 0
        assert report["dear"].requests > 0


async def test_a_job_goes_on_elsewhere(
    database: Database, engine_double: EngineDouble, batch_engine: BatchEngine, spare_batch: BatchEngine, tmp_path: Path
) -> None:
    settings = spare(spare_batch, hosted=True) | {"llm_url": batch_engine.base_url, "llm_allow_hosted": True}
    async with house_of(database, engine_double, tmp_path, **settings) as house:
        batch_engine.trouble.statuses = deque([401] * 500)
        body = {"reviews": [{"content": text} for text in REVIEWS]}
        job = (await house.client.post("/api/v1/sentiment/jobs", json=body)).json()
        await house.services.jobs.work_until_idle()
        found = (await house.client.get(f"/api/v1/sentiment/jobs/{job['id']}")).json()
        assert (found["state"], found["done"], found["failed"]) == ("finished", 4, 0)
        assert (found["model"], found["hosted"]) == ("spare", True)


async def test_two_that_are_up_and_refuse_are_asked_once_and_then_waited_for(
    database: Database, engine_double: EngineDouble, batch_engine: BatchEngine, spare_batch: BatchEngine, tmp_path: Path
) -> None:
    settings = spare(spare_batch) | {"llm_url": batch_engine.base_url}
    async with house_of(database, engine_double, tmp_path, **settings) as house:
        for engine in (batch_engine, spare_batch):
            engine.trouble.statuses = deque([401] * 10_000)
        body = {"reviews": [{"content": text} for text in REVIEWS]}
        refused = await house.client.post("/api/v1/sentiment/analyze", json=body)
        assert refused.json()["code"] == "engine_refused"
        job = (await house.client.post("/api/v1/sentiment/jobs", json=body)).json()
        path = f"/api/v1/sentiment/jobs/{job['id']}"
        working = asyncio.create_task(house.services.jobs.work_until_idle())
        async with asyncio.timeout(60):
            while (await house.client.get(path)).json()["stage"] != Stage.WAITING:  # noqa: ASYNC110 -- in the database
                await asyncio.sleep(0.02)
            for engine in (batch_engine, spare_batch):
                engine.trouble.statuses.clear()
            await working
        found = (await house.client.get(path)).json()
        assert (found["state"], found["done"], found["failed"]) == ("finished", 4, 0)
