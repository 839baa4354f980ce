"""Who gets in, and what everybody is sent."""

import httpx

from tests.system.conftest import System


def test_it_says_how_it_is(system: System) -> None:
    answer = system.stranger.get("/health")
    body = answer.json()
    assert (answer.status_code, body["status"]) in {(200, "ok"), (200, "degraded")}, body
    assert {"database", "engine", "embedding", "disk"} <= set(body["checks"])
    assert body["checks"]["database"]["state"] == body["checks"]["engine"]["state"] == "ready"
    assert system.stranger.get("/health/live").status_code == 200


def test_a_stranger_sees_the_login_page_and_nothing_else(system: System) -> None:
    start = system.stranger.get("/", headers={"Accept": "text/html"})
    assert start.status_code in (302, 303, 307) and "/login" in start.headers["location"]
    login = system.stranger.get("/login")
    assert login.status_code == 200 and "<form" in login.text
    for path in ("/conversations", "/documents/x", "/users", "/pod", "/tokens"):
        assert system.stranger.get(f"/api/v1{path}").status_code in (401, 404, 405), path
    assert system.stranger.get("/api/v1/conversations").status_code == 401
    wrong = system.stranger.get("/api/v1/me", headers={"Authorization": "Bearer ondol_wrong"})
    assert wrong.status_code == 401


def test_every_answer_is_guarded(system: System) -> None:
    for path in ("/login", "/health", "/api/v1/me"):
        headers = system.stranger.get(path).headers
        assert "default-src" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-request-id"]
        assert "server" not in headers or "uvicorn" not in headers["server"]


def test_metrics_are_not_for_everybody(system: System) -> None:
    """This machine itself may read them, and what a proxy passed on never counts as that."""
    from_outside = {"X-Forwarded-For": "203.0.113.9"}
    assert system.stranger.get("/metrics", headers=from_outside).status_code in (401, 403, 404)


def test_a_wrong_password_is_refused(system: System) -> None:
    with httpx.Client(base_url=system.url, headers={"Origin": system.url}) as client:
        answer = client.post("/login", data={"username": "nobody-of-that-name", "password": "wrong"})
    assert answer.status_code in (401, 403, 422, 429)
    assert "set-cookie" not in answer.headers or "session" not in answer.headers["set-cookie"]


def test_the_page_opens_for_somebody_who_signed_in(admin: httpx.Client) -> None:
    page = admin.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "gradio" in page.text


def test_the_console_is_for_admins(system: System, admin: httpx.Client) -> None:
    assert system.user.get("/api/v1/users").status_code == 403
    assert system.user.get("/api/v1/pod/audit").status_code == 403
    assert system.user.post("/api/v1/pod/stop", json={"confirm": True}).status_code == 403
    people = admin.get("/api/v1/users")
    assert people.status_code == 200
    assert any(person["role"] == "admin" for person in people.json())
    assert admin.get("/api/v1/pod").status_code == 200
    assert admin.get("/api/v1/providers").status_code == 200
    assert admin.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
