"""The REST client against the double: what it reads, what it sends, and how each failure is told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from backend.errors import (
    Language,
    NoGpuFree,
    OndolError,
    PodActionNotAllowed,
    PodActionUncertain,
    PodLocked,
    RunpodApiGone,
    RunpodBalanceEmpty,
    RunpodBusy,
    RunpodKeyRefused,
    RunpodRefused,
    RunpodUnavailable,
    UnknownPod,
)
from backend.pod.pods import Availability, PodAction, PodStatus
from backend.pod.runpod import RunpodRest
from tests.fixtures.runpod import ManualClock, everything
from tests.runpod_double import CANARY, KEY, FaultKind, RunpodDouble

POD = "pod0main"


class Pauses:
    """Stands in for sleep and keeps what it was asked for, in seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def client(runpod: RunpodDouble, pauses: Pauses) -> AsyncIterator[RunpodRest]:
    rest = RunpodRest(SecretStr(f" {KEY}\n"), runpod.url + "/", timeout_s=5.0, sleep=pauses)
    yield rest
    await rest.close()


async def test_pods_of_every_kind_are_read(client: RunpodRest) -> None:
    pods = {pod.id: pod for pod in await client.list()}
    main, cold, net, cpu = (pods[name] for name in (POD, "pod1cold", "pod3net", "pod4cpu"))
    assert (main.status, main.cost_per_hour, main.uptime_s) == (PodStatus.RUNNING, 0.69, 3600.0)
    assert main.actions == {PodAction.STOP, PodAction.RESTART}, "terminate is not ours to offer"
    assert (main.gpu_type, main.gpu_count, main.gpus[0].util_percent) == ("NVIDIA GeForce RTX 4090", 1, 0.0)
    assert (main.volume_gb, main.volume_path, main.container_disk_gb) == (50.0, "/workspace", 20.0)
    assert main.started_at == datetime(2026, 6, 1, 11, 0, tzinfo=UTC)
    assert (cold.status, cold.cost_per_hour, cold.has_runtime, cold.gpus) == (PodStatus.EXITED, 0.0, False, ())
    assert (net.network_volume_id, net.volume_path, net.volume_gb, len(net.gpus)) == ("nv7q2", "/workspace", 0.0, 2)
    assert (cpu.gpu_type, cpu.gpu_count) == ("", 0)
    assert main.is_spot is None, "REST does not tell"
    assert await client.get(POD) == main


async def test_running_without_a_runtime_is_told_apart(client: RunpodRest, runpod: RunpodDouble) -> None:
    runpod.account.pods[POD].has_runtime = False
    pod = await client.get(POD)
    assert (pod.status, pod.has_runtime, pod.uptime_s, pod.gpus) == (PodStatus.RUNNING, False, None, ())


async def test_stop_and_start_take_their_time(client: RunpodRest, runpod: RunpodDouble, pod_clock: ManualClock) -> None:
    await client.stop(POD)
    assert (await client.get(POD)).status is PodStatus.RUNNING, "accepted is not done"
    pod_clock.advance(5)
    assert (await client.get(POD)).status is PodStatus.EXITED
    await client.start(POD)
    seen = []
    for seconds in (0, 20, 40):
        pod_clock.advance(seconds)
        seen.append((await client.get(POD)).status)
    assert seen == [PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.RUNNING]
    await client.restart(POD)
    assert (await client.get(POD)).status is PodStatus.STARTING


async def test_bills_are_by_hour_and_of_this_pod(client: RunpodRest, pod_clock: ManualClock) -> None:
    lines = await client.billing(POD, pod_clock.now() - timedelta(hours=3), pod_clock.now())
    assert [(line.pod_id, line.since.hour, round(line.gpu_usd, 4)) for line in lines] == [
        (POD, 9, 0.0),
        (POD, 10, 0.0),
        (POD, 11, 0.69),
    ]
    assert all(line.disk_usd > 0 and line.total_usd == line.gpu_usd + line.disk_usd for line in lines)


async def test_the_size_of_a_network_volume_is_told_where_the_key_sees_it(client: RunpodRest) -> None:
    assert await client.network_volume_gb("nv7q2") == 100.0
    assert await client.network_volume_gb("another") is None


async def test_gpu_types_come_cheapest_first_with_what_is_free(client: RunpodRest, runpod: RunpodDouble) -> None:
    types = await client.gpu_types(2)
    assert runpod.account.requests[-1].params["count"] == "2"
    assert [each.name for each in types][:3] == ["RTX A5000", "RTX 3090", "RTX 4090"]
    found = {each.name: each for each in types}
    assert (found["L4"].secure_price, found["L4"].community_price, found["L4"].memory_gb) == (0.43, None, 24.0)
    assert (found["L4"].availability, found["L4"].data_centers) == (Availability.HIGH, ("EU-RO-1",))
    assert (found["RTX 4090"].availability, found["RTX 4090"].data_centers) == (Availability.NONE, ())


async def test_a_log_ends_when_it_falls_silent(
    client: RunpodRest, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    runpod.account.pods[POD].log = [(pod_clock.now(), f"줄 {number}\u2028끝") for number in range(5)]
    lines = [line async for line in client.logs(POD, tail=2, silence_s=0.3)]
    assert lines == ["2026-06-01T12:00:00Z 줄 3\u2028끝", "2026-06-01T12:00:00Z 줄 4\u2028끝"]


async def test_a_log_that_is_refused_says_why(client: RunpodRest, runpod: RunpodDouble) -> None:
    with pytest.raises(UnknownPod):
        [line async for line in client.logs("nosuchpod")]
    runpod.fail(FaultKind.HTML_500)
    with pytest.raises(RunpodUnavailable, match="HTTP 500"):
        [line async for line in client.logs(POD)]
    runpod.down()
    with pytest.raises(RunpodUnavailable, match="no connection"):
        [line async for line in client.logs(POD)]


@pytest.mark.parametrize(
    ("kind", "error", "attempts"),
    [
        (FaultKind.UNAUTHORIZED, RunpodKeyRefused, 1),
        (FaultKind.FORBIDDEN, RunpodKeyRefused, 1),
        (FaultKind.FORBIDDEN_PAGE, RunpodUnavailable, 3),
        (FaultKind.NOT_FOUND, UnknownPod, 1),
        (FaultKind.CONFLICT, RunpodRefused, 1),
        (FaultKind.SERVER_ERROR, RunpodUnavailable, 3),
        (FaultKind.HTML_500, RunpodUnavailable, 3),
        (FaultKind.REDIRECT, RunpodUnavailable, 3),
        (FaultKind.EMPTY, RunpodUnavailable, 1),
        (FaultKind.GARBAGE, RunpodUnavailable, 3),
        (FaultKind.BROKEN_OFF, RunpodUnavailable, 3),
        (FaultKind.TOO_LARGE, RunpodUnavailable, 3),
    ],
)
async def test_what_reading_makes_of_each_fault(
    client: RunpodRest, runpod: RunpodDouble, kind: FaultKind, error: type[OndolError], attempts: int
) -> None:
    runpod.fail(kind)
    with pytest.raises(error) as caught:
        await client.get(POD)
    assert type(caught.value) is error
    assert runpod.account.asked("get") == attempts
    _tells_no_secret(caught.value)


async def test_reading_survives_a_stumble(client: RunpodRest, runpod: RunpodDouble, pauses: Pauses) -> None:
    runpod.fail(FaultKind.HTML_500, times=1)
    runpod.fail(FaultKind.BROKEN_OFF, times=1)
    assert (await client.get(POD)).id == POD
    assert pauses.asked == [0.5, 2.0]


async def test_retry_after_is_kept_to(client: RunpodRest, runpod: RunpodDouble, pauses: Pauses) -> None:
    runpod.fail(FaultKind.RATE_LIMITED, times=1, retry_after="7")
    runpod.fail(FaultKind.RATE_LIMITED, times=1, retry_after="")
    assert len(await client.list()) == 5
    assert pauses.asked == [7, 5]


async def test_a_long_retry_after_is_the_callers(client: RunpodRest, runpod: RunpodDouble, pauses: Pauses) -> None:
    runpod.fail(FaultKind.RATE_LIMITED, retry_after="120")
    with pytest.raises(RunpodBusy) as caught:
        await client.list()
    assert (caught.value.retry_after_s, pauses.asked) == (120, [])
    assert "120" in caught.value.message(Language.KO)


@pytest.mark.parametrize("kind", [FaultKind.GONE, FaultKind.NO_SUCH_ADDRESS])
async def test_a_pod_that_has_gone_is_not_an_api_that_has_gone(
    client: RunpodRest, runpod: RunpodDouble, kind: FaultKind
) -> None:
    runpod.fail(kind, "get")
    with pytest.raises(RunpodApiGone):
        await client.get(POD)  # the list has it: this call is no longer there
    with pytest.raises(UnknownPod):
        await client.get("nosuchpod")
    runpod.fail(kind)
    for call in (client.list(), client.get("nosuchpod"), client.stop(POD), client.gpu_types(1)):
        with pytest.raises(RunpodApiGone):
            await call


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.UNAUTHORIZED, RunpodKeyRefused),
        (FaultKind.FORBIDDEN, RunpodKeyRefused),
        (FaultKind.FORBIDDEN_PAGE, RunpodUnavailable),
        (FaultKind.NOT_FOUND, UnknownPod),
        (FaultKind.CONFLICT, PodActionNotAllowed),
        (FaultKind.RATE_LIMITED, RunpodBusy),
        (FaultKind.REDIRECT, RunpodUnavailable),
        (FaultKind.HTML_500, PodActionUncertain),
        (FaultKind.SERVER_ERROR, PodActionUncertain),
        (FaultKind.GARBAGE, PodActionUncertain),
        (FaultKind.BROKEN_OFF, PodActionUncertain),
        (FaultKind.TOO_LARGE, PodActionUncertain),
    ],
)
async def test_what_a_stop_makes_of_each_fault_and_sends_once(
    client: RunpodRest, runpod: RunpodDouble, kind: FaultKind, error: type[OndolError]
) -> None:
    runpod.fail(kind)
    with pytest.raises(error) as caught:
        await client.stop(POD)
    assert type(caught.value) is error
    assert runpod.account.asked("stop") == 1
    _tells_no_secret(caught.value)


async def test_a_stop_that_was_applied_but_not_answered(runpod: RunpodDouble, pod_clock: ManualClock) -> None:
    client = RunpodRest(SecretStr(KEY), runpod.url, timeout_s=0.3)
    runpod.fail(FaultKind.HANG, "stop")
    with pytest.raises(PodActionUncertain, match="timeout"):
        await client.stop(POD)
    pod_clock.advance(10)
    assert (await client.get(POD)).status is PodStatus.EXITED, "reading the pod settles it"
    assert runpod.account.asked("stop") == 1
    await client.close()


async def test_an_answer_that_takes_too_long_in_all(
    client: RunpodRest, runpod: RunpodDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.pod.runpod_http._ANSWER_S", 0.2)
    runpod.fail(FaultKind.HANG, "get")
    with pytest.raises(RunpodUnavailable, match="timeout"):
        await client.get(POD)
    assert runpod.account.asked("get") == 3


async def test_a_stop_that_is_accepted_and_not_applied(
    client: RunpodRest, runpod: RunpodDouble, pod_clock: ManualClock
) -> None:
    runpod.fail(FaultKind.NOT_APPLIED, "stop")
    await client.stop(POD)
    pod_clock.advance(60)
    assert (await client.get(POD)).status is PodStatus.RUNNING


async def test_a_locked_pod_says_so(client: RunpodRest, runpod: RunpodDouble) -> None:
    runpod.account.pods[POD].locked = True
    pod = await client.get(POD)
    assert pod.locked and PodAction.STOP not in pod.actions
    with pytest.raises(PodLocked, match="stop"):
        await client.stop(POD)


async def test_what_a_start_can_meet(client: RunpodRest, runpod: RunpodDouble) -> None:
    with pytest.raises(PodActionNotAllowed):
        await client.start(POD)
    runpod.account.pods["pod1cold"].host_is_full = True
    with pytest.raises(NoGpuFree):
        await client.start("pod1cold")
    runpod.fail(FaultKind.BALANCE_EMPTY)
    with pytest.raises(RunpodBalanceEmpty):
        await client.start("pod1cold")


async def test_nobody_is_there(client: RunpodRest, runpod: RunpodDouble, pauses: Pauses) -> None:
    runpod.down()
    with pytest.raises(RunpodUnavailable, match="no connection"):
        await client.list()
    assert pauses.asked == [0.5, 2.0]
    with pytest.raises(RunpodUnavailable, match="no connection") as caught:
        await client.stop(POD)
    assert not isinstance(caught.value, PodActionUncertain), "it never left"
    runpod.up()
    assert len(await client.list()) == 5


async def test_what_is_not_tls_is_told(runpod: RunpodDouble, pauses: Pauses) -> None:
    client = RunpodRest(SecretStr(KEY), runpod.url.replace("http:", "https:"), sleep=pauses)
    with pytest.raises(RunpodUnavailable, match="TLS"):
        await client.list()
    await client.close()


async def test_an_address_that_is_none(pauses: Pauses) -> None:
    client = RunpodRest(SecretStr(KEY), "ftp://127.0.0.1/v2", sleep=pauses)
    with pytest.raises(RunpodUnavailable, match="no address"):
        await client.list()
    with pytest.raises(RunpodUnavailable, match="no address"):
        await client.stop(POD)
    await client.close()


@pytest.mark.parametrize("pod_id", ["", "..", "a/../b", 'x"}) {id}', "a b", "가", "x" * 65, "a\n", "-a", "pod?x=1"])
async def test_nothing_but_an_id_gets_into_an_address(client: RunpodRest, runpod: RunpodDouble, pod_id: str) -> None:
    now = datetime.now(UTC)
    for call in (
        client.get(pod_id),
        client.start(pod_id),
        client.stop(pod_id),
        client.restart(pod_id),
        client.billing(pod_id, now, now),
    ):
        with pytest.raises(UnknownPod):
            await call
    with pytest.raises(UnknownPod):
        [line async for line in client.logs(pod_id)]
    assert runpod.account.requests == []


async def test_a_key_that_is_no_header_is_refused_and_not_shown(runpod: RunpodDouble) -> None:
    client = RunpodRest(SecretStr("비밀\nsecret-key"), runpod.url)
    with pytest.raises(RunpodKeyRefused) as caught:
        await client.list()
    assert "secret-key" not in everything(caught.value)
    assert "secret-key" not in repr(vars(client))
    await client.close()


async def test_what_was_read_holds_no_secret(client: RunpodRest) -> None:
    assert CANARY not in repr(await client.list())
    assert CANARY not in repr(await client.get(POD))


def _tells_no_secret(error: OndolError) -> None:
    text = everything(error)
    assert CANARY not in text
    assert KEY not in text
    assert error.message(Language.KO) != error.message(Language.EN)
