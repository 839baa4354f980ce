"""Asking and answering in the page: the main job of the product, in a real browser."""

from playwright.async_api import expect

from tests.browser.chat import Chat, chat_of
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.engine import MODEL
from tests.fixtures.pages import OpenBrowser, PageApp, Reader, settled

LONG = " ".join(f"낱말{number}" for number in range(70))  # about four seconds of writing


async def test_from_the_sign_in_page_to_a_first_answer_of_a_real_model(
    page_app: PageApp, open_browser: OpenBrowser
) -> None:
    username = page_app.add_user()
    reader = await open_browser(None)
    page = await reader.context.new_page()
    await page.goto(page_app.url)
    await page.locator("#username").fill(username)
    await page.locator("#password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await settled(page)
    chat = Chat(reader, page)
    await chat.open_settings()
    await page.locator("#provider input").click()
    await page.get_by_role("option", name=MODEL).click()
    await page.locator("#chat-settings .arg-settings").click()
    await chat.asked("What is the capital of France?")
    shown = (await chat.answers.last.inner_text()).split()
    question, answer = await chat.stored()
    assert question["content"] == "What is the capital of France?"
    assert answer["status"] == "complete"
    assert answer["model"] == MODEL
    assert shown[:3] == answer["content"].split()[:3]
    line = await chat.lines.last.inner_text()
    assert MODEL in line
    for fact in ("첫 글자", "토큰/초", "토큰", "모두"):
        assert fact in line


async def test_an_answer_grows_while_it_is_written(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer(LONG)
    chat = await chat_of(reader)
    await chat.page.evaluate(
        """() => { window.lengths = new Set();
          new MutationObserver(() => {
            const text = [...document.querySelectorAll('#thread [data-testid=bot]')].at(-1)?.innerText ?? '';
            if (text.startsWith('낱말')) window.lengths.add(text.length);
          }).observe(document.querySelector('#thread'), { childList: true, subtree: true, characterData: true }); }"""
    )
    await chat.ask("길게 써 줘")
    await expect(chat.stop).to_be_visible()
    await expect(chat.send).to_be_hidden()
    await chat.done()
    await expect(chat.answers.last).to_have_text(LONG)
    assert len(await chat.page.evaluate("[...window.lengths]")) >= 5


async def test_stop_keeps_what_was_written(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.fail("stall", after_tokens=12)
    page_app.engine.answer(LONG)
    chat = await chat_of(reader)
    await chat.ask("멈출 질문")
    await expect(chat.answers.last).to_contain_text("낱말3")
    await chat.stop.click()
    await chat.done()
    await expect(chat.lines.last).to_contain_text("멈춤")
    _, answer = await chat.stored()
    assert answer["status"] == "stopped"
    assert answer["content"].startswith("낱말0 낱말1 낱말2")
    page_app.engine.fail("stall", after_tokens=12)
    await chat.ask("키보드로 멈출 질문")
    await expect(chat.answers.nth(1)).to_contain_text("낱말3")
    await chat.page.keyboard.press("Escape")
    await chat.done()
    assert (await chat.stored())[-1]["status"] == "stopped"


async def test_regenerating_makes_a_version_one_can_leaf_back_from(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("첫 번째 대답")
    chat = await chat_of(reader)
    await chat.asked("무엇이든")
    page_app.engine.answer("두 번째 대답")
    await chat.do("regenerate")
    await expect(chat.answers).to_have_text(["두 번째 대답"])
    await chat.done()
    await expect(chat.lines.last).to_contain_text("2/2")
    await chat.do("version", nth=0)
    await expect(chat.answers).to_have_text(["첫 번째 대답"])
    await expect(chat.lines.last).to_contain_text("1/2")
    await chat.do("version", nth=1)
    await expect(chat.answers).to_have_text(["두 번째 대답"])
    assert len((await chat.stored())[-1]["versions"]) == 2


async def test_editing_a_question_keeps_the_old_branch(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("대답")
    chat = await chat_of(reader)
    await chat.asked("처음 질문")
    await chat.asked("다음 질문")
    await chat.questions.first.hover()
    await chat.do("edit", nth=0)
    await expect(chat.box).to_have_value("처음 질문")
    await expect(chat.notice).to_contain_text("고쳐 묻는 중")
    await chat.notice.locator(".act-cancel-edit").click()
    await expect(chat.box).to_have_value("")
    await chat.questions.first.hover()
    await chat.do("edit", nth=0)
    await expect(chat.box).to_have_value("처음 질문")
    await chat.ask("고친 질문")
    await expect(chat.questions).to_have_text(["고친 질문"])
    await chat.done()
    await expect(chat.page.locator("#thread [data-testid=user] .versions")).to_contain_text("2/2")
    await chat.do("version", within="#thread [data-testid=user]", nth=0)
    await expect(chat.questions).to_have_text(["처음 질문", "다음 질문"])


async def test_system_prompt_temperature_and_length_reach_the_engine(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("네")
    chat = await chat_of(reader)
    await chat.open_settings()
    await chat.page.locator("#system-prompt textarea").fill("해적처럼 말한다")
    numbers = chat.page.locator("#chat-settings input[type=number]")
    await numbers.nth(0).fill("0.3")
    await numbers.nth(1).fill("128")
    await chat.page.locator("#chat-settings .arg-settings").click()
    await expect(chat.page.locator("#chat-settings")).to_be_hidden()
    await chat.asked("누구니?")
    sent = page_app.engine.requests()[-1]
    assert sent["messages"][0] == {"role": "system", "content": "해적처럼 말한다"}
    assert sent["temperature"] == 0.3
    assert sent["max_tokens"] == 128
    await chat.reload()
    await expect(chat.page.locator("#system-prompt textarea")).to_have_value("해적처럼 말한다")
    await chat.open_settings()
    await chat.page.locator("#system-prompt textarea").fill("시인처럼 말한다")
    await chat.box.click()
    await expect(chat.notice).to_contain_text("저장했습니다")
    await chat.asked("이제는?")
    assert page_app.engine.requests()[-1]["messages"][0]["content"] == "시인처럼 말한다"


async def test_thumbs_and_a_comment_are_stored(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("의견을 들을 대답")
    chat = await chat_of(reader)
    await chat.asked("평가할 질문")
    await chat.do("rate", nth=0)
    await expect(chat.notice).to_contain_text("의견을 저장했습니다")
    assert (await chat.stored())[-1]["rating"] == 1
    await chat.do("dislike")
    form = chat.page.locator("#thread .inline-form")
    await form.locator("input").fill("너무 <b>짧다</b>")
    await form.locator("button").click()
    await expect(chat.page.locator("#thread .act-dislike.on")).to_be_visible()
    rated = (await chat.stored())[-1]
    assert (rated["rating"], rated["comment"]) == (-1, "너무 <b>짧다</b>")
    await chat.do("dislike")
    await expect(chat.page.locator("#thread .act-dislike.on")).to_have_count(0)
    assert (await chat.stored())[-1]["rating"] is None


async def test_copying_gives_the_answer_as_it_was_written(page_app: PageApp, open_browser: OpenBrowser) -> None:
    text = "**굵게**\n\n```python\nprint('<b>')\n```"
    page_app.engine.answer(text)
    reader = await open_browser(permissions=["clipboard-read", "clipboard-write"])
    chat = await chat_of(reader)
    await chat.asked("복사할 질문")
    await chat.do("copy")
    await expect(chat.page.locator("#thread .act-copy")).to_have_text("복사함")
    assert await chat.page.evaluate("navigator.clipboard.readText()") == text
    await chat.answers.last.locator("pre").hover()
    await chat.answers.last.locator("pre ~ button, pre button, .code_wrap button").first.click()
    await chat.page.wait_for_function("navigator.clipboard.readText().then(text => text.trim() === \"print('<b>')\")")


async def test_markdown_code_and_formulas_are_drawn(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer(
        "## 제목\n\n- 하나\n- **둘**\n\n| 열 | 값 |\n|---|---|\n| 가 | 1 |\n\n"
        "```python\nfor x in range(3):\n    print(x < 2)\n```\n\n$$E = mc^2$$\n\n안에 \\(a < b\\) 끝. `x < y`"
    )
    chat = await chat_of(reader)
    await chat.asked("모두 보여 줘")
    answer = chat.answers.last
    await expect(answer.locator("h2")).to_have_text("제목")
    await expect(answer.locator("li strong")).to_have_text("둘")
    await expect(answer.locator("td").first).to_have_text("가")
    await expect(answer.locator("pre code")).to_contain_text("print(x < 2)")
    await expect(answer.locator("pre code span").first).to_be_attached()
    await expect(answer.locator(".katex-display")).to_have_count(1)
    await expect(answer.locator(".katex")).to_have_count(2)
    await expect(answer.locator("p code")).to_have_text("x < y")


async def test_a_long_conversation_is_trimmed_and_the_reader_is_told(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("읽었습니다")
    chat = await chat_of(reader)
    for number in range(3):
        await chat.ask(f"{number} " + "가나" * 1300)
        await chat.done()
        await expect(chat.answers).to_have_count(number + 1)
    await expect(chat.page.locator("#thread .note")).to_contain_text("모델이 읽지 못했습니다")
    assert len(page_app.engine.requests()[-1]["messages"]) < 6


async def test_an_example_of_the_empty_page_is_asked_by_a_click(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("예제에 대한 대답")
    chat = await chat_of(reader)
    example = chat.page.locator(".examples .act").first
    text = await example.inner_text()
    await example.click()
    await expect(chat.questions).to_have_text([text])
    await chat.done()
    await expect(chat.titles).to_have_text([text])
