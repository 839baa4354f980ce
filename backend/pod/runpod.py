"""RunPod's REST API v2: pods, their logs, their bills, and what else could be rented.

Reading is repeated when RunPod stumbles; an action is sent once and never again, because a request whose answer was
lost may have been applied: that is told as `PodActionUncertain` and settled by reading the pod. No error of this
module is chained to the library's own, which hold the request with its key or the answer with the pod's environment.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
from backend.pod.pods import BillingLine, GpuType, Pod, PodAction, is_pod_id
from backend.pod.runpod_logs import log_lines

API_URL = "https://api.runpod.io/v2"
_CONNECT_S = 5.0
_ANSWER_S = 25.0  # of a whole answer, also of one that trickles
_LARGEST_ANSWER = 8_000_000  # bytes; a pod takes about 2,000
_PAUSES_S = (0.5, 2.0)  # between the attempts of a read
_LONGEST_WAIT_S = 10.0  # asked by Retry-After; a longer one is the caller's to plan
_BUSY_S = 5  # a 429 that names no time


class RunpodRest:
    """Talks to REST v2 with one key. One instance lives as long as the process.

    Args:
        key: of one's own, or the pod's.
        url: of the API, ends in its version.
        timeout_s: longest silence before a request counts as unanswered.
        sleep: waits between two attempts.
    """

    name = "RunPod REST v2"

    def __init__(
        self,
        key: SecretStr,
        url: str = API_URL,
        *,
        timeout_s: float = 10.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._key = key
        self._url = url.rstrip("/")
        self._sleep = sleep
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S))
        self._http = httpx.AsyncClient(timeout=timeout, limits=httpx.Limits(max_connections=8))

    async def list(self) -> list[Pod]:
        raw = await self._read("/pods")
        pods = raw.get("pods")
        if not isinstance(pods, list):
            raise RunpodUnavailable(reason="no list of pods")
        return [pod for pod in map(answers.pod_of_rest, pods) if pod is not None]

    async def get(self, pod_id: str) -> Pod:
        path = _path(pod_id)
        try:
            pod = answers.pod_of_rest(await self._read(path, pod_id))
        except RunpodApiGone as error:
            raise await self._missing(pod_id, error) from None
        if pod is None or pod.id != pod_id:
            raise RunpodUnavailable(reason="not this pod")
        return pod

    async def start(self, pod_id: str) -> None:
        await self._act(pod_id, PodAction.START)

    async def stop(self, pod_id: str) -> None:
        await self._act(pod_id, PodAction.STOP)

    async def restart(self, pod_id: str) -> None:
        await self._act(pod_id, PodAction.RESTART)

    async def logs(self, pod_id: str, *, tail: int = 100, silence_s: float = 2.0) -> AsyncIterator[str]:
        url, failure = f"{self._url}{_path(pod_id)}/logs", ""
        try:
            async with self._http.stream("GET", url, params={"tail": tail}, headers=self._headers()) as response:
                if response.is_success:
                    async for line in log_lines(response.aiter_bytes(), silence_s):
                        yield line
                    return
                refused = _Answer(response.status_code, response.headers, await _body(response))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = _reason(error)
        if failure:
            raise RunpodUnavailable(reason=failure)
        raise _told(refused, pod_id, None)

    async def billing(self, pod_id: str, since: datetime, until: datetime) -> Sequence[BillingLine]:
        if not is_pod_id(pod_id):
            raise UnknownPod(pod=pod_id[:64])
        span = {"startTime": _rfc3339(since), "endTime": _rfc3339(until), "bucketSize": "hour", "podId": pod_id}
        records = (await self._read("/billing/pods", params=span)).get("records")
        if not isinstance(records, list):
            raise RunpodUnavailable(reason="no billing records")
        lines = [line for line in map(answers.billing_line_of, records) if line is not None]
        return [line for line in lines if line.pod_id == pod_id]

    async def gpu_types(self) -> Sequence[GpuType]:
        raw = await self._read("/catalog/gpus", params={"include": "AVAILABILITY", "product": "POD"})
        types = raw.get("gpus")
        if not isinstance(types, list):
            raise RunpodUnavailable(reason="no GPU types")
        return answers.cheapest_first([each for each in map(answers.gpu_type_of_rest, types) if each is not None])

    async def close(self) -> None:
        await self._http.aclose()

    async def _read(self, path: str, pod_id: str = "", params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """A GET, repeated while that makes sense."""
        for pause in (*_PAUSES_S, None):
            try:
                answer = await self._exchange("GET", path, params=params)
                if not answer.is_success:
                    raise _told(answer, pod_id, None)
                found = answer.json()
                if found is None:
                    raise RunpodUnavailable(reason="not JSON")
                return found
            except _NoAnswer as error:
                failure: OndolError = RunpodUnavailable(reason=error.reason)
            except (RunpodBusy, RunpodUnavailable) as error:
                failure = error
            wait = failure.retry_after_s if isinstance(failure, RunpodBusy) else pause
            if pause is None or wait is None or wait > _LONGEST_WAIT_S or isinstance(failure, RunpodApiGone):
                raise failure
            await self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _act(self, pod_id: str, action: PodAction) -> None:
        """One POST; an answer that does not say what became of it leaves that open."""
        path = f"{_path(pod_id)}/action"
        try:
            answer = await self._exchange("POST", path, body=orjson.dumps({"action": action}))
        except _NoAnswer as error:
            if error.was_sent:
                raise answers.uncertain(pod_id, action, error.reason) from None
            raise RunpodUnavailable(reason=error.reason) from None
        if not answer.is_success:
            told = _told(answer, pod_id, action)
            raise await self._missing(pod_id, told) if isinstance(told, RunpodApiGone) else told
        if answer.json() is None:
            raise answers.uncertain(pod_id, action, "not JSON")

    async def _missing(self, pod_id: str, told: OndolError) -> OndolError:
        """Whether it is the pod that has gone, or the API: the list of pods tells, where the key may read it."""
        try:
            pods = await self.list()
        except OndolError:
            return told
        return told if any(pod.id == pod_id for pod in pods) else UnknownPod(pod=pod_id)

    async def _exchange(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> "_Answer":
        """One request and its whole answer. Raises _NoAnswer."""
        headers = self._headers() | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            async with (
                asyncio.timeout(_ANSWER_S),
                self._http.stream(
                    method, f"{self._url}{path}", params=params, content=body, headers=headers
                ) as response,
            ):
                return _Answer(response.status_code, response.headers, await _body(response))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            failure = _NoAnswer(_reason(error), was_sent=not isinstance(error, _NEVER_SENT))
        raise failure

    def _headers(self) -> dict[str, str]:
        key = answers.header_key(self._key)
        return {"Authorization": f"Bearer {key}", "Accept": "application/json", "Accept-Encoding": "identity"}


_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)


class _NoAnswer(Exception):
    """There is no whole answer; the request may have been applied when it `was_sent`."""

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.reason, self.was_sent = reason, was_sent


@dataclass(frozen=True, repr=False)
class _Answer:
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


def _told(answer: _Answer, pod_id: str, action: PodAction | None) -> OndolError:
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


def _path(pod_id: str) -> str:
    """Raises UnknownPod before anything that cannot be an id gets into an address."""
    if not is_pod_id(pod_id):
        raise UnknownPod(pod=pod_id[:64])
    return f"/pods/{pod_id}"


async def _body(response: httpx.Response) -> bytes | None:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            return None
    return bytes(body)


def _reason(error: Exception) -> str:
    """What went wrong with the connection, without the library's words."""
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


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
