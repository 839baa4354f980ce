"""Who is asking: the answer every handler gets to "who is this, and what may they do?"."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from backend.errors import Language
from backend.store.models import Role


class Scope(StrEnum):
    """What an API token may be used for."""

    CHAT = "chat"  # send messages and receive answers
    READ = "read"  # list and read conversations, export them
    ADMIN = "admin"  # administer users, for tokens of admins


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person, or a program acting for one.

    Attributes:
        role: the role in force now. A token of an admin without the scope `admin` acts as an ordinary user,
            so that comparing `role` is always enough.
        language: the language chosen for the account, or None where none was chosen.
        session_id: the browser session, None for tokens.
        scopes: what a token allows; None for a browser session, which may do all its user may.
        must_change_password: the password was set by somebody else and has to be replaced first.
    """

    user_id: UUID
    username: str
    role: Role
    language: Language | None = None
    session_id: UUID | None = None
    scopes: frozenset[str] | None = None
    must_change_password: bool = False

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    def may(self, scope: Scope | str) -> bool:
        """Whether a route that asks for `scope` is open to this identity."""
        return self.scopes is None or str(scope) in self.scopes


CONSOLE = Identity(user_id=UUID(int=0), username="(console)", role=Role.ADMIN)
"""The operator at the machine's own shell, who can read the database anyway."""
