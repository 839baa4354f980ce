"""The tests of a running system, run against one: the application over real HTTP, with engines that always answer."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvicorn

from backend.settings import REPOSITORY, ProviderEntry
from backend.store.database import Database
from bench.engine.server import EngineDouble
from bench.engine_batch.server import BatchEngine
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.chat import house_of
from ui.layout import mount

COMMAND = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/system"]


async def test_a_system_that_works_passes(
    database: Database, engine_double: EngineDouble, batch_engine: BatchEngine, tmp_path: Path
) -> None:
    labels = ProviderEntry(name="labels", base_url=batch_engine.base_url, service_type="vllm")
    routes = {"bulk": ["labels"]}
    async with house_of(database, engine_double, tmp_path, llm_providers=[labels], llm_routes=routes) as house:
        listening = socket.create_server(("127.0.0.1", 0))
        mount(house.app, house.services)
        options = uvicorn.Config(
            house.app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(options)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            status, output = await _run(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            await serving
            listening.close()
    assert status == 0, output
    assert "skipped" not in output, output


def test_without_an_address_it_is_said_what_is_needed() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ONDOL_URL"}
    command = [str(REPOSITORY / "run_tests.sh"), "system"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "--url" in done.stderr


async def _run(url: str) -> tuple[int | None, str]:
    environment: dict[str, Any] = {
        **os.environ, "ONDOL_URL": url, "ONDOL_USER": "root", "ONDOL_PASSWORD": PASSWORD, "ONDOL_TOKEN": "",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *COMMAND, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()
