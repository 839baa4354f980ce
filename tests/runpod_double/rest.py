"""REST v2: the answers to each request, as the contract describes them."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.runpod_double.faults import NO_GPU, problem
from tests.runpod_double.state import CANARY, Account, FakePod

_PERMITTED = ("start", "stop", "restart", "terminate")


def listed(account: Account) -> Response:
    pods = [told(account, pod) for pod in account.settled().values() if pod.status != "TERMINATED"]
    return JSONResponse({"pods": pods})


def one(account: Account, pod_id: str) -> Response:
    pod = account.settled().get(pod_id)
    return missing() if pod is None else JSONResponse(told(account, pod))


def acted(account: Account, pod_id: str, action: str) -> Response:
    pod = account.settled().get(pod_id)
    if pod is None:
        return missing()
    if action not in _PERMITTED:
        return problem(422, "Unprocessable Entity", "Request validation failed.")
    if pod.locked and action in ("stop", "restart"):
        return problem(409, "Conflict", "the pod is locked")
    if action not in pod.actions:
        return problem(409, "Conflict", "action is not valid for the pod's current status")
    if action == "start" and pod.host_is_full:
        return problem(400, "Bad Request", NO_GPU)
    account.apply(pod, action)
    return Response(status_code=204) if action == "terminate" else JSONResponse(told(account, pod))


def logged(account: Account, pod_id: str, tail: int) -> Response:
    """The log so far, and then a stream that stays open."""
    pod = account.settled().get(pod_id)
    if pod is None:
        return missing()
    lines = pod.log[-tail:] if tail else []

    async def events() -> AsyncIterator[str]:
        for at, line in lines:
            event = {"source": "container", "line": line, "ts": moment(at)}
            yield f"id: {event['ts']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        yield ": nothing more for now\n\n"
        await asyncio.Event().wait()  # until the client leaves

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


def billed(account: Account, params: dict[str, str]) -> Response:
    """A record an hour or a day for each pod that the filter leaves."""
    size = {"hour": timedelta(hours=1), "day": timedelta(days=1)}[params.get("bucketSize", "day")]
    now = account.now()
    until = _floor(_parsed(params.get("endTime"), now) + size - timedelta(microseconds=1), size)
    since = _floor(_parsed(params.get("startTime"), now - timedelta(days=30)), size)
    pods = [pod for pod in account.settled().values() if params.get("podId", pod.id) == pod.id]
    records: list[dict[str, Any]] = []
    at = since
    while at < until:
        for pod in pods:
            charges = account.charges(pod, at, at + size)
            if charges["totalAmount"] > 0:
                records.append({"startTime": moment(at), "endTime": moment(at + size), "podId": pod.id, **charges})
        at += size
    names = ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount")
    query = {"startTime": moment(since), "endTime": moment(until), "bucketSize": params.get("bucketSize", "day")}
    metadata = {
        "query": {**query, "podId": params.get("podId")},
        "recordCount": len(records),
        "uniquePodCount": len({record["podId"] for record in records}),
        "totals": {name: sum(record[name] for record in records) for name in names},
    }
    return JSONResponse({"records": records, "metadata": metadata})


def catalogued(account: Account, params: dict[str, str]) -> Response:
    with_stock = params.get("include") == "AVAILABILITY"
    if with_stock != ("product" in params):
        return problem(400, "Bad Request", "availability needs a product, and a product availability")
    hidden = () if with_stock else ("availability", "dataCenters")
    gpus = [{name: value for name, value in each.items() if name not in hidden} for each in account.gpu_types]
    return JSONResponse({"gpus": gpus})


def missing() -> Response:
    return problem(404, "Not Found", "pod not found")


def told(account: Account, pod: FakePod) -> dict[str, Any]:
    """A pod as REST tells it, secrets and all."""
    runs = pod.status == "RUNNING"
    mounts: dict[str, Any] = {"persistent": {"size": pod.volume_gb, "path": "/workspace"}} if pod.volume_gb else {}
    if pod.network_volume_id:
        mounts = {"network": [{"volumeId": pod.network_volume_id, "path": "/workspace"}]}
    body: dict[str, Any] = {
        "id": pod.id,
        "name": pod.name,
        "image": "ghcr.io/ondol/ondol:latest",
        "args": f"serve --api-key {CANARY}",
        "disk": 20,
        "ports": ["7860/http", "22/tcp"],
        "env": pod.env,
        "registry": None,
        "status": pod.status,
        "actions": pod.actions,
        "mounts": mounts,
        "cloud": "SECURE",
        "dataCenterId": pod.data_center,
        "cudaVersion": "12.8" if pod.gpu_type else None,
        "ssh": {"proxy": None, "direct": None},
        "template": None,
        "cost": pod.rate if pod.status in ("PROVISIONING", "STARTING", "RUNNING") else 0.0,
        "locked": pod.locked,
        "globalNetworking": {"enabled": False},
        "runtime": _runtime(account, pod) if runs and pod.has_runtime else None,
        "createdAt": "2026-06-01T12:00:00Z",
        "startedAt": moment(pod.started_at) if pod.started_at else None,
    }
    if pod.gpu_type:
        body["gpu"] = {"id": pod.gpu_type, "count": pod.gpu_count}
    else:
        body["cpu"] = {"id": "cpu3c", "vcpuCount": 2, "memory": 4}
    return body


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _runtime(account: Account, pod: FakePod) -> dict[str, Any]:
    uptime = (account.now() - (pod.started_at or account.now())).total_seconds()
    gpus = [{"util": pod.gpu_util, "memoryUtil": pod.gpu_memory_util}] * pod.gpu_count
    return {"uptime": int(uptime), "gpus": gpus, "cpu": {"util": 3}, "memory": {"util": 21}, "ports": []}


def _parsed(text: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise


def _floor(at: datetime, size: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (at - epoch) // size * size
