"""Work that somebody waits for: done, failed, or cancelled because nobody waits any more."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from fastapi import Request, Response

from backend.web import leaving
from backend.web.leaving import READER_LEFT, while_there


def request(*, is_there: bool) -> Request:
    async def receive() -> MutableMapping[str, Any]:
        if is_there:
            await asyncio.Future()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "_LOOK_EVERY_S", 0.01)


async def test_who_waits_gets_the_result_or_the_error() -> None:
    async def work() -> int:
        await asyncio.sleep(0.03)
        return 7

    async def failing() -> int:
        await asyncio.sleep(0.03)
        raise LookupError("nothing")

    assert await while_there(request(is_there=True), work()) == 7
    with pytest.raises(LookupError, match="nothing"):
        await while_there(request(is_there=True), failing())


@pytest.mark.parametrize("by_server", [False, True])
async def test_work_for_nobody_is_cancelled(by_server: bool) -> None:
    told: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Future()
        finally:
            await asyncio.sleep(0)
            told.append("closed")

    waiting = asyncio.ensure_future(while_there(request(is_there=by_server), work()))
    if by_server:  # the server stops, or a limit of time cancels the route
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    else:
        answer = await waiting
        assert isinstance(answer, Response) and answer.status_code == READER_LEFT
    assert told == ["closed"]
