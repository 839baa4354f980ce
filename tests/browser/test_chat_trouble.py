"""The chat when something goes wrong, and its keyboard: nothing that was typed is lost."""

import pytest
from playwright.async_api import expect

from tests.browser.chat import chat_of
from tests.fixtures.pages import PageApp, Reader

pytestmark = pytest.mark.thorough


ENGINE_IS_DOWN = r"/health\)"  # the browser reports each 503 of the health check that the page asks for by itself


async def test_an_engine_that_is_down_keeps_the_question(page_app: PageApp, reader: Reader) -> None:
    reader.watch.allow(ENGINE_IS_DOWN, because="the test switches the engine off")
    chat = await chat_of(reader)
    page_app.engine.fail("refused")
    await expect(await chat.light("busy")).to_have_text("모델 서버를 기다리는 중")
    await chat.box.fill("남아 있을 질문")
    await chat.box.press("Enter")
    await expect(chat.notice).to_contain_text("모델 서버(main)에 닿지 않습니다")
    await expect(chat.box).to_have_value("남아 있을 질문")
    await expect(chat.send).to_be_visible()
    assert await reader.conversations() == []
    await chat.reload()
    await expect(chat.box).to_have_value("남아 있을 질문")
    page_app.engine.fail("none")
    page_app.engine.answer("이제 된다")
    await expect(await chat.light("ok")).to_have_text("sample-model · 준비됨")
    await chat.box.press("Enter")
    await expect(chat.answers).to_have_text(["이제 된다"])
    await chat.reload()
    await expect(chat.answers).to_have_text(["이제 된다"])
    await expect(chat.box).to_have_value("")


async def test_a_model_that_is_loading_is_told(page_app: PageApp, reader: Reader) -> None:
    reader.watch.allow(ENGINE_IS_DOWN, because="the test's engine is loading")
    chat = await chat_of(reader)
    page_app.engine.fail("loading")
    await expect(await chat.light("warn")).to_have_text("모델 준비하는 중")
    await chat.box.fill("너무 이른 질문")
    await chat.send.click()
    await expect(chat.notice).to_contain_text("준비하는 중입니다")
    await expect(chat.box).to_have_value("너무 이른 질문")


async def test_an_engine_that_dies_in_mid_answer(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.fail("die-mid-stream", after_tokens=8, times=1)
    page_app.engine.answer("하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열")
    chat = await chat_of(reader)
    await chat.ask("끊길 질문")
    await chat.done()
    await expect(chat.page.locator("#thread .note-error")).to_be_visible()
    await expect(chat.answers.last).to_contain_text("하나 둘")
    await expect(chat.lines.last).to_contain_text("끊김")
    assert (await chat.stored())[-1]["status"] == "interrupted"
    await chat.do("regenerate")
    await expect(chat.answers).to_have_text(["하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열"])
    await expect(chat.page.locator("#thread .note-error")).to_have_count(0)


async def test_an_engine_that_fails_before_the_first_word(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.fail("500", times=1)
    page_app.engine.answer("이제 된다")
    chat = await chat_of(reader)
    await chat.ask("실패할 질문")
    await chat.done()
    await expect(chat.page.locator("#thread .note-error")).to_be_visible()
    await expect(chat.questions).to_have_text(["실패할 질문"])
    await chat.do("regenerate")
    await expect(chat.answers.last).to_have_text("이제 된다")


@pytest.mark.parametrize(("text", "told"), [("   ", "메시지가 비어 있습니다"), ("가" * 20_001, "20,001")])
async def test_a_message_that_cannot_be_sent(reader: Reader, text: str, told: str) -> None:
    chat = await chat_of(reader)
    await chat.box.fill(text)
    await chat.send.click()
    await expect(chat.notice).to_contain_text(told)
    await expect(chat.box).to_have_value(text)
    assert await reader.conversations() == []


async def test_a_conversation_that_does_not_exist(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader, "/?c=00000000-0000-4000-8000-000000000000")
    await expect(chat.notice).to_contain_text("그 대화를 찾을 수 없습니다")
    await chat.asked("그래도 묻는다")


async def test_shift_enter_makes_a_line_and_enter_sends(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader)
    await chat.box.press_sequentially("첫 줄")
    await chat.box.press("Shift+Enter")
    await chat.box.press_sequentially("둘째 줄")
    await expect(chat.box).to_have_value("첫 줄\n둘째 줄")
    await chat.box.press("Enter")
    await chat.done()
    assert (await chat.stored())[0]["content"] == "첫 줄\n둘째 줄"


async def test_enter_that_ends_a_hangul_syllable_does_not_send(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader)
    await chat.box.click()
    keyboard = await reader.context.new_cdp_session(chat.page)
    await chat.page.evaluate(
        "addEventListener('keydown', event => { window.composing = event.isComposing; }, { capture: true })"
    )
    await keyboard.send("Input.imeSetComposition", {"text": "하", "selectionStart": 1, "selectionEnd": 1})
    await chat.page.keyboard.press("Enter")
    assert await chat.page.evaluate("window.composing")
    await keyboard.send("Input.insertText", {"text": "한"})
    await expect(chat.box).to_have_value("한")
    await expect(chat.send).to_be_visible()
    assert await reader.conversations() == []
    await chat.page.keyboard.press("Enter")
    await chat.done()
    await expect(chat.questions).to_have_text(["한"])
    assert len(await reader.conversations()) == 1


async def test_slash_goes_to_the_question_box_and_is_not_typed(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader)
    await chat.box.evaluate("box => box.blur()")
    await chat.page.keyboard.press("/")
    await expect(chat.box).to_be_focused()
    await expect(chat.box).to_have_value("")
    await chat.page.keyboard.press("/")
    await expect(chat.box).to_have_value("/")


async def test_a_draft_survives_a_reload_and_a_sent_question_does_not_come_back(
    page_app: PageApp, reader: Reader
) -> None:
    chat = await chat_of(reader)
    await chat.box.press_sequentially("쓰다 만 글")
    await chat.reload()
    await expect(chat.box).to_have_value("쓰다 만 글")
    await chat.send.click()
    await chat.done()
    await expect(chat.questions).to_have_text(["쓰다 만 글"])
    await chat.reload()
    await expect(chat.questions).to_have_text(["쓰다 만 글"])
    await expect(chat.box).to_have_value("")
    await chat.page.locator("#new-chat").click()
    await expect(chat.questions).to_have_count(0)
    await chat.page.goto(page_app.url + "/?c=new")
    await expect(chat.box).to_have_value("")
