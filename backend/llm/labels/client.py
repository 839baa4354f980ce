"""Requests to one engine over one long-lived pool of connections, and what their failures mean."""

from typing import Any

import httpx2
import orjson

from backend.errors import EngineBusy, EngineRefused, EngineUnavailable
from backend.llm.engine import AWAY, Engine, Usage
from backend.llm.provider_stats import ProviderStats

_ANSWER_TIMEOUT_S = 300.0  # a laptop needs a while for a few prompts
# Below the 5 s after which vLLM's server closes an idle connection: one that is still pooled is still open.
_KEEPALIVE_S = 4.0
_KEPT_CONNECTIONS = 256
_LONGEST_WAIT_S = 60.0


class Refused(Exception):
    """The engine will not have this request (400, 413, 422): one of its prompts may be to blame."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"HTTP {status}: {detail}")
        self.status, self.detail = status, detail


class Overloaded(Exception):
    """The engine asks for patience (429, 503); `retry_after_s` is what it named, or None."""

    def __init__(self, status: int, retry_after_s: float | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.retry_after_s = status, retry_after_s


class Broken(Exception):
    """The engine failed at this request (another 5xx, or an answer that makes no sense)."""


class Unreachable(Exception):
    """No answer came: no connection, a hang-up before the answer, or silence for too long."""


class Forbidden(Exception):
    """Every request will fail alike: a wrong key or address (other 4xx)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class EngineClient:
    """Posts JSON to an engine.

    Args:
        stats: where requests are counted, and the tokens that answers tell.
    """

    def __init__(self, engine: Engine, stats: ProviderStats | None = None) -> None:
        self._engine = engine
        self._stats = stats or ProviderStats()
        self._http = httpx2.AsyncClient(
            headers={**engine.headers, "Content-Type": "application/json"},
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS, keepalive_expiry=_KEEPALIVE_S
            ),
            timeout=httpx2.Timeout(_ANSWER_TIMEOUT_S, connect=5.0),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """The decoded answer. `path` is below the provider's `/v1` when it starts with `/v1/`, else below its root.

        Raises:
            Refused, Overloaded, Broken, Unreachable, Forbidden.
        """
        base = self._engine.provider.base_url
        url = base + path.removeprefix("/v1") if path.startswith("/v1/") else self._engine.root_url + path
        self._stats.asked()
        try:
            answer = await self._answer(url, body)
        except (Refused, Forbidden):  # an engine is asked in ways that it may not know, to find the best
            self._stats.succeeded()
            raise
        except Overloaded:
            self._stats.failed(EngineBusy.code)
            raise
        except Unreachable:
            self._stats.failed(EngineUnavailable.code)
            raise
        except Broken:
            self._stats.failed(EngineRefused.code)
            raise
        self._stats.succeeded()
        if isinstance(answer, dict) and isinstance(usage := answer.get("usage"), dict):
            self._stats.used(Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)))
        return answer

    async def _answer(self, url: str, body: dict[str, Any]) -> Any:
        try:
            response = await self._http.post(url, content=orjson.dumps(body))
        except httpx2.HTTPError as error:
            raise Unreachable(type(error).__name__) from error
        if response.status_code != 200:
            raise _failure(response)
        try:
            return orjson.loads(response.content)
        except orjson.JSONDecodeError as error:
            raise Broken("the answer is no JSON") from error


def _failure(response: httpx2.Response) -> Exception:
    status = response.status_code
    if status in (429, 503):
        return Overloaded(status, _seconds(response.headers.get("retry-after")))
    if status in AWAY:
        return Unreachable(f"HTTP {status}")
    if status in (400, 413, 422):
        return Refused(status, response.text[:200])
    if status >= 500:
        return Broken(f"HTTP {status}")
    return Forbidden(status)


def _seconds(value: str | None) -> float | None:
    return min(float(value), _LONGEST_WAIT_S) if value and value.isdigit() else None
