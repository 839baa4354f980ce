"""Slows down guessing of passwords; kept in the database, so that a restart does not forget.

Every try is charged to its buckets BEFORE the password is looked at, in one short transaction: parallel tries
are counted like sequential ones, and a refused try costs no argon2 computation. A refused try is not charged, so
a block always ends. A try with the right password takes its own charge back.

The right person is kept in during an attack by three things: blocks are short (see the limits), existing
sessions are not touched, and a browser that has signed in before carries a mark that gives it a bucket of its
own (`device`), out of reach for a stranger.
"""

import hashlib
import ipaddress
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import TooManyLogins
from backend.store.database import Database
from backend.store.models import LoginThrottle

FORGOTTEN_AFTER = timedelta(hours=24)
_PRUNE_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` failures cost nothing; from the next on the wait doubles, from 2 s up to `longest_s` seconds."""

    free: int
    longest_s: int

    def wait_s(self, failures: int) -> int:
        """Seconds of block after that many failures."""
        beyond = failures - self.free
        return 0 if beyond <= 0 else min(self.longest_s, 2 ** min(beyond, 20))


PAIR = Limit(free=5, longest_s=900)  # one account from one address, or from one known browser
ADDRESS = Limit(free=30, longest_s=300)  # all accounts from one address: an office may share it
ACCOUNT = Limit(free=100, longest_s=60)  # one account from anywhere: an attacker must not lock its owner out


@dataclass(frozen=True, slots=True)
class Bucket:
    """A counter of failures. The key holds hashes: people type passwords into the name field."""

    key: str
    limit: Limit


def buckets_of(account: str, address: str, device: str = "") -> tuple[Bucket, ...]:
    """The counters one sign-in is charged to.

    Args:
        account: the normalised name that was tried; empty when it cannot be a name at all.
        address: the client's address; IPv6 counts by /64, which is what one customer gets.
        device: the verified mark of a browser that has signed in to this account before, or empty.
    """
    name, place = _digest(account), _digest(_network(address))
    if account and device:
        return (Bucket(f"device:{name}:{_digest(device)}", PAIR),)
    if not account:
        return (Bucket(f"address:{place}", ADDRESS),)
    return (
        Bucket(f"account:{name}", ACCOUNT),
        Bucket(f"address:{place}", ADDRESS),
        Bucket(f"pair:{name}:{place}", PAIR),
    )


class Throttle:
    """The counters of failed sign-ins in table `login_throttle`."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock
        self._pruned_at = datetime.min.replace(tzinfo=UTC)

    async def charge(self, buckets: Sequence[Bucket]) -> None:
        """Counts one try in each bucket, as a failure until `settle` says otherwise.

        Raises:
            TooManyLogins: one of them is blocked; nothing was counted.
        """
        now = self._clock()
        await self._prune(now)
        async with self._database.session() as session:
            # Looked at first without writing: a flood of refused tries must not fill the table with dead rows.
            await _refuse_blocked(session, buckets, now)
            # Always in the same order, so that parallel tries wait for each other's rows and never in a circle.
            for bucket in sorted(buckets, key=lambda bucket: bucket.key):
                row = (await session.execute(_counted(bucket, now))).one_or_none()
                if row is None:
                    await _refuse_blocked(session, buckets, now)
                    raise TooManyLogins(retry_after_s=1)  # blocked by a parallel try, and free again already
                wait = bucket.limit.wait_s(row.failures)
                await session.execute(
                    update(LoginThrottle)
                    .where(LoginThrottle.bucket == bucket.key)
                    .values(blocked_until=now + timedelta(seconds=wait) if wait else None)
                )

    async def settle(self, session: AsyncSession, buckets: Sequence[Bucket]) -> None:
        """Takes the charge of a right password back; counters of this account from this place start afresh."""
        for bucket in sorted(buckets, key=lambda bucket: bucket.key):
            if bucket.limit is PAIR:
                await session.execute(delete(LoginThrottle).where(LoginThrottle.bucket == bucket.key))
                continue
            # The block was set by this very try: a blocked bucket lets nobody through.
            await session.execute(
                update(LoginThrottle)
                .where(LoginThrottle.bucket == bucket.key)
                .values(failures=func.greatest(LoginThrottle.failures - 1, 0), blocked_until=None)
            )

    async def forget_account(self, session: AsyncSession, account: str) -> None:
        """Clears what is counted against one account, after its password was set anew."""
        name = _digest(account)
        ours = or_(
            LoginThrottle.bucket == f"account:{name}",
            LoginThrottle.bucket.startswith(f"pair:{name}:"),
            LoginThrottle.bucket.startswith(f"device:{name}:"),
        )
        keys = select(LoginThrottle.bucket).where(ours).order_by(LoginThrottle.bucket).with_for_update()
        await session.execute(
            delete(LoginThrottle).where(LoginThrottle.bucket.in_((await session.scalars(keys)).all()))
        )

    async def _prune(self, now: datetime) -> None:
        """Drops what no longer counts, at most once an hour."""
        if now - self._pruned_at < _PRUNE_EVERY:
            return
        self._pruned_at = now
        async with self._database.session() as session:
            stale = select(LoginThrottle.bucket).where(LoginThrottle.last_failure_at < now - FORGOTTEN_AFTER)
            rows = stale.with_for_update(skip_locked=True)
            await session.execute(delete(LoginThrottle).where(LoginThrottle.bucket.in_(rows)))


def _counted(bucket: Bucket, now: datetime) -> Any:
    """Adds one failure unless the bucket is blocked; no row comes back then."""
    row = LoginThrottle
    stale = row.last_failure_at < now - FORGOTTEN_AFTER
    return (
        insert(row)
        .values(bucket=bucket.key, failures=1, last_failure_at=now, blocked_until=None)
        .on_conflict_do_update(
            index_elements=[row.bucket],
            set_={"failures": case((stale, 1), else_=row.failures + 1), "last_failure_at": now},
            where=or_(row.blocked_until.is_(None), row.blocked_until <= now),
        )
        .returning(row.failures)
    )


async def _refuse_blocked(session: AsyncSession, buckets: Sequence[Bucket], now: datetime) -> None:
    """Raises TooManyLogins with the longest wait among the buckets, if one is blocked."""
    keys = [bucket.key for bucket in buckets]
    until = await session.scalar(
        select(func.max(LoginThrottle.blocked_until)).where(
            LoginThrottle.bucket.in_(keys), LoginThrottle.blocked_until > now
        )
    )
    if until is not None:
        raise TooManyLogins(retry_after_s=math.ceil((until - now).total_seconds()))


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:24]
