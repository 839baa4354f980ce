"""One stop, from the request to the proof: asked, read again, asked again, and told to people when it does not work.

A request that was accepted is no proof, and one that failed may have been applied. Only a pod that was read back as
EXITED is stopped.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from backend.errors import (
    AuditUnwritable,
    OndolError,
    PodActionUncertain,
    PodLocked,
    PodTerminated,
    RunpodApiGone,
    RunpodBusy,
    RunpodKeyMissing,
    RunpodKeyRefused,
    StopHadNoEffect,
    UnknownPod,
)
from backend.pod import machine
from backend.pod.alerts import stop_failed
from backend.pod.book import Book
from backend.pod.clock import Clock
from backend.pod.machine import Phase, Progress, Timing, Trouble
from backend.pod.pods import Pod, PodProvider, PodStatus
from backend.pod.watch import Watch
from backend.pod.webhook import Alerts

# Asking again soon cannot help; it is asked once more all the same, since such answers have been seen to be wrong.
_HOPELESS = (RunpodApiGone, RunpodKeyMissing, RunpodKeyRefused, UnknownPod, PodLocked, PodTerminated)
log = structlog.get_logger()


class Attempt:
    """Sends the request for an order that was confirmed, and sees it through."""

    def __init__(
        self,
        provider: PodProvider | None,
        watch: Watch,
        book: Book,
        *,
        alerts: Alerts,
        timing: Callable[[], Timing],
        clock: Clock,
    ) -> None:
        self._provider, self._watch, self._book = provider, watch, book
        self._alerts, self._timing, self._clock = alerts, timing, clock

    async def request(self) -> None:
        """Writes the audit line, sends the stop, reads the pod again."""
        book, now = self._book, self._clock.now()
        order = book.progress.order
        progress = machine.requested(book.progress, now, self._timing())
        try:
            book.move_on_record(
                progress,
                "stop_requested",
                order.actor if order else "",
                incident=progress.incident,
                attempt=progress.attempts,
                kind=order.kind if order else "",
                reason=order.reason if order else "",
            )
        except AuditUnwritable as error:
            return await self._failed(progress, error)
        try:
            if self._provider is None:
                raise RunpodKeyMissing
            await self._provider.stop(book.pod_id)
        except PodActionUncertain as error:
            log.warning("stop_uncertain", reason=error.details.get("reason"))
        except OndolError as error:
            return await self.verify(error)
        return await self.verify()

    async def verify(self, refusal: OndolError | None = None) -> None:
        """Reads the pod again.

        Args:
            refusal: the answer to the request, where that says that it was not applied.
        """
        progress, now = self._book.progress, self._clock.now()
        pod = await self._watch.read_pod()
        if self._book.progress is not progress:
            return  # somebody ordered otherwise while we waited
        if pod is not None and pod.status is PodStatus.EXITED:
            self._book.move(
                machine.stopped(progress), "stop_verified", incident=progress.incident, attempts=progress.attempts
            )
        elif pod is not None and self.end_if_overtaken(pod):
            return
        elif pod is not None and pod.status is PodStatus.TERMINATED:
            await self._failed(progress, PodTerminated(pod=pod.id))
        elif refusal is not None:
            await self._failed(progress, refusal)
        elif progress.is_due(now):
            await self._failed(progress, self._watch.trouble or StopHadNoEffect(pod=self._book.pod_id))

    def end_if_overtaken(self, pod: Pod) -> bool:
        """Ends the stop under way where it was ordered before the pod, as just read, was started; whether it was.

        A stop asked for from inside ends the one who asked: the next start finds that it worked.
        """
        progress = self._book.progress
        if not progress.is_overtaken_by(pod.started_at):
            return False
        if progress.requested_at is None:
            self._book.move(
                Progress(), "called_off", incident=progress.incident, phase=progress.phase, reason="started_again"
            )
        else:
            self._confirmed(progress, progress.requested_at, pod)
        self._watch.forget_idleness()
        return True

    async def unread(self) -> None:
        """An attempt that ends with its first look: whether the pod was started since is not known, nothing is sent."""
        trouble = self._watch.trouble or StopHadNoEffect(pod=self._book.pod_id)
        await self._failed(machine.unread(self._book.progress), trouble)

    def _confirmed(self, progress: Progress, asked: datetime, pod: Pod) -> None:
        began = pod.started_at
        stopped_for = (began - asked).total_seconds() if began else None
        self._book.move(
            Progress(),
            "stop_confirmed_at_start",
            incident=progress.incident,
            requested_at=_text(asked),
            started_at=_text(began),
            stopped_for_s=round(stopped_for) if stopped_for is not None else None,
        )

    async def _failed(self, progress: Progress, error: OndolError) -> None:
        now = self._clock.now()
        hopeless = isinstance(error, _HOPELESS) and progress.attempts > 1
        after = machine.failed(progress, Trouble.of(error), now, self._timing(), hopeless=hopeless)
        if isinstance(error, RunpodBusy) and error.retry_after_s is not None:
            after = machine.postponed(after, error.retry_after_s, now)
        self._book.move(
            after,
            "stop_failed",
            incident=progress.incident,
            attempt=progress.attempts,
            error=error.code,
            next_attempt_at=_text(after.until),
        )
        if after.phase is Phase.ESCALATED and not after.escalated:
            await self._escalate(after)

    async def _escalate(self, progress: Progress) -> None:
        """Tells people, once an incident; one that reached nobody is told again after the next attempt."""
        pod = self._watch.pod
        delivered = await self._alerts.send(stop_failed(self._book.pod_id, pod, progress, self._clock.now()))
        now_at = self._book.progress
        if now_at.incident == progress.incident:
            self._book.move(
                machine.told(now_at) if delivered.reached or not delivered.channels else now_at,
                "escalated" if delivered.reached else "escalation_undelivered",
                incident=progress.incident,
                channels=list(delivered.channels),
                reached=list(delivered.reached),
                error=progress.trouble.code if progress.trouble else "",
            )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
