"""`/api/v1`: who one is, tokens, sessions and users, for browsers and for programs."""

from collections.abc import AsyncIterator

import httpx
import pytest

from backend.store.models import Role
from tests.fixtures.accounts import People

BROWSER = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def client(people: People) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(people.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test/api/v1") as opened:
        yield opened


async def as_browser(people: People, username: str) -> dict[str, str]:
    _, cookie = await people.signed_in(username)
    return {"Cookie": f"ondol_session={cookie}", **BROWSER}


async def as_program(people: People, username: str, *scopes: str) -> dict[str, str]:
    identity, _ = await people.signed_in(username)
    _, secret = await people.service.create_token(identity, "program", scopes)
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("PATCH", "/me"),
        ("GET", "/tokens"),
        ("POST", "/tokens"),
        ("DELETE", "/tokens/00000000-0000-0000-0000-000000000000"),
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("DELETE", "/sessions/00000000-0000-0000-0000-000000000000"),
        ("GET", "/users"),
        ("POST", "/users"),
        ("PATCH", "/users/mina"),
        ("POST", "/users/mina/reset"),
    ],
)
async def test_nothing_without_signing_in(client: httpx.AsyncClient, people: People, method: str, path: str) -> None:
    made_up = {"Authorization": "Bearer ondol_" + "x" * 43}
    spent = await as_browser(people, "root")
    for headers in ({}, made_up, {**spent, **made_up}, {"Cookie": "ondol_session=" + "x" * 43}):
        body = {"json": {}} if method in {"POST", "PATCH"} else {}
        response = await client.request(method, path, headers=headers, **body)  # type: ignore[arg-type]
        assert (response.status_code, response.json()["code"]) == (401, "not_signed_in")


async def test_me_and_language(client: httpx.AsyncClient, people: People) -> None:
    headers = await as_browser(people, "하나")
    expected = {"username": "하나", "role": "user", "language": None, "must_change_password": False, "scopes": None}
    assert (await client.get("/me", headers=headers)).json() == expected
    changed = await client.patch("/me", headers=headers, json={"language": "ko"})
    assert changed.json()["language"] == "ko"
    assert (await client.get("/me", headers=headers)).json()["language"] == "ko"
    for body in ({"language": "fr"}, {}, {"language": "ko", "role": "admin"}, [], None):
        assert (await client.patch("/me", headers=headers, json=body)).status_code == 422


async def test_token_from_birth_to_end(client: httpx.AsyncClient, people: People) -> None:
    browser = await as_browser(people, "mina")
    wanted = {"name": "report", "scopes": ["read"], "expires_in_days": 7}
    created = await client.post("/tokens", headers=browser, json=wanted)
    assert created.status_code == 201
    secret = created.json()["token"]
    program = {"Authorization": f"Bearer {secret}"}
    assert (await client.get("/me", headers=program)).json()["scopes"] == ["read"]

    listed = await client.get("/tokens", headers=browser)
    assert secret not in listed.text
    (token,) = listed.json()
    assert token["last_used_at"] is not None
    refused = await client.post("/tokens", headers=program, json=wanted)
    assert refused.json()["code"] == "not_allowed"

    assert (await client.delete(f"/tokens/{token['id']}", headers=browser)).status_code == 204
    assert (await client.get("/me", headers=program)).status_code == 401
    assert (await client.delete(f"/tokens/{token['id']}", headers=browser)).json()["code"] == "unknown_token"
    assert (await client.delete("/tokens/7", headers=browser)).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "", "scopes": ["read"]},
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["all"]},
        {"name": "a", "scopes": "read"},
        {"name": "a", "scopes": ["read"], "expires_in_days": 0},
        {"name": "a\u0000", "scopes": ["read"]},
        {"name": "a", "scopes": ["read"], "expires_at": "2030-01-01"},
    ],
)
async def test_bad_token_requests(client: httpx.AsyncClient, people: People, body: dict[str, object]) -> None:
    response = await client.post("/tokens", headers=await as_browser(people, "mina"), json=body)
    assert response.status_code == 422


async def test_sessions(client: httpx.AsyncClient, people: People) -> None:
    here, there = await as_browser(people, "mina"), await as_browser(people, "mina")
    sessions = (await client.get("/sessions", headers=here)).json()
    assert sorted(session["current"] for session in sessions) == [False, True]
    (other,) = [session for session in sessions if not session["current"]]
    assert other["user_agent"] == "Test browser"
    assert (await client.delete(f"/sessions/{other['id']}", headers=here)).status_code == 204
    assert (await client.get("/me", headers=there)).status_code == 401
    assert (await client.delete("/sessions", headers=here)).json() == {"ended": 0}
    assert (await client.delete(f"/sessions/{other['id']}", headers=here)).json()["code"] == "unknown_session"
    assert (await client.get("/me", headers=here)).status_code == 200


async def test_users_are_for_admins(client: httpx.AsyncClient, people: People) -> None:
    ordinary = await as_browser(people, "mina")
    lesser_token = await as_program(people, "root", "chat", "read")
    for headers, code in ((ordinary, "not_allowed"), (lesser_token, "scope_missing")):
        for response in (
            await client.get("/users", headers=headers),
            await client.post("/users", headers=headers, json={"username": "x1"}),
            await client.patch("/users/mina", headers=headers, json={"role": "admin"}),
            await client.post("/users/root/reset", headers=headers),
        ):
            assert (response.status_code, response.json()["code"]) == (403, code)


async def test_admin_token_administers(client: httpx.AsyncClient, people: People) -> None:
    headers = await as_program(people, "root", "admin")
    created = await client.post("/users", headers=headers, json={"username": "Ji.Won"})
    assert created.status_code == 201
    await people.service.login("ji.won", created.json()["password"], "127.0.0.1", "")

    patched = await client.patch("/users/ji.won", headers=headers, json={"role": "admin", "disabled": True})
    assert (patched.json()["role"], patched.json()["disabled_at"] is None) == ("admin", False)
    reset = await client.post("/users/ji.won/reset", headers=headers)
    await client.patch("/users/ji.won", headers=headers, json={"disabled": False})
    identity, _ = await people.service.login("ji.won", reset.json()["password"], "127.0.0.1", "")
    assert identity.role is Role.ADMIN
    listed = await client.get("/users", headers=headers)
    assert [user["username"] for user in listed.json()] == ["ji.won", "mina", "root", "하나"]
    assert "argon2" not in listed.text


async def test_refusals_to_admins(client: httpx.AsyncClient, people: People) -> None:
    headers = await as_browser(people, "root")

    async def code(method: str, path: str, body: object) -> str:
        response = await client.request(method, path, headers=headers, json=body)
        return str(response.json().get("code", response.status_code))

    assert await code("POST", "/users", {"username": "mina"}) == "username_taken"
    assert await code("POST", "/users", {"username": "a b"}) == "invalid_username"
    assert await code("POST", "/users", {"username": "x1", "role": "king"}) == "422"
    assert await code("PATCH", "/users/nobody", {"disabled": True}) == "unknown_user"
    assert await code("PATCH", "/users/root", {"disabled": True}) == "last_admin"
    assert await code("PATCH", "/users/root", {"role": "user"}) == "last_admin"
    assert await code("PATCH", "/users/root", {"password": "x"}) == "422"
    assert await code("POST", "/users/nobody/reset", {}) == "unknown_user"


async def test_other_sites_cannot_use_the_visitors_cookie(client: httpx.AsyncClient, people: People) -> None:
    headers = {**await as_browser(people, "root"), "Sec-Fetch-Site": "same-site"}
    response = await client.post("/users/mina/reset", headers=headers)
    assert response.json()["code"] == "cross_site_request"
    program = {**await as_program(people, "root", "admin"), "Sec-Fetch-Site": "cross-site"}
    assert (await client.post("/users/mina/reset", headers=program)).status_code == 200
