"""Who is there, and who acts on the pod: two small files that the app and a watchdog beside it share.

The heartbeat is the app's sign of life. The lease is held by whoever has a stop under way, so that two never have; it
runs out by itself when its holder is gone. A watchdog on another machine reads the heartbeat from the app's address.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from filelock import FileLock
from pydantic import AwareDatetime, Field, TypeAdapter

from backend.pod.clock import aware
from backend.pod.files import write_whole
from backend.pod.quiet import QuietWindow

HEARTBEAT_FILE = "pod-heartbeat.json"
LEASE_FILE = "pod-lease.json"
LEASE_S = 120.0  # longer than RunPod's slowest answer


@dataclass(frozen=True)
class Heartbeat:
    """What the app tells about itself. Nothing in it is secret: it is shown without a login.

    Attributes:
        at: when it was written; until: when the app counts as gone without another.
        age_s: time since the app's last tick in seconds, for a reader whose clock differs.
        state: phase of the stop, e.g. `armed`.
        acting: whether it would stop the pod itself; not when it has no key, or has given up.
        busy: whether any signal says that somebody works; None when that is not known.
        last_activity_at: of anybody, as far as known.
        schedule: the schedule in force, for a watchdog that has none of its own.
        quiet: hours in which the pod must not be stopped for idleness.
        ready_since: when a question could first be answered; None while that is not so.
    """

    at: AwareDatetime
    until: AwareDatetime
    state: str
    acting: bool
    version: str = ""
    pod_id: str = ""
    busy: bool | None = None
    last_activity_at: AwareDatetime | None = None
    keep_awake_until: AwareDatetime | None = None
    schedule: str = ""
    quiet: Annotated[tuple[QuietWindow, ...], Field(max_length=20)] = ()
    ready_since: AwareDatetime | None = None
    age_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return dict(_adapter().dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Raises ValueError (pydantic's) when it is not one."""
        return cls(**vars(_adapter().validate_python(values)))

    def is_alive(self, now: datetime) -> bool:
        """Whether it has not run out. One from the future, after a clock was set back, has."""
        return now < self.until and self.until - now <= self.until - self.at


def write_heartbeat(folder: Path, beat: Heartbeat) -> None:
    """Raises OSError. No fsync: after a crash an older one is as good, it has run out."""
    write_whole(folder / HEARTBEAT_FILE, json.dumps(beat.to_json(), ensure_ascii=False), sync=False)


def read_heartbeat(folder: Path) -> Heartbeat | None:
    """The last one; None when there is none that can be read."""
    try:
        return Heartbeat.from_json(json.loads((folder / HEARTBEAT_FILE).read_bytes()))
    except (OSError, ValueError):
        return None


class Lease:
    """The right to act, as one process sees it.

    Args:
        folder: where it is kept.
        holder: name of this process: `app` or `watchdog`.
    """

    def __init__(self, folder: Path, holder: str) -> None:
        self._path, self._holder = folder / LEASE_FILE, holder

    def holder(self, now: datetime) -> str:
        """Who holds it, empty when nobody does."""
        try:
            found = json.loads(self._path.read_bytes())
            is_held = now < aware(found["until"]) <= now + timedelta(seconds=LEASE_S)
            return str(found["holder"]) if is_held else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def take(self, now: datetime) -> bool:
        """Takes or renews it; False while another holds it. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._path.with_suffix(".lock"), mode=0o600):
            if self.holder(now) not in {"", self._holder}:
                return False
            until = now + timedelta(seconds=LEASE_S)
            text = json.dumps({"holder": self._holder, "until": until.isoformat()})
            write_whole(self._path, text, sync=False)
        return True

    def release(self, now: datetime) -> None:
        """Lets another have it. Raises OSError."""
        with FileLock(self._path.with_suffix(".lock"), mode=0o600):
            if self.holder(now) == self._holder:
                self._path.unlink()


@cache
def _adapter() -> TypeAdapter[Heartbeat]:
    return TypeAdapter(Heartbeat)
