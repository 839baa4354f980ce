"""The routes of problems, runs and hints: what they give, to whom, and what they refuse."""

import asyncio
import csv
import io
import json
from typing import Any

import httpx
import pytest

from backend.accounts.identity import Scope
from bench.engine.faults import Fault, FaultKind
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.chat import House
from tests.fixtures.hints import HELPFUL, LAST_OF_EQUALS, LEAK, SOLVED, TEMPERATURES

PROBLEM = {"problem_id": TEMPERATURES, "code": LAST_OF_EQUALS}


@pytest.fixture
async def admin(house: House) -> dict[str, str]:
    """Headers of an admin."""
    who, _ = await house.services.accounts.login("root", PASSWORD, "192.0.2.1", "test")
    _, token = await house.services.accounts.create_token(who, "admin", [Scope.ADMIN, Scope.CHAT, Scope.READ])
    return {"Authorization": f"Bearer {token}"}


async def post(house: House, path: str, status: int = 200, **body: Any) -> Any:
    answer = await house.client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_program_is_run_and_told_how_it_went(house: House) -> None:
    result = await post(house, "run", **PROBLEM)
    assert (result["verdict"], result["total"]) == ("wrong_answer", 7)
    assert result["failing"]["input"] == "35.0 35.0 35.0"
    assert (result["failing"]["expected"], result["failing"]["got"].strip()) == ("1", "3")
    hidden = [each for each in result["results"] if not each["is_example"] and each != result["failing"]]
    assert len(hidden) == 4
    assert {each["input"] for each in hidden} == {None}
    solved = await post(house, "run", problem_id=TEMPERATURES, code=SOLVED)
    assert (solved["verdict"], solved["failing"]) == ("passed", None)
    [listed] = (await house.client.get("/api/v1/problems", params={"solved": True})).json()
    assert (listed["problem_id"], listed["title"]) == (TEMPERATURES, "Temperature log")


async def test_a_hint_comes_with_the_diagnosis_and_the_report_of_the_guard(house: House) -> None:
    house.engine.next_answer = HELPFUL
    hint = await post(house, "hints", **PROBLEM, level=2, tone="advanced", language="en", history=["Read line 3."])
    assert hint["hint"] == HELPFUL
    assert (hint["level"], hint["tone"], hint["source"], hint["model_used"]) == (2, "advanced", "model", "double")
    assert hint["guard"]["allowed"] is True
    assert hint["diagnosis"]["failing"]["input"] == "35.0 35.0 35.0"
    assert set(hint["diagnosis"]) == {"verdict", "passed", "total", "failing", "syntax"}
    assert "Read line 3." in json.dumps(house.engine.requests[-1])
    rated = await post(house, f"hints/{hint['id']}/rating", rating=-1, complaint="too_little")
    assert (rated["rating"], rated["complaint"]) == (-1, "too_little")
    assert (await house.client.get("/api/v1/hints", params={"problem_id": TEMPERATURES})).json() == [rated]
    other = {"Authorization": f"Bearer {house.other_token}"}
    assert (await house.client.get("/api/v1/hints", headers=other)).json() == []
    refused = await house.client.post(f"/api/v1/hints/{hint['id']}/rating", json={"rating": 1}, headers=other)
    assert refused.json()["code"] == "unknown_hint"


async def test_a_hint_can_be_watched_and_is_never_shown_before_it_is_judged(house: House) -> None:
    house.engine.next_answer = LEAK
    async with house.client.stream("POST", "/api/v1/hints", json={**PROBLEM, "stream": True, "level": 1}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = "".join([part async for part in answer.aiter_text()])
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert set(names[:-1]) == {"status"}
    assert names[-1] == "hint"
    assert "print(best + 1)" not in text
    assert '"source":"template"' in text


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("run", {"code": ""}, 422, "program_empty"),
        ("hints", {"code": " \n\t"}, 422, "program_empty"),
        ("hints", {"code": "x = 1\n" * 34_000}, 413, "program_too_large"),
        ("run", {"code": "x = '\x00\x01'\n"}, 422, "program_not_text"),
        ("hints", {"code": "x = '\x00\x01'\n"}, 422, "program_not_text"),
        ("hints", {"problem_id": 999_999}, 404, "unknown_problem"),
        ("run", {"problem_id": 999_999}, 404, "unknown_problem"),
        ("hints", {"provider": "nobody"}, 404, "unknown_provider"),
        ("hints", {"level": 6}, 422, "invalid_request"),
        ("hints", {"level": 0}, 422, "invalid_request"),
        ("hints", {"tone": "angry"}, 422, "invalid_request"),
        ("hints", {"language": "fr"}, 422, "invalid_request"),
        ("hints", {"history": ["x"] * 50}, 422, "invalid_request"),
        ("hints", {"unknown": 1}, 422, "invalid_request"),
    ],
)
async def test_bad_requests_are_told_apart(
    house: House, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    problem = await post(house, path, status, **{**PROBLEM, **body})
    assert problem["code"] == code
    assert (await house.client.get("/api/v1/hints")).json() == []


async def test_half_a_letter_and_bytes_are_no_program(house: House) -> None:
    raw = json.dumps({**PROBLEM, "code": "x = '\ud800'"}).encode()
    halved = await house.client.post("/api/v1/run", content=raw, headers={"Content-Type": "application/json"})
    assert halved.status_code == 422
    binary = await house.client.post(
        "/api/v1/run", content=bytes(range(256)), headers={"Content-Type": "application/json"}
    )
    assert binary.status_code == 422


async def test_a_model_that_is_gone_is_no_error_of_the_hint(house: House) -> None:
    await house.engine.set_fault(Fault(FaultKind.SERVER_ERROR))
    hint = await post(house, "hints", **PROBLEM, language="ko")
    assert (hint["source"], hint["note"]) == ("template", "engine_down")
    assert "4번째 줄" in hint["hint"]


async def test_solutions_are_for_admins(house: House, admin: dict[str, str]) -> None:
    shown = (await house.client.get(f"/api/v1/problems/{TEMPERATURES}")).json()
    assert (shown["title"], shown["solutions"], shown["tests"]) == ("Temperature log", None, None)
    assert (shown["hidden_tests"], len(shown["examples"])) == (5, 2)
    whole = (await house.client.get(f"/api/v1/problems/{TEMPERATURES}", headers=admin)).json()
    assert len(whole["solutions"]) >= 2
    assert len(whole["tests"]) == 5
    for method, path in (
        ("GET", "problems/rejected"), ("GET", "problems/export"), ("GET", "problems/sets"), ("POST", "problems/import"),
        ("GET", "hints/report"), ("GET", "hints/report.csv"), ("DELETE", f"problems/sets/{house.user_id}"),
    ):  # fmt: skip
        answer = await house.client.request(method, f"/api/v1/{path}")
        assert answer.status_code == 403, path


async def test_admins_import_take_back_and_export_problems(house: House, admin: dict[str, str]) -> None:
    whole = json.loads((await house.client.get("/api/v1/problems/export", headers=admin)).content)
    new = {**whole[0], "problem_id": "7001", "title": "새 문제"}
    answer = await _import(house, admin, [new, {"problem_id": "7002"}])
    assert answer.status_code == 201
    report = answer.json()
    assert (report["added"], report["replaced"], report["mode"]) == ([7001], [], "add")
    assert [each["reason"] for each in report["rejected"]] == ["missing_field"]
    assert (await house.client.get("/api/v1/problems/7001")).status_code == 200
    rejected = (await house.client.get("/api/v1/problems/rejected", headers=admin)).json()
    assert [each["problem_id"] for each in rejected] == [7002]
    [info] = (await house.client.get("/api/v1/problems/sets", headers=admin)).json()
    gone = await house.client.delete(f"/api/v1/problems/sets/{info['id']}", headers=admin)
    assert gone.status_code == 204
    assert (await house.client.get("/api/v1/problems/7001")).status_code == 404
    broken = await house.client.post("/api/v1/problems/import", headers=admin, files={"file": ("x.json", b"[{]")})
    assert (broken.status_code, broken.json()["code"]) == (422, "problem_file_unusable")


async def test_teachers_see_who_is_stuck_and_what_was_kept_back(house: House, admin: dict[str, str]) -> None:
    house.engine.next_answer = LEAK
    hint = await post(house, "hints", **PROBLEM, level=1)
    await post(house, f"hints/{hint['id']}/rating", rating=1, complaint="wrong")
    await asyncio.gather(*(post(house, "run", problem_id=number, code=SOLVED) for number in (TEMPERATURES, 102)))
    report = (await house.client.get("/api/v1/hints/report", headers=admin)).json()
    stuck = [(each["username"], each["problem_id"], each["solved"], each["hints"]) for each in report["stuck"]]
    assert stuck == [("mina", 102, False, 0), ("mina", TEMPERATURES, True, 1)]
    [level] = report["levels"]
    assert (level["level"], level["from_template"], level["liked"], level["wrong"]) == (1, 1, 1, 1)
    assert len(report["blocked"]) == 3
    assert "code_budget" in report["reasons"]
    table = await house.client.get("/api/v1/hints/report.csv", headers=admin)
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row["problem_id"] for row in rows] == ["102", str(TEMPERATURES)]
    assert house.services.metrics.registry.get_sample_value("ondol_program_runs_total", {"verdict": "passed"}) == 1
    labels = {"level": "1", "source": "template"}
    assert house.services.metrics.registry.get_sample_value("ondol_hints_total", labels) == 1


async def test_health_tells_of_the_sandbox(house: House) -> None:
    assert await house.services.hints.judge.available() == ""
    checks = (await house.client.get("/health")).json()["checks"]
    assert checks["sandbox"]["state"] == "ready"


async def _import(house: House, admin: dict[str, str], problems: list[Any]) -> httpx.Response:
    files = {"file": ("new.json", json.dumps(problems, ensure_ascii=False).encode())}
    return await house.client.post("/api/v1/problems/import", params={"mode": "add"}, headers=admin, files=files)
