"""The hints place as a learner and an admin see it."""

from collections.abc import Mapping
from typing import Any

from playwright.async_api import Locator, Page, expect

from backend.settings import REPOSITORY
from tests.fixtures.pages import Reader

expect.set_options(timeout=15_000)
PROBLEMS = REPOSITORY / "data" / "problems_multi_solution.json"
PROBLEM = 101
_MADE_MS = 60_000  # a hint that gives too much away is written up to five times
# The place of the last highest temperature, where the first is asked for.
WRONG = """temps = list(map(float, input().split()))
best = 0
for i in range(len(temps)):
    if temps[i] >= temps[best]:
        best = i
print(best + 1)
"""
RIGHT = WRONG.replace(">=", ">")
ORIENT = (
    "입력이 35.0 35.0 35.0일 때 `best`가 한 칸씩 어떻게 움직이는지 4번째 줄을 보며 표로 적어 보세요. 세 값이 모두 "
    "같은데도 마지막 자리까지 옮겨 가는 순간이 보일 거예요. 문제가 바라는 자리가 처음인지 끝인지 다시 읽고, 두 값이 "
    "같을 때 여러분의 조건이 참인지 거짓인지부터 말로 설명해 보세요."
)
LEAK = "이렇게 고치면 됩니다: `if temps[i] > temps[best]:`"


class Hints:
    """One open page at its hints place."""

    def __init__(self, reader: Reader, page: Page) -> None:
        self.reader, self.page = reader, page
        self.work = page.locator("#hints-work")
        self.rows = page.locator(".problems .act-h-open")
        self.problem = page.locator("#hints-problem .problem")
        self.code = page.locator("#hints-code textarea")
        self.results = page.locator("#hints-results .results")
        self.verdict = page.locator("#hints-results .verdict .badge")
        self.notice = page.locator("#hints-notice .notice")
        self.ladder = page.locator("#hints-ladder .ladder")
        self.current = page.locator("#hints-ladder li.current")
        self.text = page.locator("#hints-ladder li.current > .hint-text")

    def problem_at(self, number: int) -> Locator:
        return self.page.locator(f"#hints-problem .problem.at-{number}")

    async def open(self, title: str, number: int) -> None:
        """Opens a problem of the list."""
        await self.rows.filter(has_text=title).click()
        await expect(self.problem_at(number)).to_be_visible()

    async def run(self, code: str, verdict: str) -> None:
        """Writes a program, runs it with the keyboard, and waits for its verdict."""
        await self.code.fill(code)
        await self.code.press("Control+Enter")
        await expect(self.verdict).to_have_text(verdict)

    async def hint(self, of_step: int) -> None:
        """Asks for the next hint, and waits until it stands at that step."""
        await self.page.locator("#hints-bar .act-hint").click()
        await expect(self.current.locator("b .number")).to_have_text(str(of_step), timeout=_MADE_MS)
        await expect(self.page.locator("#hints-progress .making")).to_have_count(0)

    async def stored(self) -> list[Mapping[str, Any]]:
        """The reader's hints in the database, oldest first."""
        found: list[Mapping[str, Any]] = (await self.reader.api(f"/hints?problem_id={PROBLEM}"))["hints"]
        return found


async def hints_of(reader: Reader, path: str = "/?tab=hints") -> Hints:
    """The place in a new tab of the reader."""
    hints = Hints(reader, await reader.page(path))
    await expect(hints.problem if "p=" in path else hints.rows.first).to_be_visible()
    return hints
