"""The proxy configurations of deploy/proxy, with the proxies themselves before two real apps."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from backend.settings import REPOSITORY
from backend.web.app import create_app
from backend.web.services import Services
from bench.engine.server import EngineConfig, EngineDouble
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.chat import House
from tests.fixtures.engine import free_port
from tests.integration.test_scale_out import beside

PROXY = REPOSITORY / "deploy" / "proxy"
DEADLINE_S = 60.0
_TLS = re.compile(r"^\s*ssl_certificate.*\n", re.M)


def nginx(folder: Path, port: int, apps: tuple[int, int]) -> list[str]:
    text = _pointed(PROXY / "nginx.conf", apps)
    text = _TLS.sub("", text).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"pid {folder}/pid; daemon off; error_log stderr; events {{}} http {{ access_log off; {paths}\n{text}}}"
    (folder / "nginx.conf").write_text(whole)
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, apps: tuple[int, int]) -> list[str]:
    text = _pointed(PROXY / "Caddyfile", apps).replace("ondol.example.com {", f"http://127.0.0.1:{port} {{")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def _pointed(path: Path, apps: tuple[int, int]) -> str:
    text = path.read_text()
    for address, port in zip(("10.0.0.11:7860", "10.0.0.12:7860"), apps, strict=True):
        assert text.count(address) == 1
        text = text.replace(address, f"127.0.0.1:{port}")
    return text


@asynccontextmanager
async def served(services: Services) -> AsyncIterator[int]:
    """An app on a port of its own."""
    app = create_app(services)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    app.state.ready = True
    serving = asyncio.create_task(server.serve())
    try:
        yield port
    finally:
        server.should_exit = server.force_exit = True
        await serving


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"HOME": str(folder)})
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("proxy", [nginx, caddy], ids=["nginx", "caddy"])
async def test_a_reader_stays_with_one_app_until_it_is_gone(house: House, tmp_path: Path, proxy: object) -> None:
    name = proxy.__name__  # type: ignore[attr-defined]
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    port = free_port()
    engine = EngineDouble(EngineConfig(tokens_per_second=200, answer_tokens=20, model="second"))
    async with engine.serving(), beside(house, engine, tmp_path / "other") as other, served(other) as second:
        first_server = served(house.services)
        first = await first_server.__aenter__()
        command = proxy(tmp_path, port, (first, second))  # type: ignore[operator]
        address = f"http://127.0.0.1:{port}"
        try:
            with started([program, *command[1:]], tmp_path):
                await until_answering(address)
                seen = set()
                for reader in range(12):  # by chance they are all with one app once in 2,000 times
                    _, cookie = await house.services.accounts.login("mina", PASSWORD, f"192.0.2.{reader}", "browser")
                    async with httpx.AsyncClient(base_url=address, cookies={"ondol_session": cookie}) as browser:
                        models = {await model(browser) for _ in range(4)}
                        assert len(models) == 1, "one reader, one app"
                        seen |= models
                        last = (browser.cookies, models)
                assert seen == {"double", "second"}
                await streams(address, house, (house.engine, engine))

                await first_server.__aexit__(None, None, None)
                async with httpx.AsyncClient(base_url=address, cookies=last[0]) as browser:
                    assert await model(browser) == "second", "the login is good there as well"
        finally:
            await first_server.__aexit__(None, None, None)


async def until_answering(address: str) -> None:
    async with asyncio.timeout(DEADLINE_S), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{address}/health/live")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def model(browser: httpx.AsyncClient) -> str:
    """Which app answered: each has an engine with a model of its own."""
    answer = await browser.get("/api/v1/providers", timeout=DEADLINE_S)
    assert answer.status_code == 200, answer.text
    return str(answer.json()[0]["model"])


async def streams(address: str, house: House, engines: tuple[EngineDouble, EngineDouble]) -> None:
    """Text comes through while the engine still writes: the proxy keeps nothing back."""
    for engine in engines:
        engine.next_answer = "word " * 3000
    headers = {"Authorization": f"Bearer {house.token}"}
    async with (
        httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as client,
        client.stream("POST", "/api/v1/chat", json={"message": "hello", "stream": True}) as answer,
    ):
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("event: delta"):
                break
        assert any(engine.batch.running for engine in engines)
