"""The account of one pod: which stop ended a run, and what its storage costs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from backend.errors import Language, OndolError, RunpodKeyRefused
from backend.pod.audit import AuditLog
from backend.pod.console import Console
from backend.pod.costs import Run
from backend.pod.history import PodHistory
from backend.pod.ledger import Ledger, Money
from backend.pod.options import PodOptions
from backend.pod.pods import Pod, PodProvider, PodStatus
from tests.fixtures.runpod import ManualClock
from ui.pod.spending import spending

MORNING = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
OPTIONS = PodOptions(zone="UTC")


class Runs:
    """The table of runs, in memory; checks were recorded until `seen`."""

    def __init__(self) -> None:
        self.rows: dict[datetime, Run] = {}
        self.seen = MORNING + timedelta(hours=9)

    async def runs(self, _book: str) -> list[Run]:
        return sorted(self.rows.values(), key=lambda run: run.started_at)

    async def running(self, _book: str, at: datetime, _ready_at: datetime | None, rate: float) -> None:
        self.rows.setdefault(at, Run(at, None, rate))

    async def stopped(self, _book: str, at: datetime, _by: str) -> None:
        self.rows = {
            began: Run(began, run.stopped_at or at, run.rate_usd) if began <= at else run
            for began, run in self.rows.items()
        }

    async def last_seen(self, *_: object) -> datetime:
        return self.seen


class Shelf:
    """A provider that knows the size of a volume, or refuses to tell."""

    def __init__(self, size_gb: float) -> None:
        self.size_gb, self.asked = size_gb, 0
        self.refusal: OndolError | None = None

    async def network_volume_gb(self, volume_id: str) -> float | None:
        self.asked += 1
        if self.refusal is not None:
            raise self.refusal
        return self.size_gb if volume_id == "nv1" else None


def ledger(provider: Shelf | None = None) -> Ledger:
    return Ledger(cast(PodHistory, Runs()), "pod1", "pod1", cast("PodProvider | None", provider))


def pod(started_at: datetime, **more: Any) -> Pod:
    return Pod("pod1", "o", PodStatus.RUNNING, cost_per_hour=2.0, started_at=started_at, has_runtime=True, **more)


@pytest.mark.parametrize(
    ("lines", "hours"),
    [
        ([("stop_requested", "pod9other", {}), ("stop_verified", "pod9other", {})], 9),
        ([("stop_requested", "pod1", {}), ("stop_failed", "pod1", {})], 9),
        ([("stop_requested", "pod1", {"incident": "a"}), ("stop_failed", "pod1", {"incident": "a"})], 9),
        ([("stop_requested", "pod1", {"incident": "a"}), ("stop_failed", "pod1", {"incident": "b"})], 1),
        ([("stop_failed", "pod1", {"incident": "a"}), ("stop_requested", "pod1", {"incident": "a"})], 1),
    ],
)
async def test_a_run_is_ended_by_a_stop_of_its_own_pod_that_worked(
    tmp_path: Path, lines: list[tuple[str, str, dict[str, str]]], hours: float
) -> None:
    clock, account = ManualClock(at=MORNING), ledger()
    audit = AuditLog(tmp_path, clock)
    await account.saw(pod(MORNING), None, clock.now(), [])
    clock.advance(3600)
    for event, pod_id, detail in lines:
        audit.write(event, "user:kim", pod_id, **detail)
    clock.advance(8 * 3600 + 60)
    await account.saw(pod(clock.now()), None, clock.now(), audit.tail(50))
    assert account.money(OPTIONS, clock.now()).month.gpu_usd == pytest.approx(hours * 2.0)


async def test_a_network_volume_costs_what_its_size_says_or_it_is_not_known() -> None:
    clock, shelf = ManualClock(at=MORNING), Shelf(730.0)  # 7 cents an hour
    account = ledger(shelf)

    def a_day(options: PodOptions = OPTIONS) -> float | None:
        return account.money(options, clock.now()).storage_usd_a_day

    assert a_day() is None, "nothing was read yet"
    shelf.refusal = RunpodKeyRefused(upstream_status=403)
    on_shelf = pod(MORNING, network_volume_id="nv1")
    await account.saw(on_shelf, None, clock.now(), [])
    assert a_day() is None
    assert a_day(PodOptions(zone="UTC", network_volume_gb=365.0)) == pytest.approx(0.84)
    shelf.refusal = None
    clock.advance(600)
    await account.saw(on_shelf, None, clock.now(), [])
    assert (a_day(), shelf.asked) == (None, 1), "asked again after an hour"
    clock.advance(3600)
    await account.saw(on_shelf, None, clock.now(), [])
    assert a_day() == pytest.approx(1.68)
    shelf.refusal = RunpodKeyRefused(upstream_status=403)
    clock.advance(3600)
    await account.saw(on_shelf, None, clock.now(), [])
    assert a_day() == pytest.approx(1.68), "as last told"
    await account.saw(pod(MORNING, network_volume_id="nv2"), None, clock.now(), [])
    assert a_day() is None, "of another volume it says nothing"
    await account.saw(pod(MORNING, volume_gb=73.0), None, clock.now(), [])
    assert a_day() == pytest.approx(0.48)


async def test_the_card_does_not_write_a_price_of_nothing_for_a_volume_it_does_not_know() -> None:
    account, clock = ledger(), ManualClock(at=MORNING)
    await account.saw(pod(MORNING, network_volume_id="nv1"), None, clock.now(), [])

    class Shown:
        money: Money = account.money(OPTIONS, clock.now())

    card = spending(cast(Console, Shown()), Language.EN)
    assert "unknown" in card and "$0.00 a day" not in card and "Storage is missing here" in card
