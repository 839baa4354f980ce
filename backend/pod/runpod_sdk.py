"""RunPod through its `runpod` package, for the day on which REST v2 is not there: GraphQL behind the same interface.

The package takes one to two seconds and 700 modules to import, so that happens when it is first used, and in a thread
like every call of it. What it is not trusted with:

- its key is a global of the module, filled from a file at import: ours is handed over with each call;
- it puts ids into queries as they are: only what `is_pod_id` accepts gets there;
- its own queries ask for a pod's environment: ours do not;
- it looks at no status but 401, so refusals arrive as objects without data, and pages as errors of the JSON parser;
- it takes any answer to a stop for success: an empty one, or one that says RUNNING, counts as uncertain here.

GraphQL has no restart, logs, bills or sizes of network volumes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from backend.errors import (
    NotOffered,
    OndolError,
    RunpodApiGone,
    RunpodBusy,
    RunpodKeyRefused,
    RunpodUnavailable,
    UnknownPod,
)
from backend.pod import runpod_answers as answers
from backend.pod.pods import BillingLine, GpuType, Pod, PodAction, is_pod_id

_ANSWER_S = 40.0  # the package gives up a silent connection after 30 s, and one that trickles never
_POD = (
    "{ id name desiredStatus locked costPerHr podType gpuCount volumeInGb volumeMountPath containerDiskInGb"
    " networkVolumeId lastStartedAt runtime { uptimeInSeconds gpus { gpuUtilPercent memoryUtilPercent } }"
    " machine { gpuTypeId dataCenterId } }"
)
_GPU_TYPE = (
    "{ id displayName memoryInGb secureCloud communityCloud securePrice communityPrice"
    " lowestPrice(input: {gpuCount: %d, secureCloud: true}) { stockStatus } }"
)


class RunpodSdk:
    """Talks GraphQL with one key. `RUNPOD_API_BASE_URL`, which the package reads, moves it to another host."""

    name = "RunPod GraphQL"

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    async def list(self) -> list[Pod]:
        data = await self._read(f"query {{ myself {{ pods {_POD} }} }}")
        myself = data.get("myself")
        pods = myself.get("pods") if isinstance(myself, Mapping) else None
        if not isinstance(pods, list):
            raise RunpodUnavailable(reason="no list of pods")
        return [pod for pod in map(answers.pod_of_graphql, pods) if pod is not None]

    async def get(self, pod_id: str) -> Pod:
        raw = (await self._read(f"query {{ pod(input: {{{_input(pod_id)}}}) {_POD} }}", pod_id)).get("pod")
        if raw is None:
            raise UnknownPod(pod=pod_id)
        pod = answers.pod_of_graphql(raw)
        if pod is None or pod.id != pod_id:
            raise RunpodUnavailable(reason="not this pod")
        return pod

    async def start(self, pod_id: str) -> None:
        pod = await self.get(pod_id)
        if pod.is_spot:
            raise NotOffered(provider=self.name)  # it would have to name a price
        call = f"podResume(input: {{{_input(pod_id)}, gpuCount: {pod.gpu_count}}})"
        await self._act(pod_id, PodAction.START, "podResume", call)

    async def stop(self, pod_id: str) -> None:
        await self._act(pod_id, PodAction.STOP, "podStop", f"podStop(input: {{{_input(pod_id)}}})")

    async def restart(self, pod_id: str) -> None:
        raise NotOffered(provider=self.name)

    def logs(self, pod_id: str, *, tail: int = 100, silence_s: float = 2.0) -> AsyncIterator[str]:
        raise NotOffered(provider=self.name)

    async def billing(self, pod_id: str, since: datetime, until: datetime) -> Sequence[BillingLine]:
        raise NotOffered(provider=self.name)

    async def network_volume_gb(self, volume_id: str) -> float | None:
        raise NotOffered(provider=self.name)

    async def gpu_types(self, count: int) -> Sequence[GpuType]:
        types = (await self._read(f"query {{ gpuTypes {_GPU_TYPE % count} }}")).get("gpuTypes")
        if not isinstance(types, list):
            raise RunpodUnavailable(reason="no GPU types")
        return answers.cheapest_first([each for each in map(answers.gpu_type_of_graphql, types) if each is not None])

    async def close(self) -> None:
        """Every call has a connection of its own."""

    async def _read(self, query: str, pod_id: str = "") -> Mapping[str, Any]:
        try:
            return await self._asked(query)
        except _Refused as error:
            raise error.told(pod_id) or RunpodUnavailable(reason="GraphQL error") from None

    async def _act(self, pod_id: str, action: PodAction, field: str, call: str) -> None:
        try:
            told = (await self._asked(f"mutation {{ {call} {{ id desiredStatus }} }}")).get(field)
        except _Refused as error:
            refusal = answers.refusal_told(error.sentence, pod_id, action) or error.told(pod_id)
            raise refusal or answers.uncertain(pod_id, action, "GraphQL error") from None
        except RunpodApiGone:
            raise
        except RunpodUnavailable as error:
            raise answers.uncertain(pod_id, action, str(error.details["reason"])) from None
        status = told.get("desiredStatus") if isinstance(told, Mapping) else None
        if status != ("EXITED" if action is PodAction.STOP else "RUNNING"):
            raise answers.uncertain(pod_id, action, "no new state")

    async def _asked(self, query: str) -> Mapping[str, Any]:
        """The `data` of an answer. Raises _Refused, and the errors that have nothing to do with what was asked."""
        body: object = None
        failure: Exception | None = None
        try:
            async with asyncio.timeout(_ANSWER_S):
                body = await asyncio.to_thread(_run, query, answers.header_key(self._key))
        except TimeoutError:
            failure = RunpodUnavailable(reason="timeout")
        if failure is not None:
            raise failure
        data = body.get("data") if isinstance(body, Mapping) else None
        if isinstance(data, Mapping):
            return data
        raise _without_data(body.get("status") if isinstance(body, Mapping) else None)


class _Refused(Exception):
    """GraphQL understood and refused. The sentence is RunPod's own and goes no further than this module."""

    def __init__(self, sentence: object) -> None:
        super().__init__("refused")
        self.sentence = sentence if isinstance(sentence, str) else ""

    def told(self, pod_id: str) -> OndolError | None:
        """What the sentence says about key and pod, if it does."""
        sentence = self.sentence.lower()
        if any(word in sentence for word in ("unauthorized", "not authorized", "forbidden", "permission")):
            return RunpodKeyRefused(upstream_status=403)
        return UnknownPod(pod=pod_id) if pod_id and "not found" in sentence else None


def _run(query: str, key: str) -> object:
    """In a thread: one call of the package. Its errors hold the query, the answer or the request: none gets out."""
    with _logging_as_it_was():
        from runpod import error as package  # noqa: PLC0415 - seconds of import for what is hardly ever used
        from runpod.api.graphql import run_graphql_query  # noqa: PLC0415
    failure: Exception
    try:
        return run_graphql_query(query, api_key=key)
    except package.AuthenticationError:
        failure = RunpodKeyRefused(upstream_status=401)
    except package.QueryError as error:
        failure = _Refused(error.message)
    except ValueError:
        failure = RunpodUnavailable(reason="not JSON")
    except OSError as error:
        failure = RunpodUnavailable(reason="timeout" if "Timeout" in type(error).__name__ else "no connection")
    except (LookupError, TypeError, AttributeError):
        failure = RunpodUnavailable(reason="unexpected answer")
    raise failure


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """At import the package gives the root logger a handler and silences uvicorn: neither is its business."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn")
    handlers, levels = root.handlers[:], (root.level, uvicorn.level)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        uvicorn.setLevel(levels[1])


def _without_data(status: object) -> OndolError:
    """What a refusal means of which only the body's own `status` is left."""
    match status:
        case 401 | 403:
            return RunpodKeyRefused(upstream_status=status)
        case 404 | 410:
            return RunpodApiGone(reason=f"HTTP {status}")
        case 429:
            return RunpodBusy()
        case _:
            return RunpodUnavailable(reason="no data")


def _input(pod_id: str) -> str:
    """Raises UnknownPod before anything that cannot be an id gets into a query."""
    if not is_pod_id(pod_id):
        raise UnknownPod(pod=pod_id[:64])
    return f'podId: "{pod_id}"'
