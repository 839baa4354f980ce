"""The real vLLM, started once for all tests of this folder."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from backend.llm.engine import Engine
from backend.llm.providers import Provider
from backend.settings import ServiceType
from backend.store.database import Database
from bench.engine.server import EngineDouble
from tests.fixtures.chat import House, house_of
from tests.vllm.server import VENV, OwnServer, VllmServer, other_server

OpenEngine = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture(scope="session")
def vllm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """The one that `ONDOL_VLLM_URL` and `ONDOL_VLLM_KEY` name, else our own from `./run_tests.sh --vllm`."""
    if url := os.environ.get("ONDOL_VLLM_URL"):
        yield other_server(url, os.environ.get("ONDOL_VLLM_KEY", ""))
        return
    if not (VENV / "bin" / "python").exists():
        pytest.skip("needs a vLLM: ./run_tests.sh --vllm installs one")
    server = OwnServer(tmp_path_factory.mktemp("vllm"))
    try:
        server.start(request.getfixturevalue("small_gguf"))
        yield server
    finally:
        server.stop()


@pytest.fixture
def small_context(vllm: VllmServer) -> int:
    """Tokens of a context that is worth filling."""
    if vllm.context > 8192:
        pytest.skip(f"a prompt over {vllm.context} tokens takes too long")
    return vllm.context


@pytest.fixture
async def http(vllm: VllmServer) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the server itself, with its key; every request on a connection of its own."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(headers=vllm.headers, timeout=120, limits=limits) as client:
        yield client


@pytest.fixture
def open_engine(vllm: VllmServer) -> OpenEngine:
    """Our client of it; another key or model when told."""

    @asynccontextmanager
    async def opened(*, api_key: str | None = None, model: str = "") -> AsyncIterator[Engine]:
        key = SecretStr(vllm.api_key if api_key is None else api_key)
        engine = Engine(Provider("main", vllm.base_url, ServiceType.VLLM, model, key))
        try:
            yield engine
        finally:
            await engine.close()

    return opened


@pytest.fixture
async def client(open_engine: OpenEngine) -> AsyncIterator[Engine]:
    async with open_engine() as engine:
        yield engine


@pytest.fixture
async def vllm_house(
    vllm: VllmServer, database: Database, engine_double: EngineDouble, tmp_path: Path
) -> AsyncIterator[House]:
    """The whole application on it. The house's own double is never asked."""
    async with house_of(
        database, engine_double, tmp_path, llm_url=vllm.base_url, llm_api_key=vllm.api_key, llm_model=""
    ) as opened:
        yield opened
        assert not engine_double.requests
