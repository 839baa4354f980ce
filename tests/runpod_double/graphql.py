"""The part of RunPod's GraphQL that its `runpod` package uses, with a parser for queries without variables."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.runpod_double.faults import NO_GPU
from tests.runpod_double.rest import moment
from tests.runpod_double.state import CANARY, Account, FakePod

_TOKEN = re.compile(r'[][{}():,]|"(?:[^"\\]|\\.)*"|[\w.-]+')
_DESIRED = {"PROVISIONING": "RUNNING", "STARTING": "RUNNING", "ERROR": "DEAD"}
SOLD_OUT = "There are no longer any instances available with the requested specifications."


class GraphqlError(Exception):
    """Goes out as `errors`, with HTTP 200."""


@dataclass
class Field:
    """One field of a selection, with its arguments and what is selected below it."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    selection: list["Field"] = field(default_factory=list)


def parsed(query: str) -> list[Field]:
    """The fields at the top. Raises GraphqlError."""
    tokens = _TOKEN.findall(query)
    try:
        while tokens[0] != "{":
            tokens.pop(0)
        found = _selection(tokens)
    except (IndexError, ValueError):
        raise GraphqlError("Syntax Error: Unexpected <EOF>.") from None
    if tokens:
        raise GraphqlError(f"Syntax Error: Unexpected {tokens[0]}.")
    return found


def operation_of(query: str) -> str:
    """Which of the interface's calls a query stands for, as faults name them."""
    for name, operation in (
        ("podRentInterruptable", "create_spot"), ("podStop", "stop"), ("podResume", "start"), ("gpuTypes", "gpus"),
        ("myself", "list"), ("pod(", "get"),
    ):  # fmt: skip
        if name in query:
            return operation
    return "other"


def answered(account: Account, query: str, *, applies: bool = True) -> dict[str, Any]:
    """The body of the answer. `applies`: whether a mutation does what it says it did."""
    pods = account.settled()
    resolvers: dict[str, Callable[[dict[str, Any]], Any]] = {
        "myself": lambda _: {"pods": [told(account, pod) for pod in pods.values()]},
        "pod": lambda given: (
            told(account, account.settled()[given["podId"]]) if given["podId"] in account.pods else None
        ),
        "gpuTypes": lambda _: [_gpu_type(each) for each in account.gpu_types],
        "podRentInterruptable": lambda given: _rented(account, given, applies=applies),
        "podStop": lambda given: _acted(account, given, "stop", applies=applies),
        "podResume": lambda given: _acted(account, given, "start", applies=applies),
        "podTerminate": lambda given: _acted(account, given, "terminate", applies=applies),
    }
    data: dict[str, Any] = {}
    try:
        for each in parsed(query):
            if each.name not in resolvers:
                raise GraphqlError(f'Cannot query field "{each.name}" on type "Query".')
            data[each.name] = _selected(resolvers[each.name](each.arguments.get("input", {})), each.selection)
    except GraphqlError as error:
        return {"errors": [{"message": str(error)}], "data": None}
    return {"data": data}


def told(account: Account, pod: FakePod) -> dict[str, Any]:
    """A pod with everything that may be selected of it."""
    runs = pod.status == "RUNNING"
    uptime = int((account.now() - (pod.started_at or account.now())).total_seconds())
    gpus = [
        {"id": f"gpu{number}", "gpuUtilPercent": pod.gpu_util, "memoryUtilPercent": pod.gpu_memory_util}
        for number in range(pod.gpu_count)
    ]
    return {
        "id": pod.id,
        "name": pod.name,
        "desiredStatus": _DESIRED.get(pod.status, pod.status),
        "locked": pod.locked,
        "costPerHr": pod.rate,
        "podType": "INTERRUPTABLE" if pod.is_spot else "RESERVED",
        "gpuCount": pod.gpu_count,
        "volumeInGb": pod.volume_gb,
        "volumeMountPath": "/workspace",
        "containerDiskInGb": 20,
        "networkVolumeId": pod.network_volume_id or None,
        "lastStartedAt": moment(pod.started_at) if pod.started_at else None,
        "runtime": {"uptimeInSeconds": uptime, "gpus": gpus, "ports": []} if runs and pod.has_runtime else None,
        "machine": {"gpuTypeId": pod.gpu_type, "gpuDisplayName": pod.gpu_type, "dataCenterId": pod.data_center},
        "env": [f"{name}={value}" for name, value in pod.env.items()],
        "dockerArgs": f"serve --api-key {CANARY}",
    }


def _acted(account: Account, given: dict[str, Any], action: str, *, applies: bool) -> dict[str, Any]:
    pod = account.settled().get(given.get("podId", ""))
    if pod is None:
        raise GraphqlError("pod not found")
    if pod.locked and action == "stop":
        raise GraphqlError("Pod is locked.")
    if pod.host_is_full and action == "start":
        raise GraphqlError(NO_GPU)
    if action not in pod.actions:
        raise GraphqlError("Something went wrong. Please try again later or contact support.")
    if applies:
        account.apply(pod, action)
    desired = {"stop": "EXITED", "start": "RUNNING", "terminate": "TERMINATED"}[action] if applies else "RUNNING"
    return {**told(account, pod), "desiredStatus": desired}


def _rented(account: Account, given: dict[str, Any], *, applies: bool) -> dict[str, Any] | None:
    gpu = next((each for each in account.gpu_types if each["id"] == given["gpuTypeId"]), None)
    centers = {None, *(center["id"] for center in (gpu or {}).get("dataCenters", []))}
    is_there = gpu is not None and given.get("dataCenterId") in centers
    if gpu is None or gpu["availability"] == "NONE" or gpu["id"] in account.sold_out or not is_there:
        raise GraphqlError(SOLD_OUT)
    if given["bidPerGpu"] < gpu["price"]["secure"] / 2:
        raise GraphqlError("Your bid is too low.")
    if not applies:
        return None
    body = {"name": given["name"], "gpu": {"id": gpu["id"], "count": given["gpuCount"]}}
    pod = account.order(body)
    pod.is_spot, pod.rate, pod.volume_gb = True, given["bidPerGpu"] * given["gpuCount"], given["volumeInGb"]
    return told(account, pod)


def _gpu_type(entry: dict[str, Any]) -> dict[str, Any]:
    stock = entry["availability"].capitalize()
    return {
        "id": entry["id"],
        "displayName": entry["name"],
        "memoryInGb": entry["memory"],
        "secureCloud": entry["secure"],
        "communityCloud": entry["community"],
        "securePrice": entry["price"]["secure"],
        "communityPrice": entry["price"]["community"],
        "lowestPrice": {
            "stockStatus": None if stock == "None" else stock,
            "minimumBidPrice": entry["price"]["secure"] / 2,
        },
    }


def _selected(value: Any, selection: list[Field]) -> Any:
    """Only what was asked for. Raises GraphqlError for a field that does not exist."""
    if isinstance(value, list):
        return [_selected(each, selection) for each in value]
    if value is None or not selection:
        return value
    unknown = next((each.name for each in selection if each.name not in value), None)
    if unknown is not None:
        raise GraphqlError(f'Cannot query field "{unknown}" on type "Pod".')
    return {each.name: _selected(value[each.name], each.selection) for each in selection}


def _selection(tokens: list[str]) -> list[Field]:
    found: list[Field] = []
    _expect(tokens, "{")
    while tokens[0] != "}":
        each = Field(tokens.pop(0))
        if tokens[0] == "(":
            tokens.pop(0)
            each.arguments = _pairs(tokens, ")")
        if tokens[0] == "{":
            each.selection = _selection(tokens)
        found.append(each)
    tokens.pop(0)
    return found


def _pairs(tokens: list[str], end: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while tokens[0] != end:
        name = tokens.pop(0)
        _expect(tokens, ":")
        found[name] = _value(tokens)
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
    return found


def _value(tokens: list[str]) -> Any:
    token = tokens.pop(0)
    if token == "{":
        return _pairs(tokens, "}")
    if token == "[":
        found = []
        while tokens[0] != "]":
            found.append(_value(tokens))
            if tokens[0] == ",":
                tokens.pop(0)
        tokens.pop(0)
        return found
    if token.startswith('"'):
        return json.loads(token)
    return json.loads(token) if token.replace(".", "", 1).isdigit() else token


def _expect(tokens: list[str], token: str) -> None:
    if tokens.pop(0) != token:
        raise ValueError
