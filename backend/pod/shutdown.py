"""Keeps one pod from running for nobody, and from being stopped under somebody.

`tick` is called about once a second and does what is due: a check every `check_interval_s`, the countdown, the second
look at its end, the request and the reading back. The states are in `machine`, the way through them in `steps`; each
is on disk before its effect, so a start at any moment goes on from there.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from backend.errors import (
    ActsElsewhere,
    KeepAwakeOutOfRange,
    OndolError,
    RunpodKeyMissing,
    StopUnderWay,
    UnknownPod,
)
from backend.pod import machine
from backend.pod.attempt import Attempt
from backend.pod.audit import AuditLog
from backend.pod.book import Book, Drain, NothingToDrain
from backend.pod.clock import Clock, SystemClock
from backend.pod.machine import Kind, Order, Phase, Progress, Timing
from backend.pod.memory import Memory
from backend.pod.pods import PodProvider
from backend.pod.policy import MAX_KEEP_AWAKE_S, Config, disarm, end_keep_awake, keep_awake
from backend.pod.presence import Guard, Presence
from backend.pod.schedule import Schedule, text_of, upcoming
from backend.pod.steps import Steps, incident_id
from backend.pod.timetable import Timetable
from backend.pod.view import PodView
from backend.pod.watch import Reader, Watch
from backend.pod.webhook import Alerts

_AUDIT_SHOWN = 50


class Shutdown:
    """Args:
    pod_id: of the pod to keep; empty when this machine is none.
    provider: None without a key: everything is shown, nothing is done.
    reader: reads the signals; it is given the pod as last read.
    config, timing, schedule: asked at every step, so a changed setting counts at once.
    state_path: its folder also gets the audit and the heartbeat.
    holder: `app` or `watchdog`.
    guard: one more condition to act, asked before a countdown and right before a request.
    patience_s: how long a scheduled stop waits for work.
    """

    def __init__(
        self,
        *,
        pod_id: str,
        provider: PodProvider | None,
        reader: Reader,
        config: Callable[[], Config],
        state_path: Path,
        timing: Callable[[], Timing] = Timing,
        schedule: Callable[[], Schedule] = Schedule,
        drain: Drain | None = None,
        alerts: Alerts | None = None,
        holder: str = "app",
        guard: Guard | None = None,
        patience_s: float = 3600.0,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._provider, self._timing, self._schedule, self._clock = provider, timing, schedule, clock
        alerts = alerts or Alerts()
        book = Book(state_path, pod_id, "policy" if holder == "app" else holder, clock, drain or NothingToDrain())
        watch = Watch(provider, reader, config, clock=clock, book=book)
        presence = Presence(
            state_path.parent, watch, book, holder=holder, config=config, schedule=schedule, guard=guard, clock=clock
        )
        self._book, self._watch, self._presence = book, watch, presence
        self._steps = Steps(
            watch=watch,
            book=book,
            attempt=Attempt(provider, watch, book, alerts=alerts, timing=timing, clock=clock),
            timetable=Timetable(
                provider,
                watch,
                book,
                alerts=alerts,
                config=config,
                schedule=schedule,
                patience_s=patience_s,
                clock=clock,
            ),
            presence=presence,
            config=config,
            timing=timing,
            clock=clock,
        )
        self._is_ticking = False

    def open(self, copy: Memory | None = None) -> None:
        """Takes up what was under way when this process, or the pod, ended.

        Args:
            copy: what the database has, used where the file is gone or older.
        """
        silent_s = self._presence.silent_s()
        self._book.open(copy)
        self._book.note(
            "began", phase=self._book.progress.phase, silent_s=round(silent_s) if silent_s is not None else None
        )
        self._presence.tick()

    def close(self) -> None:
        """Lets a watchdog act at once."""
        self._presence.close()

    def leave(self) -> None:
        """Another app keeps the pod from now on: work is taken here as long as that one does not stop the pod."""
        self._book.drain.end()
        self.close()

    async def tick(self) -> None:
        """Does what is due. Cheap when nothing is; a call while another is at work does nothing."""
        if self._is_ticking:
            return
        self._is_ticking = True
        try:
            self._presence.tick()
            await self._steps.step()
        finally:
            self._is_ticking = False

    # --- what people order ------------------------------------------------------------------------

    def stop_now(self, actor: str, reason: str = "") -> None:
        """A confirmed order: no countdown; answers under way may finish within the grace.

        Raises:
            RunpodKeyMissing, UnknownPod, StopUnderWay, ActsElsewhere: nothing was changed.
        """
        self._not_sent()
        self._provider_to_ask()
        now = self._clock.now()
        order = Order(Kind.PERSON, actor, reason, now)
        self._book.move(
            machine.ordered(order, incident_id(), self._watch.session, now, self._timing()),
            "stop_ordered",
            actor,
            reason=reason,
        )

    def keep_awake(self, until: datetime, actor: str) -> None:
        """Nothing stops the pod before `until` (aware), but for a person; a stop that has not been sent is called off.

        Raises:
            KeepAwakeOutOfRange, StopUnderWay
        """
        now = self._clock.now()
        if not now < until <= now + timedelta(seconds=MAX_KEEP_AWAKE_S):
            raise KeepAwakeOutOfRange(hours=round(MAX_KEEP_AWAKE_S / 3600))
        self._not_sent()
        policy = keep_awake(self._book.memory.policy, until, now)
        self._book.remember(policy=policy, waiting_stop=None)
        self._end("keep_awake", actor, until=until.isoformat())

    def cancel(self, actor: str) -> None:
        """Calls off a stop that has not been sent, or else ends a keep-awake; idle checks begin anew.

        Raises:
            StopUnderWay
        """
        self._not_sent()
        memory = self._book.memory
        has_stop = memory.progress.is_under_way or memory.waiting_stop is not None
        policy = disarm(memory.policy) if has_stop else end_keep_awake(memory.policy)
        self._book.remember(policy=policy, waiting_stop=None)
        self._end("cancelled", actor)

    async def start(self, actor: str) -> None:
        """Asks for a start; the following checks show whether it came up. Raises what the provider says."""
        await self._order("start", actor)

    async def restart(self, actor: str) -> None:
        """Asks for a restart at once. Raises what the provider says, and StopUnderWay."""
        self._not_sent()
        await self._order("restart", actor)

    # --- what is shown ----------------------------------------------------------------------------

    def status(self, *, acts: bool = True) -> PodView:
        """Everything that is known now; nothing is asked of anybody. `acts`: this process is the one that may act."""
        now, memory, watch = self._clock.now(), self._book.memory, self._watch
        schedule = self._schedule()
        return PodView(
            at=now,
            pod_id=self._book.pod_id,
            pod=watch.pod,
            pod_seen_at=watch.pod_seen_at,
            pod_trouble=watch.trouble or (RunpodKeyMissing() if self._provider is None else None),
            progress=memory.progress,
            sample=watch.sample,
            decision=watch.decision,
            keep_awake_until=memory.policy.keep_awake_until,
            last_activity_at=memory.policy.last_activity_at,
            last_activity=memory.policy.last_activity,
            acts=acts and not self._presence.acts_elsewhere,
            schedule=text_of(schedule),
            next_change=upcoming(schedule, now),
            waiting_stop_since=memory.waiting_stop.at if memory.waiting_stop else None,
            waiting_start_since=memory.waiting_start_at,
            restart_s=memory.restart_s,
            audit=tuple(self._book.audit.tail(_AUDIT_SHOWN)),
        )

    @property
    def memory(self) -> Memory:
        """What is on disk, for the copy in the database."""
        return self._book.memory

    @property
    def audit(self) -> AuditLog:
        """The file, for the copy in the database."""
        return self._book.audit

    def heartbeat(self) -> dict[str, Any]:
        """The sign of life a watchdog on another machine reads: the fields of `Heartbeat`."""
        return self._presence.payload()

    # --- in between -------------------------------------------------------------------------------

    def _end(self, event: str, actor: str, **detail: Any) -> None:
        """A person's word against a stop under way, if there is one."""
        progress = self._book.progress
        after = Progress() if progress.is_under_way else progress
        self._book.move(after, event, actor, phase=progress.phase, **detail)
        self._presence.beat()

    def _not_sent(self) -> None:
        if self._book.progress.phase is Phase.REQUESTED:
            raise StopUnderWay

    def _provider_to_ask(self) -> PodProvider:
        if self._provider is None:
            raise RunpodKeyMissing
        if not self._book.pod_id:
            raise UnknownPod(pod="–")
        if not self._presence.take():
            raise ActsElsewhere
        return self._provider

    async def _order(self, action: str, actor: str) -> None:
        provider = self._provider_to_ask()
        self._book.record(f"{action}_requested", actor)
        try:
            await (provider.start if action == "start" else provider.restart)(self._book.pod_id)
        except OndolError as error:
            self._book.note(f"{action}_failed", actor, error=error.code)
            raise
        self._watch.forget_idleness()
        self._book.remember(waiting_stop=None, waiting_start_at=None)
        self._steps.check_soon()
