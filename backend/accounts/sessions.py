"""Signed-in browsers: random tokens in a cookie, their SHA-256 in the database, so that a restart keeps them."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.accounts.identity import Identity
from backend.errors import Language, OndolError
from backend.store.database import Database
from backend.store.models import LoginSession, Role, User

COOKIE_CHARS = 43  # 32 random bytes in URL-safe base64
TOUCH_EVERY = timedelta(minutes=1)
_KEPT_AFTER_END = timedelta(days=30)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One signed-in browser, as its owner sees it."""

    id: UUID
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class Sessions:
    """Browser sessions in table `login_sessions`.

    Args:
        days: days a session lasts after it was last used.
    """

    def __init__(
        self, database: Database, days: int, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._lifetime = timedelta(days=days)
        self._clock = clock

    async def open(self, session: AsyncSession, user: User, address: str, user_agent: str) -> tuple[UUID, str]:
        """Adds a session within the transaction `session`: its id and the value for the cookie."""
        now = self._clock()
        token = secrets.token_urlsafe(32)
        row = LoginSession(
            user_id=user.id,
            token_hash=digest(token),
            address=printable(address, 64),
            user_agent=printable(user_agent, 300),
            created_at=now,
            last_seen_at=now,
            expires_at=now + self._lifetime,
        )
        session.add(row)
        await session.flush()
        await session.execute(delete(LoginSession).where(LoginSession.expires_at < now - _KEPT_AFTER_END))
        return row.id, token

    async def identify(self, token: str) -> Identity | None:
        """Whose session the cookie's value is; None when it is unknown, over, revoked or its user disabled.

        Raises:
            DatabaseUnavailable: nobody can be identified now.
        """
        if len(token) != COOKIE_CHARS:
            return None
        now = self._clock()
        async with self._database.session() as session:
            found = (
                await session.execute(
                    select(LoginSession, User)
                    .join(User, User.id == LoginSession.user_id)
                    .where(LoginSession.token_hash == digest(token), *_alive(now), User.disabled_at.is_(None))
                )
            ).one_or_none()
        if found is None:
            return None
        row, user = found
        if now - row.last_seen_at >= TOUCH_EVERY:
            await self._touch(row.id, now)
        return identity_of_user(user, session_id=row.id)

    async def list_of(self, user_id: UUID, current: UUID | None) -> list[SessionInfo]:
        """The live sessions of a user, the most recently used first."""
        async with self._database.session() as session:
            rows = await session.scalars(
                select(LoginSession)
                .where(LoginSession.user_id == user_id, *_alive(self._clock()))
                .order_by(LoginSession.last_seen_at.desc(), LoginSession.id)
            )
            return [
                SessionInfo(
                    row.id,
                    row.address,
                    row.user_agent,
                    row.created_at,
                    row.last_seen_at,
                    row.expires_at,
                    current=row.id == current,
                )
                for row in rows
            ]

    async def revoke(
        self, session: AsyncSession, user_id: UUID, only: UUID | None = None, keep: UUID | None = None
    ) -> int:
        """Ends all sessions of a user, or `only` one, or all but `keep`. Returns how many were live."""
        now = self._clock()
        statement = update(LoginSession).where(LoginSession.user_id == user_id, *_alive(now)).values(revoked_at=now)
        if only is not None:
            statement = statement.where(LoginSession.id == only)
        if keep is not None:
            statement = statement.where(LoginSession.id != keep)
        ended = await session.scalars(statement.returning(LoginSession.id))
        return len(ended.all())

    async def _touch(self, session_id: UUID, now: datetime) -> None:
        """Moves the expiry on. A full disk must not sign people out, so a failure here is only logged."""
        try:
            async with self._database.session() as session:
                await session.execute(
                    update(LoginSession)
                    .where(LoginSession.id == session_id, LoginSession.last_seen_at < now)
                    .values(last_seen_at=now, expires_at=now + self._lifetime)
                )
        except OndolError as error:
            _log.warning("session_not_extended", code=error.code)


def identity_of_user(
    user: User, session_id: UUID | None = None, scopes: frozenset[str] | None = None, role: Role | None = None
) -> Identity:
    """The identity of a stored user."""
    return Identity(
        user_id=user.id,
        username=user.username,
        role=role or Role(user.role),
        language=Language(user.language) if user.language else None,
        session_id=session_id,
        scopes=scopes,
        must_change_password=user.must_change_password,
    )


def digest(token: str) -> bytes:
    """SHA-256 of a random token. No salt or slow hash is needed: 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def printable(text: str, limit: int) -> str:
    """At most `limit` characters of `text` without control characters; PostgreSQL stores no NUL."""
    return "".join(character for character in text[:limit] if character.isprintable())


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (LoginSession.revoked_at.is_(None), LoginSession.expires_at > now)
