"""What a page, a program or a log line can be told about the pod and its stop, at one moment."""

from dataclasses import dataclass
from datetime import datetime

from backend.errors import OndolError
from backend.pod.audit import AuditEntry
from backend.pod.machine import Progress
from backend.pod.pods import Pod
from backend.pod.policy import Decision
from backend.pod.sample import Sample
from backend.pod.schedule import Due


@dataclass(frozen=True)
class PodView:
    """Attributes:
    pod: as last read, at `pod_seen_at`; pod_trouble: why it could not be read the last time, e.g. without a key.
    progress: of the stop; its `until` is the end of the countdown while `warned`.
    sample, decision: of the last look; the decision says why it does not stop and how many checks are done.
    last_activity: name of the signal that was busy last.
    acts: False while another process (the watchdog) acts on the pod.
    waiting_stop_since: the schedule's stop waits for work since then.
    restart_s: median seconds from start to ready, of the starts measured.
    audit: the newest lines, newest first.
    """

    at: datetime
    pod_id: str
    pod: Pod | None
    pod_seen_at: datetime | None
    pod_trouble: OndolError | None
    progress: Progress
    sample: Sample | None
    decision: Decision | None
    keep_awake_until: datetime | None
    last_activity_at: datetime | None
    last_activity: str
    acts: bool
    schedule: str
    next_change: Due | None
    waiting_stop_since: datetime | None
    waiting_start_since: datetime | None
    restart_s: float | None
    audit: tuple[AuditEntry, ...]
