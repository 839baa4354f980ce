"""Whether Ondol can do its main job now, for supervisors, load balancers and people with curl.

`/health` answers 200 (`ok`, `degraded`) or 503 (`starting`, `unavailable`) and tells states, not reasons: no login is
asked, so no addresses, paths or messages of exceptions are told. Probes run together, each against a deadline, and a
result is kept for a moment, so that polling costs the same whoever polls. `/health/live` only says that the process
answers.
"""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from fastapi import APIRouter
from fastapi.responses import JSONResponse

DEADLINE_S = 2.0
KEPT_S = 2.0
MINIMUM_FREE_BYTES = 500_000_000
_log = structlog.get_logger(__name__)


class State(StrEnum):
    """State of one thing Ondol needs."""

    READY = "ready"
    LOADING = "loading"
    LOW = "low"
    UNREACHABLE = "unreachable"
    MISSING = "missing"
    REFUSED = "refused"
    TIMEOUT = "timeout"


class Status(StrEnum):
    """State of the whole. The first two answer 200, the others 503."""

    OK = "ok"
    DEGRADED = "degraded"
    STARTING = "starting"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found. `details` is public: names and numbers only."""

    state: State
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """Something Ondol needs.

    Attributes:
        name: key in the answer.
        probe: looks at it; an exception means unreachable.
        essential: without it no question is answered, so `/health` says 503.
    """

    name: str
    probe: Callable[[], Awaitable[Finding]]
    essential: bool = True


class Health:
    """Runs checks and remembers what they found for `KEPT_S` seconds.

    Args:
        version: of Ondol.
        checks: what to look at.
        ready: whether the app has started.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        version: str,
        checks: Sequence[Check],
        *,
        ready: Callable[[], bool],
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version = version
        self._checks = tuple(checks)
        self._ready = ready
        self._deadline_s = deadline_s
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: dict[str, dict[str, Any]] = {}
        self._found_at = float("-inf")

    async def report(self) -> tuple[int, dict[str, Any]]:
        """HTTP status and body of `/health`."""
        async with self._lock:  # those who ask at the same moment share one run
            if self._clock() - self._found_at >= KEPT_S:
                found = await asyncio.gather(*(self._run(check) for check in self._checks))
                self._found = {check.name: result for check, result in zip(self._checks, found, strict=True)}
                self._found_at = self._clock()
            found_now = self._found
        status = self._overall(found_now)
        body = {"status": status, "version": self._version, "checks": found_now}
        return (200 if status in (Status.OK, Status.DEGRADED) else 503), body

    async def _run(self, check: Check) -> dict[str, Any]:
        start = self._clock()
        try:
            async with asyncio.timeout(self._deadline_s):
                finding = await check.probe()
        except TimeoutError:
            finding = Finding(State.TIMEOUT)
        except Exception as error:  # whatever breaks a probe, the thing it looks at cannot be used
            _log.debug("health probe failed", check=check.name, error=type(error).__name__)
            finding = Finding(State.UNREACHABLE)
        latency_ms = round((self._clock() - start) * 1000, 1)
        return {**finding.details, "state": finding.state, "latency_ms": latency_ms}

    def _overall(self, found: Mapping[str, Mapping[str, Any]]) -> Status:
        essential = [found[check.name]["state"] for check in self._checks if check.essential]
        if any(state not in (State.READY, State.LOADING, State.LOW) for state in essential):
            return Status.UNAVAILABLE if self._ready() else Status.STARTING
        if not self._ready() or State.LOADING in essential:
            return Status.STARTING
        return Status.OK if all(result["state"] == State.READY for result in found.values()) else Status.DEGRADED


def health_router(health: Health) -> APIRouter:
    """`GET /health` and `GET /health/live`, both also for HEAD."""
    router = APIRouter(tags=["health"])

    @router.head("/health", include_in_schema=False)
    @router.get("/health", summary="State of everything Ondol needs")
    async def read_health() -> JSONResponse:
        status, body = await health.report()
        return JSONResponse(body, status)

    @router.head("/health/live", include_in_schema=False)
    @router.get("/health/live", summary="Whether the process answers")
    async def read_liveness() -> dict[str, str]:
        return {"status": "ok"}

    return router


def database_check(ping: Callable[[], Awaitable[None]]) -> Check:
    """The database answers a query; `ping` raises when it does not (`Database.ping`)."""

    async def probe() -> Finding:
        await ping()
        return Finding(State.READY)

    return Check("database", probe)


def disk_check(folder: Path, minimum_free_bytes: int = MINIMUM_FREE_BYTES) -> Check:
    """The disk that holds `folder` has space left. Low space warns; a full disk shows in the database's own errors."""

    async def probe() -> Finding:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)  # a hanging network disk must not hang the loop
        state = State.READY if usage.free >= minimum_free_bytes else State.LOW
        return Finding(state, {"free_bytes": usage.free, "total_bytes": usage.total})

    return Check("disk", probe, essential=False)
