"""Two apps on one database: what is shared, what belongs to one of them, and what a proxy before them must do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from backend.accounts.passwords import Passwords
from backend.accounts.service import Accounts
from backend.chat.conversations import STALE_AFTER
from backend.chat.run import Run
from backend.errors import ConversationBusy, KeptElsewhere
from backend.pod.clock import Clock
from backend.pod.leader import LOOK_EVERY_S
from backend.pod.service import PodService
from backend.store.database import Database, url_of
from backend.store.models import MessageStatus
from backend.web.app import create_app
from backend.web.services import Services, services_of
from bench.engine.server import EngineConfig, EngineDouble
from tests.fixtures.accounts import CHEAP, PASSWORD
from tests.fixtures.chat import House, house_of, house_settings
from tests.fixtures.database import RunningPostgres
from tests.fixtures.pod import OWN, QUIET
from tests.fixtures.runpod import ManualClock
from tests.runpod_double import KEY, RunpodDouble

CHAT = "/api/v1/chat"
CONVERSATIONS = "/api/v1/conversations"
LONG = "word " * 2000
DEADLINE_S = 60.0


@asynccontextmanager
async def beside(
    house: House, engine: EngineDouble, data_dir: Path, clock: Clock | None = None, **overrides: object
) -> AsyncIterator[Services]:
    """Another app on the house's database, with an engine and a data folder of its own."""
    url = house.database.engine.url.render_as_string(hide_password=False)
    made = services_of(house_settings(data_dir, url, engine, **overrides), clock)
    services = replace(made, accounts=Accounts(made.database, made.settings, passwords=Passwords(CHEAP)))
    try:
        yield services
    finally:
        made.accounts.close()
        await services.close()


def client_of(services: Services, token: str = "", **more: object) -> httpx.AsyncClient:
    """A program, or with `cookies` a browser, that speaks to this app."""
    app = create_app(services)
    app.state.ready = True
    headers = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://ondol.test", headers=headers, **more
    )


@pytest.fixture
async def second_engine() -> AsyncIterator[EngineDouble]:
    config = EngineConfig(tokens_per_second=200, prefill_ms=5, answer_tokens=20, max_model_len=4096, model="second")
    async with EngineDouble(config).serving() as engine:
        yield engine


@pytest.fixture
async def other(house: House, second_engine: EngineDouble, tmp_path: Path) -> AsyncIterator[Services]:
    async with beside(house, second_engine, tmp_path / "other") as services:
        yield services


async def until_written(services: Services, house: House, run: Run) -> None:
    """Waits until an app reads text of an answer that another one is writing."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            thread = await services.chat.conversations.thread(house.user_id, run.conversation_id)
            if thread.messages[-1].message.content:
                return
            await asyncio.sleep(0.05)


async def test_a_login_and_a_token_of_one_app_are_good_at_the_other_until_they_are_taken_back(
    house: House, other: Services
) -> None:
    _, cookie = await house.services.accounts.login("mina", PASSWORD, "192.0.2.1", "browser")
    there_too = await other.accounts.identify_session(cookie)
    assert there_too is not None and there_too.username == "mina"
    async with client_of(other, house.token) as there:
        answer = await there.post(CHAT, json={"message": "hello"})
        assert (answer.status_code, answer.json()["model_used"]) == (200, "second")
        seen = await house.client.get(f"{CONVERSATIONS}/{answer.json()['conversation_id']}")
        assert seen.json()["messages"][-1]["content"] == answer.json()["response"]
    await other.accounts.logout(there_too)
    assert await house.services.accounts.identify_session(cookie) is None


async def test_an_answer_that_one_app_writes_is_read_and_stopped_at_the_other(house: House, other: Services) -> None:
    house.engine.next_answer = LONG
    run = await house.chat.ask(house.user_id, "a long one")
    run.keep_for_later()
    await until_written(other, house, run)
    async with client_of(other, house.token) as there:
        place = f"{CONVERSATIONS}/{run.conversation_id}"
        answer = (await there.get(place)).json()["messages"][-1]
        assert (answer["status"], bool(answer["content"])) == ("streaming", True)
        asked = await there.post(CHAT, json={"message": "next", "conversation_id": str(run.conversation_id)})
        assert (asked.status_code, asked.json()["code"]) == (409, "conversation_busy")
        assert (await there.post(f"{place}/stop")).status_code == 204
        async with asyncio.timeout(DEADLINE_S):
            await run.wait()
        assert run.status == MessageStatus.STOPPED
        answer = (await there.get(place)).json()["messages"][-1]
        assert (answer["status"], answer["content"]) == ("stopped", run.text)
        asked = await there.post(CHAT, json={"message": "next", "conversation_id": str(run.conversation_id)})
        assert asked.status_code == 200


async def test_two_questions_at_two_apps_at_once_are_one_answer_and_one_refusal(house: House, other: Services) -> None:
    first = await house.chat.ask(house.user_id, "one")
    await first.wait()
    house.engine.next_answer = LONG
    asked = await asyncio.gather(
        house.chat.ask(house.user_id, "here", conversation_id=first.conversation_id),
        other.chat.ask(house.user_id, "there", conversation_id=first.conversation_id),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in asked) == ["ConversationBusy", "Run"]
    for each in asked:
        if isinstance(each, Run):
            each.stop()
            await each.wait()


async def test_an_answer_of_an_app_that_was_killed_is_over_for_the_other(house: House, other: Services) -> None:
    house.engine.next_answer = LONG
    run = await house.chat.ask(house.user_id, "a long one")
    run.keep_for_later()
    await until_written(other, house, run)
    assert run.task is not None
    with pytest.raises(ConversationBusy):
        await other.chat.ask(house.user_id, "and now", conversation_id=run.conversation_id)
    run.stop()
    await run.wait()
    # As a kill leaves it behind: it says that it is being written, and nobody writes.
    async with house.database.session() as session:
        await session.execute(
            text("UPDATE messages SET status = 'streaming', updated_at = now() - :age WHERE id = :id"),
            {"age": STALE_AFTER * 2, "id": run.answer_id},
        )
    thread = await other.chat.conversations.thread(house.user_id, run.conversation_id)
    assert thread.messages[-1].message.status == MessageStatus.INTERRUPTED
    again = await other.chat.ask(house.user_id, "and now", conversation_id=run.conversation_id)
    await again.wait()
    assert again.status == MessageStatus.COMPLETE


async def test_the_rate_limit_is_each_apps_own(house: House, second_engine: EngineDouble, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        for number in range(2):
            services = await stack.enter_async_context(
                beside(house, second_engine, tmp_path / str(number), requests_per_minute=2)
            )
            client = await stack.enter_async_context(client_of(services, house.token))
            codes = [(await client.post(CHAT, json={"message": ""})).status_code for _ in range(3)]
            assert codes == [422, 422, 429]


async def test_a_job_of_one_app_is_done_once_by_workers_of_both(house: House, other: Services) -> None:
    done: list[tuple[str, int]] = []

    def counted(name: str) -> object:
        async def work(*, number: int, attempt: int) -> None:
            done.append((name, number))
            await asyncio.sleep(0)

        return work

    for name, services in (("here", house.services), ("there", other)):
        services.jobs.add("count", counted(name), queue="counting")  # type: ignore[arg-type]
    for number in range(40):
        await (house.services if number % 2 else other).jobs.defer("count", number=number)
    await asyncio.gather(house.services.jobs.work_until_idle(), other.jobs.work_until_idle())
    assert sorted(number for _, number in done) == list(range(40))
    assert {name for name, _ in done} == {"here", "there"}


async def test_two_first_starts_on_an_empty_database_make_one_schema_and_one_admin(
    postgres: RunningPostgres, tmp_path: Path
) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE raced")
    url = postgres.server.url("raced").replace("postgresql+psycopg://", "postgresql://")
    opened = []
    try:
        async with EngineDouble(EngineConfig()).serving() as engine:
            for number in range(2):
                opened.append(services_of(house_settings(tmp_path / str(number), url, engine)))

            async def start(services: Services) -> None:
                await services.database.migrate()
                await services.accounts.ensure_first_admin()

            await asyncio.gather(*(start(services) for services in opened))
            async with opened[0].database.session() as session:
                admins = await session.scalar(text("SELECT count(*) FROM users WHERE role = 'admin'"))
            assert await opened[1].database.schema_is_current()
            assert admins == 1
    finally:
        for services in opened:
            await services.close()
        with postgres.connect() as connection:
            connection.execute("DROP DATABASE raced WITH (FORCE)")


def test_a_managed_database_gets_what_its_address_says(tmp_path: Path) -> None:
    options = "sslmode=verify-full&sslrootcert=/etc/ssl/db.pem&target_session_attrs=read-write"
    url = f"postgres://ondol:s%40crt@db.example.com:6432/ondol?{options}"
    database = Database(url_of(house_settings(tmp_path, url, EngineDouble(EngineConfig()))))
    _, told = database.engine.dialect.create_connect_args(database.engine.url)
    assert told | {
        "host": "db.example.com", "port": 6432, "user": "ondol", "password": "s@crt", "dbname": "ondol",
        "sslmode": "verify-full", "sslrootcert": "/etc/ssl/db.pem", "target_session_attrs": "read-write",
    } == told  # fmt: skip


# --- the pod -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def two_on_a_pod(
    database: Database, engine: EngineDouble, folder: Path, runpod: RunpodDouble, clock: ManualClock
) -> AsyncIterator[tuple[House, Services]]:
    on_pod = {"runpod_api": "rest", "runpod_api_key": KEY, "runpod_api_url": runpod.url, "runpod_pod_id": OWN} | QUIET
    async with house_of(database, engine, folder / "first", clock, **on_pod) as house:
        await house.services.pod.prepare()
        async with beside(house, engine, folder / "second", clock, **on_pod) as second:
            await second.pod.prepare()
            yield house, second


async def test_one_app_keeps_the_pod_and_the_other_takes_over_when_it_is_gone(
    database: Database, engine_double: EngineDouble, tmp_path: Path, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    async with two_on_a_pod(database, engine_double, tmp_path, runpod, pod_clock) as (house, second):
        first = house.services.pod
        alive = [first, second.pod]

        async def run(seconds: int) -> None:
            for _ in range(seconds):
                pod_clock.advance(1)
                for pod in alive:
                    await pod.tick()
                    await pod.recorded()

        await run(61)
        assert first.console().view.sample is not None
        assert second.pod.console().view.sample is None, "it does not even look"
        assert (first.console().view.acts, second.pod.console().view.acts) == (True, False)
        with pytest.raises(KeptElsewhere):
            second.pod.cancel("user:root")
        async with database.session() as session:
            samples = await session.scalar(text("SELECT count(*) FROM pod_samples"))
        assert samples == 2, "checks of one app, after 0 and 60 s"

        await first.close()
        alive.remove(first)
        await run(round(LOOK_EVERY_S) + 61)
        assert second.pod.console().view.acts
        assert second.pod.console().view.sample is not None
        assert "began" in [entry.event for entry in second.pod.console().view.audit]


async def test_a_keep_awake_survives_two_takeovers_and_who_lost_the_pod_takes_work(
    database: Database, engine_double: EngineDouble, tmp_path: Path, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    async with two_on_a_pod(database, engine_double, tmp_path, runpod, pod_clock) as (house, second):
        first = house.services.pod

        async def run(seconds: int, *pods: PodService) -> None:
            for _ in range(seconds):
                pod_clock.advance(1)
                for pod in pods:
                    await pod.tick()
                    await pod.recorded()

        look = round(LOOK_EVERY_S) + 1
        await run(2, first, second.pod)
        house.services.activity.is_draining = True  # as with a stop under way when the other one takes over
        await first._leader.close()
        await run(look, second.pod)
        await run(look, first)
        assert not first.console().view.acts
        assert not house.services.activity.is_draining
        until = pod_clock.now() + timedelta(hours=3)
        second.pod.keep_awake("user:root", until)
        await run(2, second.pod)
        await second.pod._leader.close()
        await run(look, first)
        assert first.console().view.acts
        assert first.console().view.keep_awake_until == until


async def test_a_stop_may_be_ordered_at_either_app(
    database: Database, engine_double: EngineDouble, tmp_path: Path, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    async with two_on_a_pod(database, engine_double, tmp_path, runpod, pod_clock) as (_, second):
        await second.pod.stop("user:root", reason="the day is over")
        assert runpod.account.asked("stop") == 1
