"""The chat tab as a reader sees it: what is on the page, and what one can do there."""

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.fixtures.pages import Reader, settled

expect.set_options(timeout=15_000)
# Bubbles that hold words of a person or a model; the line of buttons below each is a bubble of its own to Gradio.
_WORDS = ":not(:has(.meta)):not(:has(.waiting))"


class Chat:
    """One open page at its chat tab."""

    def __init__(self, reader: Reader, page: Page) -> None:
        self.reader, self.page = reader, page
        self.box = page.locator("#question textarea")
        self.send = page.locator("#send")
        self.stop = page.locator("#stop")
        self.notice = page.locator("#thread-notice .notice")
        self.questions = page.locator(f"#thread [data-testid=user]{_WORDS}")
        self.answers = page.locator(f"#thread [data-testid=bot]{_WORDS}")
        self.lines = page.locator("#thread [data-testid=bot] .meta")
        self.titles = page.locator("#history-list .act-open .title")
        self.heading = page.locator("#thread-head h2")

    async def ask(self, text: str) -> None:
        """Types a question and presses Enter; returns when the page has taken it over."""
        await self.box.fill(text)
        await self.box.press("Enter")
        await expect(self.box).to_have_value("")

    async def done(self) -> None:
        """Waits for the end of the answer that is being written."""
        await expect(self.page.locator("#thread .act-regenerate")).to_be_visible()
        await expect(self.send).to_be_visible()

    async def asked(self, text: str) -> None:
        """Asks, and waits for the whole answer."""
        await self.ask(text)
        await expect(self.questions.last).to_have_text(text)
        await self.done()

    async def do(self, action: str, within: str = "#thread", nth: int = -1) -> None:
        """Presses one of our own buttons by what it does."""
        await self.page.locator(f"{within} .act-{action}").nth(nth).click()

    async def open(self, title: str) -> None:
        """Turns to a conversation of the list."""
        await self.page.locator("#history-list .act-open", has_text=title).click()
        await expect(self.heading.first).to_have_text(title)

    async def open_settings(self) -> None:
        await self.page.locator("#thread-head .arg-settings").click()
        await expect(self.page.locator("#chat-settings")).to_be_visible()

    async def reload(self) -> None:
        await self.page.reload()
        await settled(self.page)

    async def id(self) -> str:
        """Of the open conversation, as the address shows it."""
        await expect(self.page).to_have_url(re.compile(r"c=[0-9a-f-]{36}"))
        return self.page.url.partition("c=")[2][:36]

    async def stored(self) -> list[dict[str, Any]]:
        """Messages of the open conversation in the database."""
        thread = await self.reader.thread(await self.id())
        messages: list[dict[str, Any]] = thread["messages"]
        return messages

    async def light(self, css: str) -> Locator:
        """Waits for the engine's light; the page is made to look at once, and not in a few seconds."""
        await self.page.wait_for_function(
            """css => { document.dispatchEvent(new Event("visibilitychange"));
                        return document.querySelector(`#engine.light-${css}`) }""",
            arg=css,
            polling=300,
        )
        return self.page.locator("#engine .words")


async def still(page: Page) -> None:
    """Waits for the end of everything that fades or slides."""
    await page.evaluate("Promise.all(document.getAnimations().map(running => running.finished.catch(() => 0)))")


async def chat_of(reader: Reader, path: str = "/") -> Chat:
    """The chat in a new tab of the reader."""
    return Chat(reader, await reader.page(path))
