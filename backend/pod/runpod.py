"""RunPod's REST API v2: pods, their logs, their bills, and what else could be rented.

An action is sent once and never again, because a request whose answer was lost may have been applied: that is told as
`PodActionUncertain` and settled by reading the pod.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime

import httpx
import orjson
from pydantic import SecretStr

from backend.errors import OndolError, RunpodApiGone, RunpodUnavailable, UnknownPod
from backend.pod import runpod_answers as answers
from backend.pod.pods import BillingLine, GpuType, Pod, PodAction, is_pod_id
from backend.pod.runpod_http import API_URL, Answer, NoAnswer, RunpodHttp, body_of, reason_of, told
from backend.pod.runpod_logs import log_lines


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
        self._http = RunpodHttp(key, url, timeout_s=timeout_s, sleep=sleep)

    async def list(self) -> list[Pod]:
        raw = await self._http.read("/pods")
        pods = raw.get("pods")
        if not isinstance(pods, list):
            raise RunpodUnavailable(reason="no list of pods")
        return [pod for pod in map(answers.pod_of_rest, pods) if pod is not None]

    async def get(self, pod_id: str) -> Pod:
        path = _path(pod_id)
        try:
            pod = answers.pod_of_rest(await self._http.read(path, pod_id))
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
        url, failure = f"{self._http.url}{_path(pod_id)}/logs", ""
        try:
            async with self._http.client.stream(
                "GET", url, params={"tail": tail}, headers=self._http.headers()
            ) as response:
                if response.is_success:
                    async for line in log_lines(response.aiter_bytes(), silence_s):
                        yield line
                    return
                refused = Answer(response.status_code, response.headers, await body_of(response))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = reason_of(error)
        if failure:
            raise RunpodUnavailable(reason=failure)
        raise told(refused, pod_id, None)

    async def billing(self, pod_id: str, since: datetime, until: datetime) -> Sequence[BillingLine]:
        if not is_pod_id(pod_id):
            raise UnknownPod(pod=pod_id[:64])
        span = {"startTime": _rfc3339(since), "endTime": _rfc3339(until), "bucketSize": "hour", "podId": pod_id}
        records = (await self._http.read("/billing/pods", params=span)).get("records")
        if not isinstance(records, list):
            raise RunpodUnavailable(reason="no billing records")
        lines = [line for line in map(answers.billing_line_of, records) if line is not None]
        return [line for line in lines if line.pod_id == pod_id]

    async def network_volume_gb(self, volume_id: str) -> float | None:
        volumes = answers.network_volumes_of(await self._http.read("/network-volumes"))
        return next((float(volume.size_gb) for volume in volumes if volume.id == volume_id), None)

    async def gpu_types(self, count: int) -> Sequence[GpuType]:
        asked = {"include": "AVAILABILITY", "product": "POD", "count": str(count)}
        raw = await self._http.read("/catalog/gpus", params=asked)
        types = raw.get("gpus")
        if not isinstance(types, list):
            raise RunpodUnavailable(reason="no GPU types")
        return answers.cheapest_first([each for each in map(answers.gpu_type_of_rest, types) if each is not None])

    async def close(self) -> None:
        await self._http.close()

    async def _act(self, pod_id: str, action: PodAction) -> None:
        """One POST; an answer that does not say what became of it leaves that open."""
        path = f"{_path(pod_id)}/action"
        try:
            answer = await self._http.exchange("POST", path, body=orjson.dumps({"action": action}))
        except NoAnswer as error:
            if error.was_sent:
                raise answers.uncertain(pod_id, action, error.reason) from None
            raise RunpodUnavailable(reason=error.reason) from None
        if not answer.is_success:
            failure = told(answer, pod_id, action)
            raise await self._missing(pod_id, failure) if isinstance(failure, RunpodApiGone) else failure
        if answer.json() is None:
            raise answers.uncertain(pod_id, action, "not JSON")

    async def _missing(self, pod_id: str, failure: OndolError) -> OndolError:
        """Whether it is the pod that has gone, or the API: the list of pods tells, where the key may read it."""
        try:
            pods = await self.list()
        except OndolError:
            return failure
        return failure if any(pod.id == pod_id for pod in pods) else UnknownPod(pod=pod_id)


def _path(pod_id: str) -> str:
    """Raises UnknownPod before anything that cannot be an id gets into an address."""
    if not is_pod_id(pod_id):
        raise UnknownPod(pod=pod_id[:64])
    return f"/pods/{pod_id}"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
