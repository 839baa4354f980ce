"""The API of sentiment over HTTP: some reviews at once, files as jobs, results while they run, exports, corrections."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stamina

from backend.store.database import Database
from bench.engine.server import EngineDouble
from bench.engine_batch import BatchEngine, Feature
from tests.fixtures.chat import House, house_of
from tests.fixtures.sentiment import expected

JOBS = "/api/v1/sentiment/jobs"
FILE = "매장,내용,별점\n강남점,국물이 진해요,5\n서면점,면이 불었어요,1\n서면점,=HYPERLINK(),3\n강남점,,2\n"


@pytest.fixture
async def shop(
    database: Database, engine_double: EngineDouble, batch_engine: BatchEngine, tmp_path: Path
) -> AsyncIterator[House]:
    """The application on an engine that answers labels."""
    async with house_of(database, engine_double, tmp_path, llm_url=batch_engine.base_url) as opened:
        yield opened


async def ended(house: House, job: dict[str, Any]) -> dict[str, Any]:
    await house.services.jobs.work_until_idle()
    found: dict[str, Any] = (await house.client.get(f"{JOBS}/{job['id']}")).json()
    return found


def upload(content: str | bytes, name: str = "리뷰.csv") -> dict[str, tuple[str, bytes]]:
    return {"file": (name, content.encode() if isinstance(content, str) else content)}


async def lines(house: House, job: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = await house.client.get(f"{JOBS}/{job['id']}/results", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_some_reviews_at_once(shop: House) -> None:
    reviews = [
        {"id": "a", "content": "국물이 진해요", "extra": 1},
        {"id": 7, "restaurant_id": "r2", "content": "면이 불었어요"},
        {"id": "a", "content": " 국물이  진해요 "},
        {"content": "  "},
    ]
    answer = await shop.client.post("/api/v1/sentiment/analyze", json={"restaurant_id": "r1", "reviews": reviews})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    labels = [expected("국물이 진해요"), expected("면이 불었어요"), expected("국물이 진해요"), None]
    assert [each["label"] for each in found["results"]] == labels
    assert [(each["id"], each["restaurant_id"], each["index"]) for each in found["results"]] == [
        ("a", "r1", 0), ("7", "r2", 1), ("a", "r1", 2), ("", "r1", 3),
    ]  # fmt: skip
    assert found["results"][2]["duplicate_of"] == 0
    assert found["results"][3]["error"]["code"] == "empty_review"
    assert sum(found["results"][0]["scores"].values()) == pytest.approx(1)
    assert found["positive"] + found["negative"] + found["neutral"] == 3
    assert (found["failed"], found["model"]) == (1, "double")
    assert sum(found["ratios"].values()) == pytest.approx(1)

    many = [{"content": f"{n}번째"} for n in range(1001)]
    refused = await shop.client.post("/api/v1/sentiment/analyze", json={"reviews": many})
    assert (refused.status_code, refused.json()["code"]) == (413, "too_many_reviews")
    assert "sentiment/jobs" in refused.json()["detail"]
    full = await shop.client.post("/api/v1/sentiment/analyze", json={"reviews": many[:1000]})
    assert len(full.json()["results"]) == 1000
    assert (await shop.client.post("/api/v1/sentiment/analyze", json={"reviews": []})).status_code == 422


ODD: list[Any] = [
    {"content": None},
    {"content": "국물이 진해요", "id": None, "restaurant_id": None, "written_at": None, "rating": 8},
    None,
    "면이 불었어요",
    {"content": {"a": 1}, "rating": "많이"},
    {"content": 5, "id": 1.5},
    {"content": "좋아요 \ud83d", "id": "\ud83d", "rating": True},
    {"content": "가" * 400_001},
    {},
]


async def test_a_record_of_no_use_is_an_error_of_its_own(shop: House) -> None:
    """Not of the request: the others go through."""
    body = json.dumps({"restaurant_id": None, "reviews": ODD})
    headers = {"Content-Type": "application/json"}
    answer = await shop.client.post("/api/v1/sentiment/analyze", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    codes = [each["error"] and each["error"]["code"] for each in results]
    empty = "empty_review"
    assert codes == [empty, None, empty, None, empty, None, None, "review_too_long", empty]
    assert [results[at]["label"] for at in (1, 3)] == [expected("국물이 진해요"), expected("면이 불었어요")]
    assert (results[0]["confidence"], results[0]["scores"]) == (None, {})

    job = await ended(shop, (await shop.client.post(JOBS, content=body, headers=headers)).json())
    assert (job["state"], job["done"], job["skipped"]) == ("finished", 4, 5)
    rows = await lines(shop, job)
    assert [row["text"] for row in rows if row["label"]] == ["국물이 진해요", "면이 불었어요", "5", "좋아요 ?"]
    assert all(row["rating"] is None for row in rows)


async def test_what_was_not_measured_or_not_read_whole_says_so(shop: House, batch_engine: BatchEngine) -> None:
    reviews = [{"content": "국물이 진해요"}, {"content": "국물이 진해요 " * 2_000}]
    found = (await shop.client.post("/api/v1/sentiment/analyze", json={"reviews": reviews})).json()["results"]
    assert [(each["measured"], each["cut"]) for each in found] == [(True, False), (True, True)]


async def test_labels_alone_have_no_confidence(shop: House, batch_engine: BatchEngine) -> None:
    batch_engine.config = replace(batch_engine.config, features=frozenset({Feature.JSON_SCHEMA}))
    body = {"reviews": [{"content": "국물이 진해요"}]}
    (one,) = (await shop.client.post("/api/v1/sentiment/analyze", json=body)).json()["results"]
    assert (one["label"], one["error"]) == (expected("국물이 진해요"), None)
    assert (one["scores"], one["confidence"], one["measured"], one["cut"]) == ({}, None, False, False)
    job = await ended(shop, (await shop.client.post(JOBS, json=body)).json())
    (row,) = await lines(shop, job)
    assert (row["scores"], row["confidence"], row["measured"], row["cut"]) == (None, None, False, False)
    assert (await shop.client.get(f"{JOBS}/{job['id']}/totals")).json()["unmeasured"] == 1
    assert await lines(shop, job, restaurant="없는\x00 집", contains="\x00") == []


async def test_an_engine_that_is_busy_from_the_first_request_on_is_said_to_be(
    shop: House, batch_engine: BatchEngine
) -> None:
    batch_engine.trouble.statuses.extend([429] * 100)
    batch_engine.trouble.retry_after_s = 0
    with stamina.set_testing(True, attempts=2):
        refused = await shop.client.post("/api/v1/sentiment/analyze", json={"reviews": [{"content": "좋아요"}]})
    assert (refused.status_code, refused.json()["code"]) == (503, "engine_busy")


async def test_a_file_is_looked_at_run_and_taken_home(shop: House) -> None:
    seen = await shop.client.post("/api/v1/sentiment/preview", files=upload(FILE.encode("cp949")))
    assert seen.status_code == 200, seen.text
    shape = seen.json()
    assert (shape["encoding"], shape["columns"], shape["row_count"]) == ("cp949", ["매장", "내용", "별점"], 4)
    form = {"mapping": json.dumps(shape["mapping"]), "aspects": '["맛"]', "language": "ko"}
    started = await shop.client.post(JOBS, files=upload(FILE.encode("cp949")), data=form)
    assert started.status_code == 202, started.text
    job = started.json()
    assert (job["state"], job["stage"], job["name"]) == ("queued", "reading_file", "리뷰.csv")
    job = await ended(shop, job)
    assert (job["state"], job["rows"], job["done"], job["skipped"], job["progress"]) == ("finished", 3, 3, 1, 1.0)
    assert [each["id"] for each in (await shop.client.get(JOBS)).json()] == [job["id"]]

    rows = await lines(shop, job)
    assert [row["label"] for row in rows[:2]] == [expected("국물이 진해요"), expected("면이 불었어요")]
    assert rows[3]["error"]["code"] == "blank_text"
    assert [row["position"] for row in await lines(shop, job, after=0, limit=2)] == [1, 2]
    assert [row["position"] for row in await lines(shop, job, contains="불었")] == [1]
    assert (await shop.client.get(f"{JOBS}/{job['id']}/results", params={"limit": 3000})).status_code == 422

    corrected = await shop.client.post(f"{JOBS}/{job['id']}/rows/1/correction", json={"label": "neutral"})
    assert (corrected.json()["label"], corrected.json()["corrected"]) == ("neutral", True)
    totals = (await shop.client.get(f"{JOBS}/{job['id']}/totals")).json()
    assert (sum(totals["counts"].values()), totals["corrected"], totals["stars"]["compared"]) == (3, 1, 3)

    for kind in ("csv", "xlsx", "json", "ndjson"):
        export = await shop.client.get(f"{JOBS}/{job['id']}/export", params={"format": kind})
        assert export.status_code == 200
        assert f"sentiment.{kind}" in export.headers["content-disposition"]
        if kind == "csv":
            read = list(csv.DictReader(io.StringIO(export.content.decode("utf-8-sig"), newline="")))
            assert [each["text"] for each in read] == ["국물이 진해요", "면이 불었어요", "'=HYPERLINK()", "강남점 | 2"]
        if kind == "xlsx":
            assert export.content.startswith(b"PK")
    assert not list((shop.services.settings.data_dir / "tmp").iterdir())


async def test_reviews_as_json_are_a_job_and_can_be_stopped(shop: House) -> None:
    body = {"name": "한 주", "restaurant_id": "r1", "reviews": [{"content": f"{n}번째 국물"} for n in range(50)]}
    job = (await shop.client.post(JOBS, json=body)).json()
    paused = (await shop.client.post(f"{JOBS}/{job['id']}/pause")).json()
    assert (paused["state"], paused["stage"]) == ("paused", None)
    await shop.services.jobs.work_until_idle()
    assert (await shop.client.get(f"{JOBS}/{job['id']}")).json()["done"] == 0
    assert (await shop.client.post(f"{JOBS}/{job['id']}/resume")).json()["state"] == "queued"
    job = await ended(shop, job)
    assert (job["state"], job["done"]) == ("finished", 50)
    retried = await shop.client.post(f"{JOBS}/{job['id']}/retry")
    assert (retried.status_code, retried.json()["state"]) == (200, "finished")
    refused = await shop.client.post(f"{JOBS}/{job['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "sentiment_job_state")
    assert (await lines(shop, job))[0]["restaurant"] == "r1"

    other = {"Authorization": f"Bearer {shop.other_token}"}
    for method, path in (
        ("GET", ""), ("GET", "/results"), ("GET", "/export"), ("GET", "/totals"), ("POST", "/cancel"), ("DELETE", ""),
    ):  # fmt: skip
        answer = await shop.client.request(method, f"{JOBS}/{job['id']}{path}", headers=other)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_sentiment_job")
    stranger = await shop.client.post(f"{JOBS}/{job['id']}/rows/0/correction", json={"label": None}, headers=other)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "unknown_review")
    assert (await shop.client.delete(f"{JOBS}/{job['id']}")).status_code == 204
    assert (await shop.client.get(JOBS)).json() == []


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"files": upload("")}, 422, "review_file_empty"),
        ({"files": upload("%PDF-1.4")}, 415, "review_file_unknown"),
        ({"files": upload("a,b\n1,2\n3,4\n")}, 422, "review_text_column_missing"),
        ({"files": upload(FILE), "data": {"mapping": '{"text": "없는 열"}'}}, 422, "review_column_unknown"),
        ({"files": upload(FILE), "data": {"mapping": "["}}, 422, "invalid_request"),
        ({"files": upload(FILE), "data": {"mapping": '{"other": 1}'}}, 422, "invalid_request"),
        ({"files": upload(FILE), "data": {"aspects": "맛"}}, 422, "invalid_request"),
        ({"files": upload(FILE), "data": {"aspects": json.dumps([""])}}, 422, "invalid_request"),
        ({"files": upload(FILE), "data": {"language": "../"}}, 422, "invalid_request"),
        ({"files": {"other": ("a.csv", b"x")}}, 422, "upload_without_files"),
        ({"content": b"[", "headers": {"Content-Type": "application/json"}}, 422, "invalid_request"),
        ({"content": b'{"reviews": []}'}, 422, "invalid_request"),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "http_error"),
    ],
)
async def test_what_cannot_be_a_job_is_refused(shop: House, request_: dict[str, Any], status: int, code: str) -> None:
    answer = await shop.client.post(JOBS, **request_)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_file_over_the_limit_is_refused_by_its_declared_length(shop: House) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(2 << 30)}
    answer = await shop.client.post(JOBS, content=nothing(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


async def test_results_come_while_the_job_runs(shop: House, batch_engine: BatchEngine) -> None:
    body = {"reviews": [{"content": f"{n}번째 국물"} for n in range(6000)]}
    job = (await shop.client.post(JOBS, json=body)).json()
    working = asyncio.create_task(shop.services.jobs.work())
    try:
        async with asyncio.timeout(60):
            while not (found := await lines(shop, job, limit=10)):  # noqa: ASYNC110 -- over HTTP
                await asyncio.sleep(0.02)
        assert [row["position"] for row in found] == list(range(len(found)))
    finally:
        working.cancel()
        await asyncio.wait({working})


async def test_aspects_at_once(shop: House) -> None:
    body = {"reviews": [{"content": "국물이 진하고 값이 비싸요"}, {"content": " "}], "aspects": ["맛", "가격", "주차"]}
    answer = await shop.client.post("/api/v1/sentiment/analyze", json=body)
    assert answer.status_code == 200, answer.text
    told, empty = answer.json()["results"]
    wanted = {"맛": "국물이 진하고", "가격": "값이 비싸요"}
    for each in told["aspects"]:
        assert each.keys() == {"aspect", "polarity", "evidence"} and each["evidence"] == wanted[each["aspect"]]
    assert told["mixed"] is ({"positive", "negative"} <= {each["polarity"] for each in told["aspects"]})
    assert (empty["aspects"], empty["mixed"]) == ([], False)
    many = await shop.client.post("/api/v1/sentiment/analyze", json={**body, "aspects": ["맛"] * 31})
    assert (many.status_code, many.json()["code"]) == (422, "invalid_request")


async def test_a_prompt_of_ones_own(shop: House) -> None:
    at = "/api/v1/sentiment/profiles/ko"
    built_in = (await shop.client.get(at)).json()
    assert (built_in["language"], built_in["own"]) == ("ko", False) and "positive" in built_in["instruction"]
    own = {"instruction": "positive, negative, neutral 가운데 하나로 답해라", "examples": [
        {"text": "국물이  진해요", "label": "positive"},
    ]}  # fmt: skip
    put = await shop.client.put(at, json=own)
    assert put.status_code == 200, put.text
    told = (await shop.client.get(at)).json()
    assert told == put.json() and told["own"] is True and told["instruction"] == own["instruction"]
    assert told["examples"] == [{"text": "국물이 진해요", "label": "positive"}]
    other = {"Authorization": f"Bearer {shop.other_token}"}
    assert (await shop.client.get(at, headers=other)).json() == built_in
    for wrong in (
        {"instruction": "아무렇게나"}, {"instruction": "x" * 3000}, {"examples": [{"text": "a", "label": "sad"}]},
        {"examples": [{"text": "a", "label": "positive"}] * 17}, {"other": 1},
    ):  # fmt: skip
        refused = await shop.client.put(at, json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert (await shop.client.delete(at)).status_code == 204
    assert (await shop.client.get(at)).json() == built_in
    assert (await shop.client.get("/api/v1/sentiment/profiles/KO")).status_code == 422
    assert (await shop.client.get("/api/v1/sentiment/profiles/ja")).json()["own"] is False
