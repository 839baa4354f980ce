"""Conversations over time: the list, and what a reload, a second tab or a look elsewhere does to an answer."""

import json

import pytest
from playwright.async_api import expect

from tests.browser.chat import chat_of
from tests.fixtures.pages import PageApp, Reader

pytestmark = pytest.mark.thorough


LONG = " ".join(f"낱말{number}" for number in range(90))  # five seconds of writing


async def test_rename_delete_and_undo(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader)
    await chat.asked("처음 제목")
    item = chat.page.locator("#history-list li")
    await item.hover()
    await chat.do("rename", within="#history-list")
    field = chat.page.locator("#history-list .inline-form input")
    await expect(field).to_have_value("처음 제목")
    await field.fill("새 <i>제목</i>")
    await field.press("Enter")
    await expect(chat.titles).to_have_text(["새 <i>제목</i>"])
    await expect(chat.heading.first).to_have_text("새 <i>제목</i>")
    assert [row["title"] for row in await reader.conversations()] == ["새 <i>제목</i>"]

    await item.hover()
    await chat.do("rename", within="#history-list")
    await field.fill("버릴 제목")
    await field.press("Escape")
    await expect(field).to_have_count(0)
    await expect(chat.titles).to_have_text(["새 <i>제목</i>"])

    await item.hover()
    await chat.do("delete", within="#history-list")
    await expect(chat.titles).to_have_count(0)
    await expect(chat.notice).to_contain_text("“새 <i>제목</i>” 대화를 지웠습니다")
    assert await reader.conversations() == []
    await chat.notice.locator(".act-undo").click()
    await expect(chat.titles).to_have_text(["새 <i>제목</i>"])
    await expect(chat.questions).to_have_text(["처음 제목"])
    assert len(await reader.conversations()) == 1


async def test_search_looks_into_titles_and_messages(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader)
    page_app.engine.answer("오리는 헤엄친다")
    await chat.asked("새 이야기")
    await chat.page.locator("#new-chat").click()
    await expect(chat.questions).to_have_count(0)
    page_app.engine.answer("고양이는 잔다")
    await chat.asked("짐승 이야기")
    await expect(chat.titles).to_have_text(["짐승 이야기", "새 이야기"])
    search = chat.page.locator("#history-search textarea")
    for typed, found in (("헤엄", ["새 이야기"]), ("짐승", ["짐승 이야기"]), ("이야기", ["짐승 이야기", "새 이야기"])):
        await search.fill("")
        await search.press_sequentially(typed)
        await expect(chat.titles).to_have_text(found)
    await search.fill("")
    await search.press_sequentially("100%")
    await expect(chat.page.locator("#history-list")).to_contain_text("찾는 대화가 없습니다")


async def test_exports_hold_the_whole_conversation(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("내보낼 **대답**")
    chat = await chat_of(reader)
    await chat.asked("내보낼 질문")
    files = {}
    for kind in ("md", "json"):
        await chat.page.locator("#thread-head details.export:not(.pick) summary").click()
        async with chat.page.expect_download() as started:
            await chat.page.locator(f"#thread-head a[href$={kind}]").click()
        download = await started.value
        assert download.suggested_filename == f"내보낼 질문.{kind}"
        files[kind] = (await download.path()).read_text()
    assert files["md"].startswith("# 내보낼 질문\n")
    assert "## 질문\n\n내보낼 질문\n" in files["md"]
    assert "내보낼 **대답**" in files["md"]
    assert [message["content"] for message in json.loads(files["json"])["messages"]] == [
        "내보낼 질문",
        "내보낼 **대답**",
    ]


async def test_a_new_chat_is_empty_and_stored_with_its_first_question(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader)
    await chat.asked("첫 대화")
    await chat.page.keyboard.press("Control+Shift+O")
    await expect(chat.questions).to_have_count(0)
    await expect(chat.page.locator(".welcome")).to_be_visible()
    await expect(chat.heading.first).to_have_text("새 대화")
    assert len(await reader.conversations()) == 1
    await chat.reload()
    await expect(chat.questions).to_have_count(0)
    await chat.asked("둘째 대화")
    assert [row["title"] for row in await reader.conversations()] == ["둘째 대화", "첫 대화"]


async def test_a_reload_and_a_second_tab_show_the_same_thread(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer("같은 대답")
    chat = await chat_of(reader)
    await chat.asked("같은 질문")
    address = chat.page.url.removeprefix(page_app.url)
    await chat.reload()
    await expect(chat.answers).to_have_text(["같은 대답"])
    for path in (address, "/"):
        other = await chat_of(reader, path)
        await expect(other.questions).to_have_text(["같은 질문"])
        await expect(other.answers).to_have_text(["같은 대답"])
        assert await other.id() == await chat.id()


async def test_a_reload_in_mid_answer_goes_on_showing_it(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.fail("stall", after_tokens=12, times=1)
    page_app.engine.answer(LONG)
    chat = await chat_of(reader)
    await chat.ask("긴 질문")
    await expect(chat.answers.last).to_contain_text("낱말3")
    other = await chat_of(reader)
    await expect(other.stop).to_be_visible()
    await chat.reload()
    await expect(chat.stop).to_be_visible()
    page_app.engine.fail("none")
    for shown in (chat, other):
        await shown.done()
        await expect(shown.questions).to_have_text(["긴 질문"])
        await expect(shown.answers).to_have_text([LONG])
    assert [message["status"] for message in await chat.stored()] == ["complete", "complete"]


async def test_an_answer_is_stopped_from_a_second_tab(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.fail("stall", after_tokens=9)
    page_app.engine.answer(LONG)
    chat = await chat_of(reader)
    await chat.ask("긴 질문")
    await expect(chat.answers.last).to_contain_text("낱말2")
    other = await chat_of(reader)
    await other.stop.click()
    await other.done()
    await chat.done()
    await expect(chat.lines.last).to_contain_text("멈춤")


async def test_looking_elsewhere_in_mid_answer_mixes_nothing(page_app: PageApp, reader: Reader) -> None:
    chat = await chat_of(reader)
    page_app.engine.answer("짧은 대답")
    await chat.asked("짧은 질문")
    await chat.page.locator("#new-chat").click()
    await expect(chat.questions).to_have_count(0)
    page_app.engine.fail("stall", after_tokens=12, times=1)
    page_app.engine.answer(LONG)
    await chat.ask("긴 질문")
    await expect(chat.answers.last).to_contain_text("낱말3")
    await chat.page.evaluate(
        """() => { window.mixed = false;
          const look = () => {
            const text = document.querySelector('#thread').innerText;
            if (text.includes('짧은 질문') && text.includes('낱말')) window.mixed = true;
          };
          new MutationObserver(look)
            .observe(document.querySelector('#thread'), { childList: true, subtree: true, characterData: true }); }"""
    )
    await chat.open("짧은 질문")
    await expect(chat.answers).to_have_text(["짧은 대답"])
    await expect(chat.send).to_be_visible()
    page_app.engine.answer("하나 더")
    await chat.asked("또 하나")
    await expect(chat.answers).to_have_text(["짧은 대답", "하나 더"])
    await chat.open("긴 질문")
    await expect(chat.answers).to_contain_text(["낱말3"])
    page_app.engine.fail("none")
    await expect(chat.answers).to_have_text([LONG])
    await chat.done()
    assert not await chat.page.evaluate("window.mixed")
    assert [message["status"] for message in await chat.stored()] == ["complete", "complete"]


async def test_a_conversation_can_be_deleted_while_it_is_answered(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.fail("stall", after_tokens=9)
    chat = await chat_of(reader)
    await chat.ask("지울 질문")
    await expect(chat.answers.last).to_be_visible()
    await chat.page.locator("#history-list li").hover()
    await chat.do("delete", within="#history-list")
    await expect(chat.titles).to_have_count(0)
    await expect(chat.questions).to_have_count(0)
    await expect(chat.send).to_be_visible()
    await expect(chat.stop).to_be_hidden()
