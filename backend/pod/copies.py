"""Copies, in the database, of what the keeper of a pod has on disk: its state and its audit.

The files are the truth. The copies are for backups, for other programs, and for a disk that was lost.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from backend.pod.audit import AuditEntry
from backend.pod.memory import Memory
from backend.store.database import Database
from backend.store.models import PodAudit, PodState


class Copies:
    """Every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, memory: Memory, entries: Sequence[AuditEntry], now: datetime) -> None:
        """Keeps the state, and the lines that are not there yet."""
        changed = {"state": memory.to_json(), "updated_at": now}
        state = insert(PodState).values(pod_id=memory.pod_id, **changed)
        async with self._database.session() as session:
            await session.execute(state.on_conflict_do_update(index_elements=[PodState.pod_id], set_=changed))
            if entries:
                await session.execute(insert(PodAudit).on_conflict_do_nothing(), [vars(entry) for entry in entries])

    async def memory(self, pod_id: str) -> Memory | None:
        """None where there is none, or it is of a release that this one cannot read."""
        async with self._database.session() as session:
            state = await session.scalar(select(PodState.state).where(PodState.pod_id == pod_id))
        try:
            return Memory.from_json(state) if state is not None else None
        except ValueError:
            return None
