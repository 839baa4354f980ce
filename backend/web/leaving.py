"""Work that somebody waits for ends when he goes away."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response

READER_LEFT = 499  # the status of a request whose reader left before an answer; only metrics and the log see it
_LOOK_EVERY_S = 0.5
Result = TypeVar("Result")


async def while_there(request: Request, work: Coroutine[Any, Any, Result]) -> Result | Response:
    """What comes of some work. When the client has gone it is cancelled, and the response is one that nobody reads."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_EVERY_S))[0]:
            if await request.is_disconnected():
                return Response(status_code=READER_LEFT)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
