"""What is known about the stop of one pod: in memory, on disk, in the audit; and whether new work is refused.

Every step of a stop goes through `Book.move`, so that the audit, the state on disk and the drain never disagree.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from backend.errors import AuditUnwritable
from backend.pod.audit import AuditLog
from backend.pod.clock import Clock
from backend.pod.machine import Progress
from backend.pod.memory import Memory, MemoryFile

log = structlog.get_logger()


class Drain(Protocol):
    """How the app lets its own work run out. `begin` and `end` may be called again when it is so already."""

    def begin(self) -> None:
        """New work is refused from here on, with the error `Draining`."""

    def in_flight(self) -> int:
        """Answers and jobs that are still at work."""

    def end(self) -> None:
        """Work is taken again."""


class NothingToDrain:
    """For a process that does no work of its own: the watchdog."""

    def begin(self) -> None:
        """Nothing is refused here."""

    def in_flight(self) -> int:
        return 0

    def end(self) -> None:
        """Nothing was refused here."""


class Book:
    """Args:
    state_path: file of the memory; audit and heartbeat are beside it.
    actor: who writes, where a step is nobody else's: `policy` or `watchdog`.

    Attributes:
        taken_up: incident of the stop that was under way when this process began; empty when none was.
    """

    def __init__(self, state_path: Path, pod_id: str, actor: str, clock: Clock, drain: Drain) -> None:
        self.pod_id, self.actor, self.drain = pod_id, actor, drain
        self.audit = AuditLog(state_path.parent, clock)
        self.memory = Memory(pod_id)
        self._file, self._clock = MemoryFile(state_path), clock
        self._saved = True
        self.taken_up = ""

    @property
    def progress(self) -> Progress:
        return self.memory.progress

    def open(self, copy: Memory | None = None) -> None:
        """Takes up what was there.

        Args:
            copy: from the database, used where there is no file, or another app has kept the pod since.
        """
        found = self._file.load()
        if copy is not None and (found is None or found.is_older_than(copy)):
            found, self._saved = copy, False
        if found is not None:
            # A migrated pod has another id: a stop of the old one is none of the new one.
            self.memory = found if found.pod_id == self.pod_id else Memory(self.pod_id, starts_s=found.starts_s)
        self.taken_up = self.progress.incident
        self._sync_drain()

    def move(self, progress: Progress, event: str, actor: str = "", **detail: Any) -> None:
        """A step of a stop: recorded, then kept."""
        self.note(event, actor, **detail)
        self._keep(progress)

    def move_on_record(self, progress: Progress, event: str, actor: str = "", **detail: Any) -> None:
        """As `move`, for what must not be done without a record: the request that follows.

        Raises:
            AuditUnwritable: nothing was changed.
        """
        self.record(event, actor, **detail)
        self._keep(progress)

    def note(self, event: str, actor: str = "", **detail: Any) -> None:
        """A line in the audit. A disk that is full does not hold up what only watches."""
        try:
            self.record(event, actor, **detail)
        except AuditUnwritable as error:
            log.error("audit_not_written", audit_event=event, reason=error.details["reason"])

    def record(self, event: str, actor: str = "", **detail: Any) -> None:
        """A line in the audit, on disk when this returns. Raises AuditUnwritable."""
        try:
            self.audit.write(event, actor or self.actor, self.pod_id, **detail)
        except OSError as error:
            raise AuditUnwritable(reason=error.strerror or type(error).__name__) from error

    def remember(self, *, sync: bool = False, **changes: Any) -> None:
        """Changes fields of the memory. `sync`: the disk has it when this returns."""
        changed = replace(self.memory, **changes)
        if changed == self.memory and self._saved:
            return
        self.memory = changed = replace(changed, saved_at=self._clock.now())
        try:
            self._file.save(changed, sync=sync)
            self._saved = True
        except OSError as error:
            self._saved = False
            log.error("pod_state_not_saved", reason=error.strerror or type(error).__name__)

    def _keep(self, progress: Progress) -> None:
        self.remember(sync=True, progress=progress)
        self._sync_drain()

    def _sync_drain(self) -> None:
        if self.progress.refuses_work:
            self.drain.begin()
        else:
            self.drain.end()
