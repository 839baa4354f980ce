"""What is open to whom, before and after the start."""

import pytest

from tests.unit.web_stack import HTML, client_of, small_app

CLOSED = ["/", "/api/v1/things/x", "/docs", "/openapi.json", "/config", "/assets/x.js", "/gradio_api/queue/data",
          "/gradio_api/upload", "/monitoring", "/nowhere", "/login/", "/loginx", "/healthx", "/health/x",
          "/static/x.js",
          "//login", "/password", "/metrics/"]  # fmt: skip


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_signed_out_everything_is_closed(path: str, method: str) -> None:
    async with client_of(small_app()) as client:
        answer = await client.request(method, path)
    assert answer.status_code == 401
    if method != "HEAD":
        assert answer.json()["code"] == "not_signed_in"


@pytest.mark.parametrize("path", ["/health", "/health/live", "/login"])
async def test_signed_out_little_is_open(path: str) -> None:
    async with client_of(small_app()) as client:
        assert (await client.get(path)).status_code == 200
        assert (await client.get("/static/login.css")).status_code == 404  # asked of the app, which has none here
        assert (await client.post("/static/login.css")).status_code == 401
        assert (await client.get("/static/login%2f..%2fondol.js")).status_code == 401


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/", "/login?next=%2F"),
        ("/?tab=chat&x=1", "/login?next=%2F%3Ftab%3Dchat%26x%3D1"),
        ("/docs", "/login?next=%2Fdocs"),
        ("/%EB%AC%B8%EC%84%9C", "/login?next=%2F%25EB%25AC%25B8%25EC%2584%259C"),
        ("//evil.test/x", "/login?next=%2F"),
        ("/\\evil.test", "/login?next=%2F"),
        ("/%5Cevil.test", "/login?next=%2F"),
        ("/x%0d%0aset-cookie:a=b", "/login?next=%2F"),
    ],
)
async def test_a_person_is_led_to_the_sign_in_page_and_back(path: str, to: str) -> None:
    async with client_of(small_app()) as client:
        request = client.build_request("GET", "http://ondol.test/", headers=HTML)
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = await client.send(request)
    assert (answer.status_code, answer.headers["location"]) == (303, to)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{}, {"accept": "*/*"}, {**HTML, "sec-fetch-mode": "cors"}])
async def test_a_script_gets_a_problem(headers: dict[str, str]) -> None:
    async with client_of(small_app()) as client:
        assert (await client.get("/", headers=headers)).status_code == 401
        assert (await client.get("/api/v1/things/x", headers=HTML)).status_code == 401


async def test_a_password_set_by_another_has_to_be_changed_first() -> None:
    async with client_of(small_app(), "new") as client:
        answer = await client.get("/", headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/password")
        assert (await client.get("/password", headers=HTML)).status_code == 200
        refused = await client.post("/gradio_api/queue/join")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")


async def test_while_starting_people_wait_on_a_page_and_programs_are_told() -> None:
    app = small_app(ready=False)
    async with client_of(app, "kim") as client:
        page = await client.get("/", headers=HTML)
        assert (page.status_code, page.headers["retry-after"]) == (503, "2")
        assert '<meta http-equiv="refresh" content="2">' in page.text
        assert "Ondol이 켜지는 중입니다." in page.text
        assert "Ondol is starting." in page.text
        assert (await client.get("/login", headers=HTML)).status_code == 503
        problem = await client.get("/api/v1/things/x")
        assert (problem.status_code, problem.json()["code"]) == (503, "starting")
        assert (await client.get("/health")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200
        app.state.ready = True
        assert (await client.get("/", headers=HTML)).status_code == 200


async def test_a_forged_host_opens_nothing() -> None:
    async with client_of(small_app(), "new", host="x/password?") as client:
        assert (await client.get("/api/v1/things/x")).status_code == 403
    async with client_of(small_app(), host="x/login?") as client:
        assert (await client.get("/api/v1/things/x")).status_code == 401


async def test_without_the_database_nobody_is_let_in_and_people_are_told() -> None:
    async with client_of(small_app(), "nobody-knows") as client:
        page = await client.get("/", headers=HTML)
        assert page.status_code == 503
        assert "데이터베이스에 닿지 않습니다." in page.text
        assert (await client.get("/api/v1/things/x")).json()["code"] == "database_unavailable"
        assert (await client.get("/health")).status_code == 200
