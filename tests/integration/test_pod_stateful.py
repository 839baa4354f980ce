"""Whatever happens in whatever order: the promises about stopping a pod hold."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from backend.pod import files
from backend.pod.lease import Lease
from backend.pod.machine import Kind, Phase
from backend.pod.pods import PodStatus
from backend.pod.sample import Verdict
from tests.fixtures.keeper import Work
from tests.fixtures.two_keepers import GRACE_S, INTERVAL_S, LIMIT, MIN_RUNTIME_S, TIMING, WARN_S, Died, TwoKeepers

EXAMPLES, STEPS = 240, 50


class Pods(TwoKeepers):
    """An app and a watchdog on one disk, a pod, people, and faults."""

    steps = 0
    requests = 0
    overtaken = 0

    # --- what happens ------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1.0, 5.0, 20.0, 60.0, 180.0]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule()
    def nobody_comes_for_long(self) -> None:
        self.pass_time(LIMIT * INTERVAL_S + WARN_S + 3 * INTERVAL_S)

    @rule(more=st.sampled_from([0.0, 30.0, 50.0]), then=st.sampled_from([None, Verdict.UNKNOWN, Verdict.BUSY]))
    def a_countdown_begins(self, more: float, then: Verdict | None) -> None:
        """Lets pass what it takes, so that something happens in the middle of it: at once, or with the next step."""
        self.all_fall_idle()
        for _ in range(round((LIMIT + 2) * INTERVAL_S / 5)):
            if self.app is None or self.app.memory.progress.phase is not Phase.ARMED:
                break
            self.pass_time(5.0)
        self.pass_time(more)
        if then is not None:
            self.a_signal_changes(name="gpu", verdict=then)
            self.pass_time(WARN_S)

    @rule(name=st.sampled_from(["gpu", "requests"]), verdict=st.sampled_from(list(Verdict)))
    def a_signal_changes(self, name: str, verdict: Verdict) -> None:
        if self.app is None and name == "requests":
            return  # there is nobody who works
        self.signals.verdicts[name] = verdict
        self.runpod.util = 90.0 if self.is_busy() else 0.0
        self.not_idle()

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
        self.not_idle()

    @precondition(lambda self: self.work.count > 0)
    @rule()
    def answers_end(self) -> None:
        self.work.count = 0
        self.signals.verdicts["requests"] = Verdict.IDLE
        self.runpod.util = 90.0 if self.is_busy() else 0.0
        self.not_idle()

    @rule(minutes=st.sampled_from([5, 30]))
    def keep_awake(self, minutes: int) -> None:
        until = self.clock.now() + timedelta(minutes=minutes)
        if self.ask(lambda app: app.keep_awake(until, "user:kim")):
            self.keep_awake_until, self.ordered = until, False
        self.not_idle()

    @rule()
    def cancel(self) -> None:
        had_stop = self.app is not None and self.app.memory.progress.is_under_way
        if self.ask(lambda app: app.cancel("user:kim")):
            self.ordered = False
            self.keep_awake_until = self.keep_awake_until if had_stop else None
        self.not_idle()

    @rule()
    def stop_now(self) -> None:
        if self.ask(lambda app: app.stop_now("user:kim", "lunch")):
            self.ordered = True
            self._is_meant()

    @precondition(lambda self: self.app is not None and self.runpod.status is PodStatus.RUNNING)
    @rule(work=st.booleans(), dark=st.booleans())
    def a_stop_takes_the_app_with_it(self, work: bool, dark: bool) -> None:
        """As on a pod; then somebody starts that again and works, and RunPod may not answer at first."""
        self.runpod.fault = ""
        if work:
            self.an_answer_begins()  # the app dies before the request then, with the order on the disk
        self.stop_now()
        self.goes_along = True
        self.pass_time(GRACE_S / 2)
        self.goes_along = False
        self.end_app()
        self.runpod.status = PodStatus.EXITED
        self.clock.advance(3600.0)
        self.somebody_starts_it_elsewhere()
        self.a_signal_changes(name="gpu", verdict=Verdict.BUSY)
        self.runpod_fails(fault="dark" if dark else "")
        self.start_app()
        self.pass_time(10.0)
        self.runpod_works()
        self.pass_time(2 * INTERVAL_S)
        assert self.runpod.status is PodStatus.RUNNING, "stopped under somebody by an order that meant another session"
        Pods.overtaken += 1

    @rule()
    def somebody_starts_it_elsewhere(self) -> None:
        if self.runpod.status is PodStatus.EXITED:
            self.clock.advance(1.0)
            self.runpod.come_up()
        self.not_idle()

    @rule(fault=st.sampled_from(["key", "locked", "conflict", "busy", "dark", "ignored", "lost"]))
    def runpod_fails(self, fault: str) -> None:
        self.runpod.fault = fault
        self.not_calm()

    @rule()
    def runpod_works(self) -> None:
        self.runpod.fault = ""
        self.not_calm()

    @rule(limit=st.sampled_from([3, 4]))
    def a_setting_changes(self, limit: int) -> None:
        self.config = replace(self.config, idle_limit=limit)
        self.not_idle()

    @rule(seconds=st.sampled_from([-3600.0, 3600.0]))
    def somebody_sets_the_clock(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)
        # What was measured with the old clock does not bind the new one, and sessions are told apart by the clock.
        self.meant.clear()
        self.runpod.started_at += timedelta(seconds=seconds)
        if self.signals.ready_since is not None:
            self.signals.ready_since += timedelta(seconds=seconds)
        self.not_idle()

    @rule()
    def the_app_crashes(self) -> None:
        self.end_app()

    @rule()
    def the_app_restarts(self) -> None:
        self.work = Work()
        self.start_app()
        self.not_idle()

    @rule()
    def the_watchdog_restarts(self) -> None:
        self.start_watchdog()
        self.not_calm()

    # --- what must hold ----------------------------------------------------------------------------

    def stop_arrives(self) -> None:
        """Called by RunPod at the moment of a request."""
        Pods.requests += 1
        newest = self.audit()[0]
        assert newest.event == "stop_requested", "a request without its line in the audit"
        assert newest.at == self.clock.now()
        kind = newest.detail["kind"]
        if kind == Kind.PERSON:
            assert self.ordered or self.acting == "app"
        else:
            assert not self.is_busy(), "stopped under work"
            assert not self.is_unknown(), "stopped on unknown"
            assert self.work.count == 0
            ready = self.signals.ready_since
            assert ready is not None and (self.clock.now() - ready).total_seconds() >= MIN_RUNTIME_S
            assert self.keep_awake_until is None or self.clock.now() >= self.keep_awake_until
        assert Lease(self.folder, "nobody").holder(self.clock.now()) == self.acting, "two actors"
        sessions = self.runpod.sessions
        assert self.meant.setdefault(newest.detail["incident"], sessions) == sessions, "it meant another session"
        if self.goes_along and self.acting == "app":
            raise Died

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
        if self.is_busy() or self.is_unknown() or self.work.count:
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
        super().teardown()

    def _is_meant(self) -> None:
        if self.app is not None:
            self.meant[self.app.memory.progress.incident] = self.runpod.sessions


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
    assert Pods.overtaken > 100
