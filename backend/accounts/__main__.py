"""`python -m backend.accounts`: accounts from the shell of the machine, on the running database.

The way back in when nobody knows a password any more.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from backend.accounts.administration import UserInfo
from backend.accounts.identity import CONSOLE
from backend.accounts.service import Accounts
from backend.accounts.tokens import TokenInfo
from backend.errors import DatabaseUnavailable, OndolError
from backend.settings import ConfigurationError, load
from backend.store.database import Database, url_of
from backend.store.models import Role

FAILED = 1
WRONG_USE = 2  # argparse's own status for a command line it does not understand


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0 done, 1 refused or failed, 2 wrong use or configuration."""
    given = _parser().parse_args(arguments)
    # The result goes to stdout, where scripts read it; log lines must not mix with it.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        asyncio.run(_with_accounts(given))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except DatabaseUnavailable:
        print("The database cannot be reached. Start Ondol with ./quick_start.sh, then try again.", file=sys.stderr)
        return FAILED
    except OndolError as error:
        print(error, file=sys.stderr)
        return FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.accounts", description="Accounts of the running Ondol.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="all accounts")
    add = commands.add_parser("add", help="add an account; prints its first password once")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--admin", action="store_true", help="make it an admin")
    for command, meaning in (
        ("disable", "shut an account, sign it out everywhere and revoke its tokens"),
        ("enable", "open a disabled account again"),
        ("reset", "set a new random password, printed once, and sign the account out everywhere"),
        ("revoke-sessions", "sign an account out everywhere"),
    ):
        commands.add_parser(command, help=meaning).add_argument("name", metavar="NAME")
    role = commands.add_parser("role", help="make somebody an admin or an ordinary user")
    role.add_argument("name", metavar="NAME")
    role.add_argument("role", choices=[str(role) for role in Role])
    tokens = commands.add_parser("tokens", help="the API tokens of an account")
    tokens.add_argument("name", metavar="NAME")
    tokens.add_argument("--revoke-all", action="store_true", help="revoke all of them")
    return parser


async def _with_accounts(given: argparse.Namespace) -> None:
    settings = load()
    database = Database(url_of(settings), pool_size=1)
    accounts = Accounts(database, settings)
    try:
        await database.ping()
        if not await database.schema_is_current():
            raise SystemExit("The database has no tables yet, or old ones. Start Ondol once: it updates them.")
        await _run(given, accounts)
    finally:
        accounts.close()
        await database.close()


async def _run(given: argparse.Namespace, accounts: Accounts) -> None:
    match given.command:
        case "list":
            _print_users(await accounts.list_users(CONSOLE))
        case "add":
            user, password = await accounts.create_user(CONSOLE, given.name, Role.ADMIN if given.admin else Role.USER)
            print(f"Added {user.username} ({user.role}).")
            _print_password(password)
        case "disable":
            user = await accounts.disable(CONSOLE, given.name)
            print(f"{user.username} is disabled, signed out, and its tokens are revoked.")
        case "enable":
            user = await accounts.enable(CONSOLE, given.name)
            print(f"{user.username} is enabled.")
        case "reset":
            _print_password(await accounts.reset_password(CONSOLE, given.name))
        case "role":
            user = await accounts.set_role(CONSOLE, given.name, Role(given.role))
            print(f"{user.username} is {user.role} now.")
        case "revoke-sessions":
            print(f"Sessions ended: {await accounts.revoke_sessions_of(CONSOLE, given.name)}.")
        case "tokens" if given.revoke_all:
            print(f"Tokens revoked: {await accounts.revoke_tokens_of(CONSOLE, given.name)}.")
        case "tokens":
            _print_tokens(await accounts.tokens_of(CONSOLE, given.name))


def _print_password(password: str) -> None:
    print(f"Password: {password}")
    print("It is not shown again, and has to be changed at the next sign-in.")


def _print_users(users: list[UserInfo]) -> None:
    rows = [
        (user.username, str(user.role), "disabled" if user.disabled_at else "active", _time(user.last_login_at))
        for user in users
    ]
    _print_table(("NAME", "ROLE", "STATE", "LAST SIGN-IN (UTC)"), rows)


def _print_tokens(tokens: list[TokenInfo]) -> None:
    rows = [
        (f"{token.prefix}…", token.name, ",".join(token.scopes), _time(token.last_used_at), _time(token.expires_at))
        for token in tokens
    ]
    _print_table(("TOKEN", "NAME", "SCOPES", "LAST USED (UTC)", "EXPIRES (UTC)"), rows)


def _print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if moment else "never"


if __name__ == "__main__":
    sys.exit(main())
