"""`quick_start.sh` on a host with Docker and a GPU, against a `docker` and an `nvidia-smi` that only say they are."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.settings import REPOSITORY, Settings, variables

CARD_24_GB = "NVIDIA GeForce RTX 4090, 24564, 580.95.05, 8.9"


@dataclass
class Host:
    """A checkout on such a host."""

    folder: Path
    double: Path
    environment: dict[str, str]

    def run(self, *options: str, **extra: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self.folder / "quick_start.sh"), *options],
            env={**self.environment, **extra},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def have(self, **facts: Any) -> None:
        file = self.double / "state.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**known, **facts}))

    def card(self, line: str) -> None:
        """The one GPU: name, MiB, driver, compute capability."""
        program = self.double / "bin" / "nvidia-smi"
        driver = line.split(", ")[2]
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *query-gpu=driver*) echo {driver} ;; *query-gpu*) echo "{line}" ;; '
            '*) echo "GPU 0: it (UUID: GPU-1)" ;; esac\n'
        )
        program.chmod(0o755)

    def calls(self) -> list[list[str]]:
        file = self.double / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def services(self) -> dict[str, Any]:
        """The compose file as it was when everything was started."""
        found = json.loads((self.double / "environment.json").read_text())
        assert isinstance(found, dict)
        return found

    def compose(self, *words: str) -> None:
        """`docker compose` of a terminal, with nothing but what the files say."""
        command = [str(self.double / "bin" / "docker"), "compose", *words]
        subprocess.run(command, env=self.environment, cwd=self.folder, check=True, capture_output=True)

    def running(self) -> set[str]:
        return set(json.loads((self.double / "containers.json").read_text()))

    def env(self) -> dict[str, str]:
        lines = (self.folder / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def secret(self, name: str) -> str:
        return (self.folder / "deploy" / "secrets" / name).read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    folder = tmp_path / "ondol"
    folder.mkdir()
    for name in ("quick_start.sh", "docker-compose.yml"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    double = tmp_path / "docker"
    (double / "bin").mkdir(parents=True)
    docker = double / "bin" / "docker"
    docker.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m tests.docker_double "$@"\n')
    docker.chmod(0o755)
    ours = {name for field in Settings.model_fields for name in variables(field)}
    made = Host(
        folder,
        double,
        {name: value for name, value in os.environ.items() if name not in ours}
        | {
            "PATH": f"{double / 'bin'}:{os.environ['PATH']}",
            "DOCKER_DOUBLE": str(double),
            "ONDOL_CHECKED": str(REPOSITORY),
            "LC_ALL": "C.UTF-8",
            "RUNPOD_POD_ID": "",
        },
    )
    made.have(
        engine="up", compose="2.39.1", runtimes={"nvidia": {}}, volumes=[], root=str(tmp_path), build="works", sick=[]
    )
    made.card(CARD_24_GB)
    (folder / "deploy" / "lib" / "docker_checks.sh").write_text(
        (REPOSITORY / "deploy/lib/docker_checks.sh").read_text().replace("DOCKER_SPACE_MB=55000", "DOCKER_SPACE_MB=1")
    )
    return made


def test_the_first_start_makes_secrets_chooses_by_the_gpu_and_tells_where_the_page_is(host: Host) -> None:
    mounted = [host.folder / "deploy" / name for name in ("with-secrets.sh", "serve-vllm.sh", "monitoring")]
    mounted += mounted[-1].rglob("*")
    for path in mounted:  # a checkout that was made with umask 077
        path.chmod(path.stat().st_mode & 0o700)
    done = host.run()
    assert done.returncode == 0, done.stdout + done.stderr
    modes = {path: path.stat().st_mode & 0o777 for path in mounted}
    assert not [path for path, mode in modes.items() if mode & 0o077 != (mode >> 3 & 0o050 | mode >> 6 & 0o005)]
    assert "Ondol is ready: http://127.0.0.1:7860" in done.stdout
    assert "cat /data/secrets/admin_password" in done.stdout
    assert host.env()["VLLM_MODEL"] == "Qwen/Qwen2.5-Coder-7B-Instruct"
    assert host.env()["VLLM_GPU_MEMORY_UTILIZATION"] == "0.85"
    vllm = host.services()["vllm-server"]["environment"]
    assert vllm["VLLM_MODEL"] == "Qwen/Qwen2.5-Coder-7B-Instruct"
    assert int(vllm["VLLM_MAX_MODEL_LEN"]) >= 8192
    assert host.services()["app"]["environment"]["LLM_MODEL_NAME"] == vllm["VLLM_MODEL"]

    secrets = host.folder / "deploy" / "secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in secrets.iterdir()} == {0o644}
    assert host.secret("database_url") == f"postgresql://ondol:{host.secret('db_password')}@db:5432/ondol"
    keys = [host.secret(name) for name in ("db_password", "llm_api_key", "embed_api_key", "metrics_token")]
    assert len(set(keys)) == 4
    assert all(len(key) == 48 for key in keys)
    assert not [key for key in keys if key in done.stdout + done.stderr]

    before = {file.name: file.read_text() for file in secrets.iterdir()}
    host.have(volumes=["ondol_database", "ondol_models"])
    again = host.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert {file.name: file.read_text() for file in secrets.iterdir()} == before
    assert len([call for call in host.calls() if call[0] == "run"]) == 1  # chosen once


def test_what_the_operator_has_set_stays(host: Host) -> None:
    own = "# mine\nVLLM_MODEL=own/model\nHF_TOKEN='hf_1 2'\nLLM_API_KEY=my-key # a word\nGRADIO_SERVER_PORT=7999\n"
    (host.folder / ".env").write_text(own)
    done = host.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (host.folder / ".env").read_text().startswith(own)
    assert host.services()["vllm-server"]["environment"]["VLLM_MODEL"] == "own/model"
    assert host.secret("hf_token") == "hf_1 2"
    assert host.secret("llm_api_key") == "my-key"
    assert host.services()["app"]["ports"][0]["published"] == "7999"
    assert "http://127.0.0.1:7999" in done.stdout


def test_another_model_is_remembered_with_what_fits_it(host: Host) -> None:
    assert host.run().returncode == 0
    done = host.run("--model", "Qwen/Qwen2.5-Coder-1.5B-Instruct", "--port", "7861")
    assert done.returncode == 0, done.stdout + done.stderr
    again = host.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert host.services()["vllm-server"]["environment"]["VLLM_MODEL"] == "Qwen/Qwen2.5-Coder-1.5B-Instruct"
    assert host.services()["app"]["ports"][0]["published"] == "7861"
    assert (host.folder / ".env").read_text().count("chosen by quick_start.sh") == 1


def test_an_engine_of_the_operators_own_needs_no_vllm(host: Host) -> None:
    (host.folder / ".env").write_text("LLM_SERVICE_TYPE=ollama\n")
    unnamed = host.run()
    assert unnamed.returncode == 1
    assert "LLM_MODEL_NAME" in unnamed.stderr
    (host.folder / ".env").write_text(
        "LLM_SERVICE_TYPE=ollama\nLLM_MODEL_NAME=qwen2.5:7b\nCOMPOSE_PROFILES=monitoring\n"
    )
    done = host.run()
    assert done.returncode == 0, done.stdout + done.stderr
    everything = {"app", "db", "embedding", "ollama", "prometheus", "grafana"}
    assert host.running() == everything
    assert host.services()["app"]["environment"]["OLLAMA_HOST"] == "ollama"
    host.run("--stop")
    host.compose("up", "--detach")
    assert host.running() == everything, "Compose's own commands do the same"


def test_a_model_that_does_not_start_is_named_and_the_page_stays(host: Host) -> None:
    host.have(sick=["vllm-server"])
    done = host.run()
    assert done.returncode == 1
    assert "vllm-server (unhealthy)" in done.stderr
    assert "the page is there: http://127.0.0.1:7860" in done.stdout
    assert host.run("--status").returncode == 1
    assert "logs of vllm-server" in host.run("--logs", "llm").stdout
    host.have(sick=[])
    assert host.run().returncode == 0
    assert host.run("--status").returncode == 0


def test_a_vllm_that_runs_out_of_memory_is_given_less(host: Host) -> None:
    host.have(fits=6000)
    done = host.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trying again with less (written to .env): VLLM_MAX_MODEL_LEN=5120" in done.stdout
    assert host.env()["VLLM_MAX_MODEL_LEN"] == "5120"
    assert (host.folder / ".env").read_text().count("VLLM_MAX_MODEL_LEN") == 1
    assert host.services()["vllm-server"]["environment"]["VLLM_MAX_MODEL_LEN"] == "5120"


def test_a_vllm_that_ends_again_and_again_is_stopped_and_its_reason_told(host: Host) -> None:
    host.have(ends="ValueError: no such model")
    (host.folder / ".env").write_text("GRADIO_SERVER_NAME=localhost\n")
    done = host.run(LC_ALL="ko_KR.UTF-8")
    assert done.returncode == 1
    assert "ValueError: no such model" in done.stderr and "거듭 끝났습니다" in done.stderr
    assert "vllm-server" not in json.loads((host.double / "containers.json").read_text())
    assert host.services()["app"]["ports"][0]["host_ip"] == "127.0.0.1"


def test_stop_stops_the_profiles_as_well(host: Host) -> None:
    done = host.run("--stop")  # before a model was chosen
    assert done.returncode == 0, done.stdout + done.stderr
    assert ["compose", "--profile", "*", "stop"] in host.calls()
    assert not (host.folder / ".env").exists()


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"engine": "down"}, "systemctl start docker"),
        ({"compose": "2.23.9"}, "2.24"),
        ({"runtimes": {"runc": {}}}, "NVIDIA Container Toolkit"),
        ({"build": "fails"}, "no such base image"),
        ({"volumes": ["ondol_database"]}, "db_password"),
    ],
)
def test_what_is_missing_is_told(host: Host, facts: dict[str, Any], told: str) -> None:
    host.have(**facts)
    done = host.run("--way", "docker", "--model", "some-gguf")
    assert done.returncode == 1
    assert told in done.stderr


def test_a_driver_that_is_too_old_is_told_unless_another_image_is_named(host: Host) -> None:
    host.card("NVIDIA L4, 23034, 550.54.15, 8.9")
    done = host.run()
    assert done.returncode == 1
    assert "580" in done.stderr
    done = host.run(VLLM_IMAGE="somebody/vllm:v1-cu126")
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.services()["vllm-server"]["image"] == "somebody/vllm:v1-cu126"


def test_a_disk_that_is_too_small_is_told_before_anything_is_downloaded(host: Host) -> None:
    file = host.folder / "deploy" / "lib" / "docker_checks.sh"
    file.write_text(file.read_text().replace("DOCKER_SPACE_MB=1", "DOCKER_SPACE_MB=999999999"))
    done = host.run()
    assert done.returncode == 1
    assert "999999999 MB" in done.stderr
    assert not [call for call in host.calls() if "build" in call]


def test_a_model_that_vllm_cannot_load_is_refused(host: Host) -> None:
    done = host.run("--model", "some-gguf")
    assert done.returncode == 1
    assert "Qwen/Qwen2.5-Coder-7B-Instruct" in done.stderr


def test_older_cards_are_given_numbers_they_know(host: Host) -> None:
    host.card("Tesla T4, 15360, 580.95.05, 7.5")
    assert host.run().returncode == 0
    assert "AWQ" in host.env()["VLLM_MODEL"]
    assert host.env()["VLLM_EXTRA_ARGS"] == "--dtype half"


@pytest.mark.parametrize(
    ("version", "wanted", "enough"),
    [("2.24.0", "2.24", True), ("v2.39.1-desktop.1", "2.24", True), ("2.9.0", "2.24", False), ("5.0", "2.24", True),
     ("580.95.05", "580", True), ("1.29.2", "2.24", False), ("2.08.1", "2.24", False)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, wanted: str, enough: bool) -> None:
    script = (
        f'ONDOL_ROOT="{REPOSITORY}"; . "$ONDOL_ROOT/deploy/lib/docker_checks.sh"; is_at_least "{version}" "{wanted}"'
    )
    assert (subprocess.run(["bash", "-euc", script], check=False).returncode == 0) == enough
