"""The double is what the contract says RunPod is, and our client asks only for what is in it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from backend.pod.runpod import RunpodRest
from backend.settings import REPOSITORY
from tests.fixtures.runpod import ManualClock
from tests.runpod_double import KEY, FakePod, FaultKind, RunpodDouble
from tests.runpod_double.faults import Fault, refusal

_PATH = "ONDOL_RUNPOD_CONTRACT"
CONTRACT = Path(os.environ.get(_PATH) or REPOSITORY.parent / "shared/contracts/runpod_openapi_v2.json")
needs_contract = pytest.mark.skipif(
    not CONTRACT.is_file(), reason=f"RunPod's OpenAPI document is not there; {_PATH} says where it is"
)


class Contract:
    """RunPod's OpenAPI 3.1 document, whose schemas are JSON Schema 2020-12."""

    def __init__(self, path: Path) -> None:
        self.document: dict[str, Any] = json.loads(path.read_text())

    def check(self, method: str, path: str, answer: httpx.Response) -> None:
        """Raises ValidationError when the answer is not one of those described for the call."""
        responses = self.document["paths"][path][method]["responses"]
        response = self._followed(responses.get(str(answer.status_code)) or responses["default"])
        content = response.get("content")
        kind = answer.headers.get("content-type", "").partition(";")[0]
        assert (kind in content) if content else not answer.content
        if kind.endswith("json"):
            self.validator(content[kind]["schema"]["$ref"]).validate(answer.json())

    def validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": pointer, "components": self.document["components"]})

    def parameters(self, method: str, path: str) -> set[str]:
        """Names of the query parameters of a call."""
        told = self.document["paths"][path][method].get("parameters", [])
        return {each["name"] for each in map(self._followed, told) if each["in"] == "query"}

    def template_of(self, path: str) -> str:
        """The path of the contract that a request's path is an instance of."""
        for template in self.document["paths"]:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return str(template)
        raise AssertionError(f"{path} is not in the contract")

    def _followed(self, node: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = node
        for name in node["$ref"].removeprefix("#/").split("/") if "$ref" in node else ():
            found = (self.document if found is node else found)[name]
        return found


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(CONTRACT)


@pytest.fixture
def http(runpod: RunpodDouble) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=runpod.host_url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        yield client


@pytest.fixture
async def client(runpod: RunpodDouble) -> AsyncIterator[RunpodRest]:
    rest = RunpodRest(SecretStr(KEY), runpod.url)
    yield rest
    await rest.close()


@needs_contract
def test_its_answers_are_those_of_the_contract(
    contract: Contract, http: httpx.Client, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    for status in ("PROVISIONING", "STARTING", "ERROR"):
        runpod.account.add(FakePod(f"pod{status.lower()}", status=status))
    runpod.account.pods["pod2spot"].locked = True
    contract.check("get", "/v2/pods", http.get("/v2/pods"))
    for pod_id in (*runpod.account.pods, "nosuchpod"):
        contract.check("get", "/v2/pods/{id}", http.get(f"/v2/pods/{pod_id}"))
    for pod_id, action in (
        ("pod0main", "restart"), ("pod3net", "stop"), ("pod1cold", "start"), ("pod2spot", "stop"),
        ("pod1cold", "start"), ("nosuchpod", "stop"), ("pod0main", "explode"), ("pod4cpu", "terminate"),
    ):  # fmt: skip
        answer = http.post(f"/v2/pods/{pod_id}/action", json={"action": action})
        contract.check("post", "/v2/pods/{id}/action", answer)
    contract.check("post", "/v2/pods/{id}/action", http.post("/v2/pods/pod0main/action", content=b"{"))
    contract.check("delete", "/v2/pods/{id}", http.delete("/v2/pods/podstarting"))
    since = (pod_clock.now() - timedelta(days=1)).isoformat()
    for params in ({}, {"startTime": since, "bucketSize": "hour", "podId": "pod0main"}):
        contract.check("get", "/v2/billing/pods", http.get("/v2/billing/pods", params=params))
    for params in ({}, {"include": "AVAILABILITY", "product": "POD"}, {"include": "AVAILABILITY"}):
        contract.check("get", "/v2/catalog/gpus", http.get("/v2/catalog/gpus", params=params))
    contract.check("get", "/v2/pods", http.get("/v2/pods", headers={"Authorization": "Bearer wrong"}))
    with http.stream("GET", "/v2/pods/pod0main/logs") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event = next(line for line in answer.iter_lines() if line.startswith("data:"))
    assert set(json.loads(event[5:])) == {"source", "line", "ts"}
    assert len(runpod.account.terminations) == 2, "it would notice"
    runpod.account.requests.clear()


@needs_contract
@pytest.mark.parametrize("kind", list(FaultKind))
def test_refusals_that_are_objects_are_problems(contract: Contract, kind: FaultKind) -> None:
    answer = refusal(Fault(kind))
    if answer is not None and "json" in (answer.media_type or ""):
        contract.validator("#/components/schemas/ErrorResponse").validate(json.loads(bytes(answer.body)))


@needs_contract
async def test_the_client_asks_for_what_is_there(
    contract: Contract, client: RunpodRest, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    await client.list()
    await client.get("pod0main")
    await client.restart("pod0main")
    await client.stop("pod3net")
    await client.start("pod1cold")
    await client.billing("pod0main", pod_clock.now() - timedelta(hours=1), pod_clock.now())
    await client.gpu_types(2)
    assert [line async for line in client.logs("pod0main", silence_s=0.2)]
    assert len(runpod.account.requests) == 8
    for request in runpod.account.requests:
        template = contract.template_of(request.path)
        assert set(request.params) <= contract.parameters(request.method.lower(), template)
        if request.action:
            contract.validator("#/components/schemas/PodActionRequest").validate({"action": request.action})


def test_bills_add_up(http: httpx.Client, runpod: RunpodDouble, pod_clock: ManualClock) -> None:
    pod_clock.advance(1800)
    runpod.account.apply(runpod.account.pods["pod0main"], "stop")
    pod_clock.advance(3600)
    params = {"startTime": "2026-06-01T11:00:00Z", "bucketSize": "hour", "podId": "pod0main"}
    body = http.get("/v2/billing/pods", params=params).json()
    hours = [round(record["gpuAmount"], 3) for record in body["records"]]
    assert hours == [0.69, round(0.69 * 1805 / 3600, 3), 0.0], "an hour, half an hour and 5 s, nothing"
    assert body["records"][2]["diskAmount"] > 0, "a stopped pod pays for its volume"
    assert body["metadata"]["totals"]["totalAmount"] == pytest.approx(sum(r["totalAmount"] for r in body["records"]))


def test_a_fault_strikes_as_often_as_it_should(http: httpx.Client, runpod: RunpodDouble) -> None:
    runpod.fail(FaultKind.SERVER_ERROR, "get", times=2)
    runpod.fail(FaultKind.RATE_LIMITED, times=1, retry_after="9")
    assert http.get("/v2/pods").headers["retry-after"] == "9"
    assert [http.get("/v2/pods/pod0main").status_code for _ in range(3)] == [500, 500, 200]


def test_it_runs_as_a_command() -> None:
    command = [sys.executable, "-m", "tests.runpod_double", "--fail", "403"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            headers = {"Authorization": f"Bearer {told['key']}"}
            assert httpx.get(f"{told['url']}/pods", headers=headers, trust_env=False).status_code == 403
        finally:
            process.terminate()
    assert process.returncode == 0
