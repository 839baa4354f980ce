"""What /health says, and what asking costs."""

import asyncio
from pathlib import Path

import pytest

from backend.web.health import Check, Finding, Health, State, database_check, disk_check
from tests.unit.web_stack import client_of, small_app


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def check(name: str, state: State, *, essential: bool = True, **details: object) -> Check:
    async def probe() -> Finding:
        return Finding(state, details)

    return Check(name, probe, essential)


async def answered(*checks: Check, ready: bool = True) -> tuple[int, dict]:
    return await Health("1.2.3", checks, ready=lambda: ready, deadline_s=0.05).report()


async def test_all_is_well() -> None:
    async with client_of(small_app(checks=(check("engine", State.READY, model="m"),))) as client:
        answer = await client.get("/health")
        head = await client.head("/health")
        live = await client.get("/health/live")
    assert (answer.status_code, head.status_code, live.status_code) == (200, 200, 200)
    body = answer.json()
    assert (body["status"], body["version"]) == ("ok", "0.1.0")
    assert body["checks"]["engine"]["state"] == "ready"
    assert body["checks"]["engine"]["model"] == "m"
    assert body["checks"]["engine"]["latency_ms"] >= 0


@pytest.mark.parametrize(
    ("state", "essential", "ready", "status", "code"),
    [
        (State.READY, True, True, "ok", 200),
        (State.READY, True, False, "starting", 503),
        (State.LOADING, True, True, "starting", 503),
        (State.UNREACHABLE, True, True, "unavailable", 503),
        (State.REFUSED, True, True, "unavailable", 503),
        (State.UNREACHABLE, True, False, "starting", 503),
        (State.UNREACHABLE, False, True, "degraded", 200),
        (State.LOW, False, True, "degraded", 200),
    ],
)
async def test_states(state: State, essential: bool, ready: bool, status: str, code: int) -> None:
    found = await answered(check("other", State.READY), check("it", state, essential=essential), ready=ready)
    assert (found[0], found[1]["status"]) == (code, status)


async def test_a_broken_probe_says_nothing_and_a_slow_one_is_cut() -> None:
    async def broken() -> None:
        raise ConnectionError("postgresql://user:hunter2@/var/secret")

    async def slow() -> Finding:
        await asyncio.Event().wait()
        return Finding(State.READY)

    code, body = await answered(database_check(broken), Check("engine", slow))
    assert code == 503
    assert body["checks"]["database"]["state"] == "unreachable"
    assert body["checks"]["engine"]["state"] == "timeout"
    assert "hunter2" not in str(body)


async def test_probes_run_together_and_what_they_find_is_kept() -> None:
    clock, runs = Clock(), []
    both = asyncio.Barrier(2)

    def meeting(name: str) -> Check:
        async def probe() -> Finding:
            runs.append(name)
            await both.wait()  # only met if the other one runs at the same time
            return Finding(State.READY)

        return Check(name, probe)

    health = Health("1", (meeting("a"), meeting("b")), ready=lambda: True, clock=clock)
    reports = await asyncio.gather(*(health.report() for _ in range(20)))
    assert {code for code, _ in reports} == {200}
    assert sorted(runs) == ["a", "b"]
    clock.now = 1.9
    await health.report()
    assert len(runs) == 2
    clock.now = 2.0
    await health.report()
    assert len(runs) == 4


async def test_disk(tmp_path: Path) -> None:
    found = await disk_check(tmp_path, 1).probe()
    assert (found.state, found.details["free_bytes"] > 0) == (State.READY, True)
    assert (await disk_check(tmp_path, 2**62).probe()).state == State.LOW
    assert str(tmp_path) not in str(found)
