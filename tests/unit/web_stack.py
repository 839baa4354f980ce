"""A small app behind the real middlewares, without a database: cookies and tokens name the person."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse

from backend.accounts.identity import Identity
from backend.errors import DatabaseUnavailable, EngineBusy, Language
from backend.settings import Settings, load
from backend.store.models import Role
from backend.web.docs_page import docs_router
from backend.web.health import Check, Health, health_router
from backend.web.metrics import Metrics, metrics_router
from backend.web.problems import install
from backend.web.stack import middleware_stack

HOST = "http://ondol.test"
HTML = {"accept": "text/html,application/xhtml+xml"}
PEOPLE = {
    "kim": Identity(UUID(int=1), "kim", Role.USER, Language.KO, session_id=UUID(int=11)),
    "lee": Identity(UUID(int=2), "lee", Role.USER, session_id=UUID(int=12)),
    "root": Identity(UUID(int=3), "root", Role.ADMIN, session_id=UUID(int=13)),
    "new": Identity(UUID(int=4), "new", Role.USER, session_id=UUID(int=14), must_change_password=True),
}


class Thing(BaseModel):
    name: str = Field(max_length=5)
    count: int = Field(1, ge=1)


async def person_of(request: Request) -> Identity | None:
    """Stands where sessions and tokens are looked up."""
    if not hasattr(request.state, "identity"):
        name = request.cookies.get("ondol_session", "")
        if name == "nobody-knows":
            raise DatabaseUnavailable
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        request.state.identity = PEOPLE.get(token) or PEOPLE.get(name)
    return request.state.identity


def small_app(
    *,
    settings: Settings | None = None,
    checks: tuple[Check, ...] = (),
    ready: bool = True,
    metrics: Metrics | None = None,
    middleware: list[Middleware] | None = None,
    page: bool = True,
) -> FastAPI:
    settings = settings or load()
    metrics = metrics or Metrics()
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        middleware=middleware_stack(settings, metrics=metrics, authenticate=person_of)
        if middleware is None
        else middleware,
    )
    app.state.ready = ready
    install(app)
    app.include_router(docs_router())
    app.include_router(metrics_router(metrics, settings))
    app.include_router(health_router(Health("0.1.0", checks, ready=lambda: app.state.ready)))
    _add_routes(app)
    if page:
        app.get("/")(lambda: HTMLResponse("<p>page</p>"))
    return app


def _add_routes(app: FastAPI) -> None:
    @app.get("/login")
    async def login() -> HTMLResponse:
        return HTMLResponse("<p>sign in</p>")

    @app.post("/login")
    async def sign_in() -> PlainTextResponse:
        return PlainTextResponse("ok")

    @app.get("/password")
    async def password() -> HTMLResponse:
        return HTMLResponse("<p>password</p>")

    @app.get("/assets/x.js")
    async def asset() -> PlainTextResponse:
        return PlainTextResponse("x", headers={"cache-control": "max-age=9"}, media_type="text/javascript")

    @app.get("/api/v1/things/{name}")
    async def thing(request: Request, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "client": request.client.host if request.client else "",
            "scheme": request.url.scheme,
            "headers": dict(request.headers),
        }

    @app.post("/api/v1/things")
    async def make(thing: Thing) -> Thing:
        return thing

    @app.post("/api/v1/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"length": len(await request.body())}

    @app.get("/api/v1/boom")
    async def boom() -> None:
        raise ValueError("postgresql://user:hunter2@db")

    @app.get("/api/v1/busy")
    async def busy() -> None:
        raise EngineBusy(provider="main", retry_after_s=7)

    @app.post("/gradio_api/queue/join")
    async def join() -> dict[str, str]:
        return {"event_id": "1"}

    @app.post("/gradio_api/cancel")
    async def cancel() -> dict[str, str]:
        return {}

    @app.post("/gradio_api/upload")
    async def upload() -> dict[str, str]:
        return {}

    @app.get("/gradio_api/file={path:path}")
    async def file(path: str) -> PlainTextResponse:
        return PlainTextResponse(path, headers={"access-control-allow-origin": "*"})


def client_of(app: Any, person: str = "", peer: str = "203.0.113.9", **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 1234)),
        base_url=HOST,
        cookies={"ondol_session": person} if person else None,
        headers=headers,
    )


async def stepwise(app: Any, path: str, person: str) -> AsyncIterator[dict[str, Any]]:
    """Sends a GET and yields each ASGI message the moment the app sends it."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for request in requests:
            return request
        return await asyncio.Future()  # the reader stays until the end

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"ondol.test"), (b"cookie", f"ondol_session={person}".encode())],
        "client": ("203.0.113.9", 1), "server": ("ondol.test", 80),
    }  # fmt: skip
    task = asyncio.create_task(app(scope, receive, queue.put))
    try:
        while True:
            message = await asyncio.wait_for(queue.get(), 5)
            yield message
            if message["type"] == "http.response.body" and not message.get("more_body"):
                break
    finally:
        task.cancel()
