"""The HTTP below RunPod's REST API v2: one key, whole answers, and what each failure means.

Reading is repeated when RunPod stumbles; anything else is sent once, because a request whose answer was lost may have
been applied. No error of this module is chained to the library's own, which hold the request with its key or the
answer with the pod's environment.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from pydantic import SecretStr

from backend.errors import (
    OndolError,
    PodActionNotAllowed,
    RunpodApiGone,
    RunpodBalanceEmpty,
    RunpodBusy,
    RunpodKeyRefused,
    RunpodRefused,
    RunpodUnavailable,
    UnknownPod,
)
from backend.pod import runpod_answers as answers
from backend.pod.pods import PodAction

API_URL = "https://api.runpod.io/v2"
_CONNECT_S = 5.0
_ANSWER_S = 25.0  # of a whole answer, also of one that trickles
_LARGEST_ANSWER = 8_000_000  # bytes; a pod takes about 2,000
_PAUSES_S = (0.5, 2.0)  # between the attempts of a read
LONGEST_WAIT_S = 10.0  # asked by Retry-After; a longer one is the caller's to plan
_BUSY_S = 5  # a 429 that names no time


class RunpodHttp:
    """Args:
    key: of one's own, or the pod's.
    url: of the API, ends in its version.
    timeout_s: longest silence before a request counts as unanswered.
    sleep: waits between two attempts.
    """

    def __init__(
        self,
        key: SecretStr,
        url: str = API_URL,
        *,
        timeout_s: float = 10.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._key = key
        self.url = url.rstrip("/")
        self._sleep = sleep
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S))
        self.client = httpx.AsyncClient(timeout=timeout, limits=httpx.Limits(max_connections=8))

    async def close(self) -> None:
        await self.client.aclose()

    async def read(self, path: str, pod_id: str = "", params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """A GET, repeated while that makes sense."""
        for pause in (*_PAUSES_S, None):
            try:
                answer = await self.exchange("GET", path, params=params)
                if not answer.is_success:
                    raise told(answer, pod_id, None)
                found = answer.json()
                if found is None:
                    raise RunpodUnavailable(reason="not JSON")
                return found
            except NoAnswer as error:
                failure: OndolError = RunpodUnavailable(reason=error.reason)
            except (RunpodBusy, RunpodUnavailable) as error:
                failure = error
            wait = failure.retry_after_s if isinstance(failure, RunpodBusy) else pause
            if pause is None or wait is None or wait > LONGEST_WAIT_S or isinstance(failure, RunpodApiGone):
                raise failure
            await self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def exchange(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> "Answer":
        """One request and its whole answer. Raises NoAnswer."""
        headers = self.headers() | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            async with (
                asyncio.timeout(_ANSWER_S),
                self.client.stream(
                    method, f"{self.url}{path}", params=params, content=body, headers=headers
                ) as response,
            ):
                return Answer(response.status_code, response.headers, await body_of(response))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            failure = NoAnswer(reason_of(error), was_sent=not isinstance(error, _NEVER_SENT))
        raise failure

    def headers(self) -> dict[str, str]:
        """With the key."""
        key = answers.header_key(self._key)
        return {"Authorization": f"Bearer {key}", "Accept": "application/json", "Accept-Encoding": "identity"}


_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)


class NoAnswer(Exception):
    """There is no whole answer; the request may have been applied when it `was_sent`."""

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.reason, self.was_sent = reason, was_sent


@dataclass(frozen=True, repr=False)
class Answer:
    """An answer as it came; it has no repr, because its body holds secrets."""

    status: int
    headers: httpx.Headers
    body: bytes | None  # None: it was too large

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Mapping[str, Any] | None:
        """The object that came, or None for anything else."""
        try:
            found = orjson.loads(self.body or b"")
        except orjson.JSONDecodeError:
            return None
        return found if isinstance(found, dict) else None


def told(answer: Answer, pod_id: str, action: PodAction | None) -> OndolError:
    """The error that an answer other than 2xx stands for. An action is uncertain only where RunPod itself stumbled."""
    problem, status = answer.json(), answer.status
    if status == 429:
        return RunpodBusy(retry_after_s=_retry_after(answer.headers.get("Retry-After")))
    if status == 410 or (status == 404 and not (pod_id and problem is not None and "detail" in problem)):
        return RunpodApiGone(reason=f"HTTP {status}")
    refusal = None if problem is None else _refusal(status, problem, pod_id, action)
    if refusal is not None:
        return refusal
    if action is not None and status >= 500:
        return answers.uncertain(pod_id, action, f"HTTP {status}")
    return RunpodUnavailable(reason=f"HTTP {status}")  # RunPod stumbled, or something before it answered with a page


def _refusal(status: int, problem: Mapping[str, Any], pod_id: str, action: PodAction | None) -> OndolError | None:
    """What a problem object of RunPod says; None when it says no more than that something went wrong."""
    spoken = answers.refusal_told(problem.get("detail"), pod_id, action) if action else None
    if spoken is not None or status >= 500 or status < 400 or status == 408:
        return spoken
    if status == 409 and action is not None:
        return PodActionNotAllowed(pod=pod_id, action=action)
    if status in (401, 403):
        return RunpodKeyRefused(upstream_status=status)
    if status == 404:
        return UnknownPod(pod=pod_id)
    return RunpodBalanceEmpty() if status == 402 else RunpodRefused(upstream_status=status)


async def body_of(response: httpx.Response) -> bytes | None:
    """All of it; None when it is too large."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            return None
    return bytes(body)


def reason_of(error: Exception) -> str:
    """What went wrong with the connection, in a word of ours."""
    if isinstance(error, httpx.ConnectError):
        return "TLS" if _is_tls(error) else "no connection"
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "timeout"
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return "no address"
    return "connection broken"


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(value: str | None) -> int:
    return min(int(value), 86_400) if value and value.isascii() and value.isdigit() else _BUSY_S
