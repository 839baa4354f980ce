"""Whether a page can be read: nothing wider than the screen, contrast, names, roles."""

from importlib.resources import files
from typing import Any

from playwright.async_api import Page

from tests.browser.chat import still

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()

_CUT_OFF = """[...document.querySelectorAll("button, a.button")]
  .filter((it) => it.offsetParent && getComputedStyle(it.parentElement).overflowY === "hidden")
  .filter((it) => it.parentElement.clientHeight + 2 < it.offsetHeight)
  .map((it) => it.textContent.trim())"""


async def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"the page is {wide[0]} px wide on a screen of {wide[1]} px"


async def readable(page: Page, name: str) -> None:
    """No button is cut off, and axe-core finds nothing serious: contrast, names, roles."""
    await still(page)
    cut: list[str] = await page.evaluate(_CUT_OFF)
    assert not cut, f"{name}: too little room for {cut}"
    await page.evaluate(AXE)
    result: dict[str, Any] = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    found = [
        f"{name}: {rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in result["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]
    assert not found, "\n".join(found)
