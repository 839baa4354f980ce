"""The benchmark's reader notes when text comes, and does not take a broken answer for a short one."""

from collections.abc import AsyncIterator

import pytest

from bench.engine import EngineConfig, EngineDouble, Fault, FaultKind
from bench.reader import Protocol, StreamFailedError, Target, pairs, read_answer, together

CONFIG = EngineConfig(tokens_per_second=500, prefill_ms=1, answer_tokens=50, api_key="key")


@pytest.fixture
async def engine() -> AsyncIterator[EngineDouble]:
    async with EngineDouble(CONFIG).serving() as running:
        yield running


@pytest.fixture
def target(engine: EngineDouble) -> Target:
    return Target(Protocol.OPENAI, engine.port, "key", "double")


async def test_answer_is_read_with_its_times(target: Target) -> None:
    reading = await read_answer(target, "왜?", 10)

    assert reading.tokens == 10
    assert 1 <= len(reading.text_s) <= 10
    assert reading.text_s == sorted(reading.text_s)
    assert reading.ttft_ms > 0


async def test_answers_are_read_together_and_in_pairs(engine: EngineDouble, target: Target) -> None:
    readings = await together(target, ["a", "b", "c"], 20)
    assert [reading.tokens for reading in readings] == [20, 20, 20]

    other = Target(Protocol.OPENAI, engine.port, "key", "double")
    assert len(await pairs(target, other, ["a", "b"], 2)) == 2
    assert [request["messages"][0]["content"] for request in list(engine.requests)[-4:]] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    "kind", [FaultKind.DIE_MID_STREAM, FaultKind.SERVER_ERROR, FaultKind.GARBAGE, FaultKind.REFUSED]
)
async def test_broken_answers_fail(engine: EngineDouble, target: Target, kind: FaultKind) -> None:
    await engine.set_fault(Fault(kind))

    with pytest.raises(StreamFailedError):
        await read_answer(target, "왜?", 10)


async def test_wrong_key_is_told(engine: EngineDouble) -> None:
    with pytest.raises(StreamFailedError, match="401"):
        await read_answer(Target(Protocol.OPENAI, engine.port, "wrong", "double"), "왜?", 10)
