"""The API of the pod: everybody sees its state, admins see everything, and nobody else gives orders."""

import json
from datetime import timedelta
from typing import Any

import httpx

from backend.accounts.identity import Scope
from backend.pod.machine import Phase
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.pod import OWN, PodHouse
from tests.runpod_double import CANARY, FaultKind

ADMIN_ROUTES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/pod/stop", {"confirm": True}),
    ("POST", "/pod/start", {}),
    ("POST", "/pod/restart", {}),
    ("POST", "/pod/keep-awake", {"minutes": 30}),
    ("POST", "/pod/cancel", None),
    ("GET", "/pod/audit", None),
    ("GET", "/pod/history", None),
    ("GET", "/pod/logs", None),
    ("GET", "/pod/settings", None),
    ("PUT", "/pod/settings", {"idle_limit": 1}),
    ("POST", "/pod/replay", {}),
    ("GET", "/pod/proposal", None),
    ("GET", "/pod/costs", None),
    ("GET", "/pods", None),
]


async def ask(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> httpx.Response:
    return await client.request(method, f"/api/v1{path}", **({} if body is None else {"json": body}))


async def test_orders_and_records_are_for_admins(pod_house: PodHouse) -> None:
    """Not for strangers, ordinary users, an admin's lesser token, or another site in an admin's browser."""
    accounts = pod_house.house.services.accounts
    root, cookie = await accounts.login("root", PASSWORD, "192.0.2.1", "test")
    _, lesser = await accounts.create_token(root, "lesser", [Scope.CHAT, Scope.READ])
    refused: list[tuple[int, dict[str, str]]] = [
        (401, {}),
        (403, {"Authorization": f"Bearer {pod_house.house.token}"}),
        (403, {"Authorization": f"Bearer {lesser}"}),
        (403, {"Cookie": f"ondol_session={cookie}", "Sec-Fetch-Site": "cross-site"}),
    ]
    transport = httpx.ASGITransport(pod_house.house.app, raise_app_exceptions=False)
    for status, headers in refused:
        async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test", headers=headers) as stranger:
            for method, path, body in ADMIN_ROUTES:
                if "Cookie" in headers and method == "GET":
                    continue  # browsers keep the answer from the other site
                assert (await ask(stranger, method, path, body)).status_code == status, (path, headers)
    assert pod_house.runpod.account.requests == []
    assert pod_house.pod.console().changed == frozenset()
    assert not pod_house.pod.brief().is_draining


async def test_an_ordinary_user_sees_the_state_and_no_more(pod_house: PodHouse) -> None:
    await pod_house.until_warned()
    seen = (await ask(pod_house.house.client, "GET", "/pod")).json()
    assert set(seen) == {"standing", "phase", "until", "called_off_by_work", "is_draining", "keep_awake_until"}
    assert seen["phase"] == "warned"
    assert seen["until"] == (pod_house.clock.now() + timedelta(seconds=120)).isoformat().replace("+00:00", "Z")


async def test_an_admin_sees_everything_but_secrets(pod_house: PodHouse) -> None:
    await pod_house.run(130)
    answer = await ask(pod_house.admin, "GET", "/pod")
    seen = answer.json()
    assert set(seen) == {
        "standing", "phase", "until", "is_draining", "keep_awake_until", "at", "pod_id", "missing", "pod",
        "pod_seen_at", "pod_problem", "stop", "decision", "signals", "ready_since", "last_activity_at",
        "last_activity", "acts", "next_change", "waiting_stop_since", "waiting_start_since", "restart_s", "gpus",
        "engine", "money", "work", "called_off_by_work", "stops_at",
    }  # fmt: skip
    assert seen["pod"]["status"] == "RUNNING"
    assert seen["pod"]["volume_path"] == "/workspace"
    assert {signal["name"]: signal["verdict"] for signal in seen["signals"]} == {
        "engine": "idle", "requests": "idle", "jobs": "idle", "downloads": "idle"
    }  # fmt: skip
    assert {need["code"] for need in seen["decision"]["needs"]} == {"min_runtime", "idle_checks"}
    assert seen["decision"]["stops_at"] is not None
    assert seen["money"]["rate_usd"] == 0.69
    korean = await pod_house.admin.get("/api/v1/pod", headers={"Accept-Language": "ko"})
    assert korean.json()["decision"]["reason"]["text"] != seen["decision"]["reason"]["text"]
    everything = [await ask(pod_house.admin, method, path, body) for method, path, body in ADMIN_ROUTES[5:]]
    assert [each.status_code for each in everything] == [200] * len(everything)
    for each in [answer, *everything]:
        assert CANARY not in each.text


async def test_a_stop_is_confirmed_drained_sent_and_proven(pod_house: PodHouse) -> None:
    await pod_house.run(61)
    for body in ({"confirm": False}, {"confirm": "pod1cold"}):
        refused = await ask(pod_house.admin, "POST", "/pod/stop", body)
        assert (refused.status_code, refused.json()["code"]) == (422, "stop_unconfirmed")
    assert (await ask(pod_house.admin, "POST", "/pod/stop", {})).status_code == 422
    accepted = await ask(pod_house.admin, "POST", "/pod/stop", {"confirm": OWN, "reason": "done"})
    assert (accepted.status_code, accepted.json()["phase"]) == (202, "draining")
    await pod_house.run_until(lambda: pod_house.phase is Phase.STOPPED, 60)
    lines = (await ask(pod_house.admin, "GET", "/pod/audit?limit=3")).json()
    assert [line["event"] for line in lines] == ["stop_verified", "stop_requested", "stop_ordered"]
    assert {line["actor"] for line in lines[1:]} == {"user:root"}
    metrics = (await pod_house.admin.get("/metrics")).text
    assert 'ondol_pod_stops_total{outcome="verified"} 1.0' in metrics
    assert 'ondol_pod_checks_total{verdict="idle"}' in metrics
    assert "ondol_pod_usd_per_hour 0.69" in metrics
    started = await ask(pod_house.admin, "POST", "/pod/start", {})
    assert started.status_code == 202
    await pod_house.run(130)
    assert (await ask(pod_house.admin, "GET", "/pod")).json()["pod"]["status"] == "RUNNING"
    assert pod_house.phase is Phase.ARMED


async def test_keep_awake_and_cancel(pod_house: PodHouse) -> None:
    await pod_house.until_warned()
    for body in (
        {},
        {"minutes": 30, "until": "2026-06-01T15:00:00Z"},
        {"minutes": 0},
        {"until": "2026-06-01T15:00:00"},
    ):
        assert (await ask(pod_house.admin, "POST", "/pod/keep-awake", body)).status_code == 422, body
    past = await ask(pod_house.admin, "POST", "/pod/keep-awake", {"until": "2026-06-01T11:00:00Z"})
    assert past.json()["code"] == "keep_awake_out_of_range"
    kept = (await ask(pod_house.admin, "POST", "/pod/keep-awake", {"minutes": 30})).json()
    assert kept["phase"] == "armed"
    await pod_house.run(29 * 60, 10)
    assert pod_house.phase is Phase.ARMED
    assert (await ask(pod_house.admin, "POST", "/pod/cancel")).json()["phase"] == "armed"
    await pod_house.run_until(lambda: pod_house.phase is Phase.WARNED, 7 * 60)
    assert pod_house.runpod.account.asked("stop") == 0


async def test_other_pods_are_seen_stopped_and_started(pod_house: PodHouse) -> None:
    pods = {pod["id"]: pod for pod in (await ask(pod_house.admin, "GET", "/pods")).json()}
    assert set(pods) == {OWN, "pod1cold", "pod2spot", "pod3net", "pod4cpu"}
    assert (pods["pod3net"]["network_volume_id"], pods["pod4cpu"]["gpu_count"]) == ("nv7q2", 0)
    order = {"confirm": "pod2spot", "pod_id": "pod2spot"}
    assert (await ask(pod_house.admin, "POST", "/pod/stop", order)).status_code == 202
    assert (await ask(pod_house.admin, "POST", "/pod/start", {"pod_id": "pod1cold"})).status_code == 202
    unknown = await ask(pod_house.admin, "POST", "/pod/stop", {"confirm": True, "pod_id": "pod9none"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_pod")
    assert (await ask(pod_house.admin, "POST", "/pod/start", {"pod_id": "a/b"})).status_code == 422
    lines = (await ask(pod_house.admin, "GET", "/pod/audit")).json()
    asked = [(line["event"], line["pod_id"]) for line in lines if line["event"].endswith("requested")]
    assert asked == [("start_requested", "pod1cold"), ("stop_requested", "pod2spot")]
    assert pod_house.phase is Phase.ARMED
    assert not pod_house.pod.brief().is_draining


async def test_a_key_of_one_pod_sees_that_pod(pod_house: PodHouse) -> None:
    pod_house.runpod.fail(FaultKind.FORBIDDEN, "list")
    pods = (await ask(pod_house.admin, "GET", "/pods")).json()
    assert [pod["id"] for pod in pods] == [OWN]


async def test_settings_are_checked_kept_and_taken_back(pod_house: PodHouse) -> None:
    wrong: list[dict[str, Any]] = [
        {"threshold_percent": 101}, {"check_interval_s": 0}, {"idle_limit": 0}, {"nothing": 1}, {"zone": "Mars/Base"},
        {"quiet": [{"start": "09:00", "end": "19:00", "weekdays": [7]}]}, {"money_ceiling_usd": -1},
        {"quiet": [{"start": "09:00", "end": "19:00", "zone": "Nowhere"}]}, {"prices": {"kwh_usd": "much"}},
        {"money_ceiling_usd": 0}, {"schedule": "\ud800"}, {"zone": "\ud800"}, {"zone": "../../etc/passwd"},
    ]  # fmt: skip
    for body in wrong:
        answer = await pod_house.admin.put("/api/v1/pod/settings", content=json.dumps(body))
        assert answer.status_code == 422, body
    refused = await ask(pod_house.admin, "PUT", "/pod/settings", {"schedule": "some day"})
    assert refused.json()["code"] == "invalid_schedule"
    change = {
        "idle_limit": 3,
        "schedule": "mon-fri 09:00-19:00 Asia/Seoul",
        "quiet": [{"start": "22:00", "end": "06:00"}],
        "prices": {"kwh_usd": 0.2},
    }
    changed = (await ask(pod_house.admin, "PUT", "/pod/settings", change)).json()
    assert changed["changed"] == ["idle_limit", "prices", "quiet", "schedule"]
    assert changed["settings"]["idle_limit"] == 3
    assert changed["settings"]["check_interval_s"] == 60
    costs = (await ask(pod_house.admin, "GET", "/pod/costs")).json()
    assert {price["name"]: price["value"] for price in costs["prices"]}["kwh_usd"] == 0.2
    assert (await ask(pod_house.admin, "GET", "/pod")).json()["next_change"]["change"] == "start"
    beat = (await pod_house.house.client.get("/api/v1/pod/heartbeat")).json()
    assert beat["schedule"] == "mon-fri 09:00-19:00 Asia/Seoul"
    back = (await ask(pod_house.admin, "PUT", "/pod/settings", {})).json()
    assert (back["changed"], back["settings"]["idle_limit"]) == ([], 5)


async def test_the_heartbeat_needs_no_account_and_tells_no_secret(pod_house: PodHouse) -> None:
    await pod_house.run(61)
    transport = httpx.ASGITransport(pod_house.house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test") as stranger:
        answer = await stranger.get("/api/v1/pod/heartbeat")
    assert answer.status_code == 200
    assert set(answer.json()) == {
        "at", "until", "age_s", "state", "acting", "version", "pod_id", "busy", "last_activity_at",
        "keep_awake_until", "schedule", "quiet", "ready_since",
    }  # fmt: skip
    assert (answer.json()["state"], answer.json()["acting"]) == ("armed", True)


async def test_replay_takes_other_settings(pod_house: PodHouse) -> None:
    await pod_house.run(15 * 60, 10)
    same = (await ask(pod_house.admin, "POST", "/pod/replay", {"hours": 1})).json()
    other = (await ask(pod_house.admin, "POST", "/pod/replay", {"settings": {"min_runtime_s": 0}})).json()
    assert same["checks"] == other["checks"] >= 15
    assert other["stops"][0]["at"] < same["stops"][0]["at"]
    assert other["saved_usd"] > same["saved_usd"]
    assert (await ask(pod_house.admin, "POST", "/pod/replay", {"hours": 9999})).status_code == 422
