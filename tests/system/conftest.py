"""A running system, seen from outside through its address; nothing here knows how it was brought up.

Needs ONDOL_URL and the name and password of an admin (ONDOL_USER, ONDOL_PASSWORD), or a token (ONDOL_TOKEN) with the
scopes `chat` and `read`; `./run_tests.sh system --url URL` sets them. Without an address nothing is collected.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

_URL = os.environ.get("ONDOL_URL", "").rstrip("/")
_NAME = os.environ.get("ONDOL_USER", "admin")
_PASSWORD = os.environ.get("ONDOL_PASSWORD", "")
_TOKEN = os.environ.get("ONDOL_TOKEN", "")
_DEADLINE_S = 180.0  # a model on two cores takes minutes for what a GPU does in seconds
collect_ignore_glob = [] if _URL else ["test_*.py"]


@dataclass
class System:
    """The system under test.

    Attributes:
        user: talks to the API with a token of the scopes `chat` and `read`.
        stranger: sends no credentials.
        admin: signed in with the password, and makes requests as a browser does; None without one.
    """

    url: str
    user: httpx.Client
    stranger: httpx.Client
    admin: httpx.Client | None

    def get(self, path: str, **options: Any) -> Any:
        return self._told(self.user.get(f"/api/v1{path}", **options))

    def post(self, path: str, status: int = 200, **options: Any) -> Any:
        answer = self.user.post(f"/api/v1{path}", **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def delete(self, path: str) -> None:
        answer = self.user.delete(f"/api/v1{path}")
        assert answer.status_code == 204, answer.text

    def until(self, path: str, is_so: Callable[[Any], bool]) -> Any:
        """What is there as soon as something is so; fails when it takes minutes."""
        end = time.monotonic() + _DEADLINE_S
        while not is_so(found := self.get(path)):
            assert time.monotonic() < end, f"still {found}"
            time.sleep(0.2)
        return found

    @staticmethod
    def _told(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """Signed in for the time of the tests; a token that they made ends with them."""
    headers = {"Accept-Language": "en"}
    with contextlib.ExitStack() as stack:
        stranger = stack.enter_context(httpx.Client(base_url=_URL, headers=headers, timeout=_DEADLINE_S))
        admin = stack.enter_context(_signed_in(headers)) if _PASSWORD else None
        token = _TOKEN or (stack.enter_context(_token_of(admin)) if admin else "")
        if not token:
            pytest.fail("Set ONDOL_PASSWORD of an admin (and ONDOL_USER, if it is not `admin`), or ONDOL_TOKEN.")
        bearer = headers | {"Authorization": f"Bearer {token}"}
        user = stack.enter_context(httpx.Client(base_url=_URL, headers=bearer, timeout=_DEADLINE_S))
        yield System(_URL, user, stranger, admin)


@pytest.fixture
def admin(system: System) -> httpx.Client:
    if system.admin is None:
        pytest.skip("ONDOL_PASSWORD of an admin is not set")
    return system.admin


@contextlib.contextmanager
def _signed_in(headers: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=_URL, headers=headers | {"Origin": _URL}, timeout=_DEADLINE_S) as client:
        told = client.post("/login", data={"username": _NAME, "password": _PASSWORD})
        if told.status_code != 303:
            pytest.fail(f"{_NAME} cannot sign in at {_URL}: HTTP {told.status_code}")
        if "/password" in told.headers["location"]:
            pytest.fail(f"{_NAME} has to choose a password first: sign in at {_URL} once.")
        yield client


@contextlib.contextmanager
def _token_of(admin: httpx.Client) -> Iterator[str]:
    wanted = {"name": "system tests", "scopes": ["chat", "read"], "expires_in_days": 1}
    made = admin.post("/api/v1/tokens", json=wanted)
    assert made.status_code == 201, made.text
    try:
        yield made.json()["token"]
    finally:
        admin.delete(f"/api/v1/tokens/{made.json()['id']}")
