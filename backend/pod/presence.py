"""Whether this process is the one that acts on the pod, and what it tells about itself."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from backend.pod.book import Book
from backend.pod.clock import Clock
from backend.pod.lease import Heartbeat, Lease, read_heartbeat, write_heartbeat
from backend.pod.machine import Order, Phase
from backend.pod.policy import Config
from backend.pod.schedule import Schedule, text_of
from backend.pod.watch import Watch
from backend.version import VERSION

HEARTBEAT_S = 10.0
ALIVE_FOR_S = 120.0  # without a sign of life a watchdog may act after this; longer than RunPod's slowest answer
Guard = Callable[[Order], Awaitable[bool]]
log = structlog.get_logger()


class Presence:
    """Args:
    folder: of the heartbeat and the lease.
    holder: `app`, which has a heartbeat, or `watchdog`.
    guard: one more condition to act, asked before the lease is taken.
    """

    def __init__(
        self,
        folder: Path,
        watch: Watch,
        book: Book,
        *,
        holder: str,
        config: Callable[[], Config],
        schedule: Callable[[], Schedule],
        guard: Guard | None,
        clock: Clock,
    ) -> None:
        self._folder, self._lease, self._is_app = folder, Lease(folder, holder), holder == "app"
        self._watch, self._book, self._clock = watch, book, clock
        self._config, self._schedule, self._guard = config, schedule, guard
        self._beat_at = float("-inf")
        self._alive_at = clock.now()
        self._has_lease = False
        self._holder = holder

    async def acts(self, order: Order) -> bool:
        """Whether this process may act now; the lease is taken by asking."""
        if self._guard is not None and not await self._guard(order):
            if self._has_lease:
                self._release()
            return False
        return self.take()

    def take(self) -> bool:
        """Takes or renews the lease; False while another holds it."""
        try:
            self._has_lease = self._lease.take(self._clock.now())
        except OSError as error:
            # A full disk must not keep the pod running; that two ask for the same stop is the smaller harm.
            log.error("lease_not_written", reason=error.strerror or type(error).__name__)
            return True
        return self._has_lease

    def tick(self) -> None:
        """Shows that this process lives; keeps the lease while a stop is under way, and no longer."""
        self._alive_at = self._clock.now()
        if self._clock.monotonic() >= self._beat_at:
            self._beat_at = self._clock.monotonic() + HEARTBEAT_S
            self.beat()
            if self._book.progress.is_under_way:
                self.take()
        if self._has_lease and not self._book.progress.is_under_way:
            self._release()

    def beat(self) -> None:
        """Writes the heartbeat now, so that a watchdog knows whatever becomes of this process."""
        if not self._is_app:
            return
        try:
            write_heartbeat(self._folder, self._heartbeat())
        except OSError as error:
            log.error("heartbeat_not_written", reason=error.strerror or type(error).__name__)

    def close(self) -> None:
        """Lets another act at once."""
        self._release()

    @property
    def acts_elsewhere(self) -> bool:
        """Whether another process has a stop under way."""
        return self._lease.holder(self._clock.now()) not in {"", self._holder}

    def silent_s(self) -> float | None:
        """Seconds since the app's last sign of life; None when there was none."""
        before = read_heartbeat(self._folder)
        return (self._clock.now() - before.at).total_seconds() if before else None

    def payload(self) -> dict[str, Any]:
        """The sign of life for other machines, as JSON values."""
        age_s = (self._clock.now() - self._alive_at).total_seconds()
        return replace(self._heartbeat(), age_s=round(age_s, 1)).to_json()

    def _release(self) -> None:
        self._has_lease = False
        try:
            self._lease.release(self._clock.now())
        except OSError as error:
            log.error("lease_not_released", reason=error.strerror or type(error).__name__)

    def _heartbeat(self) -> Heartbeat:
        memory, sample, now = self._book.memory, self._watch.sample, self._clock.now()
        return Heartbeat(
            at=now,
            until=now + timedelta(seconds=ALIVE_FOR_S),
            state=memory.progress.phase,
            acting=self._watch.has_provider and memory.progress.phase is not Phase.ESCALATED,
            version=VERSION,
            pod_id=self._book.pod_id,
            busy=self._watch.is_busy,
            last_activity_at=memory.policy.last_activity_at,
            keep_awake_until=memory.policy.keep_awake_until,
            schedule=text_of(self._schedule()),
            quiet=self._config().quiet,
            ready_since=sample.ready_since if sample is not None else None,
        )
