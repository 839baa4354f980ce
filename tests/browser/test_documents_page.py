"""Documents in the page: bring files in, ask about them in Korean, see where the answer comes from, open it."""

from collections.abc import Callable
from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser.chat import Chat, chat_of
from tests.fixtures.library import RULES
from tests.fixtures.pages import PHONE, OpenBrowser, PageApp, Reader

READ_MS = 90_000  # the first file waits for Kiwi to be loaded
NAME = "공구실 문서"
MORE = "공구를 쓴 뒤에는 먼지를 털고 부속을 세어 상자에 넣습니다. " * 25  # so that a passage begins on each page
MANUAL = f"""
<html lang="ko"><body style="font: 16px sans-serif">
<h1>전동 드릴 사용 설명서</h1><p>이 설명서는 마을 공유 공구실의 전동 드릴을 쓰는 방법을 설명합니다.</p><p>{MORE}</p>
<div style="page-break-before: always"></div>
<h1>배터리</h1><p>{MORE}</p><p>전동 드릴의 배터리는 처음 쓰기 전에 네 시간 동안 충전합니다.</p>
<div style="page-break-before: always"></div>
<h1>보관</h1><p>전동 드릴은 물기가 없는 서늘한 곳에 둡니다.</p><p>{MORE}</p></body></html>
"""


async def manual(page: Page, folder: Path) -> Path:
    """A PDF of three pages, printed by the browser itself."""
    await page.set_content(MANUAL)
    path = folder / "드릴 설명서.pdf"
    await page.pdf(path=path, format="A5")
    return path


async def place_of_documents(reader: Reader) -> Page:
    page = await reader.page("/?tab=documents")
    await expect(page.locator("#documents-page")).to_be_visible()
    return page


async def make_collection(page: Page, name: str = NAME) -> None:
    await page.locator("#documents-page .act-name-collection").click()
    await page.locator("#documents-page .shelf .inline-form input").fill(name)
    await page.keyboard.press("Enter")
    await expect(page.locator("#documents-page .files h2")).to_have_text(name)


async def upload(page: Page, *files: Path) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.locator("#documents-page .act-upload").click()
    await (await chooser.value).set_files(list(files))
    await expect(page.locator("#documents-page .badge.ok")).to_have_count(len(files), timeout=READ_MS)


async def choose(chat: Chat, name: str = NAME) -> None:
    await chat.page.locator(".pick summary").click()
    await chat.page.locator(".pick .act-collection", has_text=name).click()
    await expect(chat.page.locator(".pick.on > summary")).to_contain_text(name)
    await chat.page.locator("#thread-head h2").click()
    await expect(chat.page.locator(".pick[open]")).to_have_count(0)


async def test_from_the_upload_to_the_open_source(page_app: PageApp, open_browser: OpenBrowser, tmp_path: Path) -> None:
    reader = await open_browser()
    page = await place_of_documents(reader)
    await expect(page.locator("#documents-page")).to_contain_text("문서함을 만들고")
    pdf = await manual(await reader.context.new_page(), tmp_path)
    await make_collection(page)
    await upload(page, pdf, RULES)
    await expect(page.locator("#documents-page .files")).to_contain_text("3쪽")

    chat = await chat_of(reader, "/?c=new")
    await choose(chat)
    page_app.engine.answer("대여 기간은 빌린 날부터 5일입니다 [1]. 없는 근거입니다 [55].")
    await chat.asked("공구의 대여 기간은 며칠인가요?")
    await expect(chat.answers.last).to_contain_text("없는 근거입니다.")
    await expect(chat.answers.last).not_to_contain_text("55")
    mark = chat.answers.last.locator("sup .act-cite")
    await expect(mark).to_have_text("1")
    panel = chat.page.locator("#chat-sources")
    await expect(panel).to_be_visible()
    first = panel.locator(".source.n-1")
    await expect(first.locator("h3")).to_contain_text("제3조")
    await expect(first).to_contain_text("rental_rules")
    await expect(first.locator("mark").first).to_be_visible()
    await mark.click()
    await expect(panel.locator(".source.n-1.current")).to_be_visible()
    await first.locator(".act-open-passage").click()
    original = chat.page.locator("#passage")
    await expect(original.locator(".passage.here")).to_contain_text("5일로 한다")
    await expect(original.locator(".passage.here mark").first).to_be_visible()
    await chat.page.keyboard.press("Escape")
    await expect(original).to_be_hidden()

    page_app.engine.answer("네 시간 동안 충전합니다 [1].")
    await chat.asked("전동 드릴의 배터리는 얼마나 오래 충전해야 하나요?")
    await expect(panel.locator(".source.n-1")).to_contain_text("2쪽")
    await panel.locator(".source.n-1 .act-open-passage").click()
    picture = original.locator(".page-picture img")
    await expect(picture).to_be_visible()
    await expect(picture).not_to_have_js_property("naturalWidth", 0)
    await expect(original.locator(".page-number")).to_have_text("2 / 3")
    await original.locator(".act-turn-page").last.click()
    await expect(original.locator(".page-number")).to_have_text("3 / 3")
    await original.locator(".act-close-passage").click()

    await chat.page.locator("#thread .act-cite").first.click()
    await expect(panel.locator(".source.n-1.current h3")).to_contain_text("제3조")
    await chat.reload()
    await expect(chat.page.locator(".pick.on > summary")).to_contain_text(NAME)
    await expect(panel.locator(".source.n-1")).to_contain_text("2쪽")


async def test_the_page_says_what_it_searches_and_what_it_did_not_find(page_app: PageApp, reader: Reader) -> None:
    page = await place_of_documents(reader)
    await make_collection(page)
    await upload(page, RULES)
    chat = await chat_of(reader, "/?c=new")
    await choose(chat)
    page_app.engine.answer("5일입니다 [1].")
    await chat.asked("공구의 대여 기간은 며칠인가요?")
    page_app.engine.fail("stall", after_tokens=0)
    await chat.ask("위험 공구의 보증금은 얼마를 맡겨야 하나요?")
    await expect(chat.page.locator("#thread .waiting")).to_contain_text("읽는 중")
    await expect(chat.page.locator("#thread .waiting")).to_contain_text("낱말로만")
    await chat.stop.click()
    await chat.done()
    page_app.engine.fail("none")
    await chat.asked("화성 탐사선의 착륙 좌표를 알려 주세요")
    await expect(chat.answers.last).to_contain_text("관련된 내용을 찾지 못했습니다")
    await expect(chat.page.locator("#chat-sources")).to_be_hidden()


async def test_files_that_cannot_be_read_say_why_and_the_rest_goes_on(
    page_app: PageApp, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    reader = await open_browser()
    reader.watch.allow(r"/api/v1/documents\b", because="a file that is refused is answered with an error status")
    page = await place_of_documents(reader)
    await make_collection(page)
    empty, strange, broken = tmp_path / "빈 파일.txt", tmp_path / "그림.exe", tmp_path / "깨진 문서.pdf"
    empty.write_bytes(b"")
    strange.write_bytes(b"MZ" + bytes(100))
    broken.write_bytes(b"%PDF-1.7\nnothing follows")
    async with page.expect_file_chooser() as chooser:
        await page.locator("#documents-page .act-upload").click()
    await (await chooser.value).set_files([empty, strange, broken, RULES])
    await expect(page.locator("#uploads .sending.failed")).to_have_count(2)
    await expect(page.locator("#uploads")).to_contain_text("비어 있습니다")
    await expect(page.locator("#documents-page .badge.ok")).to_have_count(1, timeout=READ_MS)
    row = page.locator("#documents-page tr", has_text="깨진 문서.pdf")
    await expect(row.locator(".badge.warn")).to_have_text("실패", timeout=READ_MS)
    await expect(row.locator(".reason")).not_to_be_empty()
    await page.locator("#uploads .act-forget-upload").first.click()
    await expect(page.locator("#uploads .sending.failed")).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept())
    await row.locator(".act-d-remove").click()
    await expect(page.locator("#documents-page tr", has_text="깨진 문서.pdf")).to_have_count(0)


async def test_collections_are_renamed_shared_deleted_and_brought_back(
    page_app: PageApp, open_browser: OpenBrowser
) -> None:
    owner = await open_browser()
    page = await place_of_documents(owner)
    await make_collection(page, "<b>내 것</b>")
    await page.locator(".files .act-rename-collection").click()
    await page.locator(".files .inline-form input").fill("모두의 것")
    await page.keyboard.press("Enter")
    await expect(page.locator(".files h2")).to_have_text("모두의 것")
    await page.locator(".files .act-d-share").click()
    await expect(page.locator(".shelf")).to_contain_text("공유")
    other = await open_browser()
    theirs = await place_of_documents(other)
    row = theirs.locator(".shelf li", has_text="모두의 것")
    await expect(row).to_contain_text(owner.username)
    await row.locator(".act-d-open").click()
    await expect(theirs.locator(".files h2")).to_have_text("모두의 것")
    await expect(theirs.locator(".files .act-upload")).to_have_count(0)
    await page.locator(".files .act-d-delete").click()
    await expect(page.locator(".wide .page-notice .notice")).to_contain_text("지웠습니다")
    await expect(page.locator(".shelf li")).to_have_count(0)
    await page.locator(".wide .page-notice .notice .act-d-restore").click()
    await expect(page.locator(".shelf li")).to_have_count(1)


async def test_dropping_files_uploads_them(page_app: PageApp, reader: Reader) -> None:
    page = await place_of_documents(reader)
    await make_collection(page)
    await page.evaluate(
        """text => { const data = new DataTransfer();
          data.items.add(new File([text], "끌어온 글.txt", { type: "text/plain" }));
          const how = { dataTransfer: data, bubbles: true, cancelable: true };
          for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, how)); }""",
        "끌어다 놓은 글에는 온돌이 따뜻하다는 말이 있습니다.",
    )
    await expect(page.locator("#documents-page tr", has_text="끌어온 글.txt")).to_be_visible()
    await expect(page.locator("#documents-page .badge.ok")).to_have_count(1, timeout=READ_MS)


async def test_on_a_phone_the_sources_are_a_drawer(page_app: PageApp, open_browser: OpenBrowser) -> None:
    reader = await open_browser(viewport=PHONE, has_touch=True)
    page = await place_of_documents(reader)
    await make_collection(page)
    await upload(page, RULES)
    chat = await chat_of(reader, "/?c=new")
    await choose(chat)
    page_app.engine.answer("5일입니다 [1].")
    await chat.asked("공구의 대여 기간은 며칠인가요?")
    panel = chat.page.locator("#chat-sources")
    await expect(panel).to_be_hidden()
    await chat.answers.last.locator(".act-cite").click()
    await expect(panel).to_be_visible()
    width: Callable[[str], str] = lambda thing: f"document.{thing}.scrollWidth"  # noqa: E731
    assert await chat.page.evaluate(width("documentElement")) <= PHONE["width"]
    await panel.locator(".act-close-sources").click()
    await expect(panel).to_be_hidden()
