"""Language, theme, width and contrast of every page, in a real browser."""

import pytest
from playwright.async_api import Page, expect

from backend.store.models import Role
from tests.browser.chat import chat_of
from tests.browser.look import fits, readable
from tests.fixtures.pages import PHONE, OpenBrowser, PageApp, Reader, settled

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
    await fits(page)
    await chat.box.fill("좁은 화면의 질문")
    await chat.send.tap()
    await chat.done()
    await fits(page)

    history = page.locator("#chat-history")
    await expect(history).to_be_hidden()
    await page.locator(".drawer-button").tap()
    await expect(history).to_be_in_viewport()
    await page.touchscreen.tap(PHONE["width"] - 10, 400)
    await expect(history).to_be_hidden()
    await page.locator(".drawer-button").tap()
    async with page.expect_request("**/queue/join*"):  # sent, but not answered yet when the next place is tapped
        await page.locator("#history-list .act-open").tap()
    await expect(history).to_be_hidden()
    await page.locator(".drawer-button").tap()
    await page.locator("#new-chat").tap()
    await expect(chat.questions).to_have_count(0)
    await expect(history).to_be_hidden()

    await page.locator("#thread-head .arg-settings").tap()
    await expect(page.locator("#system-prompt textarea")).to_be_in_viewport()
    await fits(page)
    await page.locator("#settings-head .arg-settings").tap()
    await expect(page.locator("#chat-settings")).to_be_hidden()

    await page.locator("#header .act-place.at-hints").tap()
    await expect(page.locator(".problems .act-h-open").first).to_be_visible()
    await fits(page)
    await page.locator("#teach-nav .of-problems").tap()
    await expect(page.locator("#teach-problems .act-import").first).to_be_visible()
    await fits(page)

    await page.locator("#header .act-place.at-users").tap()
    await expect(page.locator("#users-list tbody tr").first).to_be_visible()
    await fits(page)
    await page.locator(".account-menu summary").tap()
    await page.locator(".account-menu .arg-account").tap()
    await expect(page.locator("#create-token")).to_be_visible()
    await fits(page)
    await page.locator(".account-menu summary").tap()
    await expect(page.locator(".account-menu .act-language")).to_be_in_viewport()
    await expect(page.locator(".account-menu .act-theme")).to_be_in_viewport()
    await expect(page.locator(".account-menu form button")).to_be_in_viewport()
    await page.locator(".account-menu form button").tap()
    await expect(page.locator("#password")).to_be_visible()
    await fits(page)


@pytest.mark.parametrize(
    ("scheme", "locale"), [("light", "ko-KR"), pytest.param("dark", "en-US", marks=pytest.mark.thorough)]
)
async def test_every_page_is_readable(page_app: PageApp, open_browser: OpenBrowser, locale: str, scheme: str) -> None:
    stranger = await open_browser(None, locale=locale, color_scheme=scheme)
    page = await stranger.context.new_page()
    await page.goto(f"{page_app.url}/login")
    await readable(page, "login")

    reader = await open_browser(locale=locale, color_scheme=scheme, role=Role.ADMIN)
    chat = await chat_of(reader)
    page = chat.page
    await readable(page, "empty chat")
    page_app.engine.answer(ANSWER)
    await chat.asked("읽기 쉬운 질문")
    page_app.engine.fail("die-mid-stream", after_tokens=3, times=1)
    await chat.ask("끊길 질문")
    await expect(page.locator("#thread .note-error")).to_be_visible()
    await chat.open_settings()
    await chat.do("rate", nth=0)
    await expect(chat.notice).to_be_visible()
    await readable(page, "chat")
    await page.locator("#header .act-place.at-hints").click()
    await page.locator(".problems .act-h-open").first.click()
    await page.locator("#hints-code textarea").fill("# sum\ntotal = int(input()) + 1\nprint('x', total)\n")
    await page.locator("#hints-code textarea").press("Control+Enter")
    await expect(page.locator("#hints-results .cases li").first).to_be_visible()
    page_app.engine.fail("die-mid-stream", after_tokens=3, times=1)
    await page.locator("#hints-bar .act-hint").click()
    await expect(page.locator("#hints-ladder .hint-text")).to_be_visible()
    await readable(page, "hints")
    for sub in ("report", "problems"):
        await page.locator(f"#teach-nav .of-{sub}").click()
        await expect(page.locator(f"#teach-{sub} .card").first).to_be_visible()
        await readable(page, sub)
    await page.locator("#header .act-place.at-sentiment").click()
    await expect(page.locator("#reviews-setup")).to_be_visible()
    await expect(page.locator("#sentiment-right .welcome")).to_be_visible()
    await readable(page, "sentiment")
    await page.locator("#header .act-place.at-users").click()
    await expect(page.locator("#users-list tbody tr").first).to_be_visible()
    await readable(page, "users")
    await page.locator(".account-menu summary").click()
    await readable(page, "menu")
    await page.locator(".account-menu .arg-account").click()
    await page.locator("#create-token").wait_for()
    await readable(page, "account")


async def test_the_light_tells_the_state_of_the_engine(page_app: PageApp, open_browser: OpenBrowser) -> None:
    reader = await open_browser(locale="en-US")
    reader.watch.allow(r"/health\)", because="the browser reports each 503 that the page's own check meets")
    chat = await chat_of(reader)
    await expect(await chat.light("ok")).to_have_text("sample-model · ready")
    page_app.engine.fail("loading")
    await expect(await chat.light("warn")).to_have_text("getting the model ready")
    page_app.engine.fail("refused")
    await expect(await chat.light("busy")).to_have_text("waiting for the model server")
    page_app.engine.fail("none")
    await expect(await chat.light("ok")).to_have_text("sample-model · ready")


async def _background(page: Page) -> str:
    found: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return found
