"""The picture in the README, taken from the running product.

It is written only when asked for:

    SCREENSHOT=docs/images/chat.png ./run_tests.sh tests/browser/test_screenshot.py
"""

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.chat import chat_of, still
from tests.fixtures.pages import OpenBrowser, PageApp

ANSWERS = {
    "여행 짐 목록을 만들어 줘": "여권, 충전기, 얇은 겉옷부터 챙기세요.",
    "회의록을 세 줄로 줄이는 법": "결정, 담당, 기한만 남기세요.",
    "파이썬으로 목록에서 겹치는 값을 빼 줘. 순서는 그대로": (
        "순서를 지키려면 `dict`를 쓰는 것이 가장 짧습니다. 키는 겹치지 않고, 넣은 순서도 기억하기 때문입니다.\n\n"
        "```python\ndef unique(items):\n    # 처음 나온 순서 그대로, 한 번씩만\n"
        "    return list(dict.fromkeys(items))\n\n"
        "print(unique([3, 1, 3, 2, 1]))  # [3, 1, 2]\n```\n\n"
        "- 값은 **해시할 수 있어야** 합니다. 리스트라면 `tuple`로 바꿔 주세요.\n"
        "- 걸리는 시간은 목록 길이에 비례합니다: \\(O(n)\\)"
    ),
}


@pytest.mark.thorough
async def test_the_picture_of_the_readme(page_app: PageApp, open_browser: OpenBrowser, tmp_path: Path) -> None:
    page_app.add_user("mina")
    reader = await open_browser("mina", color_scheme="light")
    chat = await chat_of(reader)
    for question, answer in ANSWERS.items():
        await chat.page.locator("#new-chat").click()
        await expect(chat.questions).to_have_count(0)
        page_app.engine.answer(answer)
        await chat.asked(question)
    await expect(chat.titles).to_have_count(len(ANSWERS))
    await chat.page.mouse.move(640, 700)  # nothing there changes its colour
    await still(chat.page)
    target = Path(os.environ.get("SCREENSHOT") or tmp_path / "chat.png")
    picture = await chat.page.screenshot(path=target)
    assert len(picture) > 20_000
