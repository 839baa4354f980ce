"""What the real vLLM counts, and waiting on it."""

import asyncio
from datetime import UTC, datetime

import httpx

from backend.pod.counters import Readings, parsed

GENERATED = "vllm:generation_tokens_total"
RUNNING = "vllm:num_requests_running"
_DEADLINE_S = 60.0


async def counters(http: httpx.AsyncClient, root_url: str) -> Readings:
    """As they are now."""
    answer = await http.get(f"{root_url}/metrics")
    assert answer.status_code == 200
    return parsed(answer.text, datetime.now(UTC))


async def until_quiet(http: httpx.AsyncClient, root_url: str) -> Readings:
    """Waits until the server says that nothing runs."""
    async with asyncio.timeout(_DEADLINE_S):
        while (found := await counters(http, root_url)).values[RUNNING]:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0.05)
    return found
