"""Errors as problems, in the reader's language."""

import json

import pytest

from tests.unit.web_stack import client_of, small_app

JSON = {"content-type": "application/json"}


async def asked(method: str, path: str, person: str = "lee", **request):
    async with client_of(small_app(), person) as client:
        return await client.request(method, path, **request)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "`body`|body|Field required"),
        (b"{", "not valid JSON"),
        (b'{"name": }', "not valid JSON (character 9"),
        (b"\xff\xfe{}", "cannot be read|not valid JSON"),
        (b"[" * 100_000, "cannot be read|not valid JSON"),
        (b"[]", "dictionary|object"),
        (b"{}", "`name`: Field required"),
        (b'{"name": 5}', "`name`: Input should be a valid string"),
        (b'{"name": "toolong"}', "`name`: String should have at most 5 characters"),
        (b'{"name": "a", "count": 0}', "`count`: Input should be greater than or equal to 1"),
        (b'{"name": "a", "count": "x"}', "`count`: Input should be a valid integer"),
    ],
)
async def test_a_wrong_body_is_explained(body: bytes, reason: str) -> None:
    answer = await asked("POST", "/api/v1/things", content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert any(part in problem["detail"] for part in reason.split("|")), problem["detail"]
    assert problem["status"] == answer.status_code
    assert problem["instance"] == "/api/v1/things"
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_reasons_are_korean_for_koreans_and_values_are_not_repeated() -> None:
    body = json.dumps({"name": "hunter2-hunter2", "count": "hunter2"}).encode()
    answer = await asked("POST", "/api/v1/things", "kim", content=body, headers=JSON)
    problem = answer.json()
    assert "`name`: 5자를 넘을 수 없습니다" in problem["detail"]
    assert problem["errors"][1] == {"field": "count", "message": "정수여야 합니다"}
    assert "hunter2" not in answer.text
    assert answer.headers["content-language"] == "ko"
    malformed = await asked("POST", "/api/v1/things", "kim", content=b'{"a": ', headers=JSON)
    assert "본문이 올바른 JSON이 아닙니다" in malformed.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"}, "ko"),
        ({"accept-language": "fr, en;q=0.5, ko;q=0.7"}, "ko"),
        ({"accept-language": "fr"}, "en"),
        ({"accept-language": "ko;q=x, en;q=0.1"}, "en"),
    ],
)
async def test_the_language_is_the_readers(headers: dict[str, str], language: str) -> None:
    answer = await asked("GET", "/api/v1/nothing", headers=headers)
    assert answer.headers["content-language"] == language
    assert (
        answer.json()["title"] == {"en": "There is nothing at this address.", "ko": "그런 주소는 없습니다."}[language]
    )


async def test_what_nobody_expected_is_told_without_details() -> None:
    answer = await asked("GET", "/api/v1/boom")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "hunter2" not in answer.text
    assert "Error" not in answer.text
    assert "content-security-policy" in answer.headers
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_headers_of_problems() -> None:
    busy = await asked("GET", "/api/v1/busy")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "7")
    signed_out = await asked("GET", "/api/v1/busy", "")
    assert (signed_out.status_code, signed_out.headers["www-authenticate"]) == (401, "Bearer")
    wrong_method = await asked("DELETE", "/api/v1/things")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    assert wrong_method.json()["detail"].startswith("This address does not take DELETE requests.")
