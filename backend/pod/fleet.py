"""All pods that the key sees. Those beside our own are started and stopped by people only; none of them is judged."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from backend.errors import AuditUnwritable, OndolError, RunpodKeyMissing, RunpodKeyRefused
from backend.pod.audit import AuditLog
from backend.pod.clock import Clock
from backend.pod.pods import Pod, PodAction, PodProvider, PodStatus

_KEPT = timedelta(seconds=5)
_READ_EVERY_S = 5.0
_READ_TIMES = 18
log = structlog.get_logger()


class Fleet:
    """Args:
    own_id: of the pod this app is on; a key of that pod alone sees no others.
    audit: every order is written there before it is sent.
    sleep: waits between two readings after a stop.
    """

    def __init__(
        self,
        provider: PodProvider | None,
        own_id: str,
        audit: AuditLog,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._provider, self._own_id, self._audit = provider, own_id, audit
        self._clock, self._sleep = clock, sleep
        self._pods: list[Pod] = []
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()
        self._verifying: set[asyncio.Task[None]] = set()

    async def pods(self) -> list[Pod]:
        """As read within the last seconds. Raises RunpodKeyMissing, and what the provider says."""
        provider = self._provider_to_ask()
        async with self._reading:
            now = self._clock.now()
            if self._read_at is None or not timedelta() <= now - self._read_at < _KEPT:
                self._pods, self._read_at = await self._listed(provider), now
            return self._pods

    async def act(self, action: PodAction, pod_id: str, actor: str, reason: str = "") -> Pod:
        """Writes the order down, sends it, and reads the pod again; a stop is read back in the background as well.

        Returns:
            The pod as it was right after: accepted is not done.

        Raises:
            AuditUnwritable: nothing was sent.
            OndolError: what the provider says.
        """
        provider = self._provider_to_ask()
        await provider.get(pod_id)  # one that the key does not see is none to write about
        self._write(f"{action}_requested", actor, pod_id, reason=reason)
        ways = {PodAction.START: provider.start, PodAction.STOP: provider.stop, PodAction.RESTART: provider.restart}
        try:
            await ways[action](pod_id)
        except OndolError as error:
            self._note(f"{action}_failed", actor, pod_id, error=error.code)
            raise
        finally:
            self._read_at = None
        if action is PodAction.STOP:
            task = asyncio.create_task(self._read_back(provider, pod_id, actor))
            self._verifying.add(task)
            task.add_done_callback(self._verifying.discard)
        return await provider.get(pod_id)

    async def close(self) -> None:
        """Ends what is being read back."""
        for task in self._verifying:
            task.cancel()
        await asyncio.gather(*self._verifying, return_exceptions=True)

    async def _listed(self, provider: PodProvider) -> list[Pod]:
        try:
            return await provider.list()
        except RunpodKeyRefused:
            if not self._own_id:
                raise
            return [await provider.get(self._own_id)]

    async def _read_back(self, provider: PodProvider, pod_id: str, actor: str) -> None:
        """A stop that was accepted is proven by reading the pod as EXITED, or it is written down that it was not."""
        for _ in range(_READ_TIMES):
            try:
                if (await provider.get(pod_id)).status is PodStatus.EXITED:
                    return self._note("stop_verified", actor, pod_id)
            except OndolError as error:
                log.warning("pod_not_read", pod=pod_id, reason=error.code)
            await self._sleep(_READ_EVERY_S)
        return self._note("stop_failed", actor, pod_id, error="stop_had_no_effect")

    def _provider_to_ask(self) -> PodProvider:
        if self._provider is None:
            raise RunpodKeyMissing
        return self._provider

    def _note(self, event: str, actor: str, pod_id: str, **detail: str) -> None:
        try:
            self._write(event, actor, pod_id, **detail)
        except AuditUnwritable as error:
            log.error("audit_not_written", audit_event=event, reason=error.details["reason"])

    def _write(self, event: str, actor: str, pod_id: str, **detail: str) -> None:
        try:
            self._audit.write(event, actor, pod_id, **detail)
        except OSError as error:
            raise AuditUnwritable(reason=error.strerror or type(error).__name__) from error
