"""The queue: features register what they can do, defer it, and a worker in any process does it.

procrastinate keeps the jobs in PostgreSQL. A worker tells every few seconds that it lives; the jobs of one that was
killed are taken up by another, so a job must be able to begin again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from psycopg_pool import PoolTimeout
from sqlalchemy.engine import make_url

from backend.activity import Activity
from backend.errors import DatabaseUnavailable, OndolError

HEARTBEAT_S = 3.0
STALLED_AFTER_S = 15.0
RECOVER_EVERY_S = 5.0
_TRY_AGAIN_S = 2.0
_STOP_S = 0.5  # a job that is cut off begins again at the next start
log = structlog.get_logger()


class Jobs:
    """The queue of one process.

    Args:
        url: SQLAlchemy URL of the database; a unix socket will do.
        heartbeat_s: how often a worker tells that it lives.
        stalled_after_s: seconds of silence after which its jobs are taken up by others.
        recover_every_s: how often a worker looks for such jobs.
        activity: of the process; jobs that run in it are counted there.
    """

    def __init__(
        self,
        url: str,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        stalled_after_s: float = STALLED_AFTER_S,
        recover_every_s: float = RECOVER_EVERY_S,
        activity: Activity | None = None,
    ) -> None:
        self._conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._heartbeat_s, self._stalled_after_s = heartbeat_s, stalled_after_s
        self._recover_every_s = recover_every_s
        self._activity = activity or Activity()
        self._app = App(connector=self._connector())
        self._opening = asyncio.Lock()
        self._is_open = False
        self._recoveries: list[Callable[[], Awaitable[object]]] = []

    def add(self, name: str, work: Callable[..., Awaitable[None]], *, queue: str) -> None:
        """Registers work under a name.

        `work` is called with the arguments it was deferred with, and `attempt`: how often it was begun before.
        """

        async def begin(context: JobContext, /, **arguments: Any) -> None:
            with self._activity.work("jobs"):
                await work(attempt=context.job.attempts, **arguments)

        self._app.task(name=name, queue=queue, pass_context=True)(begin)

    def add_recovery(self, recovery: Callable[[], Awaitable[object]]) -> None:
        """Registers what looks for work whose job was lost; a worker calls it at its start and every few seconds."""
        self._recoveries.append(recovery)

    async def defer(self, name: str, *, once: str | None = None, priority: int = 0, **arguments: Any) -> int | None:
        """Puts work into the queue.

        Args:
            name: of the work.
            once: a key; while a job with this key waits, no second one is put in, and two never run at once.
            priority: of what waits the highest is done first.
            arguments: JSON values.

        Returns:
            The id of the job, None where one with the same key waits already.

        Raises:
            DatabaseUnavailable: nothing was put in.
        """
        try:
            await self._open()
            task = self._app.configure_task(name, queueing_lock=once, lock=once, priority=priority)
            return await task.defer_async(**arguments)
        except AlreadyEnqueued:
            return None
        except (ConnectorException, psycopg.OperationalError, PoolTimeout) as error:
            raise DatabaseUnavailable from error

    async def running(self) -> int:
        """Jobs that are being done now, by any worker. Raises DatabaseUnavailable."""
        try:
            await self._open()
            return len(list(await self._app.job_manager.list_jobs_async(status="doing")))
        except (ConnectorException, psycopg.OperationalError, PoolTimeout) as error:
            raise DatabaseUnavailable from error

    async def work(self) -> None:
        """Does what comes, until it is cancelled. A database that is away is waited for."""
        told = ""
        while True:
            try:
                await self._open()
                await self._work()
            except (ConnectorException, psycopg.Error, PoolTimeout, OndolError, OSError, ExceptionGroup) as error:
                said = type(error).__name__
                if said != told:
                    log.warning("jobs_interrupted", reason=said)
                    told = said
                await self.close()
                await asyncio.sleep(_TRY_AGAIN_S)

    async def work_until_idle(self) -> None:
        """Does what waits now, in this process, and returns."""
        await self._open()
        for queue in self._queues():
            await self._app.run_worker_async(
                queues=[queue], wait=False, install_signal_handlers=False, listen_notify=False
            )

    async def recover(self) -> None:
        """Takes up the jobs of workers that are gone, then what the registered recoveries find."""
        await self._open()
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self._stalled_after_s):
            log.info("job_taken_up_again", job=job.id, task=job.task_name)
            try:
                await manager.retry_job(job)
            except UniqueViolation:  # another with the same key waits already, and can begin once this one is gone
                await manager.finish_job(job, status=Status.ABORTED, delete_job=True)
        for recovery in self._recoveries:
            await recovery()

    async def close(self) -> None:
        """Gives the connections back."""
        async with self._opening:
            if self._is_open:
                self._is_open = False
                with suppress(ConnectorException, psycopg.Error):
                    await self._app.close_async()

    def _connector(self) -> PsycopgConnector:
        return PsycopgConnector(
            conninfo=self._conninfo,
            min_size=1,
            max_size=6,
            timeout=5,
            kwargs={"connect_timeout": 5, "application_name": "ondol jobs", "options": "-c jit=off"},
        )

    async def _open(self) -> None:
        async with self._opening:
            if not self._is_open:
                await self._app.open_async()
                self._is_open = True

    def _queues(self) -> list[str]:
        return sorted({task.queue for task in self._app.tasks.values()} - {"builtin"})

    async def _work(self) -> None:
        """A worker for each queue, so that long work of one kind does not hold up the others."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._recover_often())
            for queue in self._queues():
                group.create_task(
                    self._app.run_worker_async(
                        queues=[queue],
                        name=queue,
                        concurrency=1,
                        install_signal_handlers=False,
                        delete_jobs="successful",
                        update_heartbeat_interval=self._heartbeat_s,
                        stalled_worker_timeout=self._stalled_after_s,
                        shutdown_graceful_timeout=_STOP_S,
                    )
                )

    async def _recover_often(self) -> None:
        while True:
            await self.recover()
            await asyncio.sleep(self._recover_every_s)
