"""The JSON API of conversations as a program uses it: a real database, and an engine that can be told to fail."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from backend.accounts.identity import Scope
from backend.settings import ProviderEntry, ServiceType
from backend.store.database import Database
from bench.engine.server import EngineConfig, EngineDouble
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.chat import House, house_of
from tests.fixtures.sse import events_in, text_of

CHAT = "/api/v1/chat"
CONVERSATIONS = "/api/v1/conversations"


async def ask(house: House, message: str = "안녕하세요", **more: Any) -> dict[str, Any]:
    answer = await house.client.post(CHAT, json={"message": message, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def thread(house: House, conversation_id: str) -> dict[str, Any]:
    answer = await house.client.get(f"{CONVERSATIONS}/{conversation_id}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_whole_answer_is_told_with_its_figures_and_kept(house: House) -> None:
    answer = await ask(house, "  온돌은 무엇인가요? 😀\n자세히  ")
    assert set(answer) == {
        "response", "model_used", "provider", "processing_time", "conversation_id", "message_id", "finish_reason",
        "trimmed_messages", "usage", "collection_ids", "citations", "hosted", "degraded",
    }  # fmt: skip
    assert (answer["collection_ids"], answer["citations"], answer["degraded"]) == ([], None, False)
    assert (answer["model_used"], answer["provider"], answer["finish_reason"]) == ("double", "main", "stop")
    usage = answer["usage"]
    assert usage["completion_tokens"] == 30
    assert usage["total_tokens"] == usage["prompt_tokens"] + 30
    assert answer["processing_time"] > 0
    kept = await thread(house, answer["conversation_id"])
    assert kept["title"] == "온돌은 무엇인가요? 😀"
    assert [(m["role"], m["status"]) for m in kept["messages"]] == [("user", "complete"), ("assistant", "complete")]
    assert kept["messages"][0]["content"] == "온돌은 무엇인가요? 😀\n자세히"
    assert kept["messages"][1]["content"] == answer["response"] != ""
    assert kept["messages"][1]["id"] == answer["message_id"]
    assert kept["messages"][1]["usage"] == usage


async def test_a_streamed_answer_starts_goes_on_and_is_done(house: House) -> None:
    answer = await house.client.post(CHAT, json={"message": "hello", "stream": True})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    events = events_in(answer.content)
    assert [events[0].name, *{event.name for event in events[1:-1]}, events[-1].name] == ["start", "delta", "done"]
    done = events[-1].data
    assert text_of(events) == done["response"]
    assert set(events[0].data) == {"conversation_id", "message_id", "model_used", "collection_ids"}
    assert all(done[name] == events[0].data[name] for name in events[0].data)
    kept = await thread(house, done["conversation_id"])
    assert kept["messages"][-1]["content"] == done["response"]


async def test_a_conversation_goes_on_under_its_settings(house: House) -> None:
    first = await ask(house, "one", system_prompt="Be a pirate.", temperature=0.25, max_tokens=7)
    assert (first["finish_reason"], first["usage"]["completion_tokens"]) == ("length", 7)
    second = await ask(house, "two", conversation_id=first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    sent = house.engine.requests[-1]
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert sent["messages"][0]["content"] == "Be a pirate."
    assert (sent["temperature"], sent["max_tokens"]) == (0.25, 7)
    assert len((await thread(house, first["conversation_id"]))["messages"]) == 4


@pytest.fixture
async def two_engines(
    database: Database, engine_double: EngineDouble, tmp_path: Path
) -> AsyncIterator[tuple[House, EngineDouble]]:
    other = EngineDouble(EngineConfig(model="other", tokens_per_second=500, answer_tokens=5))
    async with other.serving():
        entry = ProviderEntry(name="pod", base_url=other.base_url, service_type=ServiceType.VLLM)
        async with house_of(database, engine_double, tmp_path, llm_providers=(entry,)) as house:
            yield house, other


async def test_an_engine_is_chosen_by_name_and_remembered(two_engines: tuple[House, EngineDouble]) -> None:
    house, other = two_engines
    listed = (await house.client.get("/api/v1/providers")).json()
    assert [(entry["name"], entry["model"], entry["state"]) for entry in listed] == [
        ("main", "double", "ready"),
        ("pod", "other", "ready"),
    ]
    assert listed[0]["context"] == house.engine.config.max_model_len
    chosen = await ask(house, provider="pod")
    assert (chosen["provider"], chosen["model_used"]) == ("pod", "other")
    again = await ask(house, conversation_id=chosen["conversation_id"])
    assert again["provider"] == "pod"
    assert (await ask(house))["provider"] == "main"
    assert other.counters.requests == 2


async def test_conversations_are_listed_searched_and_paged(house: House) -> None:
    for message in ("고양이 100%", "second", "third"):
        await ask(house, message)
    listed = (await house.client.get(CONVERSATIONS)).json()
    assert [row["title"] for row in listed] == ["third", "second", "고양이 100%"]
    found = (await house.client.get(CONVERSATIONS, params={"query": "100%\x00"})).json()
    assert [row["title"] for row in found] == ["고양이 100%"]
    page = (await house.client.get(CONVERSATIONS, params={"limit": 1, "before": listed[0]["updated_at"]})).json()
    assert [row["title"] for row in page] == ["second"]


async def test_a_conversation_is_changed_only_where_it_is_told(house: House) -> None:
    here = (await ask(house))["conversation_id"]
    changed = await house.client.patch(f"{CONVERSATIONS}/{here}", json={"title": "  새 이름\r\n둘째 줄\u202e 👨‍👩‍👧 "})
    assert changed.status_code == 200
    assert changed.json()["title"] == "새 이름 둘째 줄 👨‍👩‍👧"
    await house.client.patch(f"{CONVERSATIONS}/{here}", json={"temperature": 0.5, "system_prompt": "a\x00b"})
    kept = await thread(house, here)
    assert (kept["title"], kept["temperature"], kept["system_prompt"]) == ("새 이름 둘째 줄 👨‍👩‍👧", 0.5, "ab")
    await house.client.patch(f"{CONVERSATIONS}/{here}", json={"temperature": None})
    assert (await thread(house, here))["temperature"] is None


async def test_a_deleted_conversation_is_gone_until_it_is_restored(house: House) -> None:
    here = (await ask(house))["conversation_id"]
    assert (await house.client.delete(f"{CONVERSATIONS}/{here}")).status_code == 204
    assert (await house.client.get(f"{CONVERSATIONS}/{here}")).status_code == 404
    assert (await house.client.get(CONVERSATIONS)).json() == []
    assert (await house.client.post(f"{CONVERSATIONS}/{here}/restore")).json()["id"] == here
    assert len((await thread(house, here))["messages"]) == 2


@pytest.mark.parametrize(
    ("title", "plain", "full"),
    [
        ("온돌의 역사", "ondol", "온돌의 역사"),
        ('a/b\\c"d; e', "a_b_c_d_ e", "a_b_c_d_ e"),
        ("보고서 v2", "v2", "보고서 v2"),
        ("😀", "_", "_"),
        ("..", "..", ".."),
    ],
)
async def test_an_export_has_a_name_every_browser_reads(house: House, title: str, plain: str, full: str) -> None:
    here = (await ask(house, "질문"))["conversation_id"]
    await house.client.patch(f"{CONVERSATIONS}/{here}", json={"title": title})
    exported = await house.client.get(f"{CONVERSATIONS}/{here}/export")
    first, second = exported.headers["content-disposition"].removeprefix("attachment; ").split("; filename*=")
    assert first == f'filename="{plain}.md"'
    assert second.startswith("UTF-8''")
    assert unquote(second.removeprefix("UTF-8''")) == f"{full}.md"


async def test_exports_hold_the_thread(house: House) -> None:
    answer = await ask(house, "질문 <b>", system_prompt="줄 하나\n줄 둘")
    place = f"{CONVERSATIONS}/{answer['conversation_id']}/export"
    markdown = await house.client.get(place, headers={"Accept-Language": "ko"})
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "## 질문\n\n질문 <b>" in markdown.text
    assert f"## 답변 (double)\n\n{answer['response']}" in markdown.text
    assert "> 줄 하나\n> 줄 둘" in markdown.text
    told = (await house.client.get(place, params={"format": "json"})).json()
    assert [m["content"] for m in told["messages"]] == ["질문 <b>", answer["response"]]
    assert told["messages"][1]["model"] == "double"


async def test_an_answer_is_stopped_and_what_was_written_stays(house: House) -> None:
    house.engine.next_answer = "word " * 2000
    asking = asyncio.create_task(ask(house, "a long one"))
    await _until_written(house)
    (run,) = (await house.client.get(CONVERSATIONS)).json()
    assert (await house.client.post(f"{CONVERSATIONS}/{run['id']}/stop")).status_code == 204
    answer = await asking
    assert answer["finish_reason"] == "stopped"
    kept = (await thread(house, run["id"]))["messages"][-1]
    assert (kept["status"], kept["content"]) == ("stopped", answer["response"])
    assert (await house.client.post(f"{CONVERSATIONS}/{run['id']}/stop")).status_code == 204, "nothing left to stop"


async def test_deleting_a_conversation_stops_its_answer(house: House) -> None:
    house.engine.next_answer = "word " * 2000
    asking = asyncio.create_task(ask(house, "a long one"))
    await _until_written(house)
    (run,) = (await house.client.get(CONVERSATIONS)).json()
    await house.client.delete(f"{CONVERSATIONS}/{run['id']}")
    assert (await asking)["finish_reason"] == "stopped"


async def test_answers_are_rated_and_the_thumb_taken_back(house: House) -> None:
    answer = await ask(house)
    place = f"/api/v1/messages/{answer['message_id']}/rating"
    assert (await house.client.put(place, json={"rating": -1, "comment": "틀렸어요\x00"})).status_code == 204
    kept = (await thread(house, answer["conversation_id"]))["messages"][-1]
    assert (kept["rating"], kept["comment"]) == (-1, "틀렸어요")
    assert (await house.client.put(place, json={"rating": None})).status_code == 204
    kept = (await thread(house, answer["conversation_id"]))["messages"][-1]
    assert (kept["rating"], kept["comment"]) == (None, None)


async def test_a_token_does_what_its_scopes_say(house: House) -> None:
    here = (await ask(house))["conversation_id"]
    who, _ = await house.services.accounts.login("mina", PASSWORD, "192.0.2.1", "test")
    codes = {}
    for scope in (Scope.READ, Scope.CHAT):
        _, token = await house.services.accounts.create_token(who, str(scope), [scope])
        headers = {"Authorization": f"Bearer {token}"}
        codes[scope] = [
            (await house.client.get(CONVERSATIONS, headers=headers)).status_code,
            (await house.client.post(CHAT, json={"message": "hi"}, headers=headers)).status_code,
            (await house.client.delete(f"{CONVERSATIONS}/{here}", headers=headers)).status_code,
        ]
    assert codes[Scope.READ] == [200, 403, 403]
    assert codes[Scope.CHAT][1:] == [200, 204]


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer ondol_nonsense", "Basic bWluYTpwdw=="])
async def test_nobody_is_answered_without_a_token(house: House, authorization: str) -> None:
    transport = house.client._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test") as stranger:
        headers = {"Authorization": authorization} if authorization else {}
        for method, path in (("POST", CHAT), ("GET", CONVERSATIONS), ("GET", "/api/v1/providers"), ("GET", "/docs")):
            answer = await stranger.request(method, path, headers=headers, json={"message": "hi"})
            assert answer.status_code == 401, path
            assert answer.json()["code"] == "not_signed_in"


async def _until_written(house: House) -> None:
    async with asyncio.timeout(10):
        while house.engine.counters.generated_tokens < 5:  # noqa: ASYNC110 -- a counter tells nobody that it moves
            await asyncio.sleep(0.01)
