"""Several engines at the same hint: their stages and hints as they come."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from backend.hints.asking import Progress
from backend.hints.writing import write
from backend.hints.written import Task, Written
from backend.llm.call import Call


async def side_by_side(task: Task, calls: Sequence[Call]) -> AsyncGenerator[Progress | Written, None]:
    """Yields what `write` yields for each call, and ends when all have. Closing it stops them."""
    events: asyncio.Queue[Progress | Written | None] = asyncio.Queue()

    async def one(call: Call) -> None:
        try:
            async with aclosing(write(task, call)) as made:
                async for event in made:
                    events.put_nowait(event)
        finally:
            events.put_nowait(None)

    writers = [asyncio.create_task(one(call)) for call in calls]
    try:
        waiting = len(writers)
        while waiting:
            event = await events.get()
            if event is None:
                waiting -= 1
            else:
                yield event
        for writer in writers:
            await writer  # raises what ended it
    finally:
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
