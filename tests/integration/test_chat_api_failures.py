"""The JSON API while something breaks: the engine, the database, its disk, the connection, the reader's patience."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from backend.chat import run as run_module
from backend.chat import service as service_module
from backend.store.database import Database
from bench.engine.faults import Fault, FaultKind
from bench.engine.server import EngineConfig, EngineDouble
from tests.fixtures.chat import House, house_of
from tests.fixtures.database import RunningPostgres
from tests.fixtures.disk import fill
from tests.fixtures.sse import Event, events_in, events_of, text_of

CHAT = "/api/v1/chat"
CONVERSATIONS = "/api/v1/conversations"
DEADLINE_S = 30


async def ask(house: House, message: str = "hello", **more: Any) -> httpx.Response:
    return await house.client.post(CHAT, json={"message": message, **more})


async def messages(house: House, conversation_id: str) -> list[dict[str, Any]]:
    answer = await house.client.get(f"{CONVERSATIONS}/{conversation_id}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 -- counters tell nobody that they move
            await asyncio.sleep(0.01)


# --- the engine ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code"), [(FaultKind.LOADING, "engine_loading"), (FaultKind.REFUSED, "engine_unavailable")]
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_that_is_not_there_is_told_before_anything_is_stored(
    house: House, kind: FaultKind, code: str, stream: bool
) -> None:
    await house.engine.set_fault(Fault(kind))
    answer = await ask(house, stream=stream)
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert answer.headers["retry-after"] == "5"
    listed = (await house.client.get("/api/v1/providers")).json()
    assert listed[0]["state"] == ("loading" if kind is FaultKind.LOADING else "unreachable")
    assert await house.chat.conversations.count(house.user_id) == 0


FAULTS = {
    FaultKind.RATE_LIMITED: (503, "engine_busy"),
    FaultKind.SERVER_ERROR: (502, "engine_refused"),
    FaultKind.HANG_UP: (503, "engine_unavailable"),
    FaultKind.DIE_MID_STREAM: (502, "engine_interrupted"),
    FaultKind.ERROR_MID_STREAM: (502, "engine_interrupted"),
    FaultKind.GARBAGE: (502, "engine_interrupted"),
}


@pytest.mark.parametrize("kind", FAULTS)
async def test_an_engine_that_breaks_is_told_and_the_question_can_be_asked_again(house: House, kind: FaultKind) -> None:
    status, code = FAULTS[kind]
    await ask(house)  # the engine is known to be ready
    await house.engine.set_fault(Fault(kind, times=1))
    whole = await ask(house, "a whole answer")
    assert (whole.status_code, whole.json()["code"]) == (status, code)
    assert (await messages(house, whole.json()["conversation_id"]))[0]["content"] == "a whole answer"

    await house.engine.set_fault(Fault(kind, times=1))
    body = {"message": "끊기는 답", "stream": True}
    streamed = await house.client.post(CHAT, json=body, headers={"Accept-Language": "ko"})
    events = events_in(streamed.content)
    assert (events[0].name, events[-1].name) == ("start", "error")
    assert (events[-1].data["code"], events[-1].data["status"]) == (code, status)
    assert any("가" <= letter <= "힣" for letter in events[-1].data["title"]), "told in the reader's language"
    here = events[0].data["conversation_id"]
    question, answer = await messages(house, here)
    assert question["content"] == "끊기는 답"
    assert answer["content"] == text_of(events)
    assert (answer["status"], answer["error_code"]) == ("interrupted" if answer["content"] else "failed", code)

    again = await ask(house, "once more", conversation_id=here)
    assert again.status_code == 200
    assert [m["status"] for m in await messages(house, here)] == ["complete", answer["status"], "complete", "complete"]


async def test_an_answer_with_characters_no_database_holds_is_kept_without_them(house: House) -> None:
    house.engine.next_answer = "a\x00b \x00 끝"
    answer = (await ask(house)).json()
    assert answer["response"] == "ab  끝"
    assert (await messages(house, answer["conversation_id"]))[-1]["content"] == "ab  끝"


# --- limits --------------------------------------------------------------------------------------------------


async def test_too_many_requests_wait_as_long_as_they_are_told(
    database: Database, engine_double: EngineDouble, tmp_path: Path
) -> None:
    async with house_of(database, engine_double, tmp_path, requests_per_minute=2) as house:
        assert [(await ask(house)).status_code for _ in range(2)] == [200, 200]
        refused = await ask(house)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert (await house.client.get(CONVERSATIONS)).status_code == 200, "reading is not counted"
        other = await house.client.post(
            CHAT, json={"message": "hi"}, headers={"Authorization": f"Bearer {house.other_token}"}
        )
        assert other.status_code == 200, "each user has an allowance of their own"


async def test_a_user_has_so_many_streams_and_a_conversation_one(house: House) -> None:
    house.engine.next_answer = "word " * 2000
    first = asyncio.create_task(ask(house))
    await until(lambda: house.engine.counters.requests == 1)
    (here,) = (await house.client.get(CONVERSATIONS)).json()
    busy = await ask(house, conversation_id=here["id"])
    assert (busy.status_code, busy.json()["code"]) == (409, "conversation_busy")
    assert busy.headers["retry-after"] == "5"
    running = [first, *(asyncio.create_task(ask(house)) for _ in range(3))]
    await until(lambda: house.engine.counters.requests == 4)
    refused = await ask(house)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert refused.headers["retry-after"] == "5"
    for row in (await house.client.get(CONVERSATIONS)).json():
        await house.client.post(f"{CONVERSATIONS}/{row['id']}/stop")
    assert [answer.json()["finish_reason"] for answer in await asyncio.gather(*running)] == ["stopped"] * 4
    house.engine.next_answer = None
    assert (await ask(house)).status_code == 200


async def test_long_questions_in_hangul_and_emoji_come_back_as_they_were(database: Database, tmp_path: Path) -> None:
    async with (
        EngineDouble(EngineConfig(max_model_len=200_000, answer_tokens=5, tokens_per_second=500)).serving() as engine,
        house_of(database, engine, tmp_path) as house,
    ):
        for question in ("가" * 60_000, "👨‍👩‍👧" * 10_000, "🏳️‍🌈\u202eabc\u0301\u0007\ufffe"):
            answer = await ask(house, question)
            assert answer.status_code == 200, answer.text[:300]
            assert (await messages(house, answer.json()["conversation_id"]))[0]["content"] == question
            assert house.engine.requests[-1]["messages"][-1]["content"] == question


# --- the reader ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def over_the_wire(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The house behind a real server, whose connections can be cut."""
    config = uvicorn.Config(house.app, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {house.token}"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


@pytest.mark.parametrize("stream", [True, False])
async def test_a_reader_who_leaves_stops_the_engines_work(
    house: House, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(run_module, "ABANDONED_AFTER_S", 0.05)
    house.engine.next_answer = "word " * 3000
    async with over_the_wire(house) as client:
        asking = asyncio.create_task(_read_all(client, stream=stream))
        await until(lambda: house.engine.counters.generated_tokens > 5)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: house.engine.counters.aborted == 1)
        (here,) = (await client.get(CONVERSATIONS)).json()
        await until(lambda: not house.chat._runs)
    kept = (await messages(house, here["id"]))[-1]
    assert kept["status"] == "stopped"
    assert 0 < len(kept["content"]) < len(house.engine.next_answer)


async def test_deltas_come_while_the_answer_is_written(house: House) -> None:
    house.engine.next_answer = "word " * 200
    async with over_the_wire(house) as client, client.stream("POST", CHAT, json=_streamed()) as answer:
        seen: list[tuple[str, int]] = []
        async for event in events_of(answer):
            seen.append((event.name, house.engine.counters.generated_tokens))
    assert seen[0][0] == "start"
    assert seen[1] == ("delta", seen[1][1])
    assert seen[1][1] < 200, "the first text was here long before the last was written"
    assert len(seen) > 5


async def _read_all(client: httpx.AsyncClient, *, stream: bool) -> None:
    async with client.stream("POST", CHAT, json=_streamed(stream)) as answer:
        async for _ in answer.aiter_raw():
            pass


def _streamed(stream: bool = True) -> dict[str, Any]:
    return {"message": "a long one", "stream": stream}


# --- the database --------------------------------------------------------------------------------------------


@pytest.fixture
async def mortal_house(mortal: RunningPostgres, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose database may be killed. The engine is fast, so that answers fill disks."""
    async with _house_on(mortal, tmp_path) as house:
        yield house
    with mortal.connect() as connection:
        connection.execute("TRUNCATE users CASCADE")


@asynccontextmanager
async def _house_on(server: RunningPostgres, data_dir: Path) -> AsyncIterator[House]:
    database = Database(server.url)
    await database.migrate()
    config = EngineConfig(max_model_len=1_000_000, answer_tokens=30, tokens_per_second=2000)
    try:
        async with EngineDouble(config).serving() as engine, house_of(database, engine, data_dir) as house:
            yield house
    finally:
        await database.close()


async def test_a_database_that_is_killed_in_mid_answer_gets_the_answer_when_it_is_back(
    mortal: RunningPostgres, mortal_house: House
) -> None:
    house = mortal_house
    house.engine.next_answer = "word " * 1000
    events: list[Event] = []
    async with over_the_wire(house) as client, client.stream("POST", CHAT, json=_streamed()) as answer:
        async for event in events_of(answer):
            events.append(event)
            if len(events) == 2:
                mortal.kill()
                refused = await ask(house)
                assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
                assert refused.headers["retry-after"] == "3"
                listed = await house.client.get(CONVERSATIONS, headers={"Accept-Language": "ko"})
                assert listed.json()["title"] == "데이터베이스에 닿지 않습니다."
                await asyncio.to_thread(mortal.start)
    assert events[-1].name == "done"
    kept = await messages(house, events[0].data["conversation_id"])
    assert kept[-1]["content"] == text_of(events) == house.engine.next_answer
    assert kept[-1]["status"] == "complete"


async def test_a_shutdown_does_not_wait_for_a_database_that_is_gone(
    mortal: RunningPostgres, mortal_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_CLOSE_FOR_S", 0.1)
    house = mortal_house
    house.engine.next_answer = "word " * 1000
    run = await house.chat.ask(house.user_id, "hello")
    await until(lambda: bool(run.text))
    mortal.kill()
    async with asyncio.timeout(10):
        await house.chat.close()
    assert run.done
    await asyncio.to_thread(mortal.start)
    question, answer = (
        item.message for item in (await house.chat.conversations.thread(house.user_id, run.conversation_id)).messages
    )
    assert question.content == "hello"
    assert run.text.startswith(answer.content)


async def test_a_full_disk_is_told_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    server = RunningPostgres(small_disk)
    server.start()
    try:
        async with _house_on(server, tmp_path) as house:
            accepted = ["before"]
            here = (await ask(house, "before")).json()["conversation_id"]
            ballast = fill(small_disk, leave=512 * 1024)
            for _ in range(12):
                question = _incompressible(50_000)
                refused = await ask(house, question, conversation_id=here)
                if refused.status_code != 200:
                    break
                accepted.append(question)
            assert (refused.status_code, refused.json()["code"]) == (507, "database_full"), refused.text[:300]
            kept = await messages(house, here)
            assert [m["content"] for m in kept if m["role"] == "user"] == accepted
            ballast.unlink()
            assert (await ask(house, question, conversation_id=here)).status_code == 200
            assert len(await messages(house, here)) == len(kept) + 2
            await _fill_in_mid_answer(house, small_disk, here)
    finally:
        server.stop()


async def _fill_in_mid_answer(house: House, disk: Path, here: str) -> None:
    """What cannot be stored any more is told to the reader, who has the text; the conversation is free again."""
    await house.client.patch(f"{CONVERSATIONS}/{here}", json={"max_tokens": 32_768})
    house.engine.next_answer = _incompressible(10_000)
    events: list[Event] = []
    body = {"message": "one more", "conversation_id": here, "stream": True}
    async with over_the_wire(house) as client, client.stream("POST", CHAT, json=body) as answer:
        async for event in events_of(answer):
            if not events:
                ballast = fill(disk, leave=0)
            events.append(event)
    assert text_of(events) == house.engine.next_answer
    assert (events[-1].name, events[-1].data["code"]) == ("error", "database_full")
    ballast.unlink()
    house.engine.next_answer = None
    assert (await ask(house, "and now?", conversation_id=here)).status_code == 200
    assert (await messages(house, here))[-4]["content"] == "one more"


def _incompressible(length: int) -> str:
    """Hangul that PostgreSQL cannot pack."""
    chance = random.Random(7)
    return "".join(chr(0xAC00 + chance.randrange(11_172)) for _ in range(length))
