"""What the keeper of a pod remembers from one moment to the next, on disk beside the audit.

The file is the truth: the database may be gone, and with it the pod would never stop. What the database has is a copy,
read where the file is not there, and by an app that takes the pod over, whose file may be of long ago.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Self

from pydantic import TypeAdapter

from backend.pod.files import write_whole
from backend.pod.machine import Order, Progress
from backend.pod.policy import State

FILE_NAME = "pod-state.json"
_STARTS_KEPT = 20


@dataclass(frozen=True)
class Memory:
    """Everything that must outlive the process.

    Attributes:
        schedule: the one `schedule_seen_at` speaks of; another one begins to count anew.
        schedule_seen_at: starts and stops up to then have been taken up.
        waiting_stop: ordered by the schedule, held up by work.
        waiting_start_at: when the schedule wanted a start that has not worked yet.
        start_attempts, next_start_at: of that start.
        measured_session: the session whose start has been measured: when the provider said the pod was started.
        starts_s: seconds from start to ready, of the last starts.
        saved_at: when it was last changed; of two memories of one pod the later one counts.
    """

    pod_id: str = ""
    progress: Progress = field(default_factory=Progress)
    policy: State = field(default_factory=State)
    schedule: str = ""
    schedule_seen_at: datetime | None = None
    waiting_stop: Order | None = None
    waiting_start_at: datetime | None = None
    start_attempts: int = 0
    next_start_at: datetime | None = None
    measured_session: datetime | None = None
    starts_s: tuple[float, ...] = ()
    saved_at: datetime | None = field(default=None, compare=False)

    @property
    def restart_s(self) -> float | None:
        """What a start costs in seconds of waiting: the median of those measured."""
        return median(self.starts_s) if self.starts_s else None

    def is_older_than(self, other: "Memory") -> bool:
        """Whether another one of the same pod was changed since."""
        if self.pod_id != other.pod_id or other.saved_at is None:
            return False
        return self.saved_at is None or self.saved_at < other.saved_at

    def with_start(self, seconds: float) -> tuple[float, ...]:
        return (*self.starts_s, seconds)[-_STARTS_KEPT:]

    def to_json(self) -> dict[str, Any]:
        return dict(_adapter().dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Raises ValueError (pydantic's) for what is none."""
        return cls(**vars(_adapter().validate_python(values)))


class MemoryFile:
    """The file a memory is kept in."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Memory | None:
        """None when there is no file, or it cannot be read: nothing is known then, and counting begins anew."""
        try:
            return Memory.from_json(json.loads(self.path.read_bytes()))
        except (OSError, ValueError):
            return None

    def save(self, memory: Memory, *, sync: bool) -> None:
        """Writes all of it; `sync`: returns when the disk has it.

        Raises:
            OSError: it could not be written; the old one is still there.
        """
        write_whole(self.path, json.dumps(memory.to_json(), ensure_ascii=False), sync=sync)


@cache
def _adapter() -> TypeAdapter[Memory]:
    return TypeAdapter(Memory)
