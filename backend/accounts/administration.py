"""What admins do to accounts. Every operation checks the acting person itself: a hidden button protects nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.accounts import passwords as password_rules
from backend.accounts import usernames
from backend.accounts.identities import IdentityCache
from backend.accounts.identity import Identity
from backend.accounts.passwords import Passwords
from backend.accounts.sessions import Sessions
from backend.accounts.throttle import Throttle
from backend.accounts.tokens import TokenInfo, Tokens
from backend.errors import InvalidUsername, Language, LastAdmin, NotAllowed, UnknownUser, UsernameTaken
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import Role, User

FIRST_ADMIN = "admin"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class UserInfo:
    """One account, as admins see it."""

    id: UUID
    username: str
    role: Role
    language: Language | None
    must_change_password: bool
    disabled_at: datetime | None
    last_login_at: datetime | None
    created_at: datetime


class Administration:
    """The part of `Accounts` for admins. All of it raises NotAllowed for anybody else."""

    _database: Database
    _settings: Settings
    _clock: Callable[[], datetime]
    _passwords: Passwords
    _throttle: Throttle
    _sessions: Sessions
    _tokens: Tokens
    _identities: IdentityCache

    @property
    def first_password_file(self) -> Path:
        """Holds the first admin's password until that is changed."""
        return self._settings.secrets_dir / "admin_password"

    async def list_users(self, acting: Identity) -> list[UserInfo]:
        """All accounts by name."""
        _admin(acting)
        async with self._database.session() as session:
            rows = await session.scalars(select(User).order_by(User.username))
            return [_info(row) for row in rows]

    async def create_user(self, acting: Identity, username: str, role: Role = Role.USER) -> tuple[UserInfo, str]:
        """Adds an account: what is known of it, and its first password, which has to be changed at first sign-in.

        Raises:
            InvalidUsername, UsernameTaken
        """
        _admin(acting)
        name = usernames.normalized(username)
        password = password_rules.generate()
        hashed = await self._passwords.hash(password)
        async with self._database.session() as session:
            row = await session.scalar(
                insert(User)
                .values(
                    username=name,
                    password_hash=hashed,
                    role=str(role),
                    must_change_password=True,
                    created_at=self._clock(),
                )
                .on_conflict_do_nothing(index_elements=[User.username])
                .returning(User)
            )
            if row is None:
                raise UsernameTaken(username=name)
            info = _info(row)
        _audit("user_created", acting, name, role=str(role))
        return info, password

    async def update_user(
        self, acting: Identity, username: str, role: Role | None = None, disabled: bool | None = None
    ) -> UserInfo:
        """Changes role and state of an account together; None leaves as it is.

        A disabled account cannot sign in; its sessions end and its tokens are revoked, both for good.

        Raises:
            UnknownUser: no such account.
            LastAdmin: nobody could administer Ondol any more; nothing was changed.
        """
        _admin(acting)
        async with self._database.session() as session:
            await _lock_admins(session)
            row = await _locked(session, username)
            was_admin = _administers(row)
            if role is not None:
                row.role = str(role)
            if disabled is False:
                row.disabled_at = None
            elif disabled:
                row.disabled_at = row.disabled_at or self._clock()
                await self._sessions.revoke(session, row.id)
                await self._tokens.revoke(session, row.id)
            if was_admin and not _administers(row):
                await _keep_an_admin(session, row)
            info = _info(row)
        self._identities.forget()
        _audit("user_updated", acting, info.username, role=str(info.role), disabled=info.disabled_at is not None)
        return info

    async def disable(self, acting: Identity, username: str) -> UserInfo:
        """Shuts an account: see `update_user`."""
        return await self.update_user(acting, username, disabled=True)

    async def enable(self, acting: Identity, username: str) -> UserInfo:
        """Opens a disabled account again, with the password it had. Raises UnknownUser."""
        return await self.update_user(acting, username, disabled=False)

    async def set_role(self, acting: Identity, username: str, role: Role) -> UserInfo:
        """Makes somebody an admin or an ordinary user. Raises UnknownUser, LastAdmin."""
        return await self.update_user(acting, username, role=role)

    async def reset_password(self, acting: Identity, username: str) -> str:
        """Gives an account a random password, to be changed at the next sign-in; its sessions end.

        Failed sign-ins counted against the account are forgotten. API tokens stay. Raises UnknownUser.
        """
        _admin(acting)
        password = password_rules.generate()
        hashed = await self._passwords.hash(password)
        async with self._database.session() as session:
            row = await _locked(session, username)
            row.password_hash = hashed
            row.must_change_password = True
            await self._sessions.revoke(session, row.id)
            await self._throttle.forget_account(session, row.username)
            name = row.username
        self._password_was_set(name)
        _audit("password_reset", acting, name)
        return password

    async def revoke_sessions_of(self, acting: Identity, username: str) -> int:
        """Signs somebody out everywhere; how many browsers that were. Raises UnknownUser."""
        _admin(acting)
        async with self._database.session() as session:
            row = await _locked(session, username)
            ended = await self._sessions.revoke(session, row.id)
        self._identities.forget()
        _audit("sessions_revoked", acting, row.username, ended=ended)
        return ended

    async def tokens_of(self, acting: Identity, username: str) -> list[TokenInfo]:
        """Somebody's live API tokens. Raises UnknownUser."""
        _admin(acting)
        async with self._database.session() as session:
            row = await _locked(session, username)
        return await self._tokens.list_of(row.id)

    async def revoke_tokens_of(self, acting: Identity, username: str) -> int:
        """Ends all API tokens of somebody; how many that were. Raises UnknownUser."""
        _admin(acting)
        async with self._database.session() as session:
            row = await _locked(session, username)
            ended = await self._tokens.revoke(session, row.id)
        self._identities.forget()
        _audit("tokens_revoked", acting, row.username, ended=ended)
        return ended

    def _password_was_set(self, username: str) -> None:
        """After a password was changed: what was known of it before no longer holds."""
        self._identities.forget()
        if username == FIRST_ADMIN:
            self.first_password_file.unlink(missing_ok=True)


def _admin(acting: Identity) -> None:
    if not acting.is_admin:
        raise NotAllowed


async def _locked(session: AsyncSession, username: str) -> User:
    """The account's row, locked to the end of the transaction. Raises UnknownUser."""
    try:
        name = usernames.normalized(username)
    except InvalidUsername:
        raise UnknownUser(username=username[:64]) from None
    row = await session.scalar(select(User).where(User.username == name).with_for_update())
    if row is None:
        raise UnknownUser(username=name)
    return row


async def _lock_admins(session: AsyncSession) -> None:
    """One change to the circle of admins at a time: two admins must not demote each other at once."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('ondol.admins'))"))


def _administers(row: User) -> bool:
    return row.role == Role.ADMIN and row.disabled_at is None


async def _keep_an_admin(session: AsyncSession, leaving: User) -> None:
    """Raises LastAdmin when no other account in use is an admin. Call with `_lock_admins` held."""
    others = select(func.count()).where(User.role == str(Role.ADMIN), User.disabled_at.is_(None), User.id != leaving.id)
    if not await session.scalar(others):
        raise LastAdmin


def _audit(event: str, acting: Identity, username: str, **details: object) -> None:
    _log.info(event, acting=acting.username, username=username, **details)


def _info(row: User) -> UserInfo:
    return UserInfo(
        id=row.id,
        username=row.username,
        role=Role(row.role),
        language=Language(row.language) if row.language else None,
        must_change_password=row.must_change_password,
        disabled_at=row.disabled_at,
        last_login_at=row.last_login_at,
        created_at=row.created_at,
    )
