"""`python -m backend.pod` against the double: one pod and never two, its price first, and a stop that is proven."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from backend.errors import (
    CreationUncertain,
    Language,
    NoGpuToRent,
    NoSuchGpu,
    NotConfirmed,
    NotPlaced,
    OndolError,
    OrderRefused,
    PodEnded,
    PodNotReady,
    PodStillRuns,
    QuotaReached,
    RunpodBalanceEmpty,
    RunpodBusy,
    RunpodKeyRefused,
    RunpodUnavailable,
    UnknownPod,
    UnknownVolume,
)
from backend.pod.__main__ import _parser, main
from backend.pod.launch import commands
from backend.pod.launch.telling import Words
from backend.settings import REPOSITORY, load
from tests.fixtures.runpod import ManualClock
from tests.integration.test_runpod_double import CONTRACT, Contract, needs_contract
from tests.runpod_double import KEY, FaultKind, RunpodDouble

READY = {"status": "ok", "checks": {"engine": {"state": "ready"}, "disk": {"state": "ready"}}}
LOADING = {"status": "starting", "checks": {"engine": {"state": "loading"}, "database": {"state": "ready"}}}


class Terminal:
    """Runs commands as they would be typed, with a clock that stands still until somebody waits."""

    def __init__(self, runpod: RunpodDouble, clock: ManualClock, settings: Any) -> None:
        self.runpod, self.clock, self.settings = runpod, clock, settings
        self.when: Callable[[], None] = lambda: None

    async def __call__(self, line: str, *, language: Language = Language.EN) -> None:
        given = _parser().parse_args(line.split())
        given.words = Words(language)
        command = {"up": commands.up, "down": commands.down, "list": commands.list_pods, "template": commands.template}
        async with commands.desk_of(self.settings, given.words) as desk:
            desk.clock, desk.sleep = self.clock, self._sleep
            await command[given.command](desk, given)

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.when()
        await asyncio.sleep(0)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [request.body for request in self.runpod.account.requests if request.operation == "create"]

    def pods(self, name: str = "mine") -> list[str]:
        return [pod.id for pod in self.runpod.account.pods.values() if pod.name == name]

    def serve(self, page: dict[str, Any], name: str = "mine") -> None:
        for pod_id in self.pods(name):
            self.runpod.account.pages[pod_id] = page


@pytest.fixture
def launch(runpod: RunpodDouble, pod_clock: ManualClock, tmp_path: Any) -> Terminal:
    return Terminal(runpod, pod_clock, _settings(runpod, tmp_path))


def _settings(runpod: RunpodDouble, data_dir: Any, **overrides: Any) -> Any:
    values = {
        "data_dir": data_dir,
        "runpod_api": "rest",
        "runpod_api_key": KEY,
        "runpod_api_url": runpod.url,
        "pod_page_url": runpod.page_url,
        "pod_repository": "https://git.example/ondol.git",
        **overrides,
    }
    return load(**values)


UP = "up --name mine --yes --env HF_TOKEN=hf_canary-token"


async def test_the_cheapest_that_is_free_is_rented_and_waited_for(
    launch: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = iter([None, LOADING, LOADING, READY])
    pages: list[Any] = []

    def time_passes() -> None:
        pod = launch.runpod.account.settled().get((launch.pods() or [""])[0])
        if pod is not None and pod.status == "RUNNING":
            page = next(seen, READY)
            pages.append(page)
            if page:
                launch.serve(page)

    launch.when = time_passes
    await launch(UP)
    told = capsys.readouterr().out
    [body] = launch.bodies
    assert body["gpu"] == {"id": "NVIDIA L4", "count": 1, "minCudaVersion": "13.0"}, "cheaper ones are gone"
    assert body["cloud"] == "SECURE" and body["ports"] == ["7860/http"]
    assert body["mounts"] == {"persistent": {"size": 60, "path": "/workspace"}}
    assert body["env"]["HF_TOKEN"] == "hf_canary-token" and body["env"]["ONDOL_REPOSITORY"].endswith("ondol.git")
    start = json.loads(body["args"])
    assert start["entrypoint"] == ["bash", "-c"] and "deploy/pod-entrypoint.sh" in start["cmd"][0]
    [pod_id] = launch.pods()
    url = launch.runpod.page_url.replace("{pod}", pod_id)
    for words in (
        "$0.43 per hour", "$10.00 a month running", "$12.00 a month stopped", "provisioning", "starting", "opening",
        "starting (engine loading, database ready)", f"Ready: {url}", f"down {pod_id}", "HF_TOKEN",
    ):  # fmt: skip
        assert words in told, words
    assert told.index("The page is up") < told.index("Ready:")
    assert "canary" not in told and KEY not in told


async def test_the_same_command_again_makes_no_second_pod(launch: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    launch.when = lambda: launch.serve(READY)
    await launch(UP)
    await launch(UP)
    assert len(launch.pods()) == 1
    assert "no other is made" in capsys.readouterr().out
    await launch("down mine")
    pod = launch.runpod.account.pods[launch.pods()[0]]
    assert pod.status == "EXITED"
    await launch(UP)
    assert (len(launch.pods()), pod.status) == (1, "RUNNING"), "the one that was stopped is started again"


@pytest.mark.parametrize("kind", [FaultKind.BROKEN_OFF, FaultKind.GARBAGE, FaultKind.EMPTY])
async def test_an_answer_that_is_lost_makes_no_second_pod(launch: Terminal, kind: FaultKind) -> None:
    launch.runpod.fail(kind, "create", times=1)
    launch.when = lambda: launch.serve(READY)
    await launch(UP)
    assert len(launch.pods()) == 1
    assert launch.runpod.account.asked("create") == 1


@pytest.mark.parametrize("kind", [FaultKind.NOT_APPLIED, FaultKind.SERVER_ERROR, FaultKind.HTML_500])
async def test_where_it_stays_open_nothing_more_is_asked_for(launch: Terminal, kind: FaultKind) -> None:
    launch.runpod.fail(kind, "create")
    with pytest.raises(CreationUncertain, match="mine"):
        await launch(UP)
    assert launch.runpod.account.asked("create") == 1
    launch.runpod.heal()
    launch.when = lambda: launch.serve(READY)
    await launch(UP)
    assert len(launch.pods()) == 1


async def test_the_next_type_is_asked_for_where_one_is_gone(
    launch: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    launch.runpod.account.sold_out = {"NVIDIA L4", "NVIDIA GeForce RTX 3090"}
    launch.when = lambda: launch.serve(READY)
    await launch(UP)
    assert [body["gpu"]["id"] for body in launch.bodies] == ["NVIDIA L4", "NVIDIA GeForce RTX 3090", "NVIDIA L40S"]
    assert "L4: none to be had" in capsys.readouterr().out
    launch.runpod.account.sold_out = {gpu["id"] for gpu in launch.runpod.account.gpu_types}
    with pytest.raises(NotPlaced, match="L40S"):
        await launch("up --name other --yes")
    assert launch.pods("other") == []


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ("--max-price 0.2", NoGpuToRent, "The cheapest now is L4 $0.43/h"),
        ("--memory 200", NoGpuToRent, "200 GB"),
        ("--region US-KS-2", NoGpuToRent, "24 GB"),
        ("--gpu H900", NoSuchGpu, "H900"),
        ("--volume nosuch", UnknownVolume, "shelf (nv7q2)"),
    ],
)
async def test_what_cannot_be_had_is_told_before_anything_is_made(
    launch: Terminal, options: str, error: type[OndolError], words: str
) -> None:
    with pytest.raises(error) as refused:
        await launch(f"{UP} {options}")
    assert words in refused.value.message(Language.EN)
    assert launch.bodies == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.UNAUTHORIZED, RunpodKeyRefused),
        (FaultKind.BALANCE_EMPTY, RunpodBalanceEmpty),
    ],
)
async def test_a_refusal_that_no_other_type_overcomes_ends_it(
    launch: Terminal, kind: FaultKind, error: type[OndolError]
) -> None:
    launch.runpod.fail(kind, "create")
    with pytest.raises(error):
        await launch(UP)
    assert len(launch.bodies) == 1 and launch.pods() == []


@pytest.mark.parametrize("options", ["", " --spot"])
async def test_a_refusal_of_the_order_itself_is_told_without_values(
    launch: Terminal, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    for place in ("ordering._SOLD_OUT", "graphql.SOLD_OUT"):
        monkeypatch.setattr(
            f"tests.runpod_double.{place}", "image \x1b[1mx:y\nis not allowed (HF_TOKEN=hf_canary-token)"
        )
    launch.runpod.account.sold_out = {gpu["id"] for gpu in launch.runpod.account.gpu_types}
    with pytest.raises(OrderRefused) as refused:
        await launch(UP + options)
    told = refused.value.message(Language.EN)
    assert "[1mx:y is not allowed (HF_TOKEN=…)" in told and "canary" not in told and "\x1b" not in told
    kind = "create_spot" if options else "create"
    assert launch.runpod.account.asked(kind) > 1, "RunPod may have meant that there is no room"
    assert launch.pods() == []


@pytest.mark.parametrize("options", ["", " --spot", " --spot --region EU-RO-1"])
async def test_a_refusal_that_does_not_say_why_is_no_reason_to_give_up(
    launch: Terminal, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    for place in ("ordering._SOLD_OUT", "graphql.SOLD_OUT"):
        monkeypatch.setattr(f"tests.runpod_double.{place}", "request could not be processed")
    launch.runpod.account.sold_out = {"NVIDIA L4"}
    launch.when = lambda: launch.serve(READY)
    await launch(f"{UP}{options} --gpu L4 --gpu L40S")
    [pod_id] = launch.pods()
    assert launch.runpod.account.pods[pod_id].gpu_type == "NVIDIA L40S"


async def test_a_key_is_refused_where_it_may_have_no_type_at_all(launch: Terminal) -> None:
    launch.runpod.fail(FaultKind.FORBIDDEN, "create", times=1)
    launch.when = lambda: launch.serve(READY)
    await launch(UP)
    assert len(launch.bodies) == 2 and len(launch.pods()) == 1
    launch.runpod.fail(FaultKind.FORBIDDEN, "create")
    with pytest.raises(RunpodKeyRefused):
        await launch("up --name other --yes")
    assert len(launch.bodies) > 4 and launch.pods("other") == []


async def test_an_order_against_the_rules_is_sent_once(launch: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.runpod_double.ordering._POD", {"name", "image"})
    with pytest.raises(OrderRefused, match="422"):
        await launch(UP)
    assert len(launch.bodies) == 1


async def test_a_limit_of_the_account_is_told_as_such(launch: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.runpod_double.ordering._SOLD_OUT", "Pod quota exceeded for this account.")
    launch.runpod.account.sold_out = {"NVIDIA L4"}
    with pytest.raises(QuotaReached):
        await launch(UP)
    assert len(launch.bodies) == 1


async def test_too_many_requests_are_waited_out(launch: Terminal) -> None:
    launch.runpod.fail(FaultKind.RATE_LIMITED, "create", times=1, retry_after="30")
    launch.when = lambda: launch.serve(READY)
    await launch(UP)
    assert len(launch.pods()) == 1
    launch.runpod.fail(FaultKind.RATE_LIMITED, "create", retry_after="3600")
    with pytest.raises(RunpodBusy):
        await launch("up --name other --yes")


async def test_a_spot_pod_is_bid_for(launch: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    launch.runpod.account.sold_out = {"NVIDIA GeForce RTX 3090"}
    launch.when = lambda: launch.serve(READY)
    await launch(f"{UP} --spot --max-price 0.3")
    [pod_id] = launch.pods()
    pod = launch.runpod.account.pods[pod_id]
    assert (pod.gpu_type, pod.is_spot, pod.rate) == ("NVIDIA L4", True, 0.215)
    told = capsys.readouterr().out
    assert "somebody bids more" in told and "$0.21 per hour" in told and "canary" not in told
    launch.runpod.fail(FaultKind.EMPTY, "create_spot", times=1)
    launch.when = lambda: launch.serve(READY, "other")
    await launch("up --name other --yes --spot --gpu L40S")
    assert len(launch.pods("other")) == 1, "an answer that is lost makes no second pod here either"
    assert launch.runpod.account.asked("create_spot") == 2


async def test_a_spot_pod_is_asked_for_in_every_region_and_with_a_driver_that_is_new_enough(launch: Terminal) -> None:
    launch.when = lambda: launch.serve(READY)
    await launch(f"{UP} --spot --gpu L4 --region EU-SE-1 --region EU-RO-1")
    inputs = [given.query for given in launch.runpod.account.requests if given.operation == "create_spot"]
    assert ['"EU-SE-1"' in inputs[0], '"EU-RO-1"' in inputs[1]] == [True, True] and len(inputs) == 2
    assert all('minCudaVersion: "13.0"' in given for given in inputs)


async def test_names_decide_the_order_and_a_network_volume_the_place(launch: Terminal) -> None:
    launch.when = lambda: launch.serve(READY)
    await launch(f"{UP} --gpu l40s --gpu L4 --volume shelf --gpus 2 --max-price 3 --ssh")
    [body] = launch.bodies
    assert body["gpu"]["id"] == "NVIDIA L40S" and body["gpu"]["count"] == 2
    assert body["mounts"] == {"network": [{"volumeId": "nv7q2", "path": "/workspace"}]}
    assert body["dataCenterIds"] == ["EU-RO-1"] and body["startSsh"]
    catalogue = next(each for each in launch.runpod.account.requests if each.operation == "gpus")
    assert (catalogue.params["count"], catalogue.params["cloud"]) == ("2", "SECURE")


async def test_a_new_network_volume_is_made_once(launch: Terminal) -> None:
    launch.runpod.fail(FaultKind.BROKEN_OFF, "create_volume", times=1)
    launch.when = lambda: launch.serve(READY)
    await launch(f"{UP} --new-volume 80 --region EU-RO-1")
    made = [volume for volume in launch.runpod.account.volumes if volume["name"] == "mine"]
    assert [volume["size"] for volume in made] == [80]
    assert launch.bodies[0]["mounts"]["network"][0]["volumeId"] == made[0]["id"]


async def test_nothing_is_made_without_a_yes(launch: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    line = UP.replace(" --yes", "")
    with pytest.raises(NotConfirmed):
        await launch(line)  # nobody is there to be asked
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    with pytest.raises(NotConfirmed):
        await launch(line)
    assert launch.bodies == []
    monkeypatch.setattr("builtins.input", lambda _: "네")
    launch.when = lambda: launch.serve(READY)
    await launch(line, language=Language.KO)
    assert len(launch.bodies) == 1


async def test_what_is_waited_for_in_vain_is_told(launch: Terminal) -> None:
    with pytest.raises(PodNotReady, match="opening") as late:
        await launch(f"{UP} --timeout 5")
    assert "down" in late.value.message(Language.KO)

    def dies() -> None:
        pod = launch.runpod.account.pods[launch.pods("short")[0]]
        if launch.runpod.account.settled() and pod.status == "RUNNING":
            launch.runpod.account.apply(pod, "stop")

    launch.when = dies
    with pytest.raises(PodEnded, match="EXITED"):
        await launch("up --name short --yes")


async def test_a_stumble_of_runpod_while_waiting_does_not_end_it(launch: Terminal) -> None:
    launch.runpod.fail(FaultKind.HTML_500, "get", times=3)
    launch.when = lambda: launch.serve(READY)
    await launch(UP)


async def test_a_stop_is_proven_and_asked_for_again(launch: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    launch.runpod.fail(FaultKind.NOT_APPLIED, "stop", times=1)
    await launch("down pod0main")
    assert launch.runpod.account.pods["pod0main"].status == "EXITED"
    assert launch.runpod.account.asked("stop") == 2
    told = capsys.readouterr().out
    assert "read back as stopped" in told and "$0.33 a day" in told
    events = (launch.settings.data_dir / "launched" / "pod-audit.jsonl").read_text()
    assert '"stop_verified"' in events and '"user:console"' in events
    await launch("down pod0main")
    assert "stopped already" in capsys.readouterr().out


async def test_what_a_network_volume_costs_is_said_or_said_to_be_unknown(
    launch: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await launch("down pod3net")
    assert "$0.23 a day" in capsys.readouterr().out
    launch.runpod.account.apply(launch.runpod.account.pods["pod3net"], "start")
    launch.clock.advance(120)
    launch.runpod.fail(FaultKind.FORBIDDEN, "volumes")
    await launch("down pod3net")
    assert "how much is not known" in capsys.readouterr().out


async def test_a_stop_that_was_interrupted_is_ordered_anew(launch: Terminal) -> None:
    def interrupt() -> None:
        raise InterruptedError

    launch.runpod.fail(FaultKind.NOT_APPLIED, "stop", times=1)
    launch.when = interrupt
    with pytest.raises(InterruptedError):
        await launch("down pod0main")
    assert launch.runpod.account.asked("stop") == 1
    launch.when = lambda: None
    launch.clock.advance(86_400)
    await launch("down pod0main")
    assert launch.runpod.account.pods["pod0main"].status == "EXITED"


async def test_a_stop_that_never_works_is_never_turned_into_a_deletion(launch: Terminal) -> None:
    launch.runpod.fail(FaultKind.NOT_APPLIED, "stop")
    with pytest.raises(PodStillRuns, match="RunPod's console"):
        await launch("down pod0main")
    launch.runpod.heal()
    launch.runpod.account.pods["pod2spot"].locked = True
    with pytest.raises(PodStillRuns):
        await launch("down pod2spot")
    assert launch.runpod.account.terminations == []


async def test_a_pod_is_deleted_only_when_its_id_was_typed(launch: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in ("down pod1cold --terminate", "down pod1cold --terminate --confirm ondol-night"):
        with pytest.raises(NotConfirmed):
            await launch(line)
    assert launch.runpod.account.terminations == []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "pod1cold")
    await launch("down ondol-night --terminate")
    assert launch.runpod.account.pods["pod1cold"].status == "TERMINATED"
    assert [request.path for request in launch.runpod.account.terminations] == ["/v2/pods/pod1cold"]
    launch.runpod.fail(FaultKind.BROKEN_OFF, "terminate", times=1)
    await launch("down pod4cpu --terminate --confirm pod4cpu")
    launch.runpod.fail(FaultKind.SERVER_ERROR, "terminate")
    with pytest.raises(PodStillRuns):
        await launch("down pod3net --terminate --confirm pod3net")
    launch.runpod.account.requests.clear()


async def test_which_pod_is_meant(launch: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotConfirmed):
        await launch("down")  # several run
    assert "pod0main" in capsys.readouterr().out
    with pytest.raises(UnknownPod):
        await launch("down nobody")
    for pod_id in ("pod2spot", "pod3net", "pod4cpu"):
        launch.runpod.account.pods[pod_id].status = "EXITED"
    await launch("down")
    assert launch.runpod.account.pods["pod0main"].status == "EXITED"


async def test_the_list_is_a_table_or_json_without_secrets(
    launch: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await launch("list", language=Language.KO)
    table = capsys.readouterr().out
    assert "켜진 시간" in table and "pod1cold" in table and "1h 00m" in table and "0.69" in table
    await launch("list --json")
    printed = capsys.readouterr().out
    first = json.loads(printed)[0]
    assert (first["id"], first["status"], first["usd_per_hour"]) == ("pod0main", "RUNNING", 0.69)
    assert first["url"].endswith("/proxy/pod0main")
    assert "canary" not in table + printed
    launch.runpod.down()
    try:
        with pytest.raises(RunpodUnavailable):
            await launch("list")
    finally:
        launch.runpod.up()


async def test_the_template_is_printed_and_made_once(launch: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    for expected in ("Template created: tpl0new", "There is a template named `ondol` already: tpl0new"):
        await launch("template --create")
        assert expected in capsys.readouterr().out
    given: argparse.Namespace = _parser().parse_args(["template", "--volume", "0"])
    settings = _settings(launch.runpod, launch.settings.data_dir, pod_image="registry.example/ondol:pod")
    printed = json.loads(commands.printed_template(settings, given))
    assert printed["image"] == "registry.example/ondol:pod"
    assert "args" not in printed and "mounts" not in printed
    assert printed["allowedCudaVersions"][0] == "13.0" and len(printed["allowedCudaVersions"]) == 10
    file = launch.settings.data_dir / "variables"
    file.write_text("LLM_API_KEY=canary-of-the-file\n")
    line = ["template", "--env", "HF_TOKEN=hf_canary", "--env", "ASKED", "--cuda=", "--env-file", str(file)]
    text = commands.printed_template(settings, _parser().parse_args(line))
    assert "canary" not in text and "allowedCudaVersions" not in text
    assert json.loads(text)["env"]["HF_TOKEN"] == "{{ RUNPOD_SECRET_HF_TOKEN }}"
    await launch("template --create --name other --env HF_TOKEN=hf_canary")
    assert launch.runpod.account.templates[-1]["env"]["HF_TOKEN"] == "hf_canary"


@needs_contract
async def test_what_is_sent_is_what_the_contract_says(launch: Terminal) -> None:
    contract = Contract(CONTRACT)
    launch.when = lambda: launch.serve(READY)
    await launch(f"{UP} --new-volume 80 --region EU-RO-1 --gpus 2")
    await launch("up --name other --yes --cuda= --ssh --no-wait")
    await launch("template --create")
    kinds = {"create": "CreatePodRequest", "create_volume": "CreateNetworkVolumeRequest",
             "create_template": "CreateTemplateRequest"}  # fmt: skip
    checked = set()
    for request in launch.runpod.account.requests:
        template = contract.template_of(request.path)
        assert set(request.params) <= contract.parameters(request.method.lower(), template)
        if request.operation in kinds:
            contract.validator(f"#/components/schemas/{kinds[request.operation]}").validate(request.body)
            checked.add(request.operation)
    assert checked == set(kinds)


@asynccontextmanager
async def _typed(runpod: RunpodDouble, data_dir: Any, *arguments: str) -> AsyncIterator["asyncio.subprocess.Process"]:
    environment = {
        **os.environ, "RUNPOD_API": "rest", "RUNPOD_API_KEY": KEY, "RUNPOD_API_URL": runpod.url,
        "POD_PAGE_URL": runpod.page_url, "POD_REPOSITORY": "https://git.example/x.git", "DATA_DIR": str(data_dir),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "backend.pod", *arguments,
        cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_who_interrupts_the_waiting_is_told_what_goes_on(launch: Terminal, tmp_path: Any) -> None:
    async with _typed(launch.runpod, tmp_path, "up", "--name", "mine", "--yes") as process:
        assert process.stdout is not None and process.stderr is not None
        async with asyncio.timeout(60):
            while "waiting" not in (line := (await process.stdout.readline()).decode()):
                assert line, (await process.stderr.read()).decode()
            process.send_signal(signal.SIGINT)
            _, errors = await process.communicate()
    [pod_id] = launch.pods()
    assert process.returncode == 130
    assert f"costs $0.43 per hour.\nTo stop it: python -m backend.pod down {pod_id}" in errors.decode()
    assert "Traceback" not in errors.decode()


def test_without_a_key_and_with_wrong_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "")
    assert main(["--language", "ko", "list"]) == 1
    assert "RUNPOD_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("POD_REPOSITORY", "")
    monkeypatch.setattr(commands, "_origin", lambda: "git@git.example:me/ondol.git")
    assert main(["template"]) == 1, "a pod has no key for that address"
    assert main(["template", "--env", "lower=1"]) == 1
    for wrong in (["up", "--disk", "5"], ["up", "--gpus", "0"], ["up", "--new-volume", "50"], []):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 2
