"""When the pod ran and what that cost: kept in memory from the database, so that it can be told at any moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from backend.errors import NotOffered, OndolError
from backend.pod import costs
from backend.pod.audit import AuditEntry
from backend.pod.costs import Run, Spending, Storage
from backend.pod.history import PodHistory
from backend.pod.options import PodOptions
from backend.pod.pods import BillingLine, Pod, PodProvider, PodStatus

_READ_KEPT = timedelta(hours=1)  # the bill, and the size of a network volume
log = structlog.get_logger()


@dataclass(frozen=True)
class Money:
    """What the pod costs, in US dollars.

    Attributes:
        rate_usd: an hour while it runs; None where nobody has told or entered it.
        session_usd, session_since: of the run under way, the GPU's share; None when it does not run.
        storage_usd_a_day: while it is stopped; None where nobody told the size of a volume, which what is spent is
            then without.
        saved_usd: this month, by stopping; None without a rate.
        always_on_usd: what this whole month would cost without a stop; None without a rate.
        billed_at: when the bill was last read; bill_trouble: why it could not be.
        known_since: since when runs are known.
    """

    rate_usd: float | None
    session_usd: float | None
    session_since: datetime | None
    today: Spending
    month: Spending
    storage_usd_a_day: float | None
    saved_usd: float | None
    always_on_usd: float | None
    billed_at: datetime | None
    bill_trouble: OndolError | None
    known_since: datetime | None


class Ledger:
    """The runs of one pod.

    Args:
        book: the name under which runs are kept: the pod's id, or one for a machine that is none.
        provider: asked for the bill; None without a key.
    """

    def __init__(self, history: PodHistory, book: str, pod_id: str, provider: PodProvider | None) -> None:
        self._history, self._book, self._pod_id, self._provider = history, book, pod_id, provider
        self._runs: Sequence[Run] = ()
        self._pod: Pod | None = None
        self._lines: Sequence[BillingLine] = ()
        self._billed_at: datetime | None = None
        self._bill_trouble: OndolError | None = None
        self._network_gb: float | None = None
        self._network_read: tuple[str, datetime] | None = None

    @property
    def runs(self) -> Sequence[Run]:
        """Oldest first."""
        return self._runs

    async def load(self) -> None:
        """Reads the runs. Raises DatabaseUnavailable."""
        self._runs = await self._history.runs(self._book)

    async def saw(self, pod: Pod, ready_since: datetime | None, now: datetime, audit: Sequence[AuditEntry]) -> None:
        """Keeps what the provider told of the pod.

        Args:
            audit: newest first; says when and by whom a run was ended that nobody was there to see the end of.

        Raises:
            DatabaseUnavailable
        """
        self._pod = pod
        await self._read_network_volume(pod, now)
        if pod.status is PodStatus.EXITED:
            if self._runs and self._runs[-1].stopped_at is None:
                at, by = self._stop_of(audit, self._runs[-1].started_at, now) or (now, "")
                await self._end(at, by)
        elif pod.started_at is not None and pod.has_runtime:
            await self._began(pod.started_at, ready_since, costs.rate_of(pod, self._last_rate()), audit)

    async def estimates(
        self, since: datetime, ready_since: datetime | None, rate_usd: float, audit: Sequence[AuditEntry]
    ) -> None:
        """Keeps the run of a machine of which no provider tells: since this process began, at the price entered."""
        await self._began(since, ready_since, rate_usd, audit)

    async def read_bill(self, now: datetime, zone: str) -> None:
        """Reads the bill of this month, at most once an hour. Never raises."""
        if self._provider is None or not self._pod_id:
            return
        if self._billed_at is not None and now - self._billed_at < _READ_KEPT:
            return
        try:
            lines = await self._provider.billing(self._pod_id, costs.start_of_month(now, zone), now)
            # The line of the hour under way reaches to its end, and is paid for up to now.
            self._lines = [replace(line, until=min(line.until, now)) for line in lines if line.since < now]
            self._bill_trouble = None
        except NotOffered as error:
            self._bill_trouble = error
        except OndolError as error:
            self._bill_trouble = error
            log.warning("bill_not_read", reason=error.code)
            return
        self._billed_at = now

    def rate(self, options: PodOptions) -> float | None:
        """Dollars an hour while it runs: as told, as last told, or as entered."""
        told = self._pod.cost_per_hour if self._pod is not None else None
        return told or self._last_rate() or options.prices.pod_usd_per_hour

    def storage(self, options: PodOptions) -> Storage:
        """What is paid for beside the GPU; of a pod that was never read it is not known."""
        if self._pod is None and self._pod_id:
            return Storage(network_volume_gb=options.network_volume_gb or None)
        return options.storage(self._pod, self._network_gb)

    def spent_this_month(self, options: PodOptions, now: datetime) -> float | None:
        """GPU and storage; None where no run is known."""
        if not self._runs:
            return None
        return self._spent(options, costs.start_of_month(now, options.zone), now).total_usd

    def money(self, options: PodOptions, now: datetime) -> Money:
        """Everything, as known now; nothing is asked of anybody."""
        zone, rate, storage = options.zone, self.rate(options), self.storage(options)
        month = costs.start_of_month(now, zone)
        known_since = self._runs[0].started_at if self._runs else None
        run = self._runs[-1] if self._runs and self._runs[-1].stopped_at is None else None
        month_hours = (costs.month_ends(now, zone) - month).total_seconds() / 3600
        return Money(
            rate_usd=rate,
            session_usd=run.hours(run.started_at, now) * run.rate_usd if run else None,
            session_since=run.started_at if run else None,
            today=self._spent(options, costs.start_of_day(now, zone), now),
            month=self._spent(options, month, now),
            storage_usd_a_day=storage.usd_a_day_stopped,
            saved_usd=None
            if rate is None or known_since is None
            else costs.saved_usd(self._runs, storage, month, now, rate_usd=rate, known_since=known_since),
            always_on_usd=None if rate is None else month_hours * rate + storage.usd(month_hours, 0.0),
            billed_at=self._billed_at,
            bill_trouble=self._bill_trouble,
            known_since=known_since,
        )

    async def _read_network_volume(self, pod: Pod, now: datetime) -> None:
        """Reads its size, at most once an hour: a volume can be made larger."""
        volume, before = pod.network_volume_id, self._network_read
        is_same = before is not None and before[0] == volume
        if self._provider is None or not volume or (is_same and before and now - before[1] < _READ_KEPT):
            return
        self._network_read = (volume, now)
        try:
            self._network_gb = await self._provider.network_volume_gb(volume)
        except OndolError as error:
            self._network_gb = self._network_gb if is_same else None
            log.warning("network_volume_not_read", reason=error.code)

    def _spent(self, options: PodOptions, since: datetime, until: datetime) -> Spending:
        known_since = self._runs[0].started_at if self._runs else until
        return costs.reconciled(self._runs, self.storage(options), self._lines, since, until, known_since=known_since)

    def _last_rate(self) -> float:
        return next((run.rate_usd for run in reversed(self._runs) if run.rate_usd > 0), 0.0)

    async def _began(
        self, at: datetime, ready_since: datetime | None, rate: float, audit: Sequence[AuditEntry]
    ) -> None:
        last = self._runs[-1] if self._runs else None
        if last is not None and last.stopped_at is None and last.started_at < at:
            # Nobody was there to see it stop: it was when it was asked to, or when it was last seen.
            end = self._stop_of(audit, last.started_at, at) or (
                await self._history.last_seen(self._book, last.started_at, at) or last.started_at,
                "",
            )
            await self._end(*end)
        ready_at = ready_since if ready_since is not None and ready_since >= at else None
        await self._history.running(self._book, at, ready_at, rate)
        if last is None or last.started_at != at or last.rate_usd != rate:
            await self.load()

    async def _end(self, at: datetime, by: str) -> None:
        await self._history.stopped(self._book, at, by)
        await self.load()

    def _stop_of(self, audit: Sequence[AuditEntry], after: datetime, before: datetime) -> tuple[datetime, str] | None:
        """When and by whom a stop of this pod was last asked for within a time; one that failed ended nothing."""
        failed: set[str] = set()
        for entry in audit:
            if entry.pod_id != self._pod_id or not after <= entry.at <= before:
                continue
            incident = str(entry.detail.get("incident", ""))
            if entry.event == "stop_failed":
                failed.add(incident)
            elif entry.event == "stop_requested" and incident not in failed:
                return entry.at, entry.actor
        return None
