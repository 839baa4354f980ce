"""The sentiment place as a reader sees it, and a file of reviews for it."""

import csv
import io
from pathlib import Path

from playwright.async_api import Page, expect

from tests.fixtures.pages import Reader

JOB_MS = 120_000  # a small model on a busy machine
HOSTILE = "<img src=x onerror=window.hacked=1> 국물은 맛있어요"
FORMULA = "=cmd|' /C calc'!A0 라고 쓰인 리뷰"
_SAYINGS = (
    "국물이 진하고 양도 넉넉해서 매주 갑니다",
    "배달이 한 시간 넘게 걸리고 면이 다 불었어요",
    "직원분이 친절하고 매장이 깨끗합니다",
    "가격은 올랐는데 양은 줄었네요",
    "역 앞이라 찾기 쉽습니다",
    "반찬이 짜고 밥이 설익었어요",
    "아이와 가기 좋은 분위기예요",
    "주문이 두 번이나 빠졌는데 사과도 없었습니다",
)
HEADER = ("번호", "매장", "작성일", "별점", "내용")


def reviews_csv(count: int = 24) -> bytes:
    """A file in cp949: reviews of two restaurants over some weeks; one twice, one blank, a formula, and HTML."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADER)
    said = [f"{_SAYINGS[n % len(_SAYINGS)]} {n}번째 방문" for n in range(count)]
    said += [said[0], "  ", FORMULA, HOSTILE]
    for n, text in enumerate(said):
        shop = ("강남점", "홍대점")[n % 2]
        writer.writerow([f"r{n}", shop, f"2026-{1 + n // 10:02}-{1 + n % 28:02}", 1 + n % 5, text])
    return file.getvalue().encode("cp949")


class Sentiment:
    """One open page at the sentiment place."""

    def __init__(self, reader: Reader, page: Page) -> None:
        self.reader, self.page = reader, page
        self.setup = page.locator("#reviews-setup")
        self.run = page.locator("#reviews-run")
        self.preview = page.locator("#reviews-preview")
        self.job = page.locator("#sentiment-job")
        self.history = page.locator("#sentiment-history")
        self.notice = page.locator("#sentiment-right .page-notice .notice")
        self.results = page.locator("#sentiment-results")
        self.rows = page.locator("#sentiment-table tbody tr")

    async def choose(self, path: Path) -> None:
        """Picks a file, as people do."""
        async with self.page.expect_file_chooser() as chooser:
            await self.setup.locator(".act-reviews-choose").click()
        await (await chooser.value).set_files(path)

    async def start(self, path: Path) -> None:
        """Picks a file, takes its columns as they are guessed, and starts."""
        await self.choose(path)
        await self.run.click()
        await expect(self.job).to_be_visible()

    async def finished(self) -> None:
        await expect(self.job.locator(".badge.ok")).to_be_visible(timeout=JOB_MS)

    async def show(self, which: str) -> None:
        """Chooses what the table shows, by its words."""
        await self.page.locator("#sentiment-which input").click()
        await self.page.get_by_role("option", name=which, exact=True).click()


async def sentiment_of(reader: Reader, path: str = "/?tab=sentiment") -> Sentiment:
    """Opens the place."""
    place = Sentiment(reader, await reader.page(path))
    await expect(place.setup).to_be_visible()
    return place


def short_prompt(reader: Reader) -> None:
    """Lets the small model read less: the built-in examples take it a thousand tokens."""
    for language in ("ko", "en"):
        reader.app.query(
            "INSERT INTO sentiment_profiles (user_id, language, instruction, examples) "
            "SELECT id, %s, 'positive, negative, neutral?', '[]' FROM users WHERE username = %s",
            language, reader.username,
        )  # fmt: skip


def finished_job(reader: Reader, count: int = 60, name: str = "지난달 리뷰.csv") -> str:
    """A job with made-up results in the database, for what does not depend on a model. Its id."""
    ((job,),) = reader.app.query(
        "INSERT INTO sentiment_jobs (id, user_id, name, state, size_bytes, shape, mapping, options, rows, skipped, "
        "duplicates, model, imported_at, resumed_at, finished_at) SELECT gen_random_uuid(), id, %s, "
        "'finished', 0, '{}', '{}', '{}', %s, 1, 0, 'sample-model', now(), now(), now() FROM users "
        "WHERE username = %s RETURNING id",
        name, count, reader.username,
    )  # fmt: skip
    reader.app.query(
        "INSERT INTO sentiment_rows (job_id, position, chunk, review_id, text, restaurant, written_at, rating, "
        "is_skipped, language, label, positive, negative, neutral, confidence) SELECT %s, n, 0, n, "
        "CASE WHEN n = 7 THEN %s ELSE '직원분이 친절하고 음식이 빨리 나왔어요 ' || n END, "
        "'가게 ' || mod(n, 3), date '2026-03-01' + n, mod(n, 5) + 1, false, 'ko', "
        "(ARRAY['positive', 'negative', 'neutral'])[1 + mod(n, 3)], .6, .3, .1, .5 + n / 200.0 "
        "FROM generate_series(0, %s) n",
        job, HOSTILE, count - 1,
    )  # fmt: skip
    reader.app.query(
        "INSERT INTO sentiment_rows (job_id, position, review_id, text, restaurant, is_skipped, error_code, "
        "error_message) VALUES (%s, %s, 'x', '', '', true, 'blank_text', ARRAY['비어 있습니다.', 'It is empty.'])",
        job, count,
    )  # fmt: skip
    reader.app.query(
        "INSERT INTO sentiment_chunks (job_id, number, rows, is_done, done, failed, attempts, done_at) "
        "VALUES (%s, 0, %s, true, %s, 0, 1, now())", job, count, count,
    )  # fmt: skip
    reader.app.query(
        "INSERT INTO sentiment_aspects (job_id, position, aspect, polarity, evidence) SELECT %s, n, '서비스', "
        "CASE WHEN mod(n, 4) = 0 THEN 'negative' ELSE 'positive' END, '친절하고' FROM generate_series(0, 20) n", job,
    )  # fmt: skip
    return str(job)


def fail_some(reader: Reader, job: str, count: int) -> None:
    """The first reviews of a finished job were too much for the engine."""
    reader.app.query(
        "UPDATE sentiment_rows SET label = NULL, positive = NULL, negative = NULL, neutral = NULL, confidence = NULL, "
        "error_code = 'engine_busy', error_message = ARRAY['바쁩니다.', 'It is busy.'] "
        "WHERE job_id = %s AND position < %s",
        job, count,
    )  # fmt: skip
    reader.app.query(
        "UPDATE sentiment_chunks SET done = done - %s, failed = %s WHERE job_id = %s",
        count, count, job,
    )  # fmt: skip
