"""Series, their labels, and who may read them."""

import pytest

from backend.settings import load
from backend.web.metrics import Metrics
from tests.unit.web_stack import client_of, small_app


def test_every_app_counts_for_itself_and_every_series_is_there() -> None:
    one, other = Metrics(), Metrics()
    for _ in range(2):
        one.answer_started()
    one.answer_finished(provider="main", outcome="complete", ttft_s=0.3, prompt_tokens=3, completion_tokens=4)
    text = one.text().decode()
    for line in (
        'ondol_tokens_total{kind="completion",provider="main"} 4.0',
        'ondol_answers_total{outcome="complete",provider="main"} 1.0',
        "ondol_active_streams 1.0",
        "ondol_rate_limited_total 0.0",
        'ondol_chat_ttft_seconds_bucket{le="0.35",provider="main"} 1.0',
    ):
        assert line in text
    assert "ondol_active_streams 0.0" in other.text().decode()


async def test_whatever_is_sent_the_labels_stay_few() -> None:
    metrics = Metrics()
    app = small_app(metrics=metrics)
    async with client_of(app, "kim") as kim, client_of(app) as nobody:
        for number in range(50):
            await kim.get(f"/api/v1/things/{number}")
            await kim.get(f"/nothing/{number}")
            await kim.request(f"VERB{number}", "/")
            await nobody.get(f"/api/v1/things/{number}")
            await nobody.get(f"/secret-{number}")
        await kim.get("/api/v1/boom")
        await kim.post("/api/v1/things", content=b"{")
    text = metrics.text().decode()
    series = [line for line in text.splitlines() if line.startswith("ondol_http_requests_total")]
    assert 'ondol_http_requests_total{method="GET",route="/api/v1/things/{name}",status="200"} 50.0' in series
    assert 'ondol_http_requests_total{method="GET",route="/api/v1/things/{name}",status="401"} 50.0' in series
    assert 'ondol_http_requests_total{method="GET",route="other",status="404"} 50.0' in series
    assert 'ondol_http_requests_total{method="GET",route="/api/v1/boom",status="500"} 1.0' in series
    assert len(series) < 10
    assert 'ondol_errors_total{code="invalid_request"} 1.0' in text
    assert 'ondol_errors_total{code="internal_error"} 1.0' in text


@pytest.mark.parametrize(
    ("peer", "person", "headers", "token", "status"),
    [
        ("127.0.0.1", "", {}, "", 200),
        ("::1", "", {}, "", 200),
        ("127.0.0.1", "", {"x-forwarded-for": "127.0.0.1"}, "", 401),  # a tunnel on this machine
        ("127.0.0.1", "", {"forwarded": "for=127.0.0.1"}, "", 401),
        ("203.0.113.9", "", {}, "", 401),
        ("203.0.113.9", "", {"x-forwarded-for": "127.0.0.1"}, "", 401),
        ("203.0.113.9", "kim", {}, "", 401),
        ("203.0.113.9", "root", {}, "", 200),
        ("203.0.113.9", "", {"authorization": "Bearer right"}, "right", 200),
        ("203.0.113.9", "", {"authorization": "bearer right"}, "right", 200),
        ("203.0.113.9", "", {"authorization": "Bearer wrong"}, "right", 401),
        ("203.0.113.9", "", {"authorization": "Bearer "}, "", 401),
        ("203.0.113.9", "", {"authorization": "right"}, "right", 401),
    ],
)
async def test_who_may_read(
    peer: str, person: str, headers: dict[str, str], token: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.web_stack import person_of

    monkeypatch.setattr("backend.web.metrics.identity_of", person_of)
    app = small_app(settings=load(metrics_token=token, trusted_proxies=("203.0.113.9", "127.0.0.1")))
    async with client_of(app, person, peer) as client:
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("ondol_http_requests_total" in answer.text) is (status == 200)


async def test_refusals_by_rate_are_counted() -> None:
    metrics = Metrics()
    async with client_of(small_app(settings=load(requests_per_minute=1), metrics=metrics), "kim") as client:
        for _ in range(3):
            await client.post("/api/v1/raw")
    assert "ondol_rate_limited_total 2.0" in metrics.text().decode()
