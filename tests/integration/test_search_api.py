"""Searching and asking documents from a program."""

import pytest

from tests.fixtures.chat import House
from tests.fixtures.library import articles, shelve
from tests.fixtures.sse import events_in

QUESTION = "공구를 빌릴 수 있는 대여 기간은 며칠인가요?"


async def test_passages_come_with_their_place_and_the_words_that_match(house: House) -> None:
    collection = await shelve(house.database, house.user_id, articles())
    answer = await house.client.post("/api/v1/search", json={"query": QUESTION, "limit": 3})
    body = answer.raise_for_status().json()
    assert (body["mode"], body["degraded"]) == ("lexical", True), "no encoder runs in this test"
    first = body["passages"][0]
    assert len(body["passages"]) == 3
    assert (first["path"], first["document"], first["page"]) == ("제3조", "공유 공구 대여 규정", None)
    assert first["score"] == 1
    assert "대여" in {first["text"][begin:end][:2] for begin, end in first["terms"]}
    scoped = {"query": QUESTION, "collection_ids": [str(collection)], "mode": "lexical"}
    found = (await house.client.post("/api/v1/search", json=scoped)).json()
    assert found["passages"]
    assert not found["degraded"]


async def test_nobody_finds_what_is_not_theirs(house: House) -> None:
    await shelve(house.database, house.user_id, articles())
    body = {"query": QUESTION}
    headers = {"Authorization": f"Bearer {house.other_token}"}
    assert (await house.client.post("/api/v1/search", json=body, headers=headers)).json()["passages"] == []
    await shelve(house.database, house.user_id, articles(), name="모두", shared=True)
    assert (await house.client.post("/api/v1/search", json=body, headers=headers)).json()["passages"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": "가" * 2001},
        {"query": "가", "limit": 0},
        {"query": "가", "limit": 51},
        {"query": "가", "mode": "magic"},
        {"query": "가", "collection_ids": ["x"]},
        {"query": "가", "nobody": 1},
        {"query": "\ud800"},
    ],
)
async def test_a_wrong_search_is_refused_by_name(house: House, body: dict[str, object]) -> None:
    import json

    answer = await house.client.post(
        "/api/v1/search", content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_an_answer_of_the_api_has_its_citations(house: House) -> None:
    collection = await shelve(house.database, house.user_id, articles())
    house.engine.next_answer = "대여 기간은 5일입니다 [1]. 없는 근거 [77]."
    body = {"message": QUESTION, "collection_ids": [str(collection)]}
    answer = (await house.client.post("/api/v1/chat", json=body)).raise_for_status().json()
    assert answer["response"] == "대여 기간은 5일입니다 [1]. 없는 근거."
    assert answer["collection_ids"] == [str(collection)]
    assert [citation["cited"] for citation in answer["citations"]] == [
        True, *[False] * (len(answer["citations"]) - 1)
    ]  # fmt: skip
    assert answer["citations"][0]["path"] == "제3조"
    stored = (await house.client.get(f"/api/v1/conversations/{answer['conversation_id']}")).json()
    assert stored["collection_ids"] == [str(collection)]
    assert stored["messages"][-1]["citations"] == answer["citations"]
    exported = await house.client.get(f"/api/v1/conversations/{answer['conversation_id']}/export")
    assert "- [1] 공유 공구 대여 규정, 제3조" in exported.text


async def test_events_tell_what_is_being_done(house: House) -> None:
    collection = await shelve(house.database, house.user_id, articles())
    house.engine.next_answer = "대여 기간은 5일입니다 [1]."
    body = {"message": QUESTION, "collection_ids": [str(collection)], "stream": True}
    answer = await house.client.post("/api/v1/chat", json=body)
    events = events_in(answer.content)
    names = [event.name for event in events]
    assert names[0] == "start"
    assert names[-1] == "done"
    assert events[0].data["collection_ids"] == [str(collection)]
    stages = [event.data["stage"] for event in events if event.name == "status"]
    assert stages[-1] == "reading"
    given = next(event for event in events if event.name == "citations")
    assert given.data["citations"][0]["path"] == "제3조"
    assert names.index("citations") < names.index("delta")
    assert events[-1].data["citations"][0]["cited"] is True


async def test_a_conversation_can_be_given_other_documents_and_none(house: House) -> None:
    collection = await shelve(house.database, house.user_id, articles())
    house.engine.next_answer = "5일입니다 [1]."
    body = {"message": QUESTION, "collection_ids": [str(collection)]}
    first = (await house.client.post("/api/v1/chat", json=body)).json()
    path = f"/api/v1/conversations/{first['conversation_id']}"
    assert (await house.client.patch(path, json={"collection_ids": []})).status_code == 200
    more = {"message": QUESTION, "conversation_id": first["conversation_id"]}
    assert (await house.client.post("/api/v1/chat", json=more)).json()["citations"] is None
    unknown = {"collection_ids": ["00000000-0000-4000-8000-000000000000"]}
    assert (await house.client.patch(path, json=unknown)).json()["code"] == "unknown_collection"


async def test_a_passage_is_shown_in_its_place_to_those_who_may_read_it(house: House) -> None:
    await shelve(house.database, house.user_id, articles())
    found = (await house.client.post("/api/v1/search", json={"query": QUESTION})).json()["passages"][0]
    path = f"/api/v1/passages/{found['chunk_id']}"
    place = (await house.client.get(path)).raise_for_status().json()
    assert place["text"] == found["text"]
    assert (place["file_name"], place["page_picture"]) == ("공유 공구 대여 규정.txt", None)
    assert [passage["path"] for passage in place["passages"]] == ["제1조", "제2조", "제3조", "제4조", "제5조"]
    refused = await house.client.get(path, headers={"Authorization": f"Bearer {house.other_token}"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_passage")
    assert (await house.client.get("/api/v1/passages/0")).status_code == 422
