"""One look at a pod: what RunPod says of it, what the signals say, and what the policy makes of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from backend.errors import OndolError, RunpodKeyMissing
from backend.pod.book import Book
from backend.pod.clock import Clock
from backend.pod.pods import Pod, PodProvider, PodStatus
from backend.pod.policy import Config, Decision, decide, disarm
from backend.pod.sample import Sample, Verdict

# Given the pod, unless it could not be read just now.
Reader = Callable[[Pod | None], Awaitable[Sample]]
_LONGEST_START_S = 3600.0
log = structlog.get_logger()


class Watch:
    """Attributes:
    pod: as last read, None before the first time; pod_seen_at says how old that is.
    trouble: why the last reading of it failed.
    sample, decision: of the last look.
    """

    def __init__(
        self, provider: PodProvider | None, reader: Reader, config: Callable[[], Config], *, clock: Clock, book: Book
    ) -> None:
        self._provider, self._reader, self._config = provider, reader, config
        self._clock, self._book = clock, book
        self.pod: Pod | None = None
        self.pod_seen_at: datetime | None = None
        self.trouble: OndolError | None = None
        self.sample: Sample | None = None
        self.decision: Decision | None = None

    async def read_pod(self) -> Pod | None:
        """Reads the pod again; None, and `trouble`, when that failed."""
        if self._provider is None or not self._book.pod_id:
            self.trouble = RunpodKeyMissing() if self._provider is None else None
            return None
        try:
            pod = await self._provider.get(self._book.pod_id)
        except OndolError as error:
            if self.trouble is None or self.trouble.code != error.code:
                log.warning("pod_not_read", reason=error.code)
            self.trouble = error
            return None
        self.pod, self.pod_seen_at, self.trouble = pod, self._clock.now(), None
        return pod

    async def look(self) -> Decision:
        """Reads the signals and decides; the policy's state is remembered."""
        sample = await self._reader(self.pod if self.trouble is None else None)
        decision = decide(sample, self._book.memory.policy, self._config())
        self.sample, self.decision = sample, decision
        self._book.remember(policy=decision.state)
        self._measure_start(sample)
        return decision

    @property
    def is_busy(self) -> bool | None:
        """Whether any signal of the last look was busy; None when none was and some were unknown."""
        if self.sample is None or not self.sample.signals:
            return None
        verdicts = {signal.verdict for signal in self.sample.signals}
        if Verdict.BUSY in verdicts:
            return True
        return None if Verdict.UNKNOWN in verdicts else False

    @property
    def has_provider(self) -> bool:
        """Whether there is a pod, and somebody to ask about it."""
        return self._provider is not None and bool(self._book.pod_id)

    @property
    def session(self) -> datetime | None:
        """When the provider said the pod was started, as this process last read it."""
        return self.pod.started_at if self.pod is not None else None

    @property
    def can_stop(self) -> bool:
        """Whether there is something running to stop, as far as is known."""
        return self.has_provider and (
            self.pod is None or self.pod.status in {PodStatus.RUNNING, PodStatus.ERROR, PodStatus.UNKNOWN}
        )

    def forget_idleness(self) -> None:
        """Somebody is here: the row of idle checks begins anew."""
        self._book.remember(policy=disarm(self._book.memory.policy))

    def _measure_start(self, sample: Sample) -> None:
        """How long this session's start was, once: from RunPod's start of the container to ready."""
        memory, pod = self._book.memory, self.pod
        if pod is None or pod.started_at is None or pod.status is not PodStatus.RUNNING:
            return
        if sample.ready_since is None or memory.measured_session == pod.started_at:
            return
        seconds = (sample.ready_since - pod.started_at).total_seconds()
        # Ready before the start is a clock that differs from RunPod's; hours after it is a restart of the app alone.
        if 0 < seconds <= _LONGEST_START_S:
            self._book.remember(starts_s=memory.with_start(seconds), measured_session=pod.started_at)
            self._book.note("start_measured", seconds=round(seconds, 1), started_at=pod.started_at.isoformat())
        else:
            self._book.remember(measured_session=pod.started_at)
