"""What only a person at a command line asks of RunPod: creating and deleting pods, volumes, templates.

Everything but reading is sent once. Whether a creation whose answer was lost has worked is found out by the pod's name.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from backend.errors import (
    NoGpuFree,
    OndolError,
    OrderRefused,
    QuotaReached,
    RunpodBalanceEmpty,
    RunpodKeyRefused,
    RunpodUnavailable,
    UnknownPod,
)
from backend.pod import runpod_answers as answers
from backend.pod.pods import GpuType, NetworkVolume, Pod, is_pod_id
from backend.pod.runpod_http import Answer, NoAnswer, RunpodHttp, told

_TELLING = 6  # letters of a value that would give it away
_LONGEST_DETAIL = 200
# Beside the words of `answers.refusal_of_creation`: none of this type, there, with that driver.
_PLACING = re.compile(
    r"\b(capacity|availab\w*|unavailable|in stock|could not (be )?place\w*|cannot be placed|no machine\w*)"
)


class Uncertain(Exception):
    """The request left; whether it was applied is not known. `reason` is a word of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotHere(Exception):
    """This type cannot be had now, or not with these conditions; another one may.

    RunPod refuses with one status what it has no room for and what no type would change, and what it says of it is for
    people. `refusal` is what it means if every type is refused so; None: there was no room.
    """

    def __init__(self, refusal: OndolError | None = None) -> None:
        super().__init__("" if refusal is None else refusal.code)
        self.refusal = refusal


def shared_refusal(failures: Sequence[NotHere]) -> OndolError | None:
    """Why none of several types was placed, where it was for want of room with none of them.

    That the key lacks a right is believed when RunPod says it of all; else the last words about the order count.
    """
    refusals = [failure.refusal for failure in failures]
    if not refusals or None in refusals:
        return None
    return next((each for each in reversed(refusals) if isinstance(each, OrderRefused)), refusals[-1])


class Account:
    """One RunPod account, through REST v2."""

    def __init__(self, http: RunpodHttp) -> None:
        self._http = http

    async def catalogue(self, *, count: int, community: bool, minimum_cuda: str) -> Sequence[GpuType]:
        """GPU types with their prices and what is free of them for such a pod, cheapest first."""
        params = {"include": "AVAILABILITY", "product": "POD", "count": str(count)}
        params["cloud"] = "COMMUNITY" if community else "SECURE"
        if minimum_cuda:
            params["minCudaVersion"] = minimum_cuda
        types = _listed(await self._http.read("/catalog/gpus", params=params), "gpus")
        return answers.cheapest_first([each for each in map(answers.gpu_type_of_rest, types) if each is not None])

    async def create_pod(self, body: Mapping[str, Any]) -> Pod:
        """Asks for one GPU type.

        Raises:
            NotHere: RunPod did not place it; nothing was created.
            Uncertain: it may have been created.
            RunpodBalanceEmpty, QuotaReached, OrderRefused: no other type would do better.
            RunpodKeyRefused, RunpodBusy, RunpodRefused, RunpodUnavailable
        """
        answer = await self._send("POST", "/pods", body)
        if answer.is_success:
            pod = answers.pod_of_rest(answer.json())
            if pod is None:
                raise Uncertain("no pod in the answer")
            return pod
        raise _not_created(answer, body.get("env", {}).values())

    async def delete_pod(self, pod_id: str) -> None:
        """Deletes a pod with its volume, for good. Raises UnknownPod, Uncertain and what else RunPod says."""
        if not is_pod_id(pod_id):
            raise UnknownPod(pod=pod_id[:64])
        answer = await self._send("DELETE", f"/pods/{pod_id}")
        if answer.status >= 500:
            raise Uncertain(f"HTTP {answer.status}")
        if not answer.is_success:
            raise told(answer, pod_id, None)

    async def volumes(self) -> list[NetworkVolume]:
        return answers.network_volumes_of(await self._http.read("/network-volumes"))

    async def create_volume(self, name: str, size_gb: int, data_center: str) -> NetworkVolume:
        """It costs money until somebody deletes it. Raises Uncertain and what else RunPod says."""
        body = {"name": name, "size": size_gb, "dataCenter": data_center}
        volume = answers.network_volume_of(_created(await self._send("POST", "/network-volumes", body)))
        if volume is None:
            raise Uncertain("no volume in the answer")
        return volume

    async def template_id(self, name: str) -> str:
        """Id of the template of this name; empty when there is none."""
        raw = _listed(await self._http.read("/templates"), "templates")
        return next((str(each.get("id", "")) for each in raw if each.get("name") == name), "")

    async def create_template(self, body: Mapping[str, Any]) -> str:
        """Its id. Raises Uncertain and what else RunPod says."""
        created = _created(await self._send("POST", "/templates", body))
        if not isinstance(created.get("id"), str):
            raise Uncertain("no template in the answer")
        return str(created["id"])

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        failure: Exception
        try:
            return await self._http.exchange(method, path, body=None if body is None else orjson.dumps(body))
        except NoAnswer as error:
            failure = Uncertain(error.reason) if error.was_sent else RunpodUnavailable(reason=error.reason)
        raise failure  # outside of the handler: the library's error holds the request, and with it key and environment


def refused(detail: str, values: Iterable[str], status: int) -> OrderRefused:
    """The refusal in RunPod's words, on one line and without values of variables, which it may quote."""
    said = detail
    for value in sorted(filter(None, values), key=len, reverse=True):
        said = said.replace(value, "…").replace(json.dumps(value)[1:-1], "…")
        if len(value) > _TELLING and value[:_TELLING] in said:  # cut, or written in another way
            said = ""
    said = " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())
    return OrderRefused(upstream_status=status, detail=said[:_LONGEST_DETAIL] or "–")


def _not_created(answer: Answer, values: Iterable[str]) -> Exception:
    """What a refusal means; docs.runpod.io says which of them another type may overcome."""
    problem = answer.json()
    original = str((problem or {}).get("detail", ""))
    detail = original.lower()
    if problem is None or answer.status >= 500:
        known = told(answer, "", None)
        return Uncertain(f"HTTP {answer.status}") if isinstance(known, RunpodUnavailable) else known
    spoken = answers.refusal_of_creation(detail)
    if spoken is not None:
        return NotHere() if isinstance(spoken, NoGpuFree) else spoken
    if answer.status in (400, 422):
        refusal = refused(original, values, answer.status)
        return NotHere() if _PLACING.search(detail) else NotHere(refusal) if answer.status == 400 else refusal
    if answer.status == 403:
        of_this_pool = "pool" in detail or "gpu" in detail
        return NotHere() if of_this_pool else NotHere(RunpodKeyRefused(upstream_status=403))
    return told(answer, "", None)


def _created(answer: Answer) -> Mapping[str, Any]:
    found = answer.json()
    if answer.is_success and found is not None:
        return found
    if answer.is_success or answer.status >= 500:
        raise Uncertain(f"HTTP {answer.status}")
    spoken: OndolError | None = answers.refusal_of_creation(str((found or {}).get("detail", "")).lower())
    raise spoken if isinstance(spoken, RunpodBalanceEmpty | QuotaReached) else told(answer, "", None)


def _listed(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = raw.get(name)
    if not isinstance(found, list):
        raise RunpodUnavailable(reason=f"no {name}")
    return [each for each in found if isinstance(each, Mapping)]
