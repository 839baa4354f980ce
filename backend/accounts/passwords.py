"""Passwords: argon2id, computed in few threads, because each computation takes 64 MiB.

A flood of sign-ins must neither eat the memory nor stall the event loop: `WORKERS` computations run at once,
`MAX_WAITING` wait, and more are refused at once.
"""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import TooManyLogins, WeakPassword

MINIMUM_LENGTH = 8
MAXIMUM_LENGTH = 256
WORKERS = 2
MAX_WAITING = 32
T = TypeVar("T")
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: they are read wrong from a screen


class Passwords:
    """Hashes and checks passwords.

    Args:
        hasher: argon2 parameters; hashes made with others are still accepted and reported as outdated.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="argon2")
        self._waiting = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """The argon2id hash to store. Raises TooManyLogins when too many computations wait."""
        return await self._run(lambda: self._hasher.hash(_encoded(normalized(password))))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to `stored`; None, for an unknown user, costs the same work.

        Raises:
            TooManyLogins: too many computations wait already.
        """
        return await self._run(lambda: self._matches(stored, password))

    def outdated(self, stored: str) -> bool:
        """Whether `stored` was made with other parameters than today's."""
        try:
            return self._hasher.check_needs_rehash(stored)
        except InvalidHashError:
            return True

    def close(self) -> None:
        """Ends the threads; a running computation is finished in the background."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str | None, password: str) -> bool:
        if self._decoy is None:
            self._decoy = self._hasher.hash(secrets.token_urlsafe(16))
        if len(password) > 4 * MAXIMUM_LENGTH:  # one composed syllable may arrive as up to four characters
            stored, password = None, ""
        try:
            self._hasher.verify(stored or self._decoy, _encoded(normalized(password)))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    async def _run(self, compute: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise TooManyLogins(retry_after_s=3)
        self._waiting += 1
        # Counted down by the computation itself and not here: a caller that goes away leaves it running.
        future = asyncio.get_running_loop().run_in_executor(self._pool, compute)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # read, so that one nobody waits for any more is not reported as lost


def normalized(password: str) -> str:
    """The same text for the same keys: systems differ in how they compose Hangul syllables and accents."""
    return unicodedata.normalize("NFC", password)


def _encoded(password: str) -> bytes:
    """Bytes for any text a client can send, lone surrogates included."""
    return password.encode("utf-8", "surrogatepass")


def check_strength(password: str, username: str) -> None:
    """Raises WeakPassword for one that is too short, too long, or the name itself."""
    text = normalized(password)
    is_name = unicodedata.normalize("NFKC", text).casefold() == username
    if not MINIMUM_LENGTH <= len(text) <= MAXIMUM_LENGTH or is_name:
        raise WeakPassword(minimum=MINIMUM_LENGTH, maximum=MAXIMUM_LENGTH)


def generate() -> str:
    """A random password a person can type, such as `k7mq-4xwp-9hna-tz3e`: 79 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(4)) for _ in range(4))
