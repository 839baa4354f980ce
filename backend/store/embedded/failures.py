"""Why the embedded server did not start. The exit status tells a supervisor or a script which it was."""

from typing import ClassVar


class EmbeddedServerError(Exception):
    """The server cannot start; the message says why and what to do."""

    exit_status: ClassVar[int] = 1


class AlreadyRunningError(EmbeddedServerError):
    """Another server uses the same data."""

    exit_status = 3


class WrongVersionError(EmbeddedServerError):
    """The data was made by another major version of PostgreSQL."""

    exit_status = 4


class DiskFullError(EmbeddedServerError):
    """There is no room to start in."""

    exit_status = 5


class AccountError(EmbeddedServerError):
    """The server has no account to run as, or its account cannot reach the data."""

    exit_status = 6
