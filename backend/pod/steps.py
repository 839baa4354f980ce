"""The course of a stop: when the next step is due, and what is looked at before it is taken.

Between two awaits nothing else of this process runs, and after each of them the progress is compared: an order that
came in meanwhile wins.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from backend.pod import machine
from backend.pod.attempt import Attempt
from backend.pod.book import Book
from backend.pod.clock import Clock
from backend.pod.machine import Kind, Order, Phase, Progress, Timing
from backend.pod.pods import PodStatus
from backend.pod.policy import Config, Decision
from backend.pod.presence import Presence
from backend.pod.timetable import Timetable
from backend.pod.watch import Watch

QUICK_LOOK_S = 5.0  # while a countdown runs: somebody who comes back must not wait for the next check
READ_BACK_S = 5.0
_HARD_LIMITS = {"max_lifetime", "money_ceiling"}
# These say nothing of work. A stop that was tried already waits for them to pass, so that it stays one incident.
_PASSING = {"unknown", "no_signals", "not_ready", "min_runtime", "idle_checks", "resumed", "clock_jump"} | {
    "settings_changed", "learnt_wait",
}  # fmt: skip
_UNREAD = "unread"
_TRIED = {Phase.RETRYING, Phase.ESCALATED}
_START = Order(Kind.SCHEDULE, "schedule", "start", datetime.min.replace(tzinfo=UTC))


class Steps:
    """Takes one step at a time, whichever is due."""

    def __init__(
        self,
        *,
        watch: Watch,
        book: Book,
        attempt: Attempt,
        timetable: Timetable,
        presence: Presence,
        config: Callable[[], Config],
        timing: Callable[[], Timing],
        clock: Clock,
    ) -> None:
        self._watch, self._book, self._attempt, self._timetable = watch, book, attempt, timetable
        self._presence, self._config, self._timing, self._clock = presence, config, timing, clock
        self._check_at = self._look_at = self._read_at = float("-inf")

    def check_soon(self) -> None:
        """The next step is a check."""
        self._check_at = self._clock.monotonic()

    async def step(self) -> None:
        """What is due now; nothing, most of the time."""
        mono = self._clock.monotonic()
        if mono >= self._check_at:
            self._check_at = mono + self._config().check_interval_s
            self._look_at = mono + QUICK_LOOK_S
            await self._check()
        phase, is_due = self._book.progress.phase, self._book.progress.is_due(self._clock.now())
        if is_due and phase in {Phase.WARNED, *_TRIED}:
            await self._recheck()
        elif phase is Phase.WARNED and mono >= self._look_at:
            self._look_at = mono + QUICK_LOOK_S
            await self._look()
        elif phase is Phase.DRAINING and (is_due or not self._book.drain.in_flight()):
            await self._send()
        elif phase is Phase.REQUESTED and (is_due or mono >= self._read_at):
            self._read_at = mono + READ_BACK_S
            await self._attempt.verify()

    async def _check(self) -> None:
        """One check of the policy, in every phase: a row of checks must not break while a stop is tried."""
        progress = self._book.progress
        if progress.phase is not Phase.REQUESTED:
            pod = await self._watch.read_pod()
            if pod is not None:
                self._attempt.end_if_overtaken(pod)
        decision = await self._look()
        self._timetable.take_up()
        if self._book.progress is progress:
            await self._compare(decision)
        if self._book.progress.phase is Phase.STOPPED:
            self._book.remember(waiting_stop=None)
        if self._timetable.wants_start and await self._presence.acts(_START):
            await self._timetable.start()

    async def _compare(self, decision: Decision) -> None:
        """What was seen with what was believed."""
        phase, pod = self._book.progress.phase, self._watch.pod
        is_down = pod is not None and pod.status is PodStatus.EXITED
        if phase is Phase.STOPPED and pod is not None and not is_down:
            self._watch.forget_idleness()
            self._book.move(Progress(), "found_running", status=pod.status)
        elif phase in {Phase.ARMED, *_TRIED} and is_down:
            self._book.move(machine.stopped(self._book.progress), "found_stopped")
        elif phase is Phase.ARMED and self._watch.can_stop:
            await self._warn(decision)

    async def _warn(self, decision: Decision) -> None:
        progress, order = self._book.progress, self._timetable.stop_to_order()
        if order is None and decision.wants_stop:
            kind = Kind.LIMIT if decision.reason.code in _HARD_LIMITS else Kind.IDLE
            order = Order(kind, self._book.actor, decision.reason.code, self._clock.now())
        if order is None or not await self._presence.acts(order) or self._book.progress is not progress:
            return
        self._book.remember(waiting_stop=None)
        after = machine.warned(order, incident_id(), self._watch.session, self._clock.now(), self._timing())
        self._book.move(
            after,
            "warned",
            order.actor,
            incident=after.incident,
            kind=order.kind,
            reason=order.reason,
            until=after.until.isoformat() if after.until else None,
        )
        self._look_at = self._clock.monotonic() + QUICK_LOOK_S

    async def _look(self) -> Decision:
        """Reads the signals. Work that shows calls off a stop that nobody ordered."""
        progress = self._book.progress
        decision = await self._watch.look()
        is_policys = progress.order is not None and progress.order.kind in {Kind.IDLE, Kind.LIMIT}
        if self._book.progress is progress and is_policys and progress.phase in {Phase.WARNED, *_TRIED}:
            passing = _PASSING if progress.phase in _TRIED else {"unknown"}
            against = [need.code for need in decision.needs if need.code not in passing]
            if against:
                self._call_off(against[0])
        return decision

    async def _recheck(self) -> None:
        """The second look, at the end of the countdown and before every further attempt."""
        progress, now = self._book.progress, self._clock.now()
        against = await self._against()
        if self._book.progress is not progress:
            return
        if not against:
            after = machine.draining(progress, now, self._timing())
            self._book.move(after, "rechecked", incident=progress.incident, in_flight=self._book.drain.in_flight())
        elif _UNREAD in against:
            await self._attempt.unread()
        elif progress.phase in _TRIED and _PASSING.issuperset(against):
            self._book.remember(progress=machine.postponed(progress, self._config().check_interval_s, now))
        else:
            self._call_off(against[0])

    async def _send(self) -> None:
        """The third look, once work has run out; then the request."""
        progress = self._book.progress
        against = await self._against()
        if not against and progress.order is not None and not await self._presence.acts(progress.order):
            against = ["acts_elsewhere"]
        if self._book.progress is not progress:
            return
        if _UNREAD in against:
            await self._attempt.unread()
        elif against:
            self._call_off(against[0])
        else:
            await self._attempt.request()
            self._read_at = self._clock.monotonic() + READ_BACK_S

    async def _against(self) -> list[str]:
        """What speaks against the stop under way, as codes."""
        progress, order = self._book.progress, self._book.progress.order
        if order is None:
            return ["no_order"]
        over = await self._over()
        if over or (order.kind is Kind.PERSON and not progress.escalated):
            return over
        decision = await self._watch.look()
        if not self._watch.can_stop:
            return ["not_running"]
        if order.kind is Kind.SCHEDULE:
            return ["busy"] if self._timetable.holds_up(order) else []
        if decision.needs:
            return sorted((need.code for need in decision.needs), key=_PASSING.__contains__)
        # What began before new work was refused is somebody's; only a hard limit goes ahead under it.
        is_hard = decision.reason.code in _HARD_LIMITS
        return ["busy"] if self._book.drain.in_flight() and not is_hard else []

    async def _over(self) -> list[str]:
        """Whether the stop under way is for an earlier session of the pod than that of now, as codes.

        A session can have ended unseen where a request was sent, or where another process took the order: then nothing
        is sent before the pod was read.
        """
        progress = self._book.progress
        pod = await self._watch.read_pod()
        if self._book.progress is not progress or (pod is not None and self._attempt.end_if_overtaken(pod)):
            return ["started_again"]
        is_old = progress.attempts > 0 or progress.incident == self._book.taken_up
        return [_UNREAD] if pod is None and is_old else []

    def _call_off(self, why: str) -> None:
        progress = self._book.progress
        if progress.order is not None and progress.order.kind is Kind.SCHEDULE:
            self._book.remember(waiting_stop=progress.order)  # it is due still, and waits on
        self._book.move(Progress(), "called_off", incident=progress.incident, phase=progress.phase, reason=why)


def incident_id() -> str:
    """A new one: 32 hexadecimal digits."""
    return uuid.uuid4().hex
