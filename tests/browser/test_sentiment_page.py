"""Sentiment in the page: a file is uploaded and matched, a real small model reads it, and the results are used."""

import asyncio
import csv
import io
import re
from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.look import readable
from tests.browser.reviews import (
    FORMULA,
    HOSTILE,
    JOB_MS,
    Sentiment,
    fail_some,
    finished_job,
    reviews_csv,
    sentiment_of,
    short_prompt,
)
from tests.fixtures.pages import PHONE, OpenBrowser, PageApp

COUNT = 10  # reviews beside the four odd ones


async def downloaded(place: Sentiment, kind: str) -> bytes:
    async with place.page.expect_download() as download:
        await place.results.locator(f"a[href$='format={kind}']").click()
    path = await (await download.value).path()
    return await asyncio.to_thread(path.read_bytes)


async def test_from_the_file_to_the_corrected_result(
    reviews_app: PageApp, open_reviews: OpenBrowser, tmp_path: Path
) -> None:
    reader = await open_reviews()
    short_prompt(reader)
    place = await sentiment_of(reader)
    page = place.page
    path = tmp_path / "강남점 리뷰.csv"
    path.write_bytes(reviews_csv(COUNT))
    await place.choose(path)
    await expect(place.setup.locator(".found")).to_contain_text("14행 · cp949")
    await expect(place.preview.locator("tbody tr").first).to_contain_text("국물이 진하고")
    for role, column in (("text", "내용"), ("restaurant", "매장"), ("date", "작성일"), ("rating", "별점")):
        await expect(place.setup.locator(f"select[name={role}]")).to_have_value(column)
    await place.setup.locator("select[name=text]").select_option("")
    await expect(place.run).to_be_disabled()
    await place.setup.locator("select[name=text]").select_option("내용")
    await place.setup.locator(".chip.more").click()
    await place.setup.locator(".aspects input").fill("주차")
    await page.keyboard.press("Enter")
    for name in ("맛", "서비스", "가격", "분위기", "위생", "배달", "양"):  # each mention would be asked about
        chip = place.setup.locator(".chip", has_text=re.compile(f"^{name}$"))
        await chip.click()
        await expect(chip).to_have_attribute("aria-pressed", "false")
    await place.run.click()
    await expect(place.notice).to_contain_text("시작했습니다")
    await expect(place.preview).to_be_empty()

    await expect(page).to_have_url(re.compile("job=[0-9a-f-]{36}"))
    await page.reload()  # in the middle of it
    await place.finished()
    (job,) = await reader.api("/sentiment/jobs")
    assert (job["rows"], job["done"], job["skipped"], job["duplicates"]) == (13, 13, 1, 1)
    assert job["options"]["aspects"] == ["주차"]
    await expect(place.job).to_contain_text("같은 글 1개는 한 번만")
    await expect(place.results.locator(".figure.positive")).to_contain_text("%")
    for chart in ("trend", "confidence", "restaurants"):
        await expect(page.locator(f"#chart-{chart} .js-plotly-plot .main-svg").first).to_be_visible()
    await expect(page.locator("#chart-restaurants .ytick")).to_have_count(2)
    await page.locator("#chart-restaurants summary").click()
    await expect(page.locator("#chart-restaurants table")).to_contain_text("홍대점")
    await expect(place.rows).to_have_count(14)

    row = place.rows.filter(has_text="라고 쓰인 리뷰")
    to = row.locator(".fixes .act:not(.off)").first
    wanted = await to.inner_text()
    await to.click()
    await expect(place.notice).to_contain_text("예시로 쓰입니다")
    await expect(row).to_contain_text("고침")
    await expect(row.locator(".badge").first).to_have_text(wanted)
    told = list(csv.DictReader(io.StringIO((await downloaded(place, "csv")).decode("utf-8-sig"))))
    assert len(told) == 14
    found = next(line for line in told if FORMULA in line["text"])
    assert found["text"] == f"'{FORMULA}"
    assert found["corrected"] == "True"
    assert found["label"] == {"긍정": "positive", "부정": "negative", "중립": "neutral"}[wanted]
    assert (await downloaded(place, "xlsx")).startswith(b"PK")
    await page.locator("#sentiment-prompts button").first.click()
    await expect(page.locator("#sentiment-prompts textarea").nth(1)).to_have_value(re.compile("라고 쓰인 리뷰"))
    await place.notice.locator(".act-s-correct").click()
    await expect(place.notice).to_contain_text("예시에서 뺐습니다")
    await expect(row).not_to_contain_text("고침")


async def test_a_few_pasted_lines_are_answered_at_once(reviews_app: PageApp, open_reviews: OpenBrowser) -> None:
    reader = await open_reviews()
    short_prompt(reader)
    place = await sentiment_of(reader)
    await place.page.locator("#sentiment-paste textarea").fill(f"국물이 진해요\n\n{HOSTILE}\n국물이 진해요")
    await place.page.locator("#sentiment-paste-run").click()
    rows = place.page.locator("#sentiment-right table.rows tbody tr")
    await expect(rows).to_have_count(3, timeout=JOB_MS)
    await expect(rows.nth(1)).to_contain_text("<img src=x")
    await expect(rows.nth(1).locator(".aspect")).to_contain_text("맛", timeout=JOB_MS)  # after the labels
    await expect(rows.nth(1).locator(".said b")).to_contain_text("국물은 맛있어요")
    await expect(rows.nth(2)).to_contain_text("1번째와 같은 글")
    assert await place.page.evaluate("window.hacked") is None


@pytest.mark.thorough
async def test_a_job_is_paused_resumed_stopped_and_deleted(
    reviews_app: PageApp, open_reviews: OpenBrowser, tmp_path: Path
) -> None:
    reader = await open_reviews()
    place = await sentiment_of(reader)
    path = tmp_path / "많은 리뷰.csv"
    path.write_bytes(reviews_csv(3000))
    await place.start(path)
    await expect(place.job.locator(".badge")).to_have_text(re.compile("분석 중|읽는 중"))
    await place.job.locator(".act-s-pause").click()
    await expect(place.job.locator(".badge")).to_have_text("멈춤")
    await place.job.locator(".act-s-resume").click()
    await expect(place.notice).to_contain_text("이어서")
    place.page.on("dialog", lambda dialog: dialog.accept())
    await place.job.locator(".act-s-cancel").click()
    await expect(place.job.locator(".badge")).to_have_text("그만둠")
    await place.history.locator(".act-s-delete").click()
    await expect(place.job).to_be_hidden()
    await expect(place.page.locator("#sentiment-right .welcome")).to_be_visible()
    await expect(place.history).to_contain_text("아직 분석한 것이 없습니다")


async def test_files_that_cannot_be_read_say_why(
    reviews_app: PageApp, open_reviews: OpenBrowser, tmp_path: Path
) -> None:
    reader = await open_reviews()
    reader.watch.allow(r"/api/v1/sentiment/preview", because="a file that is refused is answered with an error status")
    place = await sentiment_of(reader)
    told = place.setup.locator(".notice-error")
    for name, content, words in (
        ("빈 파일.csv", b"", "파일에 리뷰가 없습니다"),
        ("그림.png", b"\x89PNG\r\n" + bytes(50), "리뷰 표로 읽을 수 없는 파일"),
        ("넓은 표.csv", f"{','.join(map(str, range(1200)))}\n{'1,' * 1199}1\n".encode(), "열이 너무 많습니다"),
        ("깨진 표.xlsx", b"PK\x03\x04 nothing", "손상"),
        ("큰 파일.csv", b"text\n" + b"a\n" * (1 << 20) + b"b\n", "최대 2 MB"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        await place.choose(tmp_path / name)
        await expect(told).to_contain_text(words)
        await expect(place.run).to_have_count(0)
    await place.page.evaluate(
        """text => { const data = new DataTransfer();
          data.items.add(new File([text], "끌어온 표.tsv", { type: "text/plain" }));
          const how = { dataTransfer: data, bubbles: true, cancelable: true };
          for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, how)); }""",
        "내용\t별점\n국물이 진해요\t5\n면이 불었어요\t1\n",
    )
    await expect(place.setup.locator(".found")).to_contain_text("구분자 탭")
    await expect(place.setup.locator("select[name=rating]")).to_have_value("별점")
    await place.setup.get_by_text("다른 파일").click()
    await expect(place.setup.locator(".setup-here")).to_be_empty()


@pytest.mark.thorough
async def test_results_are_filtered_readable_and_their_owners_alone(
    reviews_app: PageApp, open_reviews: OpenBrowser
) -> None:
    owner = await open_reviews(locale="en-US", color_scheme="dark")
    job = finished_job(owner)
    place = await sentiment_of(owner)
    await expect(place.rows).to_have_count(50)
    await expect(place.results.locator(".figure.positive b")).to_have_text("33.3%")
    await expect(place.page.locator("#chart-aspects .js-plotly-plot .main-svg").first).to_be_visible()
    await expect(place.rows.first.locator(".said b")).to_have_text("친절하고")
    await place.results.locator(".pager .act-s-page").click()
    await expect(place.rows).to_have_count(11)
    await readable(place.page, "sentiment, dark")
    await place.results.locator(".figure.negative").click()
    await expect(place.rows).to_have_count(20)
    await place.show("least sure first")
    await expect(place.rows.first).to_contain_text("0.50")
    await place.page.locator("#sentiment-words input, #sentiment-words textarea").fill("국물은")
    await expect(place.rows).to_have_count(1)
    await expect(place.rows.first).to_contain_text("<img src=x onerror=window.hacked=1>")
    assert await place.page.evaluate("window.hacked") is None
    await place.page.locator("#sentiment-words input, #sentiment-words textarea").fill("no such words")
    await expect(place.page.locator("#sentiment-table")).to_contain_text("No review is like this")
    await place.page.locator("#sentiment-words input, #sentiment-words textarea").fill("")
    await place.job.locator(".act-s-show").click()
    await expect(place.rows).to_have_count(1)
    await expect(place.rows.first).to_contain_text("It is empty.")

    stranger = await open_reviews()
    theirs = await sentiment_of(stranger, f"/?tab=sentiment&job={job}")
    await expect(theirs.page.locator("#sentiment-right .welcome")).to_be_visible()
    assert "지난달" not in await theirs.page.content()
    assert (await stranger.context.request.get(f"{reviews_app.url}/api/v1/sentiment/jobs/{job}")).status == 404


@pytest.mark.thorough
async def test_a_workbook_is_sent_once_more_after_its_upload_was_cancelled(
    reviews_app: PageApp, open_reviews: OpenBrowser, tmp_path: Path
) -> None:
    reader = await open_reviews()
    short_prompt(reader)
    place = await sentiment_of(reader)
    path = tmp_path / "리뷰.xlsx"
    book = openpyxl.Workbook()
    for row in (["리뷰", "별점"], ["국물이 진해요", 5], ["면이 불었어요", 1]):
        book.active.append(row)
    book.save(path)
    await place.choose(path)
    await expect(place.setup.locator(".found")).to_contain_text("2행 · 스프레드시트")
    upload = "**/api/v1/sentiment/jobs"
    arrived = asyncio.Event()

    async def held(_route: Route) -> None:
        arrived.set()

    await place.page.route(upload, held)
    await place.run.click()
    await arrived.wait()
    await place.setup.get_by_role("button", name="취소").click()
    await expect(place.setup).to_contain_text("올리기를 취소했습니다")
    assert await reader.api("/sentiment/jobs") == []
    await place.page.unroute(upload)
    await place.start(path)
    await place.finished()
    await expect(place.rows).to_have_count(2)


@pytest.mark.thorough
async def test_failed_reviews_are_tried_again(reviews_app: PageApp, open_reviews: OpenBrowser) -> None:
    reader = await open_reviews()
    short_prompt(reader)
    fail_some(reader, finished_job(reader, count=30), count=3)
    place = await sentiment_of(reader)
    await expect(place.job).to_contain_text("실패한 리뷰 3개")
    await place.job.locator(".act-s-show").first.click()
    await place.job.locator(".act-s-retry").click()
    await expect(place.notice).to_contain_text("다시 분석합니다")
    await place.finished()
    await expect(place.job.locator(".act-s-retry")).to_have_count(0)
    (job,) = await reader.api("/sentiment/jobs")
    assert (job["done"], job["failed"]) == (30, 0)


@pytest.mark.thorough
async def test_the_instruction_is_edited_and_reset(reviews_app: PageApp, open_reviews: OpenBrowser) -> None:
    reader = await open_reviews()
    place = await sentiment_of(reader)
    card = place.page.locator("#sentiment-prompts")
    await card.locator("button").first.click()
    instruction, examples = card.locator("textarea").nth(0), card.locator("textarea").nth(1)
    await expect(instruction).to_have_value(re.compile("한국어 리뷰를 읽고"))
    await examples.fill("긍정: 또 갈래요\n그저 그래요")
    await card.locator("#save-prompt").click()
    await expect(card.locator(".notice-error")).to_contain_text("2번째 줄")
    await instruction.fill("positive나 negative나 neutral로 답해.")
    await examples.fill("긍정: 또 갈래요\nnegative: 다시는 안 가요")
    await card.locator("#save-prompt").click()
    await expect(card.locator(".notice-ok")).to_be_visible()
    await expect(examples).to_have_value("긍정: 또 갈래요\n부정: 다시는 안 가요")
    await card.locator("#reset-prompt").click()
    await expect(instruction).to_have_value(re.compile("한국어 리뷰를 읽고"))


@pytest.mark.thorough
async def test_on_a_phone_everything_is_one_column(
    reviews_app: PageApp, open_reviews: OpenBrowser, tmp_path: Path
) -> None:
    reader = await open_reviews(viewport=PHONE, has_touch=True)
    finished_job(reader)
    place = await sentiment_of(reader)
    await expect(place.page.locator("#chart-trend .js-plotly-plot .main-svg").first).to_be_visible()
    await readable(place.page, "sentiment, phone")
    path = tmp_path / "리뷰.csv"
    path.write_bytes(reviews_csv(COUNT))
    await place.choose(path)
    await expect(place.run).to_be_visible()
    await readable(place.page, "columns, phone")
    assert await _width(place.page) <= PHONE["width"]


async def _width(page: Page) -> int:
    found: int = await page.evaluate("document.documentElement.scrollWidth")
    return found
