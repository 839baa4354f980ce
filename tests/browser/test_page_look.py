"""Language, theme, width and contrast of every page, in a real browser."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Page, expect

from backend.store.models import Role
from tests.browser.chat import chat_of, still
from tests.fixtures.pages import PHONE, OpenBrowser, PageApp, Reader, settled

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
ANSWER = (
    "## 제목\n\n설명과 `코드`, [연결](https://example.com)\n\n```python\n# 주석\nprint('안녕', 1 + 2)\n```\n\n- 하나"
)


async def test_the_browser_chooses_the_language_until_the_reader_does(
    page_app: PageApp, open_browser: OpenBrowser
) -> None:
    reader = await open_browser(locale="en-US")
    page = await reader.page()
    await expect(page).to_have_title("Ondol")
    assert await page.get_attribute("html", "lang") == "en"
    await expect(page.locator("#new-chat")).to_have_text("+ New chat")
    await expect(page.locator(".welcome h2")).to_have_text("What can I help with?")
    async with page.expect_navigation():
        await page.locator(".header-bar > .act-language").click()
    await settled(page)
    for _ in range(2):
        assert await page.get_attribute("html", "lang") == "ko"
        await expect(page.locator("#new-chat")).to_have_text("+ 새 대화")
        await expect(page.locator(".welcome h2")).to_have_text("무엇을 도와드릴까요?")
        await page.reload()
        await settled(page)
    elsewhere = await open_browser(reader.username, locale="en-US")
    page = await elsewhere.page()
    await expect(page.locator("#new-chat")).to_have_text("+ 새 대화")


async def test_the_theme_follows_the_system_until_the_reader_switches_it(open_browser: OpenBrowser) -> None:
    reader = await open_browser(color_scheme="dark")
    page = await reader.page()
    await expect(page.locator("body.dark")).to_be_attached()
    await page.locator(".header-bar > .act-theme").click()
    for _ in range(2):
        await expect(page.locator("body:not(.dark)")).to_be_attached()
        assert await _background(page) == "rgb(251, 248, 243)"
        await page.reload()
        await settled(page)
    await page.locator(".header-bar > .act-theme").click()
    await page.reload()
    await settled(page)
    await expect(page.locator("body.dark")).to_be_attached()
    assert await _background(page) == "rgb(28, 25, 23)"


async def test_nothing_of_gradio_shows(reader: Reader) -> None:
    page = await reader.page()
    await expect(page.locator("footer")).to_be_hidden()
    assert "gradio" not in (await page.locator("body").inner_text()).lower()
    await expect(page.locator("h1")).to_have_count(1)
    assert await page.locator("link[rel=icon]").first.get_attribute("href") == "/static/favicon.svg"


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
async def test_everything_can_be_reached_at_390_pixels(
    page_app: PageApp, open_browser: OpenBrowser, locale: str
) -> None:
    page_app.engine.answer(ANSWER + "\n\n" + "길" * 300)
    reader = await open_browser(locale=locale, viewport=PHONE, role=Role.ADMIN, has_touch=True)
    chat = await chat_of(reader)
    page = chat.page
    await _fits(page)
    await chat.box.fill("좁은 화면의 질문")
    await chat.send.tap()
    await chat.done()
    await _fits(page)

    history = page.locator("#chat-history")
    await expect(history).to_be_hidden()
    await page.locator(".drawer-button").tap()
    await expect(history).to_be_in_viewport()
    await page.touchscreen.tap(PHONE["width"] - 10, 400)
    await expect(history).to_be_hidden()
    await page.locator(".drawer-button").tap()
    await page.locator("#history-list .act-open").tap()
    await expect(history).to_be_hidden()
    await page.locator(".drawer-button").tap()
    await page.locator("#new-chat").tap()
    await expect(chat.questions).to_have_count(0)
    await expect(history).to_be_hidden()

    await page.locator("#thread-head .arg-settings").tap()
    await expect(page.locator("#system-prompt textarea")).to_be_in_viewport()
    await _fits(page)
    await page.locator("#settings-head .arg-settings").tap()
    await expect(page.locator("#chat-settings")).to_be_hidden()

    await page.locator("#header .act-place.at-users").tap()
    await expect(page.locator("#users-list tbody tr").first).to_be_visible()
    await _fits(page)
    await page.locator(".account-menu summary").tap()
    await page.locator(".account-menu .arg-account").tap()
    await expect(page.locator("#create-token")).to_be_visible()
    await _fits(page)
    await page.locator(".account-menu summary").tap()
    await expect(page.locator(".account-menu .act-language")).to_be_in_viewport()
    await expect(page.locator(".account-menu .act-theme")).to_be_in_viewport()
    await expect(page.locator(".account-menu form button")).to_be_in_viewport()
    await page.locator(".account-menu form button").tap()
    await expect(page.locator("#password")).to_be_visible()
    await _fits(page)


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_readable(page_app: PageApp, open_browser: OpenBrowser, locale: str, scheme: str) -> None:
    stranger = await open_browser(None, locale=locale, color_scheme=scheme)
    page = await stranger.context.new_page()
    await page.goto(f"{page_app.url}/login")
    await _readable(page, "login")

    reader = await open_browser(locale=locale, color_scheme=scheme, role=Role.ADMIN)
    chat = await chat_of(reader)
    page = chat.page
    await _readable(page, "empty chat")
    page_app.engine.answer(ANSWER)
    await chat.asked("읽기 쉬운 질문")
    page_app.engine.fail("die-mid-stream", after_tokens=3, times=1)
    await chat.ask("끊길 질문")
    await expect(page.locator("#thread .note-error")).to_be_visible()
    await chat.open_settings()
    await chat.do("rate", nth=0)
    await expect(chat.notice).to_be_visible()
    await _readable(page, "chat")
    await page.locator("#header .act-place.at-users").click()
    await expect(page.locator("#users-list tbody tr").first).to_be_visible()
    await _readable(page, "users")
    await page.locator(".account-menu summary").click()
    await _readable(page, "menu")
    await page.locator(".account-menu .arg-account").click()
    await page.locator("#create-token").wait_for()
    await _readable(page, "account")


async def test_the_light_tells_the_state_of_the_engine(page_app: PageApp, open_browser: OpenBrowser) -> None:
    reader = await open_browser(locale="en-US")
    reader.watch.allow(r"/health\)", because="the browser reports each 503 that the page's own check meets")
    chat = await chat_of(reader)
    await expect(await chat.light("ok")).to_have_text("sample-model · ready")
    page_app.engine.fail("loading")
    await expect(await chat.light("warn")).to_have_text("loading the model")
    page_app.engine.fail("refused")
    await expect(await chat.light("busy")).to_have_text("waiting for the model server")
    page_app.engine.fail("none")
    await expect(await chat.light("ok")).to_have_text("sample-model · ready")


async def _background(page: Page) -> str:
    found: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return found


async def _fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"the page is {wide[0]} px wide on a screen of {wide[1]} px"


async def _readable(page: Page, name: str) -> None:
    """axe-core finds nothing serious: contrast, names, roles."""
    await still(page)
    await page.evaluate(AXE)
    result: dict[str, Any] = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    found = [
        f"{name}: {rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in result["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]
    assert not found, "\n".join(found)
