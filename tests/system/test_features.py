"""Each feature once, from the question to the answer. What is made here is deleted again."""

from collections.abc import Iterator

import pytest

from backend.settings import REPOSITORY
from tests.fixtures.hints import LAST_OF_EQUALS, SOLVED, TEMPERATURES
from tests.fixtures.sse import events_in, text_of
from tests.system.conftest import System

LAW = REPOSITORY / "data" / "documents" / "공유자전거법.txt"
QUESTION = "자전거를 빌린 사람은 언제까지 돌려주어야 하나요?"


@pytest.fixture(scope="module")
def collection(system: System) -> Iterator[str]:
    """A collection with one document that has been read."""
    made = system.post("/collections", 201, json={"name": "system tests"})["id"]
    try:
        files = [("files", (LAW.name, LAW.read_bytes()))]
        [added] = system.post("/documents", 202, data={"collection_id": made}, files=files)
        path = f"/documents/{added['document']['id']}"
        told = system.until(path, lambda document: document["status"] not in ("queued", "reading"))
        assert told["status"] == "ready", told
        yield str(made)
    finally:
        system.delete(f"/collections/{made}")


def test_a_question_is_answered(system: System) -> None:
    answer = system.post("/chat", json={"message": "Say hello.", "max_tokens": 16})
    try:
        assert answer["response"].strip() and answer["usage"]["completion_tokens"] > 0
        thread = system.get(f"/conversations/{answer['conversation_id']}")
        assert [message["role"] for message in thread["messages"]] == ["user", "assistant"]
    finally:
        system.delete(f"/conversations/{answer['conversation_id']}")


def test_an_answer_comes_as_it_is_written(system: System) -> None:
    body = {"message": "Count from one to five.", "max_tokens": 32, "stream": True}
    with system.user.stream("POST", "/api/v1/chat", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_in(answer.read())
    done = events[-1]
    system.delete(f"/conversations/{done.data['conversation_id']}")
    assert (events[0].name, done.name) == ("start", "done"), events
    assert text_of(events) == done.data["response"] != ""


def test_a_document_is_found_and_asked(system: System, collection: str) -> None:
    found = system.post("/search", json={"query": QUESTION, "collection_ids": [collection], "limit": 3})
    assert found["passages"], found
    assert all(passage["document"] == "공유자전거법" for passage in found["passages"])
    asked = {"message": QUESTION, "collection_ids": [collection], "max_tokens": 64}
    answer = system.post("/chat", json=asked)
    try:
        assert answer["citations"] is not None, "the answer says which passages it was given"
        shown = system.get(f"/passages/{found['passages'][0]['chunk_id']}")
        assert shown
    finally:
        system.delete(f"/conversations/{answer['conversation_id']}")


def test_a_program_is_run_and_gets_a_hint(system: System) -> None:
    problems = system.get("/problems")
    assert TEMPERATURES in {problem["problem_id"] for problem in problems}, "the problems that come with Ondol"
    wrong = {"problem_id": TEMPERATURES, "code": LAST_OF_EQUALS}
    assert system.post("/run", json=wrong)["verdict"] == "wrong_answer"
    hint = system.post("/hints", json={**wrong, "level": 1, "language": "ko"})
    assert hint["hint"].strip() and hint["guard"]["allowed"]
    assert SOLVED.strip() not in hint["hint"]


def test_reviews_are_judged_at_once(system: System) -> None:
    reviews = [{"id": "a", "content": "국물이 진하고 맛있어요"}, {"id": "b", "content": "면이 불었고 불친절해요"}]
    found = system.post("/sentiment/analyze", json={"reviews": reviews})
    assert [each["id"] for each in found["results"]] == ["a", "b"]
    assert found["positive"] + found["negative"] + found["neutral"] + found["failed"] == 2
    assert found["failed"] == 0, found


def test_many_reviews_are_a_job(system: System) -> None:
    reviews = [{"content": f"{number}번째 방문인데 늘 친절해요"} for number in range(5)]
    job = system.post("/sentiment/jobs", 202, json={"reviews": reviews, "name": "system tests"})
    try:
        done = system.until(f"/sentiment/jobs/{job['id']}", lambda each: each["state"] not in ("queued", "running"))
        assert (done["state"], done["done"], done["failed"]) == ("finished", 5, 0)
        assert system.user.get(f"/api/v1/sentiment/jobs/{job['id']}/results").text.count("\n") >= 4
    finally:
        system.delete(f"/sentiment/jobs/{job['id']}")
