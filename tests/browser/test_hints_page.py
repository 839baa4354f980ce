"""Hints in the page: run a program, climb the ladder, solve the problem; and what admins see of it."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from backend.store.models import Role
from tests.browser.hints import LEAK, ORIENT, PROBLEM, PROBLEMS, RIGHT, WRONG, hints_of
from tests.fixtures.pages import PHONE, SAMPLE_MODEL, SECOND_ENGINE, OpenBrowser, PageApp, Reader, settled

TITLE = "체온 기록 정리하기"


async def test_from_a_wrong_program_to_the_solved_mark(page_app: PageApp, reader: Reader) -> None:
    hints = await hints_of(reader)
    page = hints.page
    await page.locator("#hints-search").locator("input, textarea").fill("체온")
    await expect(hints.rows).to_have_count(1)
    await hints.open(TITLE, PROBLEM)
    await expect(hints.problem.locator("pre.value").first).to_have_text("36.5 37.8 36.9 37.8")
    await expect(page.locator("#hints-ladder li.closed")).to_have_count(4)
    await hints.run(WRONG, "틀림")
    await expect(hints.results).to_contain_text("35.0 35.0 35.0")
    await expect(hints.results.locator(".cases li")).to_have_count(7)

    page_app.engine.answer(ORIENT)
    await hints.hint(1)
    await expect(hints.text).to_contain_text("세 값이 모두 같은데도")
    await expect(hints.current).to_contain_text(SAMPLE_MODEL)
    await hints.current.locator(".act-h-rate.arg-1").click()
    await expect(hints.current.locator(".act-h-rate.on")).to_have_text("✓ 좋아요")
    await hints.current.locator(".act-h-complain.arg-too_little").click()
    await expect(hints.current.locator(".act-h-complain.on")).to_have_text("✓ 너무 적음")

    page_app.engine.answer(LEAK)
    await hints.hint(2)
    await expect(hints.current.locator(".note")).to_contain_text("보이지 않고")
    await expect(hints.ladder).not_to_contain_text("이렇게 고치면")
    await expect(hints.ladder).not_to_contain_text("temps[i] > temps[best]")

    await page.reload()
    await settled(page)
    await expect(hints.problem_at(PROBLEM)).to_be_visible()
    await expect(hints.code).to_have_value(WRONG)
    liked = page.locator("#hints-ladder .act-h-rate.on")
    await expect(liked).to_have_count(1)

    await hints.run(RIGHT, "통과")
    await expect(hints.ladder.locator(".learnt")).to_contain_text("시도")
    await page.locator(".problem .act-pick").click()
    await expect(hints.rows.filter(has_text=TITLE).locator(".badge")).to_have_text("풀었음")


@pytest.mark.thorough
async def test_the_box_for_the_program(reader: Reader) -> None:
    hints = await hints_of(reader, f"/?tab=hints&p={PROBLEM}")
    page, code = hints.page, hints.code
    await code.click()
    await page.keyboard.type("for n in range(3):\nprint(n)\nif n:\nbreak")
    typed = "for n in range(3):\n    print(n)\n    if n:\n        break"
    await expect(code).to_have_value(typed)
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Tab")
    await expect(code).to_have_value("    " + typed.replace("\n", "\n    "))
    await page.keyboard.press("Shift+Tab")
    await expect(code).to_have_value(typed)
    await expect(page.locator("#hints-code .gutter")).to_have_text("1\n2\n3\n4")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(code).not_to_be_focused()
    await page.locator(".act-reset-code").click()
    await expect(code).to_have_value("")
    await page.locator(".act-undo-code").click()
    await expect(code).to_have_value(typed)
    await page.reload()
    await settled(page)
    await expect(code).to_have_value(typed)


async def test_what_goes_wrong_is_told_and_the_program_stays(page_app: PageApp, reader: Reader) -> None:
    hints = await hints_of(reader, f"/?tab=hints&p={PROBLEM}")
    page = hints.page
    await hints.run("import socket\nprint(1)", "허용 안 됨")
    await expect(hints.results).to_contain_text("import socket")
    await hints.run("print(1", "문법 오류")
    await expect(hints.results).to_contain_text("1번째 줄")
    await hints.run("x = 1\nprint(1 // 0)", "실행 오류")
    await expect(hints.results).to_contain_text("ZeroDivisionError")
    await hints.code.fill("#" * 70_000)
    await page.locator("#hints-bar .act-run").click()
    await expect(hints.notice).to_contain_text("너무 깁니다")
    await hints.code.fill("")
    await hints.code.press("Control+Enter")
    await expect(hints.notice).to_contain_text("비어 있습니다")

    await hints.code.fill(WRONG)
    page_app.engine.fail("stall", after_tokens=3)
    await page.locator("#hints-bar .act-hint").click()
    await expect(page.locator("#hints-progress .making")).to_contain_text("쓰는 중")
    await page.locator("#hints-progress .act-h-cancel").click()
    await expect(hints.notice).to_contain_text("힌트를 만들지 않았습니다")
    await expect(page.locator("#hints-ladder li.current")).to_have_count(0)
    page_app.engine.fail("die-mid-stream", after_tokens=3, times=1)
    await hints.hint(1)
    await expect(hints.current.locator(".note")).to_contain_text("모델 서버에 닿지 못해")
    await expect(hints.code).to_have_value(WRONG)


async def test_hostile_text_of_a_model_stays_text(page_app: PageApp, reader: Reader) -> None:
    hints = await hints_of(reader, f"/?tab=hints&p={PROBLEM}")
    attack = (
        "<img src=x onerror=window.hacked=1> ![그림](https://evil.example/a.png) [여기](javascript:window.hacked=2)"
    )
    page_app.engine.answer(f"{ORIENT}\n\n{attack}")
    await hints.code.fill(WRONG)
    await hints.hint(1)
    assert await hints.ladder.locator("img, a[href], script").count() == 0
    assert await hints.page.evaluate("window.hacked") is None


async def test_two_models_side_by_side(page_app: PageApp, reader: Reader) -> None:
    hints = await hints_of(reader, f"/?tab=hints&p={PROBLEM}")
    page = hints.page
    await page.locator("#hints-models input").click()
    await page.locator("[role=option]", has_text=SECOND_ENGINE).click()
    await page.keyboard.press("Escape")
    await hints.code.fill(WRONG)
    page_app.engine.answer(ORIENT)
    await page.locator("#hints-bar .act-hint").click()
    beside = page.locator("#hints-compared .models > section")
    await expect(beside.locator(".hint-text")).to_have_count(2)
    await expect(page.locator("#hints-compared")).to_contain_text("세 값이 모두 같은데도")
    await expect(beside.last.locator("h3")).to_contain_text(SECOND_ENGINE)
    await beside.last.locator(".act-h-rate.arg--1").click()
    await expect(beside.last.locator(".act-h-rate.on")).to_have_text("✓ 아쉬워요")
    await page.locator("#hints-compared .act-h-close").click()
    await expect(beside).to_have_count(0)
    await expect(hints.text).to_be_visible()


async def test_in_english_on_a_phone(page_app: PageApp, open_browser: OpenBrowser) -> None:
    reader = await open_browser(locale="en-US", viewport=PHONE, has_touch=True)
    hints = await hints_of(reader)
    page = hints.page
    await _fits(page)
    await hints.open("Temperature log", PROBLEM)
    await expect(hints.problem).to_contain_text("Print the place, counted from 1")
    await hints.code.fill(WRONG)
    await page.locator("#hints-bar .act-run").tap()
    await expect(hints.verdict).to_have_text("wrong answer")
    await expect(hints.verdict).to_be_in_viewport()
    page_app.engine.fail("die-mid-stream", after_tokens=3, times=1)
    await hints.hint(1)
    await expect(hints.current.locator(".note")).to_contain_text("The model server could not be reached")
    await expect(hints.text).to_have_attribute("lang", "en")
    await _fits(page)


@pytest.mark.thorough
async def test_an_admin_imports_problems_and_sees_how_learners_fare(
    page_app: PageApp, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    learner = await open_browser()
    theirs = await hints_of(learner, f"/?tab=hints&p={PROBLEM}")
    await expect(theirs.page.locator("#teach-nav")).to_have_count(0)
    page_app.engine.answer(LEAK)
    await theirs.code.fill(WRONG)
    await theirs.hint(1)

    reader = await open_browser(role=Role.ADMIN)
    hints = await hints_of(reader)
    page = hints.page
    await page.locator("#teach-nav .of-report").click()
    report = page.locator("#teach-report")
    await expect(report.locator("tr", has_text=learner.username).first).to_contain_text(TITLE)
    await report.locator("details summary").first.click()
    await expect(report).to_contain_text("이렇게 고치면 됩니다:")

    await page.locator("#teach-nav .of-problems").click()
    broken, half = tmp_path / "깨짐.json", tmp_path / "절반.json"
    broken.write_text('[{"problem_id": ')
    rows = json.loads(PROBLEMS.read_text(encoding="utf-8"))[:2]
    del rows[1]["title"]
    half.write_text(json.dumps([rows[0] | {"problem_id": "9001", "title": "<b>새 문제</b>"}, rows[1]]))
    notice = page.locator("#teach-notice .notice")
    await _choose(page, broken)
    await expect(notice).to_contain_text("올바른 JSON이 아닙니다")
    await _choose(page, half)
    await expect(notice).to_contain_text("문제 1개를 더하고")
    await expect(page.locator("#teach-problems")).to_contain_text("title 항목이 없습니다")
    await page.locator("#teach-nav .of-work").click()
    await page.locator("#header .act-place.at-hints").click()
    await expect(hints.rows.filter(has_text="<b>새 문제</b>")).to_have_count(1)
    await page.locator("#teach-nav .of-problems").click()
    await page.locator("#teach-problems .act-t-undo").first.click()
    await expect(notice).to_contain_text("되돌렸습니다")
    await page.locator("#header .act-place.at-hints").click()
    await expect(hints.rows.filter(has_text="새 문제")).to_have_count(0)


async def _choose(page: Page, path: Path) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.locator("#teach-problems .act-import.arg-add").click()
    await (await chooser.value).set_files(path)


async def _fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
