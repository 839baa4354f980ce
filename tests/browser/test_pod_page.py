"""The pod in the page: its state, the countdown, keep awake, a stop in two steps that is proven, and who may."""

import re
import uuid

import pytest
from playwright.async_api import Page, expect

from backend.store.models import Role
from tests.browser.handlers import call
from tests.browser.look import fits, readable
from tests.fixtures.pages import PHONE, OpenBrowser, Reader
from tests.fixtures.pod_pages import OWN, PodPages

expect.set_options(timeout=15_000)


async def console_of(reader: Reader) -> Page:
    page = await reader.page("/?tab=pod")
    await expect(page.locator("#pod-page .console")).to_be_visible()
    return page


async def show(page: Page, part: str) -> None:
    await page.locator(f".parts .arg-{part}").click()
    await expect(page.locator(f"#pod-page.{part}")).to_be_visible()


async def test_a_countdown_appears_everywhere_and_keep_awake_ends_it(
    pod_pages: PodPages, open_pod: OpenBrowser
) -> None:
    admin, user = await open_pod(role=Role.ADMIN), await open_pod(locale="en-US")
    page, other = await console_of(admin), await user.page()
    await expect(page.locator("#pod-pill .words")).to_contain_text("켜 둠")
    await expect(page.locator(".state .why")).to_contain_text("켜 두기로 한 시각")
    await expect(other.locator("#pod-pill .words")).to_have_text("GPU on")
    await page.locator(".countdown-card .act-p-cancel").click()
    await expect(page.locator("#pod-banner .text")).to_contain_text("GPU가 곧 멈춥니다")
    await expect(page.locator(".ring.hot .countdown")).to_have_text(re.compile(r"0:[0-2]\d"))
    await expect(page.locator("#pod-pill .words")).to_have_text(re.compile(r"\$0\.69/h · 0:[0-2]\d 뒤 정지"))
    await expect(other.locator("#pod-banner .left")).to_have_text(re.compile(r"0:[0-2]\d"))
    await expect(other.locator("#pod-banner .text")).to_contain_text("Ask something and it stays on")
    await expect(other.locator("#pod-banner .act")).to_have_count(0)

    await page.locator("#pod-banner .act").click()
    await expect(page.locator("#pod-banner")).to_have_count(0)
    await expect(other.locator("#pod-banner")).to_have_count(0)
    await expect(page.locator(".ring.ok .countdown")).to_have_text(re.compile(r"(29|30):\d\d"))
    newest = page.locator(".audit tbody tr").first
    await expect(newest).to_contain_text(admin.username)
    await expect(newest).to_contain_text("켜 두기")
    await expect(page.locator(".audit .badge", has_text="취소됨").first).to_be_visible()
    assert pod_pages.runpod.account.asked("stop") == 0


async def test_a_stop_takes_two_steps_and_is_shown_when_it_is_proven(
    pod_pages: PodPages, open_pod: OpenBrowser
) -> None:
    admin = await open_pod(role=Role.ADMIN)
    page = await console_of(admin)
    stop, dialog = page.locator(".countdown-card .act-ask-stop"), page.locator("#pod-dialog")
    await stop.click()
    await expect(dialog).to_contain_text("/workspace 볼륨(50 GB)")
    await expect(dialog).to_contain_text("컨테이너 디스크")
    await expect(dialog).to_contain_text("$0.33")
    await expect(dialog).to_contain_text("다시 켜지 못할 수 있습니다")
    await dialog.locator(".act-close-dialog").click()
    await expect(dialog).to_have_count(0)
    assert pod_pages.runpod.account.asked("stop") == 0

    await stop.click()
    await dialog.locator(".reason").fill("<b>수업</b> 끝")
    await dialog.locator(".act-confirm-stop").click()
    await expect(page.locator(".state h2")).to_have_text("꺼진 것을 확인함")
    await expect(page.locator(".state .badge").first).to_have_text("EXITED")
    newest = page.locator(".audit tbody tr").first
    await expect(newest).to_contain_text(admin.username)
    await expect(newest).to_contain_text("<b>수업</b> 끝")
    await expect(newest.locator(".badge.ok")).to_contain_text("EXITED 확인")
    assert pod_pages.runpod.account.pods[OWN].status == "EXITED"
    assert pod_pages.runpod.account.asked("stop") == 1
    await expect(page.locator("#pod-pill .words")).to_have_text("GPU 꺼짐")
    await page.locator(".activity .act-p-start").click()
    await expect(page.locator(".page-notice .notice-ok")).to_contain_text("RUNNING이 되는지")
    await expect(page.locator(".state .badge").first).to_have_text("PROVISIONING")


@pytest.mark.thorough
async def test_settings_are_tried_saved_and_taken_back(pod_pages: PodPages, open_pod: OpenBrowser) -> None:
    page = await console_of(await open_pod(role=Role.ADMIN, locale="en-US"))
    await show(page, "settings")
    await page.locator("#pod-settings [name=idle_limit]").fill("7")
    await page.locator(".act-form-replay").click()
    await expect(page.locator("#pod-result")).to_contain_text("it would have stopped")
    for place, (begin, end) in enumerate((("09:00", "19:00"), ("08:30", "00:00"))):
        section = page.locator("#pod-settings section.card").nth(place + 1)
        await section.locator(".act-add-row").click()
        await section.locator("[data-part=begin]").fill(begin)
        await section.locator("[data-part=end]").fill(end)
    await page.locator("[name=exceptions]").fill("not 2026-12-25")
    await page.locator(".act-form-save").click()
    await expect(page.locator(".page-notice .notice-ok")).to_contain_text("Saved")
    with pod_pages.app.client("root") as client:
        kept = client.get("/api/v1/pod/settings").json()
    assert kept["changed"] == ["idle_limit", "quiet", "schedule"]
    assert kept["settings"]["idle_limit"] == 7
    assert kept["settings"]["schedule"] == "mon-fri 08:30-24:00 Asia/Seoul; not 2026-12-25"
    assert kept["settings"]["quiet"][0]["weekdays"] == [0, 1, 2, 3, 4]
    await page.locator("[name=exceptions]").fill("whenever")
    await page.locator(".act-form-save").click()
    await expect(page.locator(".page-notice .notice-error")).to_contain_text("`whenever`")
    await expect(page.locator("[name=exceptions]")).to_have_value("whenever")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.locator(".act-p-reset").click()
    await expect(page.locator(".page-notice .notice-ok")).to_contain_text("environment")
    await expect(page.locator("#pod-settings [name=idle_limit]")).to_have_value("2")


@pytest.mark.thorough
async def test_costs_logs_and_the_other_pods(pod_pages: PodPages, open_pod: OpenBrowser) -> None:
    page = await console_of(await open_pod(role=Role.ADMIN, locale="en-US"))
    await show(page, "costs")
    await page.locator("[name=spot_usd_per_hour]").fill("0.2")
    await page.locator(".act-form-prices").click()
    await expect(page.locator(".two")).to_contain_text("Spot pod")
    await show(page, "logs")
    await expect(page.locator(".pod-log")).to_contain_text("pod is RUNNING")
    await show(page, "pods")
    rows = page.locator("#pod-page tbody tr")
    await expect(rows).to_have_count(5)
    await expect(rows.first).to_contain_text("this one")
    await page.locator(".act-ask-stop.id-pod3net").click()
    await expect(page.locator("#pod-dialog")).to_contain_text("network volume")
    await page.locator("#pod-dialog .act-confirm-stop").click()
    await expect(rows.filter(has_text="pod3net")).to_contain_text("EXITED")
    assert "canary" not in await page.content()
    pod_pages.settings()


@pytest.mark.thorough
async def test_an_ordinary_user_sees_the_state_and_can_do_nothing(pod_pages: PodPages, open_pod: OpenBrowser) -> None:
    admin, user = await open_pod(role=Role.ADMIN), await open_pod(locale="en-US")
    sessions: set[str] = set()
    page = await admin.context.new_page()
    page.on("request", lambda request: sessions.update(re.findall(r'"session_hash":"(\w+)"', request.post_data or "")))
    await page.goto(f"{pod_pages.app.url}/?tab=pod")
    await expect(page.locator("#pod-page .console")).to_be_visible()
    await page.locator("#header .act-place.at-chat").click()  # the place of the pod is silent while it is not open
    theirs = await user.page("/?tab=pod")
    await expect(theirs.locator("#pod-page.user")).to_contain_text("It is on.")
    await expect(theirs.locator("#header .act-place.at-pod")).to_have_count(0)
    await expect(theirs.locator("#pod-page .act, .console, #pod-act")).to_have_count(0)
    assert "0.69" not in await theirs.content()
    (session,) = sessions
    with pod_pages.app.client(user.username) as client:
        for path in ("stop", "start", "restart", "keep-awake", "cancel"):
            answer = client.post(f"/api/v1/pod/{path}", json={"confirm": True} if path == "stop" else {"minutes": 5})
            assert answer.status_code == 403, path
        config = client.get("/config")
        assert "pod-act" not in config.text
        known = len(config.json()["dependencies"])
        order = f'{{"do": "stop", "id": "{OWN}", "arg": "", "text": ""}}'
        told = ""
        for fn_index in range(known, known + 12):
            for stolen in (session, uuid.uuid4().hex):
                told += "".join(call(client, fn_index, data, stolen) for data in ([order, "now"], ["now"], []))
        assert "You may not do this" in told
        assert "4090" not in told
    assert pod_pages.runpod.account.asked("stop") == 0
    await page.locator("#header .act-place.at-pod").click()
    await expect(page.locator(".state h2")).to_have_text("돌고 있음")


@pytest.mark.parametrize(
    ("locale", "scheme"), [("ko-KR", "light"), pytest.param("en-US", "dark", marks=pytest.mark.thorough)]
)
@pytest.mark.thorough
async def test_it_is_readable_wide_and_narrow(
    pod_pages: PodPages, open_pod: OpenBrowser, locale: str, scheme: str
) -> None:
    reader = await open_pod(role=Role.ADMIN, locale=locale, color_scheme=scheme)
    page = await console_of(reader)
    for part in ("now", "costs", "settings", "logs", "pods"):
        await show(page, part)
        await page.set_viewport_size(PHONE)
        await fits(page)
        await page.set_viewport_size({"width": 1280, "height": 860})
        await readable(page, part)
    await show(page, "now")
    await page.locator(".countdown-card .act-awake-until").click()
    await expect(page.locator("#pod-dialog .moment")).to_be_focused()
    await readable(page, "until")


@pytest.mark.thorough
async def test_away_from_runpod_it_says_what_is_missing(open_browser: OpenBrowser) -> None:
    reader = await open_browser(role=Role.ADMIN)
    page = await console_of(reader)
    await expect(page.locator(".state .note")).to_contain_text("RUNPOD_POD_ID")
    await expect(page.locator(".state table")).to_contain_text("모델 서버")
    await expect(page.locator(".figures").first).to_contain_text("엔진")
    await expect(page.locator(".ring")).to_contain_text("안 멈춤")
    await expect(page.locator("#pod-page .act-ask-stop, #pod-page .act-p-awake")).to_have_count(0)
    await expect(page.locator("#pod-pill")).to_be_hidden()
    await page.locator(".spending .act-p-show").click()
    await page.locator("[name=pod_usd_per_hour]").fill("0.5")
    await page.locator(".act-form-prices").click()
    await expect(page.locator(".page-notice .notice-ok")).to_be_visible()
    await show(page, "now")
    await expect(page.locator(".spending")).to_contain_text("$0.50")
    await show(page, "settings")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.locator(".act-p-reset").click()
    await expect(page.locator(".page-notice .notice-ok")).to_be_visible()
