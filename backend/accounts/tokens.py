"""Personal API tokens, `ondol_…`: shown once, stored as SHA-256, limited to scopes, revocable."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.accounts.identity import Identity, Scope
from backend.accounts.sessions import TOUCH_EVERY, digest, identity_of_user
from backend.errors import InvalidToken, NotAllowed, OndolError, TooManyTokens
from backend.store.database import Database
from backend.store.models import ApiToken, Role, User

PREFIX = "ondol_"
MAX_TOKENS = 50
MAX_DAYS = 3650
_TOKEN_CHARS = len(PREFIX) + 43
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """One token, as its owner sees it. `prefix` is its beginning, to tell tokens apart."""

    id: UUID
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


class Tokens:
    """API tokens in table `api_tokens`."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self, owner: Identity, name: str, scopes: Collection[str], expires_in_days: int | None = None
    ) -> tuple[TokenInfo, str]:
        """Makes a token: what is known of it, and the secret, which cannot be read again.

        Raises:
            InvalidToken: name, scopes or days are out of range.
            NotAllowed: the scope `admin` for somebody who is no admin.
            TooManyTokens: the owner has `MAX_TOKENS` live ones.
        """
        name, wanted = _checked(name, scopes, expires_in_days)
        if Scope.ADMIN in wanted and not owner.is_admin:
            raise NotAllowed
        now = self._clock()
        secret = PREFIX + secrets.token_urlsafe(32)
        row = ApiToken(
            user_id=owner.user_id,
            name=name,
            prefix=secret[: len(PREFIX) + 6],
            token_hash=digest(secret),
            scopes=[str(scope) for scope in wanted],
            created_at=now,
            expires_at=None if expires_in_days is None else now + timedelta(days=expires_in_days),
        )
        async with self._database.session() as session:
            # The owner's row is locked, so that parallel requests cannot pass the limit together.
            await session.execute(select(User.id).where(User.id == owner.user_id).with_for_update())
            live = await session.scalar(
                select(func.count()).select_from(ApiToken).where(ApiToken.user_id == owner.user_id, *_alive(now))
            )
            if (live or 0) >= MAX_TOKENS:
                raise TooManyTokens(limit=MAX_TOKENS)
            session.add(row)
        return _info(row), secret

    async def identify(self, secret: str) -> Identity | None:
        """Whom a token acts for; None when it is unknown, over, revoked or its user disabled.

        Raises:
            DatabaseUnavailable: nobody can be identified now.
        """
        if len(secret) != _TOKEN_CHARS or not secret.startswith(PREFIX):
            return None
        now = self._clock()
        async with self._database.session() as session:
            found = (
                await session.execute(
                    select(ApiToken, User)
                    .join(User, User.id == ApiToken.user_id)
                    .where(ApiToken.token_hash == digest(secret), *_alive(now), User.disabled_at.is_(None))
                )
            ).one_or_none()
        if found is None:
            return None
        row, user = found
        if row.last_used_at is None or now - row.last_used_at >= TOUCH_EVERY:
            await self._touch(row.id, now)
        scopes = frozenset(row.scopes)
        role = Role(user.role) if Scope.ADMIN in scopes else Role.USER
        return identity_of_user(user, scopes=scopes, role=role)

    async def list_of(self, user_id: UUID) -> list[TokenInfo]:
        """The live tokens of a user, the newest first."""
        async with self._database.session() as session:
            rows = await session.scalars(
                select(ApiToken)
                .where(ApiToken.user_id == user_id, *_alive(self._clock()))
                .order_by(ApiToken.created_at.desc(), ApiToken.id)
            )
            return [_info(row) for row in rows]

    async def revoke(self, session: AsyncSession, user_id: UUID, only: UUID | None = None) -> int:
        """Ends all tokens of a user, or `only` one. Returns how many were live."""
        now = self._clock()
        statement = update(ApiToken).where(ApiToken.user_id == user_id, *_alive(now)).values(revoked_at=now)
        if only is not None:
            statement = statement.where(ApiToken.id == only)
        ended = await session.scalars(statement.returning(ApiToken.id))
        return len(ended.all())

    async def _touch(self, token_id: UUID, now: datetime) -> None:
        """Notes the use. A full disk must not refuse tokens, so a failure here is only logged."""
        try:
            async with self._database.session() as session:
                await session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=now))
        except OndolError as error:
            _log.warning("token_use_not_noted", code=error.code)


def _checked(name: str, scopes: Collection[str], days: int | None) -> tuple[str, tuple[Scope, ...]]:
    name = name.strip()
    if not 1 <= len(name) <= 64 or not name.isprintable() or not scopes:
        raise InvalidToken
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidToken
    try:
        wanted = {Scope(scope) for scope in scopes}
    except ValueError:
        raise InvalidToken from None
    return name, tuple(scope for scope in Scope if scope in wanted)


def _info(row: ApiToken) -> TokenInfo:
    known = tuple(scope for scope in Scope if scope in row.scopes)
    return TokenInfo(row.id, row.name, row.prefix, known, row.created_at, row.last_used_at, row.expires_at)


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now))
