"""Which of several apps on one database keeps a pod: only that one checks it, counts, and stops it.

An advisory lock of PostgreSQL says so. It is held by a connection of its own, so an app that dies loses it at once and
another takes the pod over, with what the database has of a stop under way. As long as the database is away everything
stays as it was: an app that keeps a pod must be able to stop it without one.
"""

import asyncio
import hashlib

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.errors import KeptElsewhere
from backend.pod.clock import Clock
from backend.store.database import Database

LOOK_EVERY_S = 5.0
_ANSWER_S = 3.0  # a database that hangs must not hold up a stop for longer
# A machine that is gone does not hang up: without this its lock would outlive it by hours.
_NOTICE_SOON = """
    SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
        set_config('tcp_keepalives_count', '3', false)
"""
log = structlog.get_logger()


class Leader:
    """Args:
    pod_id: of the pod; empty on a machine that is none, which every app keeps for itself.

    Attributes:
        leads: whether this process keeps the pod. Until the database has been asked it does.
    """

    def __init__(self, database: Database, pod_id: str, clock: Clock) -> None:
        self._database, self._pod_id, self._clock = database, pod_id, clock
        self._connection: AsyncConnection | None = None
        self._looked_at = float("-inf")
        self.leads = True

    async def look(self) -> bool:
        """Whether this process keeps the pod now; asks the database every few seconds."""
        if self._pod_id and self._clock.monotonic() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = self._clock.monotonic()
            try:
                async with asyncio.timeout(_ANSWER_S):
                    leads = await self._holds()
            except (SQLAlchemyError, OSError):
                await self._drop()
            else:
                if leads is not self.leads:
                    log.info("pod_kept_here" if leads else "pod_kept_by_another_app", pod=self._pod_id)
                self.leads = leads
        return self.leads

    def require(self) -> None:
        """Raises KeptElsewhere when another app keeps the pod."""
        if not self.leads:
            raise KeptElsewhere

    async def close(self) -> None:
        """Lets another take over at once."""
        await self._drop()

    async def _holds(self) -> bool:
        """A connection that still answers still has its lock; taking it anew by another one would deny it to us."""
        if self._connection is not None:
            await self._connection.execute(text("SELECT 1"))
            return True
        connection = await self._database.engine.connect()
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text(_NOTICE_SOON))
            has = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _key(self._pod_id)})
        except BaseException:
            await connection.invalidate()
            raise
        if has:
            self._connection = connection
        else:
            await connection.close()
        return bool(has)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await connection.invalidate()  # not given back to the pool, where the lock would live on
                    await connection.close()
            except (SQLAlchemyError, OSError) as error:
                log.warning("pod_lock_not_released", reason=type(error).__name__)


def _key(pod_id: str) -> int:
    """64 bits, signed, that nothing else on the server uses."""
    return int.from_bytes(hashlib.sha256(f"ondol pod {pod_id}".encode()).digest()[:8], signed=True)
