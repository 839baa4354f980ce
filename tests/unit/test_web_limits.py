"""Sizes of requests and requests a minute."""

from collections.abc import AsyncIterator

import pytest

from backend.settings import load
from backend.web.limits import RateLimit, TokenBuckets, address_key, is_counted
from tests.unit.web_stack import PEOPLE, client_of, small_app

LIMIT = 10_000


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def chunks(count: int, size: int = 1000) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.fixture
def app():
    return small_app(settings=load(max_request_bytes=LIMIT))


async def test_a_declared_length_over_the_limit_is_refused_unread(app) -> None:
    async with client_of(app, "kim") as client:
        assert (await client.post("/api/v1/raw", content=b"x" * LIMIT)).json() == {"length": LIMIT}
        answer = await client.post("/api/v1/raw", content=b"x" * (LIMIT + 1))
    assert answer.status_code == 413
    assert answer.json()["code"] == "request_too_large"
    assert "10,000바이트" in answer.json()["detail"]
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("path", ["/api/v1/raw", "/api/v1/things"])  # read by the route, parsed by the framework
async def test_a_body_without_length_is_counted(app, path: str) -> None:
    async with client_of(app, "kim") as client:
        assert (await client.post("/api/v1/raw", content=chunks(10))).json() == {"length": LIMIT}
        answer = await client.post(path, content=chunks(11), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


async def test_a_false_length_does_not_help(app) -> None:
    async with client_of(app, "kim") as client:
        for length in ("5", "-1", "abc", "٣"):
            answer = await client.post(
                "/api/v1/raw", content=chunks(11), headers=[(b"content-length", length.encode())]
            )
            assert answer.status_code == 413


def test_a_bucket_empties_refills_and_says_when() -> None:
    clock = Clock()
    buckets = TokenBuckets(60, clock)
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") == pytest.approx(1.0)
    assert buckets.take("b") == 0.0
    clock.now += 0.5
    assert buckets.take("a") == pytest.approx(0.5)
    clock.now += 0.5
    assert buckets.take("a") == 0.0
    clock.now += 3600
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") > 0


def test_memory_is_bounded() -> None:
    buckets = TokenBuckets(1, Clock(), max_keys=100)
    buckets.take("busy")
    for number in range(10_000):
        buckets.take(f"address:{number}")
        assert buckets.take("busy") > 0  # who keeps asking is not forgotten
    assert len(buckets) == 100


async def test_people_are_counted_apart_and_reading_is_free() -> None:
    app = small_app(settings=load(requests_per_minute=2))
    async with client_of(app, "kim") as kim, client_of(app, "lee") as lee:
        assert [(await kim.post("/gradio_api/queue/join")).status_code for _ in range(3)] == [200, 200, 429]
        answer = await kim.post("/api/v1/raw")
        assert answer.json()["code"] == "too_many_requests"
        assert int(answer.headers["retry-after"]) in range(1, 31)
        assert (await kim.get("/api/v1/things/x")).status_code == 200
        assert (await kim.post("/gradio_api/cancel")).status_code == 200  # stopping always works
        assert (await lee.post("/gradio_api/queue/join")).status_code == 200


async def test_the_key_may_be_given_and_the_clock_as_well() -> None:
    clock = Clock()

    async def identify(scope) -> str:
        return "everybody"

    app = RateLimit(small_app(middleware=[]), load(requests_per_minute=1), identify=identify, clock=clock)
    async with client_of(app, peer="203.0.113.1") as one, client_of(app, peer="203.0.113.2") as other:
        assert (await one.post("/api/v1/raw")).status_code == 200
        answer = await other.post("/api/v1/raw")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        clock.now += 60
        assert (await other.post("/api/v1/raw")).status_code == 200


async def test_strangers_are_counted_by_address() -> None:
    app = small_app(settings=load(requests_per_minute=1))
    async with client_of(app, peer="203.0.113.1") as one, client_of(app, peer="203.0.113.2") as other:
        assert (await one.post("/login")).status_code == 200
        assert (await one.post("/login")).status_code == 429
        assert (await other.post("/login")).status_code == 200


def test_keys_of_addresses() -> None:
    assert address_key({"client": ("2001:db8:1:2:3:4:5:6", 1)}) == address_key({"client": ("2001:db8:1:2::9", 1)})
    assert address_key({"client": ("::ffff:1.2.3.4", 1)}) == address_key({"client": ("1.2.3.4", 9)})
    assert address_key({"client": None}) == "address:"
    assert PEOPLE["kim"].user_id != PEOPLE["lee"].user_id


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("POST", "/gradio_api/queue/join", True),
        ("POST", "/gradio_api/run/x", True),
        ("POST", "/gradio_api/call/x", True),
        ("POST", "/gradio_api/upload", True),
        ("DELETE", "/api/v1/conversations/x", True),
        ("GET", "/gradio_api/queue/data", False),
        ("HEAD", "/", False),
        ("POST", "/gradio_api/cancel", False),
    ],
)
def test_what_is_counted(method: str, path: str, counted: bool) -> None:
    assert is_counted({"type": "http", "method": method, "path": path}) is counted
