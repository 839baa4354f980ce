"""Accounts: signing in and out, and what a person may do with their own account.

`Accounts` is what the rest of Ondol talks to. What admins do to other people's accounts is in
`backend.accounts.administration`, which it inherits.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import func, select, text, update

from backend.accounts import passwords as password_rules
from backend.accounts import usernames
from backend.accounts.administration import FIRST_ADMIN, Administration
from backend.accounts.identities import IdentityCache
from backend.accounts.identity import Identity
from backend.accounts.passwords import Passwords
from backend.accounts.sessions import SessionInfo, Sessions, identity_of_user
from backend.accounts.throttle import PAIR, Bucket, Throttle, buckets_of
from backend.accounts.tokens import TokenInfo, Tokens
from backend.errors import (
    AccountDisabled,
    InvalidUsername,
    Language,
    NotAllowed,
    PasswordUnchanged,
    UnknownSession,
    UnknownToken,
    WrongPassword,
)
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import Role, User

_log = structlog.get_logger()


class Accounts(Administration):
    """People, their sessions and their tokens.

    Args:
        database: where they are stored.
        settings: `session_days`, and `data_dir` for the first password.
        clock: the present time, aware and in UTC.
        passwords: hashing with other parameters than the default ones.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        passwords: Passwords | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._throttle = Throttle(database, clock)
        self._sessions = Sessions(database, settings.session_days, clock)
        self._tokens = Tokens(database, clock)
        self._identities = IdentityCache(clock)

    def close(self) -> None:
        """Ends the hashing threads. The database is closed by who opened it."""
        self._passwords.close()

    # --- the first start ------------------------------------------------------------------------------------

    async def ensure_first_admin(self) -> Path | None:
        """Makes the user `admin` in an empty database; the file with its password, or None when there are users.

        Several processes may call it at once.
        """
        if await self._has_users():
            return None
        password = password_rules.generate()
        hashed = await self._passwords.hash(password)
        async with self._database.session() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('ondol.first_admin'))"))
            if await session.scalar(select(func.count()).select_from(User)):
                return None
            # Before the commit: a crash in between leaves a useless file, and not an account nobody can open.
            _write_private(self.first_password_file, password + "\n")
            session.add(User(username=FIRST_ADMIN, password_hash=hashed, role=Role.ADMIN, created_at=self._clock()))
        _log.info("first_admin_created", password_file=str(self.first_password_file))
        return self.first_password_file

    async def _has_users(self) -> bool:
        async with self._database.session() as session:
            return bool(await session.scalar(select(User.id).limit(1)))

    # --- signing in and out ---------------------------------------------------------------------------------

    async def login(
        self, username: str, password: str, address: str, user_agent: str, device: str = ""
    ) -> tuple[Identity, str]:
        """Opens a session: who it is, and the value for the session cookie.

        Args:
            device: the mark this browser got from `device_mark` at an earlier sign-in, or empty.

        Raises:
            WrongPassword: no such user, or not their password; which of the two is not told.
            TooManyLogins: too many failures before; `retry_after_s` tells how long to wait.
            AccountDisabled: the password is right, but the account is disabled.
        """
        name = _name_or_nothing(username)
        buckets = buckets_of(name, address, device if self._is_marked(name, device) else "")
        await self._throttle.charge(buckets)
        async with self._database.session() as session:
            user = await session.scalar(select(User).where(User.username == name))
        stored = user.password_hash if user else None
        if not await self._passwords.verify(stored, password) or user is None or stored is None:
            _log.info("login_failed", address=address, known_user=user is not None)
            raise WrongPassword
        renewed = await self._passwords.hash(password) if self._passwords.outdated(stored) else stored
        async with self._database.session() as session:
            # Read again under a lock: meanwhile the account may have been disabled or given another password.
            row = await session.get(User, user.id, with_for_update=True)
            if row is None or row.password_hash != stored:
                raise WrongPassword
            await self._throttle.settle(session, buckets)
            disabled = row.disabled_at is not None
            if not disabled:
                row.password_hash = renewed
                row.last_login_at = self._clock()
                session_id, cookie = await self._sessions.open(session, row, address, user_agent)
        if disabled:
            raise AccountDisabled
        _log.info("login", user_id=str(row.id), address=address)
        return identity_of_user(row, session_id=session_id), cookie

    def device_mark(self, username: str) -> str:
        """A value for a long-lived cookie, which says that this browser has signed in as `username` before.

        It opens nothing. It only lets a person try the password while strangers are being slowed down.
        """
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._signature(usernames.normalized(username), nonce)}"

    async def identify_session(self, cookie: str) -> Identity | None:
        """Whose session it is, or None. Raises DatabaseUnavailable when that cannot be found out now."""
        return await self._identities.get(cookie, self._sessions.identify)

    async def identify_token(self, bearer: str) -> Identity | None:
        """Whom an API token acts for, or None. Raises DatabaseUnavailable when that cannot be found out now."""
        return await self._identities.get(bearer, self._tokens.identify)

    async def logout(self, identity: Identity) -> None:
        """Ends the session the identity came from; nothing for a token."""
        if identity.session_id is not None:
            async with self._database.session() as session:
                await self._sessions.revoke(session, identity.user_id, only=identity.session_id)
            self._identities.forget()

    # --- one's own account ----------------------------------------------------------------------------------

    async def change_password(self, identity: Identity, current: str, new: str) -> None:
        """Sets a new password and ends all other sessions of the person. API tokens stay.

        Raises:
            NotAllowed: asked with an API token.
            WrongPassword: `current` is not the present password.
            TooManyLogins: it was wrong too often.
            WeakPassword, PasswordUnchanged: `new` will not do.
        """
        _in_person(identity)
        password_rules.check_strength(new, identity.username)
        buckets = (Bucket(f"change:{identity.user_id}", PAIR),)
        await self._throttle.charge(buckets)
        async with self._database.session() as session:
            user = await session.get(User, identity.user_id)
        stored = user.password_hash if user else None
        if not await self._passwords.verify(stored, current):
            raise WrongPassword
        if password_rules.normalized(current) == password_rules.normalized(new):
            async with self._database.session() as session:
                await self._throttle.settle(session, buckets)
            raise PasswordUnchanged
        hashed = await self._passwords.hash(new)
        async with self._database.session() as session:
            row = await session.get(User, identity.user_id, with_for_update=True)
            if row is None or row.password_hash != stored:
                raise WrongPassword
            row.password_hash = hashed
            row.must_change_password = False
            await self._throttle.settle(session, buckets)
            await self._sessions.revoke(session, row.id, keep=identity.session_id)
        self._password_was_set(identity.username)
        _log.info("password_changed", user_id=str(identity.user_id))

    async def set_language(self, identity: Identity, language: Language | None) -> None:
        """Keeps the language of the interface with the account; None: the browser's."""
        _in_person(identity)
        async with self._database.session() as session:
            await session.execute(
                update(User).where(User.id == identity.user_id).values(language=str(language) if language else None)
            )
        self._identities.forget()

    async def list_sessions(self, identity: Identity) -> list[SessionInfo]:
        """One's own signed-in browsers, the most recently used first."""
        return await self._sessions.list_of(identity.user_id, identity.session_id)

    async def revoke_session(self, identity: Identity, session_id: UUID) -> None:
        """Signs one of one's own browsers out. Raises NotAllowed for a token, UnknownSession."""
        _in_person(identity)
        async with self._database.session() as session:
            if not await self._sessions.revoke(session, identity.user_id, only=session_id):
                raise UnknownSession
        self._identities.forget()

    async def revoke_other_sessions(self, identity: Identity) -> int:
        """Signs all of one's other browsers out; how many there were. Raises NotAllowed for a token."""
        _in_person(identity)
        async with self._database.session() as session:
            ended = await self._sessions.revoke(session, identity.user_id, keep=identity.session_id)
        self._identities.forget()
        return ended

    async def create_token(
        self, identity: Identity, name: str, scopes: Collection[str], expires_in_days: int | None = None
    ) -> tuple[TokenInfo, str]:
        """Makes an API token: what is known of it, and its secret, which is never shown again.

        Raises:
            NotAllowed: asked with a token (it could widen its own scopes), or scope `admin` for a user.
            InvalidToken, TooManyTokens: see `Tokens.create`.
        """
        _in_person(identity)
        info, secret = await self._tokens.create(identity, name, scopes, expires_in_days)
        _log.info("token_created", user_id=str(identity.user_id), token_id=str(info.id), scopes=list(info.scopes))
        return info, secret

    async def list_tokens(self, identity: Identity) -> list[TokenInfo]:
        """One's own live tokens, the newest first."""
        return await self._tokens.list_of(identity.user_id)

    async def revoke_token(self, identity: Identity, token_id: UUID) -> None:
        """Ends one of one's own tokens. Raises NotAllowed for a token, UnknownToken."""
        _in_person(identity)
        async with self._database.session() as session:
            if not await self._tokens.revoke(session, identity.user_id, only=token_id):
                raise UnknownToken
        self._identities.forget()

    # --- inside ---------------------------------------------------------------------------------------------

    def _is_marked(self, name: str, device: str) -> bool:
        nonce, _, signature = device.partition(".")
        if not name or not signature or not device.isascii():
            return False
        return hmac.compare_digest(self._signature(name, nonce), signature)

    def _signature(self, name: str, nonce: str) -> str:
        key = self._settings.local_secret("device_key").encode()
        return hmac.new(key, f"{nonce}:{name}".encode(), hashlib.sha256).hexdigest()


def _in_person(identity: Identity) -> None:
    """Raises NotAllowed for a token: what it may do was decided when it was made."""
    if identity.session_id is None:
        raise NotAllowed


def _name_or_nothing(username: str) -> str:
    try:
        return usernames.normalized(username)
    except InvalidUsername:
        return ""


def _write_private(path: Path, content: str) -> None:
    """Writes a file only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(path)
