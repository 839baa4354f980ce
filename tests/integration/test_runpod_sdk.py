"""The `runpod` package behind our interface, against the double's GraphQL: its traps, and the way around each."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import runpod as package
from pydantic import SecretStr
from runpod.api.graphql import run_graphql_query

from backend.errors import (
    NoGpuFree,
    NotOffered,
    OndolError,
    PodActionUncertain,
    PodLocked,
    RunpodApiGone,
    RunpodBusy,
    RunpodKeyRefused,
    RunpodUnavailable,
    UnknownPod,
)
from backend.pod import runpod_sdk
from backend.pod.pods import Availability, PodAction, PodProvider, PodStatus
from backend.pod.providers import Fallback, provider_of
from backend.pod.runpod import RunpodRest
from backend.pod.runpod_sdk import RunpodSdk
from backend.settings import REPOSITORY, ConfigurationError, load
from tests.fixtures.runpod import ManualClock, everything
from tests.runpod_double import CANARY, KEY, FaultKind, RunpodDouble

POD = "pod0main"


@pytest.fixture
def sdk(runpod: RunpodDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodSdk]:
    monkeypatch.setenv("RUNPOD_API_BASE_URL", runpod.host_url)
    monkeypatch.setattr(package, "api_key", None)
    yield RunpodSdk(SecretStr(KEY))
    assert package.api_key is None, "the key is handed over with each call"


async def test_pods_are_read_without_asking_for_their_environment(sdk: RunpodSdk, runpod: RunpodDouble) -> None:
    pods = {pod.id: pod for pod in await sdk.list()}
    main, cold, spot, net = (pods[name] for name in (POD, "pod1cold", "pod2spot", "pod3net"))
    assert (main.status, main.cost_per_hour, main.uptime_s) == (PodStatus.RUNNING, 0.69, 3600.0)
    assert (main.actions, main.gpus[0].memory_percent) == ({PodAction.STOP}, 62.0)
    assert (cold.status, cold.cost_per_hour, cold.actions) == (PodStatus.EXITED, 0.0, {PodAction.START})
    assert (spot.is_spot, main.is_spot, net.network_volume_id, net.gpu_count) == (True, False, "nv7q2", 2)
    assert await sdk.get(POD) == main
    assert CANARY not in repr(pods)
    assert all(" env " not in request.query for request in runpod.account.requests)


async def test_stop_and_start(sdk: RunpodSdk, runpod: RunpodDouble, pod_clock: ManualClock) -> None:
    await sdk.stop("pod3net")
    assert (await sdk.get("pod3net")).status is PodStatus.RUNNING, "accepted is not done"
    pod_clock.advance(5)
    assert (await sdk.get("pod3net")).status is PodStatus.EXITED
    await sdk.start("pod3net")
    assert "gpuCount: 2" in runpod.account.requests[-1].query
    pod_clock.advance(60)
    assert (await sdk.get("pod3net")).has_runtime


async def test_gpu_types_come_with_price_and_stock(sdk: RunpodSdk, runpod: RunpodDouble) -> None:
    found = {each.name: each for each in await sdk.gpu_types(2)}
    assert "gpuCount: 2" in runpod.account.requests[-1].query
    assert (found["L4"].secure_price, found["L4"].community_price) == (0.43, None)
    assert (found["L4"].availability, found["RTX 4090"].availability) == (Availability.HIGH, Availability.UNKNOWN)


async def test_what_graphql_does_not_have(sdk: RunpodSdk, runpod: RunpodDouble, pod_clock: ManualClock) -> None:
    calls = (sdk.restart(POD), sdk.billing(POD, pod_clock.now(), pod_clock.now()), sdk.start("pod2spot"),
             sdk.network_volume_gb("nv7q2"))  # fmt: skip
    for call in calls:
        with pytest.raises(NotOffered):
            await call
    with pytest.raises(NotOffered, match="GraphQL"):
        sdk.logs(POD)
    assert {request.operation for request in runpod.account.requests} == {"get"}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.UNAUTHORIZED, RunpodKeyRefused),
        (FaultKind.FORBIDDEN, RunpodKeyRefused),
        (FaultKind.RATE_LIMITED, RunpodBusy),
        (FaultKind.GONE, RunpodApiGone),
        (FaultKind.NOT_FOUND, UnknownPod),
        (FaultKind.HTML_500, PodActionUncertain),
        (FaultKind.SERVER_ERROR, PodActionUncertain),
        (FaultKind.EMPTY, PodActionUncertain),
        (FaultKind.GARBAGE, PodActionUncertain),
        (FaultKind.BROKEN_OFF, PodActionUncertain),
        (FaultKind.NOT_APPLIED, PodActionUncertain),
    ],
)
async def test_what_a_stop_makes_of_each_fault_and_sends_once(
    sdk: RunpodSdk, runpod: RunpodDouble, kind: FaultKind, error: type[OndolError]
) -> None:
    runpod.fail(kind, "stop")
    with pytest.raises(error) as caught:
        await sdk.stop(POD)
    assert type(caught.value) is error
    assert runpod.account.asked("stop") == 1
    assert CANARY not in everything(caught.value)
    assert KEY not in everything(caught.value)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.FORBIDDEN, RunpodKeyRefused),
        (FaultKind.HTML_500, RunpodUnavailable),
        (FaultKind.EMPTY, UnknownPod),
        (FaultKind.GARBAGE, RunpodUnavailable),
        (FaultKind.BROKEN_OFF, RunpodUnavailable),
        (FaultKind.GONE, RunpodApiGone),
    ],
)
async def test_what_reading_makes_of_each_fault(
    sdk: RunpodSdk, runpod: RunpodDouble, kind: FaultKind, error: type[OndolError]
) -> None:
    runpod.fail(kind)
    with pytest.raises(error) as caught:
        await sdk.get(POD)
    assert type(caught.value) is error
    assert CANARY not in everything(caught.value)


async def test_a_stop_that_was_applied_but_not_answered(
    sdk: RunpodSdk, runpod: RunpodDouble, pod_clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runpod_sdk, "_ANSWER_S", 0.3)
    runpod.fail(FaultKind.HANG, "stop")
    with pytest.raises(PodActionUncertain, match="timeout"):
        await sdk.stop(POD)
    monkeypatch.undo()
    monkeypatch.setenv("RUNPOD_API_BASE_URL", runpod.host_url)
    pod_clock.advance(10)
    assert (await sdk.get(POD)).status is PodStatus.EXITED


async def test_refusals_that_come_as_sentences(sdk: RunpodSdk, runpod: RunpodDouble) -> None:
    runpod.account.pods[POD].locked = True
    assert (await sdk.get(POD)).actions == frozenset()
    with pytest.raises(PodLocked):
        await sdk.stop(POD)
    runpod.account.pods["pod1cold"].host_is_full = True
    with pytest.raises(NoGpuFree):
        await sdk.start("pod1cold")
    with pytest.raises(UnknownPod):
        await sdk.start("nosuchpod")


async def test_nobody_is_there(sdk: RunpodSdk, runpod: RunpodDouble) -> None:
    runpod.down()
    with pytest.raises(RunpodUnavailable, match="no connection"):
        await sdk.list()
    with pytest.raises(PodActionUncertain, match="no connection"):
        await sdk.stop(POD)


async def test_an_id_cannot_carry_a_query(sdk: RunpodSdk, runpod: RunpodDouble) -> None:
    evil = f'pod2spot"}}) {{ id }} podTerminate(input: {{podId: "{POD}'
    for call in (sdk.get(evil), sdk.stop(evil), sdk.start(evil)):
        with pytest.raises(UnknownPod):
            await call
    assert runpod.account.requests == []
    query = f'mutation {{ podStop(input: {{ podId: "{evil}" }}) {{ id }} }}'
    run_graphql_query(query, api_key=KEY)
    assert runpod.account.pods[POD].status == "TERMINATED", "what the package would have done with it"
    assert len(runpod.account.terminations) == 1
    runpod.account.requests.clear()


def test_the_package_is_imported_when_it_is_used_and_leaves_the_logs_alone() -> None:
    program = """
import logging, sys
logging.getLogger("uvicorn").setLevel(logging.INFO)
from backend.pod import providers
from backend.settings import load
provider = providers.provider_of(load(RUNPOD_API_KEY="k", RUNPOD_API="auto"))
assert provider.name == "RunPod REST v2"
assert not {"runpod", "boto3", "requests", "paramiko"} & set(sys.modules)
from backend.pod import runpod_sdk
try:
    runpod_sdk._run("query { myself { id } }", "k")
except Exception:
    pass
assert "runpod" in sys.modules
assert logging.getLogger("uvicorn").level == logging.INFO
assert (logging.getLogger().handlers, logging.getLogger().level) == ([], logging.WARNING)
"""
    environment = {"RUNPOD_API_BASE_URL": "http://127.0.0.1:9", "PATH": "", "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_the_fallback_takes_over_where_rest_has_gone(sdk: RunpodSdk, runpod: RunpodDouble) -> None:
    rest = RunpodRest(SecretStr(KEY), runpod.url)
    provider: PodProvider = Fallback(rest, sdk)
    assert len(await provider.list()) == 5
    assert provider.name == "RunPod REST v2"
    rest_gone = RunpodRest(SecretStr(KEY), f"{runpod.host_url}/v1")
    provider = Fallback(rest_gone, sdk)
    await provider.stop(POD)
    assert (await provider.get(POD)).id == POD
    assert provider.name == "RunPod GraphQL"
    with pytest.raises(NotOffered):
        await provider.restart(POD)
    await rest.close()
    await provider.close()


async def test_the_fallback_takes_nothing_else_over(sdk: RunpodSdk, runpod: RunpodDouble) -> None:
    provider = Fallback(RunpodRest(SecretStr(KEY), runpod.url), sdk)
    runpod.fail(FaultKind.HTML_500, "stop")
    with pytest.raises(PodActionUncertain):
        await provider.stop(POD)
    assert runpod.account.asked("stop") == 1, "an uncertain stop is not sent the other way as well"
    with pytest.raises(UnknownPod):
        await provider.get("nosuchpod")
    assert all(request.path != "/graphql" for request in runpod.account.requests)
    await provider.close()


def test_the_settings_choose_the_way() -> None:
    kinds = {way: type(provider_of(load(RUNPOD_API_KEY="k", RUNPOD_API=way))) for way in ("auto", "rest", "sdk")}
    assert kinds == {"auto": Fallback, "rest": RunpodRest, "sdk": RunpodSdk}
    assert provider_of(load(RUNPOD_API_KEY=" ")) is None
    for bad in ("http://127.0.0.1:999999/v2", "https://", "ftp://x"):
        with pytest.raises(ConfigurationError, match="RUNPOD_API_URL"):
            load(RUNPOD_API_URL=bad)
