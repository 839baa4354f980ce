"""The pod, for pages, programs and the scheduler: what it does and costs, orders to it, and its settings.

It works the same on a pod, on a pod without a key, and on a machine that is none: what cannot be done says what is
missing, and everything that can be seen is shown.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from backend.activity import Activity
from backend.errors import DatabaseUnavailable, OndolError, RunpodKeyMissing
from backend.pod.analysis import RESTART_S, Analysis, Reviews
from backend.pod.audit import AuditEntry, AuditLog
from backend.pod.charts import Chart, chart
from backend.pod.clock import Clock, SystemClock
from backend.pod.console import Brief, Console, Costs, Replayed, Standing, brief_of
from backend.pod.copies import Copies
from backend.pod.fleet import Fleet
from backend.pod.history import PodHistory
from backend.pod.in_force import InForce
from backend.pod.leader import Leader
from backend.pod.learning import Proposal
from backend.pod.ledger import Ledger
from backend.pod.memory import FILE_NAME, Memory
from backend.pod.observer import Observer
from backend.pod.options import PodOptions
from backend.pod.own_work import OwnWork
from backend.pod.pods import Pod, PodAction, PodProvider
from backend.pod.policy import verdict_of
from backend.pod.recorder import PodMetrics, Recorder
from backend.pod.shutdown import Shutdown
from backend.pod.webhook import Alerts
from backend.settings import Settings
from backend.store.database import Database

_NO_POD = "local"  # the name under which a machine that is no pod is recorded
_LEARN_EVERY = timedelta(days=1)
log = structlog.get_logger()


class PodService:
    """Args:
    provider: of the settings' key, None without one; closed with this.
    activity: this process' own work; closed to new work while a stop is under way.
    running_jobs: counts background jobs of every worker.
    engine_ready: whether the model would answer now.
    metrics: counts checks and stops.
    reviews: counts reviews analysed since a moment, for "reviews per dollar".

    Attributes:
        pod_id: of the pod this app is on; empty on a machine that is none.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        provider: PodProvider | None,
        *,
        activity: Activity,
        running_jobs: Callable[[], Awaitable[int]],
        engine_ready: Callable[[], Awaitable[bool]],
        metrics: PodMetrics,
        reviews: Reviews | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings, self._provider, self._activity = settings, provider, activity
        self._database, self._engine_ready = database, engine_ready
        self._clock = clock = clock or SystemClock()
        self.pod_id = settings.runpod_pod_id
        self._book = self.pod_id or _NO_POD
        self._in_force = InForce(settings)
        self._learnt_at: datetime | None = None
        self._is_open = self._is_prepared = False
        self._leader = Leader(database, self.pod_id, clock)
        self._state_path = settings.data_dir / FILE_NAME
        self._audit = AuditLog(settings.data_dir, clock)
        self._history, self._copies = PodHistory(database), Copies(database)
        self._ledger = Ledger(self._history, self._book, self.pod_id, provider)
        self._analysis = Analysis(database, self._history, self._ledger, self._book, reviews)
        self._fleet = Fleet(provider, self.pod_id, self._audit, clock)
        self._observer = Observer(
            settings,
            activity=activity,
            running_jobs=running_jobs,
            is_ready=self._is_ready,
            threshold=self._in_force.threshold,
            spent_usd=lambda now: self._ledger.spent_this_month(self._in_force.options, now),
            clock=clock,
        )
        self._shutdown = Shutdown(
            pod_id=self.pod_id,
            provider=provider,
            reader=self._observer.sample,
            config=self._in_force.config,
            state_path=self._state_path,
            timing=self._in_force.timing,
            schedule=self._in_force.schedule,
            drain=OwnWork(activity),
            alerts=Alerts(
                settings.alert_webhook_url.get_secret_value(),
                settings.alert_email_to,
                settings.smtp_url.get_secret_value(),
            ),
            patience_s=settings.schedule_patience_s,
            clock=clock,
        )
        self._recorder = Recorder(
            self._history, self._ledger, self._copies, metrics, book=self._book, opened_at=clock.now()
        )

    # --- of the process ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Takes up what was under way, where the disk knows; a database that is away does not hold a stop up."""
        if self._state_path.exists():
            self._open(None)

    async def prepare(self) -> None:
        """Reads what is in the database, once it is there, and learns from it. Raises DatabaseUnavailable."""
        stored = await self._history.settings()
        try:
            self._in_force.adopt(stored)
        except OndolError as error:
            log.error("pod_settings_unusable", reason=error.code)  # of another release
        await self._ledger.load()
        await self._learn()
        self._is_prepared = True
        await self._keeps()

    async def tick(self) -> None:
        """To be called every second; does what is due, which is nothing most of the time."""
        if not await self._keeps():
            return
        await self._shutdown.tick()
        memory = self._shutdown.memory
        if self._recorder.is_due(memory):
            self._recorder.take(self._shutdown.status(), memory, self._observer, self._in_force.options)

    async def recorded(self) -> None:
        """Returns when the database has what the last tick found, or was found to be away."""
        await self._recorder.wait()

    async def upkeep(self) -> None:
        """To be called now and then: drops old checks, reads the bill, learns anew. Raises DatabaseUnavailable."""
        now = self._clock.now()
        gone = await self._history.purge(now)
        await self._ledger.read_bill(now, self._in_force.options.zone)
        if self._learnt_at is None or now - self._learnt_at >= _LEARN_EVERY:
            await self._learn()
        log.info("pod_upkeep", samples_dropped=gone)

    async def close(self) -> None:
        """Lets a watchdog act at once, and closes connections."""
        if self._is_open:
            self._shutdown.close()
        await self._recorder.wait()
        await self._leader.close()
        await self._fleet.close()
        await self._observer.close()
        if self._provider is not None:
            await self._provider.close()

    # --- what is shown; nothing is asked of anybody -----------------------------------------------

    @property
    def standing(self) -> Standing:
        if not self.pod_id:
            return Standing.NO_POD
        return Standing.POD if self._provider is not None else Standing.NO_KEY

    def brief(self) -> Brief:
        """What everybody may know."""
        return brief_of(self.standing, self._shutdown.memory)

    def console(self) -> Console:
        """Everything that is known now, for admins."""
        view, config = self._shutdown.status(acts=self._leader.leads), self._in_force.config()
        there = {"RUNPOD_API_KEY": self._provider is not None, "RUNPOD_POD_ID": bool(self.pod_id)}
        return Console(
            standing=self.standing,
            missing=tuple(name for name, is_there in there.items() if not is_there),
            view=view,
            verdicts={
                signal.name: verdict_of(signal, view.at, config)
                for signal in (view.sample.signals if view.sample else ())
            },
            gpus=self._observer.gpus,
            engine=self._observer.engine,
            money=self._ledger.money(self._in_force.options, self._clock.now()),
            options=self._in_force.options,
            changed=frozenset(self._in_force.changed),
            ready_since=self._observer.ready_since,
            work={kind: count for kind, count in self._activity.in_flight.items() if count},
        )

    def heartbeat(self) -> dict[str, Any]:
        """The sign of life for a watchdog on another machine; nothing in it is secret."""
        return self._shutdown.heartbeat()

    async def audit(self, limit: int = 200) -> list[AuditEntry]:
        """The newest lines first."""
        return (await asyncio.to_thread(lambda: list(self._audit.entries())))[: -limit - 1 : -1]

    # --- orders; `actor` is who gave them, `user:NAME` --------------------------------------------

    async def stop(self, actor: str, *, pod_id: str = "", reason: str = "") -> None:
        """A confirmed order, without a countdown: new work is refused, answers under way may finish, then it is sent.

        Args:
            pod_id: of another pod that the key sees, which is asked at once; empty: our own.

        Raises:
            RunpodKeyMissing, UnknownPod, StopUnderWay, ActsElsewhere, AuditUnwritable: nothing was changed.
            OndolError: for another pod, what RunPod says.
        """
        if self._is_other(pod_id):
            await self._fleet.act(PodAction.STOP, pod_id or self.pod_id, actor, reason)
        else:
            self._shutdown.stop_now(actor, reason)

    async def start(self, actor: str, *, pod_id: str = "") -> None:
        """Accepted is not started: the following checks show it. Raises RunpodKeyMissing, NoGpuFree and others."""
        await self._asked(PodAction.START, pod_id, actor, self._shutdown.start)

    async def restart(self, actor: str, *, pod_id: str = "") -> None:
        """At once, with all that is under way. Raises RunpodKeyMissing, StopUnderWay, PodLocked and others."""
        await self._asked(PodAction.RESTART, pod_id, actor, self._shutdown.restart)

    def keep_awake(self, actor: str, until: datetime | timedelta) -> None:
        """Nothing but a person stops our pod for so long, or before then (aware). A stop not yet sent is called off.

        Raises:
            KeepAwakeOutOfRange, StopUnderWay, KeptElsewhere
        """
        self._leader.require()
        moment = until if isinstance(until, datetime) else self._clock.now() + until
        self._shutdown.keep_awake(moment, actor)

    def cancel(self, actor: str) -> None:
        """Calls off a stop not sent, ends a keep-awake, takes work again. Raises StopUnderWay, KeptElsewhere."""
        self._leader.require()
        self._shutdown.cancel(actor)

    # --- settings and figures ---------------------------------------------------------------------

    async def change_options(self, changes: Mapping[str, Any], actor: str) -> PodOptions:
        """Takes the place of every earlier change; what is left out follows the environment.

        Args:
            changes: fields of `PodOptions`.

        Raises:
            InvalidRequest, InvalidSchedule, DatabaseUnavailable: nothing was changed.
        """
        options = self._in_force.checked(changes)
        kept = options.model_dump(mode="json", include=set(changes))
        await self._history.save_settings(kept, self._clock.now())
        try:
            self._audit.write("settings_changed", actor, self.pod_id, changed=sorted(kept))
        except OSError as error:
            log.error("audit_not_written", audit_event="settings_changed", reason=error.strerror)
        self._in_force.adopt(kept)
        await self._learn()
        return self._in_force.options

    async def history(self, hours: float = 6.0) -> Chart:
        """For charts. Raises DatabaseUnavailable."""
        return await chart(self._database, self._book, self._clock.now(), hours)

    async def replay(self, changes: Mapping[str, Any], hours: float = 24.0) -> Replayed:
        """When it would have stopped in the last hours with the settings of now and these changes to them.

        Raises:
            InvalidRequest, InvalidSchedule, DatabaseUnavailable
        """
        options = self._in_force.checked({**self._in_force.options.model_dump(), **changes})
        rule = self._in_force.rule
        if options.learnt and (rule is None or rule.interval_s != options.check_interval_s):
            rule = (await self._analysis.proposal(self._restart_s, options.check_interval_s)).rule
        return await self._analysis.replayed(
            options.config(rule), self._clock.now(), hours, self._restart_s, self._ledger.rate(self._in_force.options)
        )

    async def proposal(self) -> Proposal:
        """The settings that would have cost least over the kept checks. Raises DatabaseUnavailable."""
        return await self._analysis.proposal(self._restart_s, self._in_force.options.check_interval_s)

    async def costs(self) -> Costs:
        """The account, reconciled with the bill, and the ways to run this load. Raises DatabaseUnavailable."""
        return await self._analysis.costs(self._in_force.options, self._clock.now())

    async def pods(self) -> list[Pod]:
        """All that the key sees. Raises RunpodKeyMissing, and what RunPod says."""
        return await self._fleet.pods()

    async def logs(self, pod_id: str = "", tail: int = 100) -> list[str]:
        """The last lines of a pod, our own by default. Raises RunpodKeyMissing, NotOffered, UnknownPod and others."""
        if self._provider is None:
            raise RunpodKeyMissing
        lines: list[str] = []
        async for line in self._provider.logs(pod_id or self.pod_id, tail=tail):
            lines.append(line)
            if len(lines) >= tail:  # what comes after is of a later moment
                break
        return lines

    # --- in between -------------------------------------------------------------------------------

    @property
    def _restart_s(self) -> float:
        return self._shutdown.memory.restart_s or RESTART_S

    def _is_other(self, pod_id: str) -> bool:
        return pod_id not in {"", self.pod_id} or not self._leader.leads

    async def _asked(self, action: PodAction, pod_id: str, actor: str, ours: Callable[[str], Awaitable[None]]) -> None:
        await (self._fleet.act(action, pod_id or self.pod_id, actor) if self._is_other(pod_id) else ours(actor))

    async def _keeps(self) -> bool:
        """Whether this app keeps the pod now; it takes the pod over from one that is gone, or leaves it to another."""
        leads = await self._leader.look()
        if self._is_open and not leads:
            self._shutdown.leave()
            self._is_open = False
        elif leads and self._is_prepared and not self._is_open:
            with suppress(DatabaseUnavailable):  # then at one of the next ticks
                self._open(await self._copies.memory(self.pod_id))
        return self._is_open

    async def _is_ready(self) -> bool:
        return self._is_prepared and await self._engine_ready()

    def _open(self, copy: Memory | None) -> None:
        if not self._is_open:
            self._shutdown.open(copy)
            self._recorder.begin_after(self._shutdown.status())
            self._is_open = True

    async def _learn(self) -> None:
        """Where the operator wants it; a history that is too short leaves the fixed number of checks."""
        if self._in_force.options.learnt:
            self._in_force.follow((await self.proposal()).rule)
            self._learnt_at = self._clock.now()
