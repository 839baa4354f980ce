"""Remembers who a cookie or token belongs to for a moment: one page load asks a hundred times.

Whatever takes rights away calls `forget`, which is effective at once in this process. A change made by another
process (`python -m backend.accounts`) is seen after `LIFETIME` at the latest.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from backend.accounts.identity import Identity

LIFETIME = timedelta(seconds=3)
CAPACITY = 2000


class IdentityCache:
    """Identities by secret. The secrets stay in memory only, as they do in the request that brought them."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[datetime, Identity]] = {}
        self._generation = 0

    async def get(self, secret: str, look_up: Callable[[str], Awaitable[Identity | None]]) -> Identity | None:
        """The identity of `secret`, from memory or by `look_up`. "Nobody" is not remembered."""
        now = self._clock()
        known = self._entries.get(secret)
        if known is not None and known[0] > now:
            return known[1]
        generation = self._generation
        identity = await look_up(secret)
        # A look-up that began before a revocation may have read the row from before it: do not keep that.
        if identity is not None and generation == self._generation:
            if len(self._entries) >= CAPACITY:
                self._entries.clear()
            self._entries[secret] = (now + LIFETIME, identity)
        return identity

    def forget(self) -> None:
        """Drops everything; to be called after the change is committed."""
        self._generation += 1
        self._entries.clear()
