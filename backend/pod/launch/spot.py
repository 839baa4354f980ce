"""Spot pods, through GraphQL: REST v2 has no way to order one.

The lowest bid that RunPod accepts now is what is bid. GraphQL answers refusals with HTTP 200 and a sentence, like the
rest of that API (`backend.pod.runpod_sdk`); the request is sent once, as every creation.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from backend.errors import NoGpuFree, RunpodUnavailable
from backend.pod import runpod_answers as answers
from backend.pod.launch.account import NotHere, Uncertain, refused, shared_refusal
from backend.pod.launch.choosing import Candidate
from backend.pod.launch.order import WORKSPACE, Order
from backend.pod.pods import GpuType, is_pod_id
from backend.pod.runpod_http import NoAnswer, RunpodHttp, told

_OUTBID = re.compile(r"\bbid\b", re.IGNORECASE)


class Spot:
    """Args:
    http: of RunPod's host, without the version of REST.
    """

    def __init__(self, http: RunpodHttp) -> None:
        self._http = http

    async def priced(self, types: Sequence[GpuType], *, count: int, community: bool) -> list[GpuType]:
        """The types with the bid for one GPU as their price; without those that take none.

        Raises:
            RunpodUnavailable, RunpodKeyRefused, RunpodApiGone
        """
        secure = "false" if community else "true"
        lowest = f"lowestPrice(input: {{gpuCount: {count}, secureCloud: {secure}}}) {{ minimumBidPrice }}"
        query = f"query {{ gpuTypes {{ id {lowest} }} }}"
        try:
            data = await self._asked(query)
        except Uncertain as error:  # nothing was ordered
            raise RunpodUnavailable(reason=error.reason) from None
        bids: dict[str, float] = {}
        for entry in data.get("gpuTypes") or []:
            bid = ((entry or {}).get("lowestPrice") or {}).get("minimumBidPrice")
            if isinstance(bid, int | float) and bid > 0:
                bids[str(entry.get("id"))] = float(bid)
        return [
            replace(gpu, secure_price=bids[gpu.id], community_price=bids[gpu.id]) for gpu in types if gpu.id in bids
        ]

    async def rent(self, order: Order, candidate: Candidate) -> str:
        """Id of the new pod.

        Raises:
            NotHere, Uncertain, RunpodBalanceEmpty, QuotaReached, RunpodKeyRefused, RunpodBusy, RunpodUnavailable
        """
        given = _input(order, candidate)
        found = await self._asked(f"mutation {{ podRentInterruptable(input: {given}) {{ id }} }}", order.env)
        pod = found.get("podRentInterruptable")
        pod_id = pod.get("id") if isinstance(pod, Mapping) else None
        if not isinstance(pod_id, str) or not is_pod_id(pod_id):
            raise Uncertain("no pod in the answer")
        return pod_id

    async def rent_anywhere(self, order: Order, candidate: Candidate) -> str:
        """Id of the new pod. GraphQL takes one data center: those of the order are asked for one after the other."""
        if not order.data_centers:
            return await self.rent(order, candidate)
        failures: list[NotHere] = []
        for place in order.data_centers:
            try:
                return await self.rent(replace(order, data_centers=(place,)), candidate)
            except NotHere as error:
                failures.append(error)
        raise NotHere(shared_refusal(failures))

    async def _asked(self, query: str, env: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        failure: Exception
        try:
            answer = await self._http.exchange("POST", "/graphql", body=orjson.dumps({"query": query}))
        except NoAnswer as error:
            failure = Uncertain(error.reason) if error.was_sent else RunpodUnavailable(reason=error.reason)
        else:
            body = answer.json()
            data = (body or {}).get("data")
            if answer.is_success and isinstance(data, Mapping):
                return data
            if not answer.is_success and answer.status < 500:
                raise told(answer, "", None)
            failure = _refused((body or {}).get("errors"), answer.status, env or {})
        raise failure


def _refused(errors: object, status: int, env: Mapping[str, str]) -> Exception:
    first = errors[0] if isinstance(errors, list) and errors else {}
    sentence = str(first.get("message", "")) if isinstance(first, Mapping) else ""
    if not sentence:
        return Uncertain(f"HTTP {status}")
    spoken = answers.refusal_of_creation(sentence)
    if spoken is None and not _OUTBID.search(sentence):
        return NotHere(refused(sentence, env.values(), status))
    return NotHere() if spoken is None or isinstance(spoken, NoGpuFree) else spoken


def _input(order: Order, candidate: Candidate) -> str:
    """RunPod's GraphQL is asked without variables; JSON's strings are GraphQL's."""
    storage = order.storage
    bid = candidate.usd_per_hour / order.gpu_count
    fields: dict[str, str] = {
        "bidPerGpu": f"{bid:.4f}",
        "cloudType": "COMMUNITY" if order.community else "SECURE",
        "gpuCount": str(order.gpu_count),
        "gpuTypeId": json.dumps(candidate.gpu.id),
        "name": json.dumps(order.name),
        "imageName": json.dumps(order.image),
        "dockerArgs": json.dumps(order.args),
        "ports": json.dumps(",".join(order.ports)),
        "containerDiskInGb": str(storage.container_gb),
        "volumeInGb": str(storage.volume_gb),
        "volumeMountPath": json.dumps(WORKSPACE),
        "startSsh": str(order.with_ssh).lower(),
        "startJupyter": "false",
        "env": "[" + ", ".join(f"{{key: {json.dumps(k)}, value: {json.dumps(v)}}}" for k, v in order.env.items()) + "]",
    }
    if storage.network_id:
        fields["networkVolumeId"] = json.dumps(storage.network_id)
    if order.minimum_cuda:
        fields["minCudaVersion"] = json.dumps(order.minimum_cuda)
    if order.data_centers:
        fields["dataCenterId"] = json.dumps(order.data_centers[0])
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}"
