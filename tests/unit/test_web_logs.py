"""Lines of the log: format, redaction, request ids."""

import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request

from backend.logs import REDACTED, configure
from backend.settings import load
from backend.web.request_log import RequestLog


@pytest.fixture
def lines() -> Iterator["Lines"]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(load(log_level="DEBUG", log_format="json"), stream)
    yield Lines(stream)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


class Lines:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def all(self) -> list[dict]:
        return [json.loads(line) for line in self.text.splitlines()]

    def named(self, event: str) -> list[dict]:
        return [line for line in self.all if line["event"] == event]


@pytest.mark.parametrize(
    "key",
    ["password", "new_password", "api_key", "llm_api_key", "authorization", "cookie", "set-cookie", "token",
     "metrics_token", "token_hash", "client_secret", "X-Api-Key"],
)  # fmt: skip
def test_values_of_secret_keys_are_blanked(lines: Lines, key: str) -> None:
    structlog.get_logger().info("event", **{key: "hunter2-hunter2"}, nested={key: ["hunter2-hunter2"]})
    assert "hunter2" not in lines.text
    assert lines.all[-1][key] == REDACTED


@pytest.mark.parametrize("key", ["prompt_tokens", "tokens", "max_tokens", "tokens_per_s", "keyboard", "ttft_ms"])
def test_counts_of_tokens_are_no_secrets(lines: Lines, key: str) -> None:
    structlog.get_logger().info("event", **{key: 12})
    assert lines.all[-1][key] == 12


@pytest.mark.parametrize(
    "text",
    [
        "connect to postgresql://user:hunter2@db/ondol failed",
        "connect to postgresql+psycopg://user:hunter2@db/ondol failed",
        "Authorization: Bearer hunter2hunter2",
        "sent bearer hunter2.hunter2-x",
        "https://u:hunter2@example.org/",
        "LLM_API_KEY=hunter2 was read",
        "cookie ondol_session=hunter2; Path=/",
    ],
)
def test_secrets_inside_texts_are_blanked(lines: Lines, text: str) -> None:
    structlog.get_logger().warning("event", reason=text)
    logging.getLogger("sqlalchemy").warning("from the library: %s", text)
    assert "hunter2" not in lines.text
    assert len(lines.all) == 2


def test_secrets_in_a_traceback_are_blanked(lines: Lines) -> None:
    try:
        raise RuntimeError("postgresql://user:hunter2@db")
    except RuntimeError:
        structlog.get_logger().exception("failed")
    assert "hunter2" not in lines.text
    assert "Traceback" in lines.all[-1]["exception"]


def test_what_people_write_is_left_out_unless_asked_for(lines: Lines) -> None:
    structlog.get_logger().info("event", prompt="안녕하세요", messages=[{"content": "비밀 이야기"}])
    assert lines.all[-1]["prompt"] == "[5 characters]"
    assert "비밀" not in lines.text
    stream = io.StringIO()
    configure(load(log_format="json", log_prompts=True), stream)
    structlog.get_logger().info("event", prompt="안녕하세요")
    assert "안녕하세요" in stream.getvalue()


def test_libraries_log_in_the_same_format_and_console_is_for_eyes(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").info("Started %s", "server")
    line = lines.all[-1]
    assert (line["event"], line["level"], line["logger"]) == ("Started server", "info", "uvicorn.error")
    assert line["timestamp"].endswith("Z")
    stream = io.StringIO()
    configure(load(log_format="console", log_level="WARNING"), stream)
    structlog.get_logger().info("too quiet")
    structlog.get_logger().warning("loud", password="hunter2")
    assert "loud" in stream.getvalue()
    assert "quiet" not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def client_of(app: FastAPI) -> httpx.AsyncClient:
    stack = RequestLog(app, load())
    return httpx.AsyncClient(transport=httpx.ASGITransport(stack), base_url="http://ondol.test")


async def test_a_request_has_one_line_and_its_id_is_on_every_line(lines: Lines) -> None:
    app = FastAPI()

    @app.get("/thing/{name}")
    async def thing(request: Request, name: str) -> dict[str, str]:
        structlog.get_logger().info("inside")
        request.state.identity = SimpleNamespace(user_id="4711")
        return {"id": request.state.request_id}

    async with client_of(app) as client:
        answer = await client.get("/thing/x?secret=hunter2", headers={"x-request-id": "abc-12345"})
    assert answer.headers["x-request-id"] == answer.json()["id"] == "abc-12345"
    (line,) = lines.named("request")
    assert line["method"] == "GET"
    assert line["path"] == "/thing/x"
    assert (line["status"], line["user_id"]) == (200, "4711")
    assert line["duration_ms"] >= 0
    assert "hunter2" not in lines.text
    assert {entry["request_id"] for entry in lines.all} == {"abc-12345"}


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space in it", "new\tline-12345", "한글한글한글한글", ""])
async def test_a_strange_request_id_is_replaced(lines: Lines, given: str) -> None:
    async with client_of(FastAPI()) as client:
        answer = await client.get("/", headers={"x-request-id": given.encode()})
    assert len(answer.headers["x-request-id"]) == 32


async def test_probes_and_files_are_logged_quietly(lines: Lines) -> None:
    async with client_of(FastAPI()) as client:
        for path in ("/health", "/health/live", "/assets/x.js", "/static/y.css", "/api/v1/z"):
            await client.get(path)
    assert [line["level"] for line in lines.named("request")] == ["debug"] * 4 + ["info"]


async def test_a_failing_request_is_logged_too(lines: Lines) -> None:
    app = FastAPI()

    @app.get("/boom")
    async def boom() -> None:
        raise ValueError("no")

    async with client_of(app) as client:
        with pytest.raises(ValueError, match="no"):
            await client.get("/boom")
    assert lines.named("request")[0]["status"] == 500
