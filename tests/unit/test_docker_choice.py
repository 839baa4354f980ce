"""What a start with Docker writes to .env, so that Compose's own commands do the same afterwards."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from backend.settings import REPOSITORY
from tests.compose_files import read_compose, values_beside

SCRIPT = (
    'ONDOL_ROOT="$1"; for part in output messages machine choices; do . "$2/deploy/lib/$part.sh"; done;'
    'ONDOL_ROOT="$2"; . "$2/deploy/ways/docker.sh"; ONDOL_ROOT="$1"; docker_choose_by_gpu() { :; };'
    'use_choices "" ""; docker_choose "" ""; docker_export_engine; echo "now $ONDOL_VLLM_SERVERS ${COMPOSE_PROFILES:-}"'
)


def _chosen(folder: Path, written: str | None = None, **environment: str) -> str:
    """What a start says that finds `.env` so, or as it is."""
    if written is not None:
        (folder / ".env").write_text(written)
    shutil.copy(REPOSITORY / "docker-compose.yml", folder)
    done = subprocess.run(
        ["bash", "-euc", SCRIPT, "bash", str(folder), str(REPOSITORY)],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _compose(folder: Path) -> dict[str, Any]:
    """The services of `docker compose` in a terminal, with nothing but what the files say."""
    services = read_compose(folder / "docker-compose.yml", {})["services"]
    assert isinstance(services, dict)
    return services


def _replicas(folder: Path) -> str:
    return str(_compose(folder)["vllm-server"]["deploy"]["replicas"])


def _profiles(folder: Path) -> str | None:
    return values_beside(folder / "docker-compose.yml", {}).get("COMPOSE_PROFILES")


def test_ollama_takes_the_place_of_vllm_for_every_command(tmp_path: Path) -> None:
    own = "LLM_SERVICE_TYPE=ollama\nLLM_MODEL_NAME=qwen2.5:7b\nCOMPOSE_PROFILES=monitoring\n"
    for written in (own, None):
        assert _chosen(tmp_path, written).endswith("now 0 ollama,monitoring\n")
        assert (_replicas(tmp_path), _profiles(tmp_path)) == ("0", "ollama,monitoring")
    assert (tmp_path / ".env").read_text().startswith(own)
    file = tmp_path / ".env"
    file.write_text(file.read_text().replace("=ollama\n", "=vllm\n").replace("qwen2.5:7b", "own/model"))
    assert _chosen(tmp_path).endswith("now 1 \n")
    assert (_replicas(tmp_path), _profiles(tmp_path)) == ("1", "monitoring")
    assert "chosen by" not in file.read_text()


def test_an_engine_elsewhere_needs_neither(tmp_path: Path) -> None:
    for written in ("LLM_SERVICE_TYPE=openai\nLLM_MODEL=m\n", "VLLM_SERVER_URL=http://10.0.0.2:8000\nLLM_MODEL=m\n"):
        assert _chosen(tmp_path, written).endswith("now 0 \n")
        assert (_replicas(tmp_path), _profiles(tmp_path)) == ("0", None)


def test_an_engine_of_one_start_alone_is_not_written(tmp_path: Path) -> None:
    assert _chosen(tmp_path, "LLM_MODEL=own/model\n", LLM_SERVICE_TYPE="ollama").endswith("now 0 ollama\n")
    assert (_replicas(tmp_path), _profiles(tmp_path)) == ("1", None)
    assert "now 1" in _chosen(tmp_path, "LLM_MODEL=own/model\nLLM_SERVICE_TYPE=openai\n", LLM_SERVICE_TYPE="vllm")
    assert _replicas(tmp_path) == "0"


@pytest.mark.parametrize("place", [".env", "var/quick_start.env"])
def test_a_laptops_model_is_the_same_one_on_the_hub(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("LLM_MODEL_NAME=qwen2.5-coder-0.5b-instruct\n")
    assert "qwen2.5-coder-0.5b-instruct is Qwen/Qwen2.5-Coder-0.5B-Instruct here" in _chosen(tmp_path)
    services = _compose(tmp_path)
    assert services["vllm-server"]["environment"]["VLLM_MODEL"] == "Qwen/Qwen2.5-Coder-0.5B-Instruct"
    assert services["app"]["environment"]["LLM_MODEL_NAME"] == "Qwen/Qwen2.5-Coder-0.5B-Instruct"
    assert " is Qwen/" not in _chosen(tmp_path) or place != ".env", "told once"


def test_a_model_of_one_start_alone_does_not_cover_what_is_written(tmp_path: Path) -> None:
    _chosen(tmp_path, "VLLM_MODEL=own/model\n", LLM_MODEL_NAME="other/model")
    assert _compose(tmp_path)["vllm-server"]["environment"]["VLLM_MODEL"] == "own/model"
    _chosen(tmp_path, "", LLM_MODEL_NAME="other/model")
    assert _compose(tmp_path)["vllm-server"]["environment"]["VLLM_MODEL"] == "other/model"
