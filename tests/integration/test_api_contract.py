"""The API against its own description: no request of any shape gets an unexpected error, and /docs is all ours."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backend.store.database import Database
from bench.engine.server import EngineDouble
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.chat import House, house_of

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["\ud800", "\x00", "00000000-0000-0000-0000-000000000000", "main", "1", "가" * 300]),
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
FIELDS = {
    "chat": (
        "message", "provider", "conversation_id", "stream", "system_prompt", "temperature", "max_tokens",
        "collection_ids",
    ),
    "change": ("title", "system_prompt", "temperature", "max_tokens", "collection_ids"),
    "rating": ("rating", "comment"),
    "analyze": ("restaurant_id", "reviews", "language", "aspects"),
    "sentiment_job": ("name", "restaurant_id", "reviews", "language", "aspects"),
    "sentiment_profile": ("instruction", "examples"),
    "hint": ("problem_id", "code", "level", "tone", "language", "history", "provider", "stream"),
    "run": ("problem_id", "code"),
    "hint rating": ("rating", "complaint"),
}  # fmt: skip


@pytest.fixture
async def patient_house(database: Database, engine_double: EngineDouble, tmp_path: Path) -> AsyncIterator[House]:
    """A house that lets one program try thousands of requests a minute."""
    engine_double.next_answer = "ok"
    async with house_of(database, engine_double, tmp_path, requests_per_minute=1_000_000) as house:
        yield house


async def test_no_body_of_any_shape_is_answered_with_an_unexpected_error(patient_house: House) -> None:
    house = patient_house
    asked = (await house.client.post("/api/v1/chat", json={"message": "hello"})).json()
    places = {
        "chat": ("POST", "/api/v1/chat"),
        "change": ("PATCH", f"/api/v1/conversations/{asked['conversation_id']}"),
        "rating": ("PUT", f"/api/v1/messages/{asked['message_id']}/rating"),
        "analyze": ("POST", "/api/v1/sentiment/analyze"),
        "sentiment_job": ("POST", "/api/v1/sentiment/jobs"),
        "sentiment_profile": ("PUT", "/api/v1/sentiment/profiles/ko"),
        "hint": ("POST", "/api/v1/hints"),
        "run": ("POST", "/api/v1/run"),
        "hint rating": ("POST", f"/api/v1/hints/{asked['message_id']}/rating"),
    }
    loop = asyncio.get_running_loop()

    async def send(area: str, body: bytes) -> None:
        method, path = places[area]
        answer = await house.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, (area, body, answer.text)
        if answer.status_code >= 400:
            problem = answer.json()
            assert {"type", "title", "status", "detail", "code", "instance", "request_id"} <= set(problem)

    @settings(
        max_examples=300,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def explore(data: st.DataObject) -> None:
        area = data.draw(st.sampled_from(sorted(FIELDS)))
        names = st.sampled_from(FIELDS[area]) | st.text(max_size=5)
        body = data.draw(st.dictionaries(names, VALUES, max_size=4) | VALUES)
        asyncio.run_coroutine_threadsafe(send(area, json.dumps(body).encode()), loop).result(30)

    await asyncio.to_thread(explore)
    assert (await house.client.post("/api/v1/chat", json={"message": "still there?"})).status_code == 200


async def test_the_description_names_every_route_and_every_field(house: House) -> None:
    described = (await house.client.get("/openapi.json")).json()
    assert described["info"]["title"] == "Ondol"
    assert set(described["paths"]) >= {
        "/api/v1/chat",
        "/api/v1/conversations",
        "/api/v1/conversations/{conversation_id}",
        "/api/v1/conversations/{conversation_id}/restore",
        "/api/v1/conversations/{conversation_id}/stop",
        "/api/v1/conversations/{conversation_id}/export",
        "/api/v1/messages/{message_id}/rating",
        "/api/v1/engine",
        "/api/v1/providers",
        "/api/v1/pod",
        "/api/v1/pod/stop",
        "/api/v1/pod/keep-awake",
        "/api/v1/pod/settings",
        "/api/v1/sentiment/analyze",
        "/api/v1/sentiment/jobs/{job_id}/results",
        "/api/v1/sentiment/profiles/{language}",
        "/api/v1/hints",
        "/api/v1/hints/{hint_id}/rating",
        "/api/v1/problems",
        "/api/v1/problems/{problem_id}",
        "/api/v1/run",
        "/health",
    }
    assert set(described["components"]["schemas"]["ChatRequest"]["properties"]) == set(FIELDS["chat"])
    assert set(described["components"]["schemas"]["ProviderView"]["properties"]) == {
        "name", "model", "state", "context",
    }  # fmt: skip
    assert set(described["components"]["schemas"]["ProviderShown"]["properties"]) == {
        "name", "address", "service_type", "model", "context", "state", "routes", "hosted", "allowed", "probe_ms",
        "first_token_ms_p50", "requests", "errors", "error_rate", "prompt_tokens", "completion_tokens", "cost_usd",
        "cooling_s", "preparation", "chosen", "because", "lowered",
    }  # fmt: skip
    assert set(described["components"]["schemas"]["EngineNow"]["properties"]) == {
        "name", "state", "model", "preparation",
    }  # fmt: skip
    assert set(described["components"]["schemas"]["PreparationShown"]["properties"]) == {
        "phase", "under_way", "text", "done_bytes", "total_bytes", "left_s", "error", "trouble",
    }  # fmt: skip
    assert set(described["components"]["schemas"]["StopOrder"]["properties"]) == {"confirm", "pod_id", "reason"}
    assert set(described["components"]["schemas"]["AwakeOrder"]["properties"]) == {"minutes", "until"}
    assert set(described["components"]["schemas"]["AnalyzeRequest"]["properties"]) == set(FIELDS["analyze"])
    assert set(described["components"]["schemas"]["AnalyzedReview"]["properties"]) == {
        "id", "restaurant_id", "index", "label", "scores", "confidence", "measured", "cut", "language", "aspects",
        "mixed", "duplicate_of", "error",
    }  # fmt: skip
    assert set(described["components"]["schemas"]["ConversationChange"]["properties"]) == set(FIELDS["change"])
    assert set(described["components"]["schemas"]["HintBody"]["properties"]) == set(FIELDS["hint"])
    assert set(described["components"]["schemas"]["HintView"]["properties"]) == {
        "id", "problem_id", "hint", "level", "level_asked", "tone", "language", "source", "note", "provider",
        "model_used", "hosted", "diagnosis", "guard", "validation", "rating", "complaint", "processing_time",
        "created_at",
    }  # fmt: skip
    for answer in ("ChatResponse", "MessageView", "AnalyzeAnswer", "SentimentJobView"):
        assert "hosted" in described["components"]["schemas"][answer]["properties"], answer
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert all(operation.get("summary") for operation in operations)
    assert not outside_hosts(orjson.dumps(described).decode())


async def test_the_page_of_the_description_needs_no_other_host(house: House) -> None:
    _, cookie = await house.services.accounts.login("mina", PASSWORD, "192.0.2.1", "test")
    transport = httpx.ASGITransport(app=house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test") as browser:
        browser.cookies.set("ondol_session", cookie)
        page = await browser.get("/docs", headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert not outside_hosts(page.text)
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy
        files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(files) >= 3
        for name in [*files, "/openapi.json"]:
            answer = await browser.get(name)
            assert answer.status_code == 200, name
    assert "/openapi.json" in page.text


def outside_hosts(text: str) -> list[Any]:
    return re.findall(r"https?://[\w.]+", text)
