"""What readers see while Ollama downloads the model, and the operator's panel of engines."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Browser, Page, expect
from psycopg import sql

from backend.llm.preparation import Lowered, Phase, Preparation, note
from backend.settings import load
from backend.store.models import Role
from tests.browser.look import fits, readable
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.database import RunningPostgres, open_folder
from tests.fixtures.engine import Engine, free_port
from tests.fixtures.ollama import ANSWER, OllamaDouble
from tests.fixtures.pages import PHONE, OpenBrowser, PageApp, PageEngine, browsers_at, served

expect.set_options(timeout=15_000)
_DATABASE = "enginepages"
_STARTING = r"/health\)"  # the browser reports each 503 of the health check that the page asks for by itself
_GB = 1_000_000_000


@dataclass
class EnginePages:
    """Attributes:
    app: whose main engine is an Ollama and whose provider `cloud` is outside.
    ollama: without its model at first.
    """

    app: PageApp
    ollama: OllamaDouble


@pytest.fixture(scope="module")
def engine_pages(postgres: RunningPostgres, template: str, engine: Engine) -> Iterator[EnginePages]:
    with postgres.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(_DATABASE), sql.Identifier(template))
        )
    folder = open_folder()
    fitted = Preparation(
        Phase.READY,
        "Qwen/Qwen2.5-Coder-7B-Instruct",
        chosen=(("VLLM_MODEL", "Qwen/Qwen2.5-Coder-7B-Instruct"), ("VLLM_MAX_MODEL_LEN", "16384")),
        because="fits_24gb",
        lowered=(Lowered("VLLM_MAX_MODEL_LEN", "32768", "16384"),),
    )
    note(load(data_dir=folder), fitted, "second")
    with OllamaDouble().serving() as double:
        never_told = PageEngine(f"{double.url}/v1", control_url="")
        app = PageApp(f"http://127.0.0.1:{free_port()}", folder, never_told, postgres, _DATABASE)
        providers = [
            {"name": "second", "base_url": double.url, "service_type": "vllm"},
            {"name": "cloud", "base_url": "https://models.example.com/v1", "model": "large", "api_key": "canary"},
        ]
        variables = {
            "LLM_SERVICE_TYPE": "ollama",
            "LLM_MODEL_NAME": "tiny",
            "VLLM_SERVER_URL": double.url,
            "LLM_PROVIDERS": json.dumps(providers),
        }
        with served(app, engine, _takes_logins, **variables):
            yield EnginePages(app, double)
    shutil.rmtree(folder)


@pytest.fixture
async def open_waiting(engine_pages: EnginePages, browser: Browser) -> AsyncIterator[OpenBrowser]:
    """Signs readers in at the app that waits for Ollama."""
    async with browsers_at(engine_pages.app, browser) as opened:
        yield opened


async def test_a_reader_who_waits_sees_how_far_the_download_is_and_then_asks(
    engine_pages: EnginePages, open_waiting: OpenBrowser
) -> None:
    engine_pages.ollama.forget(limit=_GB)
    _wait_until(lambda: _is_held(engine_pages.app))
    korean, english = await open_waiting(), await open_waiting(locale="en-US", color_scheme="dark")
    for reader in (korean, english):
        reader.watch.allow(_STARTING, because="the model is not there yet")
    page, other = await korean.page(), await english.page("/?tab=hints")
    banner = page.locator("#engine-banner")
    await expect(banner.locator(".details")).to_contain_text("3.0 GB 중 1.0 GB 내려받음 (33 %)")
    await expect(banner.locator("b")).to_have_text("모델을 준비하고 있습니다.")
    await expect(banner.locator("progress")).to_have_js_property("value", _GB)
    await expect(other.locator("#engine-banner")).to_contain_text("downloading 1.0 of 3.0 GB (33 %)")
    await expect(page.locator("#engine .words")).to_have_text("모델 준비하는 중")
    await page.locator("#question textarea").fill("너무 이른 질문")
    await page.locator("#send").click()
    await expect(page.locator("#thread-notice .notice-error")).to_contain_text("내려받음 (33 %)")
    await expect(page.locator("#question textarea")).to_have_value("너무 이른 질문")
    await readable(page, "waiting")
    for shown in (page, other):
        await shown.set_viewport_size(PHONE)
        await fits(shown)
        await _covers_nothing(shown)

    engine_pages.ollama.let_go_on()
    await expect(banner).to_have_count(0, timeout=30_000)
    await expect(page.locator("#engine .light")).to_be_visible()
    await page.locator("#question textarea").press("Enter")
    # Not the last bubble: once the answer is whole, that is the line of its figures.
    await expect(page.locator("#thread [data-testid=bot]").filter(has_text=ANSWER)).to_be_visible()


@pytest.mark.parametrize(("locale", "scheme"), [("ko-KR", "light"), ("en-US", "dark")])
async def test_the_operator_sees_every_engine_and_what_was_chosen(
    engine_pages: EnginePages, open_waiting: OpenBrowser, locale: str, scheme: str
) -> None:
    engine_pages.ollama.let_go_on()
    engine_pages.app.wait_until_healthy()
    reader = await open_waiting(role=Role.ADMIN, locale=locale, color_scheme=scheme)
    page = await reader.page("/?tab=pod")
    panel = page.locator(".console .engines")
    is_korean = locale == "ko-KR"
    rows = panel.locator("tbody tr").filter(has=page.locator(".name"))
    await expect(rows).to_have_count(3)
    await expect(rows.nth(0)).to_contain_text("tiny")
    await expect(rows.nth(0).locator(".badge.ok")).to_have_text("준비됨" if is_korean else "ready")
    await expect(rows.nth(2)).to_contain_text("외부" if is_korean else "hosted")
    await expect(rows.nth(2)).to_contain_text("쓰지 않음" if is_korean else "not used")
    await expect(panel.locator(".fitted")).to_contain_text("24GB급" if is_korean else "24 GB GPU")
    await expect(panel.locator(".fitted .note")).to_contain_text(re.compile(r"32,768 → 16,384"))
    signals = page.locator(".state table")
    await expect(signals).to_contain_text("지금 0건" if is_korean else "0 now")
    if is_korean:
        assert re.search(r"\b(now|ended|running|open|reading)\b", await signals.inner_text()) is None
    assert "canary" not in await page.content()
    await readable(page, "engines")
    await page.set_viewport_size(PHONE)
    await fits(page)


async def _covers_nothing(page: Page) -> None:
    """The banner stands above the place and not on it."""
    async with asyncio.timeout(15):
        while True:  # the place moves a moment after the banner has taken another height
            banner = await page.locator("#engine-banner").bounding_box()
            place = await page.locator("#chat:visible, #hints:visible").first.bounding_box()
            assert banner is not None
            assert place is not None
            if place["y"] >= banner["y"] + banner["height"] - 1:
                return
            await asyncio.sleep(0.05)


def _takes_logins(url: str) -> bool:
    """The app is up, whatever its engine does."""
    try:
        form = {"username": "root", "password": PASSWORD}
        return httpx.post(f"{url}/login", data=form, timeout=30).status_code == 303
    except httpx.TransportError:
        return False


def _is_held(app: PageApp) -> bool:
    """The download stands where the test holds it."""
    checks = httpx.get(f"{app.url}/health", timeout=30).json()["checks"]
    return bool(checks["engine"].get("preparation", {}).get("done_bytes") == _GB)


def _wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end, "it does not come to pass"
        time.sleep(0.1)
