"""`quick_start.sh` in a pod: no Docker, a GPU that is only reported, and a stand-in that takes vLLM's arguments."""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from backend.settings import REPOSITORY, Settings, variables
from tests.fixtures.checkout import LEFT_OUT, Checkout, free_port
from tests.fixtures.hub import HubDouble

DEADLINE_S = 400.0  # of two starts of an engine after one of the page, on a machine that is busy
MODEL = "Qwen/Qwen2.5-Coder-7B-Instruct"
CONFIG = {
    "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "hidden_size": 3584,
    "max_position_embeddings": 32768, "torch_dtype": "bfloat16",
}  # fmt: skip
TOO_LONG = (
    "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV "
    "cache (20000). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine."
)
NVIDIA_SMI = """#!/bin/sh
case "$*" in
  *query-gpu*) echo "NVIDIA GeForce RTX 4090, 24564, 580.65.06, 8.9" ;;
  *-L*) echo "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-00000000-0000-0000-0000-000000000000)" ;;
esac
"""


@dataclass
class Pod:
    """A checkout on the container's disk, a volume, and the folder of the stand-in."""

    above: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    starts: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.above / "container" / "ondol"

    @property
    def data(self) -> Path:
        return self.above / "volume" / "ondol" / "var"

    @property
    def stand_in(self) -> Path:
        return self.above / "stand-in"

    @property
    def checkout(self) -> Checkout:
        return Checkout(self.folder, self.port, self.environment)

    @property
    def calls(self) -> list[dict[str, Any]]:
        file = self.stand_in / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def note(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.data / "run/preparation-main.json").read_text())
        except OSError:
            return {}
        return found

    def new_container(self) -> None:
        """The container's disk as the image has it: what was written there is gone."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(REPOSITORY, self.folder, ignore=LEFT_OUT)

    def start(self, while_it_starts: Callable[[], None] = lambda: None) -> None:
        """`./quick_start.sh`; what it says is kept."""
        told: list[str] = []

        def run() -> None:
            done = self.checkout.run("--port", str(self.port), deadline_s=DEADLINE_S)
            told.append(f"{done.stdout}\n{done.stderr}\nexit status {done.returncode}")

        thread = threading.Thread(target=run)
        thread.start()
        try:
            while_it_starts()
        finally:
            thread.join()
        self.starts.append(told[0])

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """As the first admin, signed in with the password that lies on the volume."""
        with httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60) as client:
            password = (self.data / "secrets/admin_password").read_text().strip()
            origin = {"Origin": f"http://127.0.0.1:{self.port}"}
            client.post("/login", data={"username": "admin", "password": password}, headers=origin)
            answer = client.request(method, path, headers=origin, **more)
            assert answer.status_code == 200, answer.text
            return answer.json()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, f"it did not happen in time: {self.note}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def pod(small_gguf: Path, hub_double: HubDouble) -> Iterator[Pod]:
    """Started for the first time; a start of vLLM fails for want of memory, and the hub holds the model back."""
    # Not pytest's folder: the account that root lends the database must be able to pass through.
    above = Path(tempfile.mkdtemp(prefix="pod "))
    above.chmod(0o755)
    programs = above / "bin"
    for folder in (programs, above / "volume", above / "stand-in"):
        folder.mkdir()
    (programs / "nvidia-smi").write_text(NVIDIA_SMI)
    (programs / "nvidia-smi").chmod(0o755)
    (above / "stand-in" / "model.gguf").symlink_to(small_gguf)
    (above / "stand-in" / "failures").write_text(TOO_LONG)
    hub_double.models[MODEL] = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": b"0" * 5000}
    ours = {name for setting in Settings.model_fields for name in variables(setting)}
    environment = {name: value for name, value in os.environ.items() if name not in ours} | {
        "PATH": os.pathsep.join([str(programs), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LC_ALL": "C.UTF-8",
        "RUNPOD_POD_ID": "abc123",
        "ONDOL_WORKSPACE": str(above / "volume"),
        "ONDOL_VENV": sys.prefix,
        "ONDOL_EMBEDDING_VENV": sys.prefix,
        "EMBEDDING_MODEL_NAME": "use-multilingual-v3",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "HF_ENDPOINT": hub_double.address,
        "STAND_IN": str(above / "stand-in"),
        "VLLM_COMMAND": f"'{sys.executable}' '{REPOSITORY / 'tests/stand_in/vllm.py'}'",
    }
    made = Pod(above, environment)
    made.new_container()
    try:
        yield made
    finally:
        hub_double.open.set()
        made.checkout.run("--stop")
        made.checkout.kill()
        shutil.rmtree(above)


def test_the_page_is_there_before_the_model(pod: Pod, hub_double: HubDouble) -> None:
    hub_double.open.clear()

    def release_once_the_page_is_open() -> None:
        try:
            pod.wait_for(lambda: pod.note.get("phase") == "downloading")
            answer = httpx2.get(f"http://127.0.0.1:{pod.port}/health", timeout=60)
            assert answer.json()["checks"]["database"]["state"] == "ready"
            assert pod.calls == []
            assert pod.note["total_bytes"] > 5000
        finally:
            hub_double.open.set()

    pod.start(release_once_the_page_is_open)
    told = pod.starts[0]
    assert "exit status 0" in told
    assert told.index("The page is open") < told.index("The model is ready to answer")
    assert "RTX 4090" in told
    assert "24 GB of GPU memory" in told
    assert "RUNPOD_API_KEY is missing" in told


def test_a_start_without_enough_memory_is_tried_with_less_and_told(pod: Pod) -> None:
    first, second = (call["arguments"] for call in pod.calls)
    assert first[first.index("--max-model-len") + 1] == "32768"
    assert second[second.index("--max-model-len") + 1] == "19456"
    assert "lowered: VLLM_MAX_MODEL_LEN 32768 → 19456" in pod.starts[0]
    assert pod.note["phase"] == "ready"
    assert pod.note["lowered"] == [{"setting": "VLLM_MAX_MODEL_LEN", "before": "32768", "after": "19456"}]
    assert pod.note["because"] == "fits_24gb"


def test_vllm_is_reached_from_this_machine_only_and_sees_nothing_of_ours(pod: Pod) -> None:
    arguments, names = pod.calls[-1]["arguments"], set(pod.calls[-1]["variables"])
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
    assert {"VLLM_API_KEY", "HF_HOME", "HF_HUB_OFFLINE"} <= names
    assert not names & {"VIRTUAL_ENV", "PYTHONPATH", "VLLM_PORT", "RUNPOD_POD_ID", "DATABASE_URL", "ONDOL_RUN"}
    key = (pod.data / "secrets/llm_key").read_text().strip()
    assert key not in " ".join(arguments)
    assert key not in pod.starts[0] + (pod.data / "logs/llm.log").read_text()


def test_the_page_answers_through_it(pod: Pod) -> None:
    answer = pod.ask("POST", "/api/v1/chat", json={"message": "Say hello.", "max_tokens": 12})
    assert answer["response"]
    assert answer["model_used"] == MODEL


def test_everything_is_on_the_volume(pod: Pod) -> None:
    assert (pod.folder / "var").is_symlink()
    assert (pod.folder / "var").resolve() == pod.data
    assert (pod.data / "huggingface/hub/models--Qwen--Qwen2.5-Coder-7B-Instruct/.ondol-complete").exists()
    status = pod.checkout.run("--status")
    assert status.returncode == 0, status.stdout


@pytest.mark.thorough
def test_a_stop_loses_nothing_and_the_next_start_knows_what_worked(pod: Pod, hub_double: HubDouble) -> None:
    before = pod.ask("GET", "/api/v1/conversations")
    assert pod.checkout.run("--stop").returncode == 0
    assert pod.checkout.processes() == []
    assert not _stand_ins(pod)
    pod.new_container()
    hub_double.asked.clear()
    calls = len(pod.calls)
    pod.start()
    assert "exit status 0" in pod.starts[-1]
    assert pod.ask("GET", "/api/v1/conversations") == before
    again = [call["arguments"] for call in pod.calls[calls:]]
    assert [line[line.index("--max-model-len") + 1] for line in again] == ["19456"]
    assert hub_double.asked == []


def test_the_engine_does_not_outlive_the_supervisor(pod: Pod) -> None:
    assert _stand_ins(pod)
    assert pod.checkout.kill("supervisord")
    pod.wait_for(lambda: not _stand_ins(pod))


def _stand_ins(pod: Pod) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STAND_IN") == str(pod.stand_in) and "--max-model-len" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found
