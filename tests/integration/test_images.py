"""The Dockerfile without Docker: linted, and its steps run in clean folders beside an environment like vLLM's.

What is not run: the steps that need apt or users of an image, and the packages' own code. pip is real and installs the
real lists, from wheels that have the names and versions and nothing else; that the real packages fit together is shown
by the environment these tests run in, which has the same pins.
"""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.settings import REPOSITORY
from deploy import pins
from deploy.healthy import is_healthy
from tests.dockerfiles import Step, copy, stages
from tests.fixtures.wheels import make_wheel, make_wheels

DOCKERFILE = REPOSITORY / "Dockerfile"
IMAGES = stages(DOCKERFILE)
NEEDS_AN_IMAGE = ("apt-get", "useradd")
REQUIREMENTS = ("requirements-app.txt", "requirements-gpu.txt", "requirements-local.txt")


@dataclass(frozen=True)
class Neighbour:
    """An environment like vLLM's: other versions of what we install, and switched on in every way there is."""

    folder: Path
    variables: dict[str, str]

    def freeze(self) -> str:
        command = [str(self.folder / "bin" / "python"), "-m", "pip", "freeze", "--all"]
        return subprocess.run(command, env=_plain(), capture_output=True, text=True, check=True).stdout

    def files(self) -> set[str]:
        return {str(path) for path in self.folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Neighbour:
    above = tmp_path_factory.mktemp("neighbour")
    wheels, folder = above / "wheels", above / "venv"
    make_wheels(wheels, *(REPOSITORY / name for name in REQUIREMENTS))
    theirs = above / "theirs"
    theirs.mkdir()
    for name, version in {"torch": "2.13.0", "vllm": "0.31.0", "fastapi": "0.1.0", "numpy": "1.0.0"}.items():
        make_wheel(theirs, name, version)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--no-index"]
    subprocess.run([*pip, *map(str, theirs.glob("*.whl"))], env=_plain(), check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    return Neighbour(
        folder,
        _plain()
        | {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(folder),
            "PYTHONPATH": str(packages),
            "PIP_TARGET": str(packages),
            "PIP_PREFIX": str(folder),
            "PIP_PYTHON": str(folder / "bin" / "python"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "LC_ALL": "C.UTF-8",
        },
    )


def test_hadolint_has_nothing_to_say() -> None:
    linter = Path(sys.prefix, "bin", "hadolint")
    done = subprocess.run([str(linter), "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "image",
    ["app", *(pytest.param(image, marks=pytest.mark.thorough) for image in ("embedding", "pod"))],
)
def test_the_steps_of_an_image_run_beside_vllm_and_leave_it_alone(
    tmp_path: Path, neighbour: Neighbour, image: str
) -> None:
    before = neighbour.freeze(), neighbour.files()
    folder = tmp_path / "ondol"
    folder.mkdir()
    ran = 0
    for step in IMAGES[image]:
        if step.keyword == "COPY":
            copy(step, REPOSITORY, folder)
        elif step.keyword == "RUN" and not any(word in step.text for word in NEEDS_AN_IMAGE):
            _run(step, folder, tmp_path / "data", neighbour)
            ran += 1
    assert ran == {"app": 2, "embedding": 2, "pod": 3}[image]
    assert (neighbour.freeze(), neighbour.files()) == before
    for environment, requirements in {
        "app": {".venv": "requirements-app.txt"},
        "embedding": {".venv": "requirements-gpu.txt"},
        "pod": {".venv": "requirements-local.txt", ".venv-embedding": "requirements-gpu.txt"},
    }[image].items():
        assert _versions(folder / environment) >= set(pins.pins(REPOSITORY / requirements))
    torch = {path.name for path in folder.glob(".venv*") if any(name == "torch" for name, _ in _versions(path))}
    assert torch == {"app": set(), "embedding": {".venv"}, "pod": {".venv-embedding"}}[image]

    assert not [name for name in (".env", ".git", "tests", "deploy/secrets") if (folder / name).exists()]
    if image != "pod":  # what .dockerignore leaves out is not needed; the pod copies the same as the app
        modules = "embedding_server" if image == "embedding" else "app, backend.verify, backend.jobs.__main__"
        command = [sys.executable, "-c", f"import {modules}"]
        done = subprocess.run(command, cwd=folder, env=_plain(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _run(step: Step, folder: Path, data: Path, neighbour: Neighbour) -> None:
    """The step as it is written, with the folders of the image in the test's own; the user of the image is ours."""
    command = step.text.replace("/opt/ondol", str(folder)).replace("/data", str(data)).replace("-o ondol -g ondol", "")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=neighbour.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _versions(environment: Path) -> set[tuple[str, str]]:
    """Name and version of what is installed, written as in our lists."""
    wanted = {name.replace("-", "_").lower(): name for file in REQUIREMENTS for name, _ in pins.pins(REPOSITORY / file)}
    infos = [path.name.removesuffix(".dist-info").rpartition("-") for path in environment.rglob("*.dist-info")]
    return {(wanted.get(name.lower(), name), version) for name, _, version in infos}


def _plain() -> dict[str, str]:
    """Our environment without what would change pip or Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "PYTHON")) and name != "VIRTUAL_ENV"
    } | {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


# --- what the containers start with ------------------------------------------------------------------------------


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[dict[str, str]]:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "vllm_api_key").write_text("the key\n")
    (folder / "hf_token").write_text("")
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nenv | grep -E "^(VLLM_|HF_TOKEN)"\n')
    program.chmod(0o755)
    yield {"PATH": f"{program.parent}:{os.environ['PATH']}", "SECRETS_FOLDER": str(folder)}


def _serve(variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    scripts = [str(REPOSITORY / "deploy" / name) for name in ("with-secrets.sh", "serve-vllm.sh")]
    return subprocess.run(scripts, env=variables, capture_output=True, text=True, check=False)


def test_vllm_is_given_what_is_set_and_its_key_from_a_file(secrets: dict[str, str]) -> None:
    done = _serve(
        secrets
        | {
            "VLLM_MODEL": "some/model",
            "VLLM_MAX_MODEL_LEN": "8192",
            "VLLM_GPU_MEMORY_UTILIZATION": "0.85",
            "VLLM_QUANTIZATION": "",
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_EXTRA_ARGS": """--dtype half --override '{"a": "b c"}'""",
        }
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "serve", "some/model", "--host", "0.0.0.0", "--port", "8000", "--max-model-len=8192",
        "--gpu-memory-utilization=0.85", "--dtype", "half", "--override", '{"a": "b c"}',
        *sorted(["VLLM_NO_USAGE_STATS=1", "VLLM_API_KEY=the key"], key=done.stdout.index),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "missing"),
    [({"VLLM_MODEL": "", "VLLM_MAX_MODEL_LEN": "8192"}, "VLLM_MODEL"), ({"VLLM_MODEL": "a/b"}, "VLLM_MAX_MODEL_LEN")],
)
def test_vllm_without_what_it_needs_says_so(secrets: dict[str, str], given: dict[str, str], missing: str) -> None:
    done = _serve(secrets | given)
    assert done.returncode != 0
    assert f"{missing}: is not set" in done.stderr


def test_the_health_check_believes_200_only() -> None:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/good" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert is_healthy(server.server_port, "/good")
        assert not is_healthy(server.server_port, "/loading")
        server.shutdown()
    assert not is_healthy(server.server_port, "/good")
