"""The whole system under `quick_start.sh`: each of its processes is killed while ten answers are streamed.

What was acknowledged is there afterwards, every answer ends in a state that says what happened, and the conversation
goes on. Nobody helps the system up, except after the supervisor itself was killed: then it is one more quick_start.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from backend.accounts.identity import Scope
from backend.accounts.passwords import Passwords
from backend.accounts.service import Accounts
from backend.settings import load
from backend.store.database import Database, url_of
from backend.store.models import Role, User
from tests.fixtures.accounts import CHEAP, PASSWORD
from tests.fixtures.checkout import Checkout
from tests.fixtures.sse import Event, events_of, text_of

STREAMS = 10
MAX_TOKENS = 120
CHAT = "/api/v1/chat"
CONVERSATIONS = "/api/v1/conversations"
DEADLINE_S = 120.0
ENDED = {"complete", "stopped", "interrupted", "failed"}


@dataclass
class Reader:
    """One streamed answer as its reader saw it. `is_cut`: the connection ended before the answer did."""

    question: str
    events: list[Event] = field(default_factory=list)
    is_cut: bool = False

    @property
    def conversation_id(self) -> str:
        return str(self.events[0].data["conversation_id"])

    @property
    def text(self) -> str:
        return text_of(self.events)

    @property
    def last(self) -> Event:
        return self.events[-1]

    async def read(self, client: httpx.AsyncClient) -> None:
        body = {"message": self.question, "stream": True, "max_tokens": MAX_TOKENS, "temperature": 1.0}
        try:
            async with client.stream("POST", CHAT, json=body) as answer:
                assert answer.status_code == 200, await answer.aread()
                async for event in events_of(answer):
                    self.events.append(event)
        except httpx.TransportError:
            self.is_cut = True


@pytest.fixture(scope="module")
async def client(checkout: Checkout) -> AsyncIterator[httpx.AsyncClient]:
    """The API of a started system, as an ordinary user."""
    checkout.environment |= {"STREAMS_PER_USER": str(STREAMS + 2), "LLM_SLOTS": str(STREAMS), "LLM_CONTEXT": "1024"}
    done = await asyncio.to_thread(checkout.run, "--port", str(checkout.port))
    assert done.returncode == 0, done.stdout + done.stderr
    headers = {"Authorization": f"Bearer {await token_in(checkout)}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{checkout.port}", headers=headers, timeout=DEADLINE_S
    ) as opened:
        yield opened


async def token_in(checkout: Checkout) -> str:
    """A token of a user made for this test."""
    settings = load(data_dir=checkout.folder / "var", database_url="")
    database = Database(url_of(settings))
    accounts = Accounts(database, settings, passwords=Passwords(CHEAP))
    try:
        async with database.session() as session:
            session.add(User(username="mina", role=Role.USER, password_hash=CHEAP.hash(PASSWORD)))
        who, _ = await accounts.login("mina", PASSWORD, "127.0.0.1", "test")
        _, token = await accounts.create_token(who, "test", [Scope.CHAT, Scope.READ])
        return token
    finally:
        accounts.close()
        await database.close()


# A killed supervisord is started again in test_quick_start.py, too.
@pytest.mark.parametrize("service", ["app", "llm", "database", pytest.param("supervisord", marks=pytest.mark.thorough)])
async def test_a_kill_during_ten_answers_loses_nothing(
    checkout: Checkout, client: httpx.AsyncClient, service: str
) -> None:
    victim = await asyncio.to_thread(_pid, checkout, service)
    whole = await client.post(CHAT, json={"message": f"{service}: before the kill", "max_tokens": 5})
    assert whole.status_code == 200, whole.text
    readers = [Reader(f"{service} {number}: tell me a very long story") for number in range(STREAMS)]
    reading = [asyncio.create_task(reader.read(client)) for reader in readers]
    await _until(lambda: all(reader.events for reader in readers))  # acknowledged
    await _until(lambda: any(reader.text for reader in readers))  # and written

    os.kill(victim, signal.SIGKILL)
    await asyncio.gather(*reading)
    if service == "supervisord":
        await _until(lambda: not checkout.processes())
        done = await asyncio.to_thread(checkout.run)
        assert done.returncode == 0, done.stdout + done.stderr
    await _healthy_again(checkout, client, service, victim)

    before = await _thread(client, whole.json()["conversation_id"])
    assert [message["status"] for message in before] == ["complete", "complete"]
    assert before[1]["content"] == whole.json()["response"]
    for reader in readers:
        await _check_kept(client, reader, service)
    listed = (await client.get(CONVERSATIONS, params={"query": f"{service} ", "limit": 100})).json()
    assert {row["id"] for row in listed} >= {reader.conversation_id for reader in readers}
    for reader in readers[:2]:
        again = await _asked_again(client, reader)
        assert again["finish_reason"] in ("stop", "length")
        assert [m["status"] for m in await _thread(client, reader.conversation_id)][2:] == ["complete", "complete"]


async def _check_kept(client: httpx.AsyncClient, reader: Reader, service: str) -> None:
    """Whether the database has what the reader was told, and the reader was told what happened."""
    async with asyncio.timeout(DEADLINE_S):
        question, answer = await _thread(client, reader.conversation_id)
        while answer["status"] not in ENDED:
            await asyncio.sleep(0.5)
            question, answer = await _thread(client, reader.conversation_id)
    assert question["content"] == reader.question
    kept = answer["content"]
    assert reader.text.startswith(kept) or kept.startswith(reader.text), "cut, but never another text"
    if reader.is_cut or service == "supervisord":
        assert service in ("app", "supervisord"), "only the end of the app ends a reader's connection"
        assert answer["status"] in ("interrupted", "failed", "complete")
        return
    assert kept == reader.text
    if reader.last.name == "done":
        assert answer["status"] == "complete"
    else:
        assert (service, reader.last.name) == ("llm", "error")
        assert reader.last.data["code"] in ("engine_interrupted", "engine_unavailable")
        assert (answer["status"], answer["error_code"]) == (
            "interrupted" if reader.text else "failed",
            reader.last.data["code"],
        )


async def _asked_again(client: httpx.AsyncClient, reader: Reader) -> dict[str, Any]:
    body = {"message": "go on", "conversation_id": reader.conversation_id}
    answer = await client.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _thread(client: httpx.AsyncClient, conversation_id: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{CONVERSATIONS}/{conversation_id}")
    assert answer.status_code == 200, answer.text
    messages: list[dict[str, Any]] = answer.json()["messages"]
    return messages


async def _healthy_again(checkout: Checkout, client: httpx.AsyncClient, service: str, victim: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await asyncio.to_thread(_pid, checkout, service) in (0, victim):  # noqa: ASYNC110 -- as below
            await asyncio.sleep(0.1)
        while True:
            try:
                if (await client.get("/health")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


def _pid(checkout: Checkout, service: str) -> int:
    if service == "supervisord":
        return int((checkout.folder / "var/run/supervisord.pid").read_text())
    return checkout.pids().get(service, 0)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 -- readers and processes tell nobody
            await asyncio.sleep(0.05)
