"""Starts and stops by the clock, as the schedule wants them: a stop waits for work, a start tries until it works."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from backend.errors import NoGpuFree, OndolError
from backend.pod.alerts import Offer, start_failed
from backend.pod.book import Book
from backend.pod.clock import Clock
from backend.pod.machine import Kind, Order
from backend.pod.pods import Availability, GpuType, Pod, PodProvider, PodStatus
from backend.pod.policy import Config, runs_until
from backend.pod.schedule import Change, Schedule, due, text_of
from backend.pod.watch import Watch
from backend.pod.webhook import Alerts

_START_AGAIN_S = (60.0, 120.0, 300.0, 600.0)  # the last for all that follow
_TELL_AT = 3  # failed starts after which people are told, if it is not for want of a GPU: then at once
_PROPOSED = 3
_UP = {PodStatus.RUNNING, PodStatus.STARTING, PodStatus.PROVISIONING}
log = structlog.get_logger()


class Timetable:
    """Args:
    config: of the policy, whose minimum runtime counts here too.
    schedule: the one in force.
    patience_s: how long a stop waits for work to end.
    """

    def __init__(
        self,
        provider: PodProvider | None,
        watch: Watch,
        book: Book,
        *,
        alerts: Alerts,
        config: Callable[[], Config],
        schedule: Callable[[], Schedule],
        patience_s: float,
        clock: Clock,
    ) -> None:
        self._provider, self._watch, self._book, self._alerts = provider, watch, book, alerts
        self._config, self._schedule, self._patience_s, self._clock = config, schedule, patience_s, clock

    def take_up(self) -> None:
        """Looks what has become due since the last time; the latest change counts, those missed before it do not.

        Nor does a stop that was due before the pod was started: whoever started it since knows what time it is.
        """
        schedule, memory, now = self._schedule(), self._book.memory, self._clock.now()
        text = text_of(schedule)
        if memory.schedule != text or memory.schedule_seen_at is None:
            # A new schedule speaks of what is to come: writing one down starts and stops nothing.
            self._book.remember(schedule=text, waiting_stop=None, waiting_start_at=None)
        elif (found := due(schedule, memory.schedule_seen_at, now)) is not None:
            self._book.note(f"{found.change}_due", "schedule", at_time=found.at.isoformat())
            if found.change is Change.START:
                self._book.remember(
                    waiting_start_at=found.at, waiting_stop=None, start_attempts=0, next_start_at=found.at
                )
            else:
                patience = now + timedelta(seconds=self._patience_s)
                order = Order(Kind.SCHEDULE, "schedule", "schedule", found.at, patience)
                self._book.remember(waiting_stop=order, waiting_start_at=None)
        self._book.remember(schedule_seen_at=now)
        stop, session = self._book.memory.waiting_stop, self._watch.session
        if stop is not None and session is not None and session > stop.at:
            self._book.note("stop_dropped", "schedule", at_time=stop.at.isoformat(), started_at=session.isoformat())
            self._book.remember(waiting_stop=None)

    def stop_to_order(self) -> Order | None:
        """The stop that is due, once nothing holds it up. Of a pod not read yet it is not known whether it means it."""
        order = self._book.memory.waiting_stop
        return order if order is not None and self._watch.pod is not None and not self.holds_up(order) else None

    def holds_up(self, order: Order) -> bool:
        """Whether somebody's word to stay awake, the minimum runtime, or work, for a limited time, makes a scheduled
        stop wait."""
        now, sample = self._clock.now(), self._watch.sample
        least = runs_until(sample, self._config()) if sample is not None else None
        if any(until is not None and now < until for until in (self._book.memory.policy.keep_awake_until, least)):
            return True
        return self._watch.is_busy is not False and order.patience_until is not None and now < order.patience_until

    @property
    def wants_start(self) -> bool:
        """Whether a start is due now."""
        memory = self._book.memory
        return (
            memory.waiting_start_at is not None
            and memory.next_start_at is not None
            and self._clock.now() >= memory.next_start_at
        )

    async def start(self) -> None:
        """One attempt at the start that is due."""
        if self._provider is None:
            return
        pod, book = self._watch.pod, self._book
        if pod is not None and pod.status in _UP:
            book.remember(waiting_start_at=None)
            return
        book.note("start_requested", "schedule", attempt=book.memory.start_attempts + 1)
        try:
            await self._provider.start(book.pod_id)
        except OndolError as error:
            await self._not_started(error)
        else:
            # Accepted is not started: it is looked at again, and asked again if it is not up by then.
            self._next_attempt()

    async def _not_started(self, error: OndolError) -> None:
        instead = await self._instead() if isinstance(error, NoGpuFree) else None
        self._next_attempt()
        book, attempts = self._book, self._book.memory.start_attempts
        book.note(
            "start_failed",
            "schedule",
            attempt=attempts,
            error=error.code,
            next_attempt_at=book.memory.next_start_at.isoformat() if book.memory.next_start_at else None,
            instead=[f"{each.count} × {each.gpu.id} ${each.usd_per_hour:.2f}/h" for each in instead]
            if instead is not None
            else None,
        )
        if attempts == (1 if instead is not None else _TELL_AT) and book.memory.waiting_start_at is not None:
            incident = f"start-{book.memory.waiting_start_at:%Y%m%dT%H%M}"
            await self._alerts.send(start_failed(book.pod_id, error, instead, incident, self._clock.now()))

    def _next_attempt(self) -> None:
        attempts = self._book.memory.start_attempts + 1
        wait_s = _START_AGAIN_S[min(attempts, len(_START_AGAIN_S)) - 1]
        next_at: datetime = self._clock.now() + timedelta(seconds=wait_s)
        self._book.remember(sync=True, start_attempts=attempts, next_start_at=next_at)

    async def _instead(self) -> list[Offer]:
        pod = self._watch.pod
        count = max(1, pod.gpu_count) if pod is not None else 1
        try:
            types = await self._provider.gpu_types(count) if self._provider else ()
        except OndolError as error:
            log.warning("gpu_types_not_read", reason=error.code)
            return []
        return alternatives(types, pod, count)


def alternatives(types: Sequence[GpuType], pod: Pod | None, count: int) -> list[Offer]:
    """What is free now in place of the pod's own GPUs: as many, with at least as much memory each, cheapest first.

    Args:
        types: with the stock for so many.
    """
    own = next((kind for kind in types if pod is not None and kind.id == pod.gpu_type), None)
    free = [
        Offer(kind, count, kind.secure_price * count)
        for kind in types
        if kind.availability not in {Availability.NONE, Availability.UNKNOWN}
        and kind.secure_price is not None
        and (own is None or (kind.id != own.id and kind.memory_gb >= own.memory_gb))
    ]
    return sorted(free, key=lambda offer: offer.usd_per_hour)[:_PROPOSED]
