"""An answer while it is written: readers in ticks, readers who come late, and nobody reading at all."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar
from uuid import uuid4

import pytest

from backend.chat import run as run_module
from backend.chat.run import Run
from backend.store.models import MessageStatus

TICK_S = 0.01
T = TypeVar("T")


def new_run() -> Run:
    return Run(
        conversation_id=uuid4(), answer_id=uuid4(), user_id=uuid4(), provider="main", model="double", dropped=0
    )  # fmt: skip


@pytest.fixture
async def run() -> Run:
    return new_run()


async def soon(awaited: Awaitable[T]) -> T:
    """What must come without further ado, else the test fails."""
    async with asyncio.timeout(10):
        return await awaited


async def read_all(run: Run) -> list[str]:
    return [text async for text in run.read(TICK_S)]


async def steps(count: int = 5) -> None:
    """Lets every other task run until it waits."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_text_is_gathered_in_ticks(run: Run) -> None:
    reader = run.read(TICK_S)
    run.append("a")
    assert await soon(anext(reader)) == "a"
    run.append("b")
    run.append("c")
    assert await soon(anext(reader)) == "bc"
    run.append("d")
    run.finish(MessageStatus.COMPLETE)
    assert await soon(anext(reader)) == "d"
    with pytest.raises(StopAsyncIteration):
        await soon(anext(reader))
    assert run.text == "abcd"


async def test_a_reader_who_comes_late_gets_everything_and_one_after_the_end_too(run: Run) -> None:
    early = asyncio.create_task(read_all(run))
    await steps()
    run.append("one ")
    await steps()
    late = asyncio.create_task(read_all(run))
    await steps()
    run.append("two")
    run.finish(MessageStatus.COMPLETE)
    assert "".join(await soon(early)) == "".join(await soon(late)) == "one two"
    assert await soon(read_all(run)) == ["one two"]


async def test_an_answer_without_text_ends_its_readers(run: Run) -> None:
    reading = asyncio.create_task(read_all(run))
    await steps()
    run.finish(MessageStatus.FAILED)
    assert await soon(reading) == []


async def test_silence_is_filled_with_empty_texts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "HEARTBEAT_S", 0.01)
    reader = run.read(TICK_S)
    assert [await soon(anext(reader)), await soon(anext(reader))] == ["", ""]
    run.append("at last")
    assert await soon(anext(reader)) == "at last"
    await reader.aclose()


async def test_waiting_ends_with_the_run_and_not_with_a_tick(run: Run) -> None:
    waiting = asyncio.create_task(run.wait())
    await steps()
    run.append("text")
    await steps()
    assert not waiting.done()
    run.finish(MessageStatus.COMPLETE)
    await steps()
    assert waiting.done()
    await soon(run.wait())


async def test_figures_are_those_of_the_first_text(run: Run) -> None:
    run.append("")
    run.append("\x00")
    assert run.ttft_ms is None
    run.append("a\x00b")
    first = run.ttft_ms
    run.append("c")
    assert run.text == "abc"
    assert first is not None
    assert run.ttft_ms == first


# --- nobody reads ------------------------------------------------------------------------------------------


async def written(run: Run, ended: list[str]) -> None:
    """Stands for the task that reads an engine."""
    try:
        run.begin()
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        ended.append("stopped" if run.stopped_by_reader else "cancelled")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "ABANDONED_AFTER_S", 0.02)


@pytest.mark.usefixtures("brief")
async def test_a_run_nobody_ever_reads_is_stopped() -> None:
    run, ended = new_run(), list[str]()
    run.task = asyncio.create_task(written(run, ended))
    run.expect_reader()
    await soon(run.task)
    assert ended == ["stopped"]


@pytest.mark.usefixtures("brief")
async def test_a_run_is_stopped_when_its_last_reader_has_left() -> None:
    run, ended = new_run(), list[str]()
    run.task = asyncio.create_task(written(run, ended))
    run.expect_reader()
    run.append("text")
    first, second = run.read(TICK_S), run.read(TICK_S)
    await anext(first)
    await anext(second)
    await first.aclose()
    assert run._leaving is None, "one still reads"
    await second.aclose()
    await soon(run.task)
    assert ended == ["stopped"]


async def test_a_reader_who_comes_back_keeps_the_run_alive(run: Run) -> None:
    run.append("text")
    reader = run.read(TICK_S)
    await anext(reader)
    await reader.aclose()
    assert run._leaving is not None
    again = run.read(TICK_S)
    await anext(again)
    assert run._leaving is None
    run.finish(MessageStatus.COMPLETE)
    await again.aclose()
    assert run._leaving is None, "a finished run needs nobody"


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("leaves_first", [True, False])
async def test_a_run_kept_for_later_outlives_its_reader(leaves_first: bool) -> None:
    run, ended = new_run(), list[str]()
    run.task = asyncio.create_task(written(run, ended))
    run.append("text")
    reader = run.read(TICK_S)
    await anext(reader)
    if leaves_first:
        await reader.aclose()
        run.keep_for_later()
    else:
        run.keep_for_later()
        await reader.aclose()
    leaving = run._leaving
    assert leaving is not None
    assert leaving.when() - asyncio.get_running_loop().time() > run_module.KEPT_AFTER_S / 2
    run.stop()
    await soon(run.task)
    leaving.cancel()
    assert ended == ["stopped"]


# --- ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_reader", [True, False])
async def test_a_run_that_is_ended_before_its_first_step_still_ends_in_order(by_reader: bool) -> None:
    run, ended = new_run(), list[str]()
    run.task = asyncio.create_task(written(run, ended))
    run.stop() if by_reader else run.cancel()
    await soon(run.task)
    assert ended == ["stopped" if by_reader else "cancelled"]


async def test_nothing_cancels_an_answer_that_is_being_stored(run: Run) -> None:
    stored = asyncio.Event()

    async def store() -> None:
        run.begin()
        run.ending = True
        await stored.wait()

    run.task = asyncio.create_task(store())
    await steps()
    run.stop()
    run.cancel()
    stored.set()
    await soon(run.task)
    assert not run.stopped_by_reader


async def test_a_second_stop_changes_nothing() -> None:
    run, ended = new_run(), list[str]()
    run.task = asyncio.create_task(written(run, ended))
    await steps()
    run.cancel()
    run.stop()
    await soon(run.task)
    assert ended == ["cancelled"]
    assert not run.stopped_by_reader
