"""Routes over real HTTP: two llama.cpp engines, and one that fails in every way."""

import asyncio
from collections import Counter
from contextlib import aclosing, suppress

import pytest

from backend.errors import EngineBusy, EngineInterrupted, EngineTimeout, EngineUnavailable, NoEngineAnswers
from backend.llm.call import Call, Chosen, Request, unchanging
from backend.llm.engine import ChatMessage, ContextOverflow, EngineState, Finished
from backend.llm.lane import Lane
from backend.llm.router import Router
from backend.llm.routes import Workload
from bench.engine.faults import Fault, FaultKind
from tests.fixtures.engine import free_port
from tests.fixtures.routing import FAILING, Town

QUESTION: ChatMessage = {"role": "user", "content": "Say hello."}
SHORT = unchanging(Request([QUESTION], temperature=0.0, max_tokens=6))
HEAVY = Workload.HEAVY


async def answer(call: Call) -> str:
    """The whole text; it ends once."""
    text, ends = "", 0
    async with asyncio.timeout(90), aclosing(call.stream(SHORT)) as events:
        async for event in events:
            assert not ends
            if isinstance(event, Finished):
                ends += 1
            else:
                text += event
    assert ends == 1
    return text


async def asked(router: Router) -> str:
    """Who answered."""
    call = router.call(HEAVY)
    assert await answer(call)
    return call.name


# --- before the first text ---------------------------------------------------------------------------------------

IN_TIME = (
    Fault(FaultKind.REFUSED),
    Fault(FaultKind.LOADING),
    Fault(FaultKind.HANG_UP),
    Fault(FaultKind.SERVER_ERROR),
    Fault(FaultKind.RATE_LIMITED),
    Fault(FaultKind.UNAUTHORIZED),
    Fault(FaultKind.SLOW_FIRST_BYTE, delay_s=600),
    Fault(FaultKind.DIE_MID_STREAM, after_tokens=0),
    Fault(FaultKind.ERROR_MID_STREAM, after_tokens=0),
    Fault(FaultKind.GARBAGE, after_tokens=0),
)


@pytest.mark.parametrize("fault", IN_TIME, ids=lambda fault: fault.kind.value)
async def test_another_answers_where_the_first_fails(town: Town, fault: Fault) -> None:
    await town.double.set_fault(fault)
    router = town.router(FAILING, "one", timeout_s=8.0 if fault.kind is FaultKind.SLOW_FIRST_BYTE else 60.0)
    call = router.call(HEAVY)
    text = await answer(call)
    assert text == await answer(router.call(HEAVY, provider="one")), "the answer is the other's own, from its start"
    assert call.name == "one"
    assert town.double.counters.requests <= 1
    assert town.lanes[FAILING].stats.errors.total() == 1
    assert town.lanes["one"].stats.errors.total() == 0


async def test_a_model_that_the_provider_does_not_have(town: Town) -> None:
    town.add(FAILING, town.double.base_url, model="of-yesterday")
    router = town.router(FAILING, "one")
    assert await asked(router) == "one"
    assert town.lanes[FAILING].stats.errors == {"engine_refused": 1}
    assert await asked(router) == "one"
    assert town.double.counters.requests == 1, "while it cools nobody asks it"


async def test_an_engine_that_dies_and_comes_back(town: Town) -> None:
    router = town.router("two", "one")
    assert await asked(router) == "two"
    town.two.kill()
    try:
        assert await asked(router) == "one"
        assert town.lanes["two"].cooldown.left_s > 0
    finally:
        town.two.start()
    assert await asked(router) == "one", "it is passed over for a while"
    town.now_s += 10
    assert await asked(router) == "two"


async def test_nobody_is_given_up_for_nobody(town: Town) -> None:
    await town.double.set_fault(Fault(FaultKind.SLOW_FIRST_BYTE, delay_s=2.2))
    away = [f"away{number}" for number in range(4)]
    for name in away:
        town.add(name, f"http://127.0.0.1:{free_port()}/v1")
    router = town.router(FAILING, *away, timeout_s=10.0)
    assert await asked(router) == FAILING, "its share was over after 2 s, but nobody else is up"


async def test_the_time_is_shared_among_those_that_may_answer(town: Town) -> None:
    await town.double.set_fault(Fault(FaultKind.SLOW_FIRST_BYTE, delay_s=600))
    town.add("slow", town.double.base_url)
    with pytest.raises(NoEngineAnswers) as caught:
        async with asyncio.timeout(30):
            await answer(town.router(FAILING, "slow", timeout_s=6.0).call(HEAVY))
    assert str(caught.value.details["tried"]) == "failing: engine_timeout, slow: engine_timeout"


async def test_when_all_fail_the_reader_is_told_what_each_said(town: Town) -> None:
    await town.double.set_fault(Fault(FaultKind.SERVER_ERROR))
    town.add("away", f"http://127.0.0.1:{free_port()}/v1")
    with pytest.raises(NoEngineAnswers) as caught:
        await answer(town.router("away", FAILING).call(HEAVY))
    assert caught.value.details["tried"] == "away: engine_unavailable, failing: engine_refused"


async def test_the_only_provider_says_itself_what_is_wrong_and_is_asked_again(town: Town) -> None:
    router = town.router(FAILING)
    await town.double.set_fault(Fault(FaultKind.HANG_UP))
    for _ in range(2):
        with pytest.raises(EngineUnavailable):
            await answer(router.call(HEAVY))
    await town.double.set_fault(Fault())
    assert await asked(router) == FAILING


# --- after it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FaultKind.DIE_MID_STREAM, FaultKind.ERROR_MID_STREAM, FaultKind.GARBAGE])
async def test_what_was_written_stays_and_nobody_else_goes_on(town: Town, kind: FaultKind) -> None:
    town.double.next_answer = "one two three four five six seven eight nine ten"
    await town.double.set_fault(Fault(kind, after_tokens=5))
    router, text = town.router(FAILING, "one"), ""
    with pytest.raises(EngineInterrupted):
        async with aclosing(router.call(HEAVY).stream(unchanging(Request([QUESTION])))) as events:
            async for event in events:
                text += event if isinstance(event, str) else ""
    assert text
    assert town.double.next_answer.startswith(text)
    assert town.lanes["one"].stats.requests == 0
    assert await asked(router) == "one", "the next question goes to the other"


async def test_a_reader_who_leaves_is_no_failure(town: Town) -> None:
    town.double.next_answer = "word " * 2000
    router = town.router(FAILING, "one")
    async with aclosing(router.call(HEAVY).stream(unchanging(Request([QUESTION])))) as events:
        async for _ in events:
            break
    assert town.lanes[FAILING].stats.errors.total() == 0
    assert town.lanes[FAILING].cooldown.admits()


# --- coming back -------------------------------------------------------------------------------------------------


async def test_a_busy_provider_is_left_alone_for_as_long_as_it_says(town: Town) -> None:
    await town.double.set_fault(Fault(FaultKind.RATE_LIMITED))
    router = town.router(FAILING)
    town.add("away", f"http://127.0.0.1:{free_port()}/v1")
    both = town.router(FAILING, "away")
    with pytest.raises(NoEngineAnswers):
        await answer(both.call(HEAVY))
    requests = town.double.counters.requests
    with pytest.raises(NoEngineAnswers, match="engine_busy"):
        await answer(both.call(HEAVY))
    assert town.double.counters.requests == requests, "not even when nobody else answers"
    with pytest.raises(EngineBusy):  # without another there is nothing to gain by waiting here
        await answer(router.call(HEAVY))
    await town.double.set_fault(Fault())
    town.now_s += 5
    assert await asked(both) == FAILING


async def test_after_the_wait_one_request_tries(town: Town) -> None:
    await town.double.set_fault(Fault(FaultKind.SERVER_ERROR))
    router = town.router(FAILING, "one")
    assert await asked(router) == "one"
    town.now_s += 10
    await town.double.set_fault(Fault(FaultKind.SLOW_FIRST_BYTE, delay_s=600))
    trying = asyncio.create_task(asked(router))
    try:
        async with asyncio.timeout(30):
            while town.double.counters.requests < 2:  # noqa: ASYNC110 -- the engine has no event to wait on
                await asyncio.sleep(0.01)
        others = await asyncio.gather(*(asked(router) for _ in range(3)))
    finally:
        trying.cancel()
        with suppress(asyncio.CancelledError):
            await trying
    assert others == ["one"] * 3
    assert town.double.counters.requests == 2


async def test_weights_move_requests_gradually(town: Town) -> None:
    town.add("new", town.double.base_url)
    draws = iter([number / 20 for number in range(20)])
    router = town.router(f"{FAILING}:3", "new:1", draw=lambda: next(draws))
    names = Counter([await asked(router) for _ in range(20)])
    assert names == {FAILING: 15, "new": 5}


# --- what does not fit -------------------------------------------------------------------------------------------


async def test_a_longer_context_takes_what_does_not_fit_and_nobody_is_blamed(town: Town) -> None:
    long = unchanging(Request([{"role": "user", "content": "stone " * 700}], max_tokens=4))
    call = town.router("two", "one").call(HEAVY)  # 512 tokens, 2,048
    async with asyncio.timeout(90), aclosing(call.stream(long)) as events:
        assert [event async for event in events]
    assert call.name == "one"
    assert town.lanes["two"].cooldown.admits()
    assert town.lanes["two"].stats.errors.total() == 0


async def test_what_nobody_can_read_is_told_as_that(town: Town) -> None:
    call = town.router("one", "two").call(HEAVY)
    with pytest.raises(ContextOverflow):
        async with aclosing(call.stream(unchanging(Request([{"role": "user", "content": "stone " * 4000}])))) as events:
            _ = [event async for event in events]
    assert town.lanes["two"].stats.first_token_ms_p50 is None, "a shorter context was not even tried"


async def test_each_provider_has_a_prompt_of_its_own(town: Town) -> None:
    await town.double.set_fault(Fault(FaultKind.SERVER_ERROR))
    made: list[tuple[str, int]] = []

    async def prepare(chosen: Chosen, _: ContextOverflow | None) -> Request:
        made.append((chosen.name, chosen.info.context))
        return Request([QUESTION], max_tokens=2)

    async with aclosing(town.router(FAILING, "two").call(HEAVY).stream(prepare)) as events:
        assert [event async for event in events]
    assert made == [(FAILING, 8192), ("two", 512)]


# --- hosted ------------------------------------------------------------------------------------------------------


async def test_nothing_goes_outside_unless_it_is_allowed(town: Town) -> None:
    lane = town.add("hosted", town.double.base_url, hosted=True)
    town.lanes["hosted"] = Lane(lane.engine, is_allowed=False)
    town.add("away", f"http://127.0.0.1:{free_port()}/v1")
    with pytest.raises(EngineUnavailable):
        await answer(town.router("away", "hosted").call(HEAVY))
    assert town.double.counters.connections == 0, "not even a probe"
    town.lanes["hosted"] = lane
    call = town.router("away", "hosted").call(HEAVY)
    assert await answer(call)
    assert (call.name, call.hosted) == ("hosted", True)
    own = town.router("one", "hosted").call(HEAVY)
    assert await answer(own)
    assert not own.hosted


# --- what the operator sees --------------------------------------------------------------------------------------


async def test_the_report_tells_how_each_does(town: Town) -> None:
    await town.double.set_fault(Fault(FaultKind.SERVER_ERROR))
    router = town.router(FAILING, "one")
    assert await asked(router) == "one"
    report = {each.name: each for each in router.report()}
    failing, one = report[FAILING], report["one"]
    assert (failing.requests, failing.errors, failing.error_rate) == (1, 1, 1.0)
    assert failing.cooling_s > 0
    assert one.state is EngineState.READY
    assert one.workloads == ((HEAVY, 0.0),)
    assert one.first_token_ms_p50 is not None
    assert one.prompt_tokens > 0
    assert one.completion_tokens > 0
    assert (one.cost_usd, one.cooling_s, one.hosted) == (None, 0.0, False)
    assert one.address == f"http://127.0.0.1:{town.one.port}"


async def test_a_silent_provider_is_left_within_the_time_even_before_it_is_ready(town: Town) -> None:
    """One that takes a connection and says nothing, as a dead tunnel does."""
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    try:
        port = silent.sockets[0].getsockname()[1]
        town.add("silent", f"http://127.0.0.1:{port}/v1")
        assert await asked(town.router("silent", "one", timeout_s=8.0)) == "one"
        with pytest.raises((EngineTimeout, EngineUnavailable)):
            await answer(town.router("silent", timeout_s=1.0).call(HEAVY))
    finally:
        silent.close()
