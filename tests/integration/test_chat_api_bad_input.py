"""What a program can send that cannot be answered: each gets a clear problem, and nothing is stored."""

import json
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from tests.fixtures.chat import House

CHAT = "/api/v1/chat"
CONVERSATIONS = "/api/v1/conversations"
JSON = {"Content-Type": "application/json"}


def is_problem(answer: httpx.Response, status: int, code: str, language: str = "en") -> dict[str, Any]:
    """Checks RFC 9457's members and the language, and gives the problem."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == language
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:ondol:error:{code}"
    assert problem["instance"] == answer.request.url.path
    assert problem["request_id"]
    is_korean = any("가" <= letter <= "힣" for letter in problem["title"])
    assert is_korean == (language == "ko"), problem["title"]
    return problem


async def stored(house: House) -> int:
    return await house.chat.conversations.count(house.user_id)


BODIES: dict[str, tuple[bytes, int, str]] = {
    "no body": (b"", 422, "invalid_request"),
    "invalid JSON": (b"{", 422, "invalid_request"),
    "not UTF-8": (b"\xff\xfe{}", 422, "invalid_request"),
    "surrogate in the bytes": (b'{"message": "\xed\xa0\x80"}', 422, "invalid_request"),
    "deep": (b"[" * 200_000, 400, "http_error"),
    "a list": (b"[]", 422, "invalid_request"),
    "null": (b"null", 422, "invalid_request"),
    "a string": (b'"hello"', 422, "invalid_request"),
    "nothing asked": (b"{}", 422, "invalid_request"),
    "null message": (b'{"message": null}', 422, "invalid_request"),
    "a number": (b'{"message": 1}', 422, "invalid_request"),
    "a list as message": (b'{"message": ["hi"]}', 422, "invalid_request"),
    "empty": (b'{"message": ""}', 422, "empty_message"),
    "blank": ('{"message": " \\n\\t\u3000\\u0000"}'.encode(), 422, "empty_message"),
    "half a surrogate pair": (b'{"message": "\\ud800"}', 422, "invalid_request"),
    "half a pair as provider": (b'{"message": "hi", "provider": "\\udfff"}', 422, "invalid_request"),
    "half a pair as name": (b'{"message": "hi", "\\ud800": 1}', 422, "invalid_request"),
    "unknown field": (b'{"message": "hi", "model": "gpt"}', 422, "invalid_request"),
    "no boolean": (b'{"message": "hi", "stream": "perhaps"}', 422, "invalid_request"),
    "NaN": (b'{"message": "hi", "temperature": NaN}', 422, "invalid_request"),
    "Infinity": (b'{"message": "hi", "temperature": Infinity}', 422, "invalid_request"),
    "too cold": (b'{"message": "hi", "temperature": -0.1}', 422, "invalid_request"),
    "overflowing number": (b'{"message": "hi", "temperature": 1e400}', 422, "invalid_request"),
    "no tokens": (b'{"message": "hi", "max_tokens": 0}', 422, "invalid_request"),
    "huge float": (b'{"message": "hi", "max_tokens": 1e30}', 422, "invalid_request"),
    "huge number": (b'{"message": "hi", "max_tokens": 9' + b"9" * 3000 + b"}", 422, "invalid_request"),
    "beyond numbers": (b'{"message": "hi", "max_tokens": 9' + b"9" * 9000 + b"}", 400, "http_error"),
    "half a token": (b'{"message": "hi", "max_tokens": 1.5}', 422, "invalid_request"),
    "no UUID": (b'{"message": "hi", "conversation_id": "mine"}', 422, "invalid_request"),
    "unknown provider": (b'{"message": "hi", "provider": "nope"}', 404, "unknown_provider"),
    "NUL as provider": (b'{"message": "hi", "provider": "\\u0000"}', 404, "unknown_provider"),
}


@pytest.mark.parametrize("language", ["ko", "en"])
async def test_a_question_that_cannot_be_taken(house: House, subtests: pytest.Subtests, language: str) -> None:
    for name, (body, status, code) in BODIES.items():
        with subtests.test(name):
            answer = await house.client.post(CHAT, content=body, headers={**JSON, "Accept-Language": language})
            is_problem(answer, status, code, language)
            assert await stored(house) == 0
    assert house.engine.counters.requests == 0


async def test_the_wrong_fields_are_named_and_their_values_are_not_repeated(house: House) -> None:
    body = {"message": 5, "temperature": "secret-value", "x" * 1000: 1}
    answer = await house.client.post(CHAT, json=body, headers={"Accept-Language": "ko"})
    problem = is_problem(answer, 422, "invalid_request", "ko")
    assert [error["field"] for error in problem["errors"]] == ["message", "temperature", "x" * 64]
    assert [error["message"] for error in problem["errors"]] == [
        "문자열이어야 합니다",
        "숫자여야 합니다",
        "쓰이지 않는 이름입니다",
    ]
    assert "secret-value" not in answer.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_another_kind_of_body_is_told(house: House, content_type: str) -> None:
    answer = await house.client.post(CHAT, content=b"message=hi", headers={"Content-Type": content_type})
    is_problem(answer, 422, "invalid_request")


async def test_a_message_of_a_megabyte_is_told_with_the_limit(house: House) -> None:
    answer = await house.client.post(CHAT, json={"message": "x" * 1_000_000})
    assert "60,000" in is_problem(answer, 413, "message_too_long")["title"]
    answer = await house.client.post(CHAT, json={"message": "가" * 60_000})
    assert "4,096" in is_problem(answer, 413, "message_over_context")["title"]
    assert await stored(house) == 0


async def test_a_body_of_three_megabytes_is_not_even_read(house: House) -> None:
    message = orjson.dumps({"message": "x" * 3_000_000})
    is_problem(await house.client.post(CHAT, content=message, headers=JSON), 413, "request_too_large")

    async def chunks() -> Any:
        for start in range(0, len(message), 100_000):
            yield message[start : start + 100_000]

    is_problem(await house.client.post(CHAT, content=chunks(), headers=JSON), 413, "request_too_large")
    assert await stored(house) == 0


ROUTES: list[tuple[str, str, dict[str, str] | None]] = [
    ("GET", "", None),
    ("PATCH", "", {"title": "mine"}),
    ("DELETE", "", None),
    ("POST", "/restore", None),
    ("POST", "/stop", None),
    ("GET", "/export", None),
]


async def test_a_conversation_of_nobody_or_of_somebody_else_is_not_there(
    house: House, subtests: pytest.Subtests
) -> None:
    theirs = (await house.client.post(CHAT, json={"message": "private"}, headers=others(house))).json()
    for method, path, body in ROUTES:
        for unknown in (str(uuid4()), theirs["conversation_id"]):
            with subtests.test(f"{method} {path} {unknown}"):
                answer = await house.client.request(method, f"{CONVERSATIONS}/{unknown}{path}", json=body)
                is_problem(answer, 404, "unknown_conversation")
        for no_uuid in ("1", "x" * 500, "%00", "é", "' OR 1=1"):
            with subtests.test(f"{method} {path} {no_uuid}"):
                answer = await house.client.request(method, f"{CONVERSATIONS}/{no_uuid}{path}", json=body)
                is_problem(answer, 422, "invalid_request")
    kept = (await house.client.get(f"{CONVERSATIONS}/{theirs['conversation_id']}", headers=others(house))).json()
    assert (kept["title"], len(kept["messages"])) == ("private", 2)


async def test_nobody_asks_in_a_conversation_of_somebody_else(house: House) -> None:
    theirs = (await house.client.post(CHAT, json={"message": "private"}, headers=others(house))).json()
    for unknown in (theirs["conversation_id"], str(uuid4())):
        for stream in (False, True):
            body = {"message": "let me in", "conversation_id": unknown, "stream": stream}
            is_problem(await house.client.post(CHAT, json=body), 404, "unknown_conversation")
    rating = await house.client.put(f"/api/v1/messages/{theirs['message_id']}/rating", json={"rating": 1})
    is_problem(rating, 404, "unknown_message")
    assert await stored(house) == 0


CHANGES: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "\u0000 \n"},
    {"title": None},
    {"title": "x" * 201},
    {"title": ["x"]},
    {"title": "\ud800"},
    {"system_prompt": None},
    {"system_prompt": "x" * 20_001},
    {"temperature": 3},
    {"max_tokens": 40_000},
    {"user_id": str(uuid4())},
    {"deleted_at": None},
]


async def test_a_change_that_cannot_be_made(house: House, subtests: pytest.Subtests) -> None:
    asked = (await house.client.post(CHAT, json={"message": "as it was"})).json()
    place = f"{CONVERSATIONS}/{asked['conversation_id']}"
    before = (await house.client.get(place)).json()
    for change in CHANGES:
        with subtests.test(ascii(change)[:40]):
            answer = await house.client.patch(place, content=json.dumps(change), headers=JSON)
            is_problem(answer, 422, "invalid_request")
    assert (await house.client.get(place)).json() == before


RATINGS = [{"rating": 5}, {"rating": "1"}, {}, {"rating": 1, "comment": "x" * 2001}, {"rating": 1, "stars": 5}, [1]]


async def test_a_rating_that_means_nothing(house: House, subtests: pytest.Subtests) -> None:
    asked = (await house.client.post(CHAT, json={"message": "hi"})).json()
    for rating in RATINGS:
        with subtests.test(str(rating)[:40]):
            answer = await house.client.put(f"/api/v1/messages/{asked['message_id']}/rating", json=rating)
            is_problem(answer, 422, "invalid_request")
    unknown = await house.client.put(f"/api/v1/messages/{uuid4()}/rating", json={"rating": 1})
    is_problem(unknown, 404, "unknown_message")


BAD_LISTS = ("limit=0", "limit=201", "limit=1e9", "before=yesterday", "before=9999999999999999", "query=" + "x" * 201)
ODD_LISTS = ("query=%00", "query=%ff%fe", "query=%25_%5C", "before=0001-01-01T00:00:00%2B14:00")


async def test_lists_that_cannot_be_made_and_odd_ones(house: House, subtests: pytest.Subtests) -> None:
    for query in BAD_LISTS:
        with subtests.test(query[:40]):
            is_problem(await house.client.get(f"{CONVERSATIONS}?{query}"), 422, "invalid_request")
    for query in ODD_LISTS:
        with subtests.test(query):
            answer = await house.client.get(f"{CONVERSATIONS}?{query}")
            assert (answer.status_code, answer.json()) == (200, [])


LANGUAGES = {
    "ko": "ko",
    "KO-kr,en;q=0.9": "ko",
    "fr, ko;q=0.1": "ko",
    "en;q=0.5, ko;q=nan": "en",
    "ko;q=0": "en",
    ";;;,,=,q": "en",
    "x" * 5000 + ",ko": "en",
    "*": "en",
    "": "en",
}


async def test_errors_are_told_in_the_readers_language(house: House, subtests: pytest.Subtests) -> None:
    for header, language in LANGUAGES.items():
        with subtests.test(header[:40]):
            answer = await house.client.post(CHAT, json={"message": ""}, headers={"Accept-Language": header})
            is_problem(answer, 422, "empty_message", language)


async def test_unknown_routes_and_methods_are_problems_too(house: House) -> None:
    is_problem(await house.client.get("/api/v1/nonsense"), 404, "not_found")
    is_problem(await house.client.put(CHAT, json={}), 405, "method_not_allowed")


def others(house: House) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.other_token}"}
