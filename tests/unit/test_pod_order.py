"""What is ordered and which GPU types are asked for: pure rules, and the start command that a pod is given."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from backend import errors
from backend.errors import InvalidVariable, Language, NoGpuToRent, NoSuchGpu, SourceMissing
from backend.pod.launch import text
from backend.pod.launch.choosing import Wish, candidates
from backend.pod.launch.order import VLLM_IMAGE, Order, Storage, source_of, variables
from backend.pod.launch.telling import columns, duration
from backend.pod.pods import Availability, GpuType
from backend.settings import REPOSITORY, load


def _gpu(name: str, memory: float, secure: float | None, **more: Any) -> GpuType:
    values = {"community_price": None, "availability": Availability.HIGH, "data_centers": (), **more}
    return GpuType(f"NVIDIA {name}", name, memory, secure, **values)


TYPES = [
    _gpu("GeForce RTX 4090", 24, 0.69, community_price=0.34),
    _gpu("L4", 24, 0.43, data_centers=("EU-RO-1",)),
    _gpu("RTX A4000", 16, 0.25),
    _gpu("L40S", 48, 0.86, availability=Availability.NONE),
    _gpu("A100 80GB", 80, 1.64, availability=Availability.UNKNOWN),
    GpuType("AMD Instinct MI300X", "MI300X", 192, 0.4, None, Availability.HIGH),
]


def _names(**wish: Any) -> list[str]:
    return [each.gpu.name for each in candidates(TYPES, Wish(**{"memory_gb": 24, **wish}))]


def test_the_cheapest_that_fits_comes_first() -> None:
    assert _names() == ["L4", "GeForce RTX 4090", "A100 80GB"], "what is not told may be there; AMD is not for vLLM"
    assert _names(memory_gb=16)[0] == "RTX A4000"
    assert _names(community=True) == ["GeForce RTX 4090"]
    assert _names(regions=("EU-RO-1",), max_usd=0.5) == ["L4"]
    assert _names(regions=("US-KS-2",)) == ["GeForce RTX 4090", "A100 80GB"], "where nobody told, RunPod decides"
    assert [each.usd_per_hour for each in candidates(TYPES, Wish(24, count=2, max_usd=0.9))] == [0.86]


def test_names_come_in_their_own_order_and_at_any_size() -> None:
    assert _names(names=("nvidia geforce rtx 4090", "rtxa4000")) == ["GeForce RTX 4090", "RTX A4000"]
    with pytest.raises(NoSuchGpu, match="H900"):
        _names(names=("H900",))
    with pytest.raises(NoGpuToRent):
        _names(names=("L40S",))


def test_what_is_too_dear_is_told_with_what_is_cheapest() -> None:
    with pytest.raises(NoGpuToRent) as refused:
        _names(max_usd=0.1)
    assert "The cheapest now is L4 $0.43/h" in refused.value.message(Language.EN)
    assert "가장 싼 것은 L4 $0.43/h" in refused.value.message(Language.KO)


def test_storage_is_priced_by_what_remains() -> None:
    local = Storage(container_gb=40, volume_gb=60)
    assert (round(local.usd_a_month_running, 2), round(local.usd_a_month_stopped, 2)) == (10.0, 12.0)
    network = Storage(container_gb=40, network_id="nv", network_gb=100)
    assert (round(network.usd_a_month_running, 2), round(network.usd_a_month_stopped, 2)) == (11.0, 7.0)


def test_variables_are_checked_and_hidden() -> None:
    found = variables(["HF_TOKEN=a=b", "EMPTY="])
    assert found == {"HF_TOKEN": "a=b", "EMPTY": ""}
    assert "a=b" not in repr(Order("n", "i", env=found))
    for wrong in ("RUNPOD_API_KEY=x", "lower=x", "NOTHING", "A B=x", "=x"):
        with pytest.raises(InvalidVariable) as refused:
            variables([wrong])
        assert "=x" not in refused.value.message(Language.EN)


@pytest.mark.parametrize(
    "origin", ["", "git@git.example:me/ondol.git", "https://me:secret@git.example/x", "http://x/y", "file:///x"]
)
def test_an_address_that_a_pod_cannot_clone_is_refused(origin: str) -> None:
    with pytest.raises(SourceMissing) as refused:
        source_of(load(_env_file=None), origin)
    assert "secret" not in str(refused.value)


def test_the_image_is_the_one_of_the_dockerfile() -> None:
    told = re.search(r"^ARG VLLM_IMAGE=(\S+)$", (REPOSITORY / "Dockerfile").read_text(), re.M)
    assert told is not None and told.group(1) == VLLM_IMAGE
    own = source_of(load(_env_file=None, pod_image="registry.example/ondol:pod"), "")
    assert (own.image, own.args) == ("registry.example/ondol:pod", "")


class StartedPod:
    """A start command as RunPod would run it. Of its repository `v1` has an entry point, and `old` has none."""

    def __init__(self, folder: Path) -> None:
        source, self.place = folder / "source", folder / "workspace"
        source.mkdir()
        self._git(source, "init", "-q", "-b", "main")
        self._git(source, "commit", "-q", "--allow-empty", "-m", "zero")
        self._git(source, "tag", "old")
        entry = source / "deploy" / "pod-entrypoint.sh"
        entry.parent.mkdir()
        entry.write_text('#!/bin/sh\necho "$$ started in $(pwd)"\n')
        entry.chmod(0o755)
        self._git(source, "add", ".")
        self._git(source, "commit", "-q", "-m", "one")
        self._git(source, "tag", "v1")
        made = source_of(load(_env_file=None, pod_revision="v1", pod_repository="https://git.example/x.git"), "")
        start = json.loads(made.args)
        self._command = [*start["entrypoint"], *start["cmd"]]
        self.environment = {
            **os.environ, **made.env, "ONDOL_REPOSITORY": str(source), "ONDOL_WORKSPACE": str(self.place)
        }  # fmt: skip
        self.started = f"PID started in {self.place}/ondol-code"

    def lines(self, last: str) -> list[str]:
        """What it says until a line has these words."""
        with subprocess.Popen(
            self._command,
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            said: list[str] = []
            for line in process.stdout:
                said.append(line.strip().replace(str(process.pid), "PID"))
                if last in line:
                    break
            os.killpg(process.pid, signal.SIGKILL)
        return said

    @staticmethod
    def _git(folder: Path, *words: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def pod(tmp_path: Path) -> StartedPod:
    return StartedPod(tmp_path)


def test_the_start_command_clones_the_revision_and_becomes_the_entry_point(pod: StartedPod) -> None:
    """It waits where there is no code to start."""
    (pod.place / "ondol-code.new" / ".git").mkdir(parents=True)  # of a start that ended while it cloned
    assert pod.lines("started in") == [pod.started]
    (pod.place / "ondol-code" / ".git" / "index.lock").touch()
    assert pod.lines("started in") == [pod.started], "a pod that is started again finds its clone"
    pod.environment["ONDOL_REVISION"] = "gone"
    *_, told, last = pod.lines("started in")
    assert "the code that is here is started" in told and last == pod.started
    other = pod.place.with_name("other")
    pod.environment["ONDOL_WORKSPACE"] = str(other)
    assert pod.lines("seconds")[-1] == "The code could not be cloned; the next try is in 15 seconds."
    assert not (other / "ondol-code").exists()


@pytest.mark.parametrize(
    ("damage", "revision", "said"),
    [
        ("rm deploy/pod-entrypoint.sh", "", "started in"),
        ("chmod -x deploy/pod-entrypoint.sh", "gone", "started in"),
        ("git checkout -q old", "v1", "started in"),
        ("true", "old", "has no deploy/pod-entrypoint.sh. Name another"),
        ("rm -rf .git deploy", "", "has no deploy/pod-entrypoint.sh. Name another"),
    ],
)
def test_a_start_never_removes_what_lies_beside_the_code(
    pod: StartedPod, damage: str, revision: str, said: str
) -> None:
    pod.lines("started in")
    code = pod.place / "ondol-code"
    (code / "var" / "postgres").mkdir(parents=True)
    (code / "var" / "postgres" / "PG_VERSION").write_text("18")
    (code / ".env").write_text("LLM_MODEL_NAME=mine")
    subprocess.run(["sh", "-c", damage], cwd=code, check=True, capture_output=True)
    pod.environment["ONDOL_REVISION"] = revision
    assert said in pod.lines(said)[-1]
    assert (code / "var" / "postgres" / "PG_VERSION").read_text() == "18"
    assert (code / ".env").read_text() == "LLM_MODEL_NAME=mine"


def test_every_word_is_there_in_both_languages() -> None:
    for name, message in vars(text).items():
        if isinstance(message, text.Text):
            fields = [set(re.findall(r"\{(\w+)", words)) for words in message]
            assert fields[0] == fields[1], name
            assert not re.search("[가-힣]", message.en), name
    for area in ("launch", "backup"):
        for name in re.findall(r"^class (\w+)", (REPOSITORY / f"backend/errors/{area}.py").read_text(), re.M):
            kind = getattr(errors, name)
            details = dict.fromkeys(re.findall(r"\{(\w+)", kind.what.en + kind.next_step.en), 1)
            korean, english = (kind(**details).message(language) for language in (Language.KO, Language.EN))
            assert re.search("[가-힣]", korean) and not re.search("[가-힣]", english)


def test_times_and_widths() -> None:
    assert [duration(each) for each in (5, 185, 7800, 270_000)] == ["0m 05s", "3m 05s", "2h 10m", "3d 3h"]
    assert columns("켜진 a") == 6
