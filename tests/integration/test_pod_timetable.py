"""What the schedule wants of a pod that people, or the policy, stopped and started in between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.errors import NoGpuFree
from backend.pod.alerts import start_failed
from backend.pod.pods import Availability, GpuType, Pod, PodStatus
from backend.pod.sample import Verdict
from backend.pod.schedule import parse
from backend.pod.timetable import alternatives
from tests.fixtures.fickle_pod import FicklePod, Told
from tests.fixtures.keeper import Keeper, Signals, memory_folder
from tests.fixtures.runpod import ManualClock
from tests.fixtures.two_keepers import Died

STARTED = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)  # a Monday
CLOSES = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


class Office:
    """A pod that is to run from eight to ten, and the app on it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(at=STARTED)
        signals = Signals(self.clock, STARTED)
        self.pod = FicklePod(self.clock, signals, self._stop_arrives)
        self.pod.started_at = STARTED
        self.goes_along = False
        self.keeper = Keeper(
            folder,
            self.pod,
            self.clock,
            alerts=Told(),
            schedule=lambda: parse("mon-fri 08:00-10:00 UTC"),
            patience_s=1800.0,
        )
        self.keeper.signals = signals
        self.keeper.crash()

    def work(self, verdict: Verdict) -> None:
        self.keeper.signals.verdicts = {"gpu": verdict, "requests": verdict}

    async def until(self, moment: datetime) -> None:
        while self.clock.now() < moment:
            await self.keeper.run(1)

    async def goes_out(self) -> None:
        """The next stop takes the app with it."""
        self.goes_along = True
        with pytest.raises(Died):
            await self.keeper.run(2 * 3600)
        self.goes_along = False
        self.pod.status = PodStatus.EXITED

    def somebody_starts_it(self, moment: datetime) -> None:
        """The app on it comes up with what is on its disk."""
        self.clock.advance((moment - self.clock.now()).total_seconds())
        self.pod.come_up()
        self.keeper.crash()

    def _stop_arrives(self) -> None:
        if self.goes_along:
            raise Died


@pytest.fixture
def office() -> Iterator[Office]:
    with memory_folder() as folder:
        yield Office(folder)


@pytest.mark.parametrize("is_read_at_once", [True, False])
async def test_a_stop_that_passed_while_the_pod_was_off_does_not_stop_who_started_it_since(
    office: Office, is_read_at_once: bool
) -> None:
    office.work(Verdict.IDLE)
    await office.goes_out()
    assert office.clock.now() < CLOSES
    office.somebody_starts_it(CLOSES + timedelta(hours=2))
    office.pod.fault = "" if is_read_at_once else "dark"
    await office.keeper.run(65)
    office.pod.fault = ""
    await office.keeper.run(600 - 65)
    assert (office.pod.stops, office.keeper.events.count("stop_dropped")) == (1, 1)
    await office.keeper.run(600)
    assert office.keeper.shutdown.status().audit[0].event == "stop_verified", "for being idle, once it may be"


async def test_a_stop_of_the_schedule_that_was_sent_does_not_meet_the_next_session(office: Office) -> None:
    office.work(Verdict.BUSY)
    await office.until(CLOSES + timedelta(seconds=1500))
    office.work(Verdict.IDLE)
    await office.goes_out()
    office.somebody_starts_it(CLOSES + timedelta(hours=3))
    office.work(Verdict.BUSY)
    office.pod.fault = "dark"
    await office.keeper.run(3)
    office.pod.fault = ""
    await office.keeper.run(1200)
    assert (office.pod.stops, office.pod.status) == (1, PodStatus.RUNNING)
    assert "stop_confirmed_at_start" in office.keeper.events


async def test_it_waits_for_the_minimum_runtime(office: Office) -> None:
    office.work(Verdict.BUSY)
    await office.until(CLOSES - timedelta(seconds=120))
    office.pod.come_up()
    office.work(Verdict.IDLE)
    await office.until(office.pod.started_at + timedelta(seconds=600))
    assert office.pod.stops == 0
    await office.keeper.run(180)
    [ordered] = [entry for entry in office.keeper.shutdown.status().audit if entry.event == "stop_requested"]
    assert ordered.actor == "schedule"


async def test_a_stop_is_not_repeated_as_long_as_the_pod_cannot_be_read(office: Office) -> None:
    office.work(Verdict.IDLE)
    await office.keeper.run(61)
    office.keeper.shutdown.stop_now("user:kim")
    office.pod.fault = "dark"
    await office.keeper.run(3000)
    assert office.pod.stops == 1
    told = office.keeper.shutdown.status().audit
    assert [entry.event for entry in told if entry.event.startswith("escalat")] == ["escalated"], "but people are told"
    office.pod.fault = ""
    await office.keeper.run(1200)
    assert (office.pod.stops, office.pod.status) == (2, PodStatus.EXITED)


def test_what_is_proposed_has_as_many_gpus_and_the_price_of_all() -> None:
    types = [
        GpuType("H100", "H100", 80, 3.0, None, Availability.NONE),
        GpuType("A100", "A100", 80, 1.5, None, Availability.LOW),
    ]
    for count, told in ((1, "now: A100 80 GB $1.50/h"), (4, "now: 4 × A100 80 GB $6.00/h")):
        pod = Pod("pod0main", "ondol", PodStatus.EXITED, gpu_type="H100", gpu_count=count)
        found = alternatives(types, pod, count)
        assert told in start_failed(pod.id, NoGpuFree(pod=pod.id), found, "ab", STARTED).text.en
