"""Whatever happens in whatever order: the promises about stopping a pod hold."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from backend.errors import OndolError
from backend.pod import files
from backend.pod.audit import AuditEntry, AuditLog
from backend.pod.lease import Lease
from backend.pod.machine import Kind, Phase, Timing
from backend.pod.memory import Memory
from backend.pod.outside import App, Outside
from backend.pod.pods import PodStatus
from backend.pod.policy import Config
from backend.pod.sample import Verdict
from backend.pod.schedule import Schedule
from backend.pod.shutdown import Shutdown
from tests.fixtures.fickle_pod import FicklePod, Told
from tests.fixtures.keeper import Signals, Work, memory_folder
from tests.fixtures.runpod import ManualClock

INTERVAL_S, LIMIT, MIN_RUNTIME_S, WARN_S, GRACE_S = 60.0, 3, 300.0, 60.0, 60.0
TIMING = Timing(warn_s=WARN_S, grace_s=GRACE_S)
EXAMPLES, STEPS = 240, 50
_T = TypeVar("_T")


class Pods(RuleBasedStateMachine):
    """An app and a watchdog on one disk, a pod, people, and faults."""

    steps = 0
    requests = 0
    verified = 0

    def __init__(self) -> None:
        super().__init__()
        self._folder = memory_folder()
        self.folder = self._folder.__enter__()
        self.clock = ManualClock()
        self.signals = Signals(self.clock, self.clock.now() - timedelta(hours=1))
        self.runpod = FicklePod(self.clock, self.signals, self.stop_arrives)
        self.told = Told()
        self.work = Work()
        self.config = Config(check_interval_s=INTERVAL_S, idle_limit=LIMIT, min_runtime_s=MIN_RUNTIME_S, warn_s=WARN_S)
        self.keep_awake_until: datetime | None = None
        self.ordered = False  # by a person, not sent yet
        self.idle_since = self.clock.now()
        self.calm_since = self.clock.now()  # idle, with an app that runs and a RunPod that works
        self.acting = ""
        self.stopped_reads = 0
        self.app: Shutdown | None = None
        self.known: Memory | None = None
        self._start_app()
        self._start_watchdog()

    # --- what happens ------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1.0, 5.0, 20.0, 60.0, 180.0]))
    def time_passes(self, seconds: float) -> None:
        self._pass(seconds)

    @rule()
    def nobody_comes_for_long(self) -> None:
        self._pass(LIMIT * INTERVAL_S + WARN_S + 3 * INTERVAL_S)

    @rule(more=st.sampled_from([0.0, 30.0, 50.0]), then=st.sampled_from([None, Verdict.UNKNOWN, Verdict.BUSY]))
    def a_countdown_begins(self, more: float, then: Verdict | None) -> None:
        """Lets pass what it takes, so that something happens in the middle of it: at once, or with the next step."""
        self.all_fall_idle()
        for _ in range(round((LIMIT + 2) * INTERVAL_S / 5)):
            if self.app is None or self.app.memory.progress.phase is not Phase.ARMED:
                break
            self._pass(5.0)
        self._pass(more)
        if then is not None:
            self.a_signal_changes(name="gpu", verdict=then)
            self._pass(WARN_S)

    @rule(name=st.sampled_from(["gpu", "requests"]), verdict=st.sampled_from(list(Verdict)))
    def a_signal_changes(self, name: str, verdict: Verdict) -> None:
        if self.app is None and name == "requests":
            return  # there is nobody who works
        self.signals.verdicts[name] = verdict
        self.runpod.util = 90.0 if self._is_busy() else 0.0
        self._not_idle()

    @rule()
    def all_fall_idle(self) -> None:
        self.signals.verdicts = {"gpu": Verdict.IDLE, "requests": Verdict.IDLE}
        self.runpod.util = 0.0
        self.work.count = 0

    @precondition(lambda self: self.app is not None and not self.work.refuses)
    @rule()
    def an_answer_begins(self) -> None:
        self.work.count += 1
        self.signals.verdicts["requests"] = Verdict.BUSY
        self.runpod.util = 90.0
        self._not_idle()

    @precondition(lambda self: self.work.count > 0)
    @rule()
    def answers_end(self) -> None:
        self.work.count = 0
        self.signals.verdicts["requests"] = Verdict.IDLE
        self.runpod.util = 90.0 if self._is_busy() else 0.0
        self._not_idle()

    @rule(minutes=st.sampled_from([5, 30]))
    def keep_awake(self, minutes: int) -> None:
        until = self.clock.now() + timedelta(minutes=minutes)
        if self._ask(lambda app: app.keep_awake(until, "user:kim")):
            self.keep_awake_until, self.ordered = until, False
        self._not_idle()

    @rule()
    def cancel(self) -> None:
        had_stop = self.app is not None and self.app.memory.progress.is_under_way
        if self._ask(lambda app: app.cancel("user:kim")):
            self.ordered = False
            self.keep_awake_until = self.keep_awake_until if had_stop else None
        self._not_idle()

    @rule()
    def stop_now(self) -> None:
        if self._ask(lambda app: app.stop_now("user:kim", "lunch")):
            self.ordered = True

    @rule()
    def somebody_starts_it_elsewhere(self) -> None:
        if self.runpod.status is PodStatus.EXITED:
            self.runpod.come_up()
        self._not_idle()

    @rule(fault=st.sampled_from(["key", "locked", "conflict", "busy", "dark", "ignored", "lost"]))
    def runpod_fails(self, fault: str) -> None:
        self.runpod.fault = fault
        self._not_calm()

    @rule()
    def runpod_works(self) -> None:
        self.runpod.fault = ""
        self._not_calm()

    @rule(limit=st.sampled_from([3, 4]))
    def a_setting_changes(self, limit: int) -> None:
        self.config = replace(self.config, idle_limit=limit)
        self._not_idle()

    @rule(seconds=st.sampled_from([-3600.0, 3600.0]))
    def somebody_sets_the_clock(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)
        # What was measured with the old clock does not bind the new one.
        self.runpod.started_at += timedelta(seconds=seconds)
        if self.signals.ready_since is not None:
            self.signals.ready_since += timedelta(seconds=seconds)
        self._not_idle()

    @rule()
    def the_app_crashes(self) -> None:
        self.known = self.app.memory if self.app is not None else self.known
        self.app = None
        self.work = Work()
        self.signals.verdicts["requests"] = Verdict.IDLE
        self._not_calm()

    @rule()
    def the_app_restarts(self) -> None:
        self.work = Work()
        self._start_app()
        self._not_idle()

    @rule()
    def the_watchdog_restarts(self) -> None:
        self._start_watchdog()
        self._not_calm()

    # --- what must hold ----------------------------------------------------------------------------

    def stop_arrives(self) -> None:
        """Called by RunPod at the moment of a request."""
        Pods.requests += 1
        newest = self._audit()[0]
        assert newest.event == "stop_requested", "a request without its line in the audit"
        assert newest.at == self.clock.now()
        kind = newest.detail["kind"]
        if kind == Kind.PERSON:
            assert self.ordered or self.acting == "app"
        else:
            assert not self._is_busy(), "stopped under work"
            assert not self._is_unknown(), "stopped on unknown"
            assert self.work.count == 0
            ready = self.signals.ready_since
            assert ready is not None and (self.clock.now() - ready).total_seconds() >= MIN_RUNTIME_S
            assert self.keep_awake_until is None or self.clock.now() >= self.keep_awake_until
        assert Lease(self.folder, "nobody").holder(self.clock.now()) == self.acting, "two actors"

    @invariant()
    def stopped_is_shown_only_when_read_so(self) -> None:
        for shutdown in filter(None, (self.app, self.watchdog)):
            view = shutdown.status()
            if view.progress.phase is Phase.STOPPED:
                assert view.pod is None or view.pod.status is PodStatus.EXITED or view.pod_trouble is not None

    @invariant()
    def work_is_refused_only_while_a_stop_is_sent(self) -> None:
        if self.app is not None:
            assert self.work.refuses == self.app.memory.progress.refuses_work

    @invariant()
    def people_are_told_once(self) -> None:
        incidents = [alert.incident for alert in self.told.alerts]
        assert len(incidents) == len(set(incidents))

    @invariant()
    def truly_idle_is_asked_to_stop_in_time(self) -> None:
        """Within the checks, the countdown, and two intervals: to the first check, and after a disturbed one."""
        Pods.steps += 1
        if self.app is None or self.runpod.status is not PodStatus.RUNNING or self.runpod.fault:
            return
        if self._is_busy() or self._is_unknown() or self.work.count:
            return
        now = self.clock.now()
        least = [self.idle_since, self.calm_since]
        if self.keep_awake_until is not None:
            least.append(self.keep_awake_until)
        if self.signals.ready_since is not None:
            least.append(self.signals.ready_since + timedelta(seconds=MIN_RUNTIME_S))
        phase = self.app.memory.progress.phase
        within = (self.config.idle_limit + 2) * INTERVAL_S + WARN_S + 15
        if phase in {Phase.RETRYING, Phase.ESCALATED}:  # faults before this calm: the next attempt is planned already
            within += TIMING.slow_s
        assert (now - max(least)).total_seconds() <= within, f"still {phase}"

    def teardown(self) -> None:
        Pods.steps -= 1  # the look before the first step
        self._folder.__exit__(None, None, None)

    # --- how it is done ----------------------------------------------------------------------------

    def _pass(self, seconds: float) -> None:
        """Time goes by in ticks of five seconds: the app's first, then the watchdog's."""
        done = 0.0
        while done < seconds:
            step = min(5.0, seconds - done)
            done += step
            self.clock.advance(step)
            if self._is_busy() or self._is_unknown():
                self._not_idle()
            for name, shutdown in (("app", self.app), ("watchdog", self.watchdog)):
                if shutdown is not None:
                    self.acting = name
                    _run(shutdown.tick())
                    self.acting = ""
            if self.app is not None and self.app.memory.progress.order is None:
                self.ordered = False
            if self.runpod.status is not PodStatus.RUNNING:
                self._not_idle()

    def _start_app(self) -> None:
        known = self.app.memory if self.app is not None else self.known
        self.app = Shutdown(
            pod_id="pod0main",
            provider=self.runpod,
            reader=self.signals.read,
            config=lambda: self.config,
            timing=lambda: TIMING,
            state_path=self.folder / "pod-state.json",
            drain=self.work,
            alerts=self.told,
            clock=self.clock,
        )
        self.app.open()
        assert known is None or self.app.memory == known, "something was forgotten"

    def _start_watchdog(self) -> None:
        seen = App("", self.folder, self.clock)
        outside = Outside(seen, lambda: 5.0, Schedule(), self.clock)
        self.watchdog = Shutdown(
            pod_id="pod0main",
            provider=self.runpod,
            reader=outside.sample,
            config=lambda: replace(self.config, warn_s=0.0),
            timing=lambda: Timing(warn_s=0.0, grace_s=0.0),
            state_path=self.folder / "watchdog.json",
            alerts=Told(),
            holder="watchdog",
            guard=outside.may_act,
            clock=self.clock,
        )
        self.watchdog.open()

    def _ask(self, order: Any) -> bool:
        """Somebody orders something; whether it was taken."""
        if self.app is None:
            return False
        try:
            order(self.app)
        except OndolError:
            return False
        return True

    def _is_busy(self) -> bool:
        return Verdict.BUSY in self.signals.verdicts.values()

    def _is_unknown(self) -> bool:
        return Verdict.UNKNOWN in self.signals.verdicts.values()

    def _not_idle(self) -> None:
        self.idle_since = self.calm_since = self.clock.now()

    def _not_calm(self) -> None:
        self.calm_since = self.clock.now()

    def _audit(self) -> list[AuditEntry]:
        return AuditLog(self.folder, self.clock).tail(5)


def _run(work: Awaitable[_T]) -> _T:
    """Runs what never waits for anything outside: one pass through the coroutine."""
    coroutine: Any = work.__await__()
    try:
        next(coroutine)
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]
    raise AssertionError("it waited for something")


def test_the_promises_hold_in_ten_thousand_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "fsync", lambda _handle: None)  # the order of writes is what is looked at
    run_state_machine_as_test(
        Pods,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Pods.steps >= 10_000
    assert Pods.requests > 100
