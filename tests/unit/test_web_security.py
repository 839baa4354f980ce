"""Headers on every answer, denied routes, and requests other sites send."""

import asyncio

import pytest
from starlette.responses import StreamingResponse

from backend.web.security import CONTENT_SECURITY_POLICY
from tests.unit.web_stack import HTML, client_of, small_app, stepwise

DENIED = [
    "/gradio_api/deep_link", "/gradio_api/deep_link?session_hash=x", "/monitoring", "/monitoring/", "/monitoring/key",
    "/monitoring/summary", "/gradio_api/monitoring/x", "/gradio_api/runs", "/gradio_api/runs/",
    "/gradio_api/run-history/buckets", "/gradio_api/proxy=https://evil.test/x", "/gradio_api/upload",
    "/gradio_api/upload/", "/gradio_api/upload_progress", "/gradio_api/file=https://evil.test/x",
    "/gradio_api/file=HTTP:/evil.test", "/gradio_api/file=%20https://evil.test", "/gradio_api/vibe-edit",
    "/gradio_api/process_recording", "/gradio_api/custom_component/a/client/b/c.js", "/gradio_api/stream/x",
    "/gradio_api/openapi.json", "/gradio_api/dev/reload", "/gradio_api/mcp/sse", "/gradio_api/token",
]  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/login", "/health", "/api/v1/things/x", "/api/v1/boom", "/nowhere", "/docs"])
@pytest.mark.parametrize("person", ["", "kim"])
async def test_every_answer_has_the_headers(path: str, person: str) -> None:
    async with client_of(small_app(), person) as client:
        for method in ("GET", "HEAD"):
            answer = await client.request(method, path)
            assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["x-frame-options"] == "SAMEORIGIN"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert "camera=()" in answer.headers["permissions-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert "strict-transport-security" not in answer.headers
            assert "x-request-id" in answer.headers


def test_the_policy_allows_no_other_host() -> None:
    assert "unsafe-eval" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "*" not in CONTENT_SECURITY_POLICY


async def test_https_is_kept_once_seen_and_assets_stay_cacheable() -> None:
    async with client_of(small_app(), "kim", host="x-7860.proxy.runpod.net") as client:
        assert "max-age=" in (await client.get("/")).headers["strict-transport-security"]
        assert (await client.get("/assets/x.js")).headers["cache-control"] == "max-age=9"


async def test_no_other_origin_may_read() -> None:
    async with client_of(small_app(), "kim") as client:
        answer = await client.get("/gradio_api/file=a.png", headers={"origin": "https://evil.test"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", DENIED)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_routes_nobody_needs_do_not_exist(path: str, method: str) -> None:
    async with client_of(small_app(), "kim") as client:
        answer = await client.request(method, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/gradio_api/file=/tmp/a/http.png", "/gradio_api/queue/join", "/gradio_api/cancel"])
async def test_routes_gradio_needs_stay(path: str) -> None:
    async with client_of(small_app(), "kim") as client:
        assert (await client.request("GET" if "file" in path else "POST", path)).status_code == 200


async def test_websockets_are_closed() -> None:
    sent = []

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/x", "headers": [], "scheme": "ws", "client": ("1.1.1.1", 1)}
    await small_app()(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://ondol.test"}, 200),
        ({"origin": "https://ondol.test"}, 200),  # a proxy in front may have taken the TLS off
        ({"origin": "http://evil.test"}, 403),
        ({"origin": "http://ondol.test.evil.test"}, 403),
        ({"origin": "http://ondol.test:8000"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://[broken"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),  # another person's pod, or another port
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://ondol.test"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://public.name"}, 200),  # Host was changed by a proxy
    ],
)
async def test_writing_requests_of_other_sites_are_refused(headers: dict[str, str], status: int) -> None:
    app = small_app()
    async with client_of(app, "kim") as client:
        assert (await client.post("/gradio_api/queue/join", headers=headers)).status_code == status
        assert (await client.get("/api/v1/things/x", headers=headers)).status_code == 200
    async with client_of(app) as client:  # signing a visitor in under somebody else's name
        assert (await client.post("/login", headers=headers)).status_code == status


async def test_a_program_with_a_token_has_no_origin_to_show() -> None:
    app = small_app()
    hostile = {"origin": "http://evil.test"}
    async with client_of(app, authorization="Bearer kim") as client:
        assert (await client.post("/api/v1/raw", headers=hostile)).status_code == 200
    async with client_of(app, "kim", authorization="Bearer kim") as client:
        answer = await client.post("/api/v1/raw", headers=hostile)
    assert answer.json()["code"] == "cross_site_request"


async def test_streams_pass_as_they_are_written() -> None:
    app = small_app()
    read = asyncio.Event()

    @app.get("/api/v1/stream")
    async def stream() -> StreamingResponse:
        async def chunks():
            yield b"data: 1\n\n"
            await read.wait()  # never set if anything waits for the whole answer
            yield b"data: 2\n\n"

        return StreamingResponse(chunks(), media_type="text/event-stream")

    bodies = []
    async for message in stepwise(app, "/api/v1/stream", "kim"):
        if message["type"] == "http.response.body":
            bodies.append(message.get("body", b""))
            read.set()
        else:
            headers = dict(message["headers"])
    assert bodies[:2] == [b"data: 1\n\n", b"data: 2\n\n"]
    assert headers[b"x-accel-buffering"] == b"no"
    assert headers[b"cache-control"] == b"no-store"


async def test_the_api_page_needs_no_other_host() -> None:
    async with client_of(small_app(), "kim") as client:
        page = await client.get("/docs", headers=HTML)
        assert page.status_code == 200
        assert "://" not in page.text.replace("http://ondol.test", "")
        for name, kind in (("swagger-ui-bundle.js", "text/javascript"), ("swagger-ui.css", "text/css")):
            assert f"/docs/{name}" in page.text
            answer = await client.get(f"/docs/{name}")
            assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
            assert "max-age" in answer.headers["cache-control"]
        assert (await client.get("/docs/favicon.png")).status_code == 404
        assert (await client.get("/docs/..%2fcore.py")).status_code == 404
        assert (await client.get("/openapi.json")).json()["paths"]
