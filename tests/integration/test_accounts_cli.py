"""`python -m backend.accounts` as an operator runs it: in a process of its own, beside the running application."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.settings import REPOSITORY
from backend.store.database import Database
from tests.fixtures.accounts import PASSWORD, People


class Shell:
    def __init__(self, database_url: str, data_dir: Path) -> None:
        self.environment = {**os.environ, "DATABASE_URL": database_url, "DATA_DIR": str(data_dir)}

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "backend.accounts", *arguments]
        return subprocess.run(
            command, check=False, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=60
        )

    def output_of(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def refusal_of(self, *arguments: str, status: int = 1) -> str:
        done = self.run(*arguments)
        assert done.returncode == status
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.stderr


def url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def shell(people: People) -> Shell:
    people.clock.now = datetime.now(UTC)  # the other process has no clock but the machine's
    return Shell(url(people.database), people.settings.data_dir)


def password_in(output: str) -> str:
    (line,) = [line for line in output.splitlines() if line.startswith("Password: ")]
    return line.removeprefix("Password: ")


async def test_add_and_reset_print_a_password_that_works(people: People, shell: Shell) -> None:
    output = shell.output_of("add", "Helper", "--admin")
    assert "helper (admin)" in output
    identity, cookie = await people.service.login("helper", password_in(output), "127.0.0.1", "")
    assert identity.is_admin
    assert identity.must_change_password

    anew = password_in(shell.output_of("reset", "helper"))
    await people.service.login("helper", anew, "127.0.0.1", "")
    assert await people.restarted().identify_session(cookie) is None


async def test_changes_are_effective_in_the_running_application(people: People, shell: Shell) -> None:
    mina, cookie = await people.signed_in("mina")
    _, token = await people.service.create_token(mina, "report", ["read"])
    assert await people.service.identify_session(cookie)

    assert "report" in shell.output_of("tokens", "mina")
    assert token not in shell.output_of("tokens", "mina")
    assert "revoked: 1" in shell.output_of("tokens", "mina", "--revoke-all")
    assert "ended: 1" in shell.output_of("revoke-sessions", "mina")
    people.clock.advance(seconds=5)
    assert await people.service.identify_session(cookie) is None
    assert await people.service.identify_token(token) is None

    assert "admin" in shell.output_of("role", "mina", "admin")
    assert (await people.signed_in("mina"))[0].is_admin
    assert "disabled" in shell.output_of("disable", "mina")
    (line,) = [line for line in shell.output_of("list").splitlines() if line.startswith("mina")]
    assert "disabled" in line
    shell.output_of("enable", "mina")
    await people.signed_in("mina")


@pytest.mark.thorough
def test_refusals_say_why(people: People, shell: Shell) -> None:
    assert "no user called `nobody`" in shell.refusal_of("reset", "nobody")
    assert "taken" in shell.refusal_of("add", "MINA")
    assert "2 to 32" in shell.refusal_of("add", "a b")
    assert "last admin" in shell.refusal_of("disable", "root")
    assert "last admin" in shell.refusal_of("role", "root", "user")
    assert "invalid choice" in shell.refusal_of("role", "mina", "king", status=2)
    assert "usage" in shell.refusal_of(status=2)
    assert "usage" in shell.refusal_of("fly", status=2)


def test_absent_database_and_bad_configuration_are_explained(people: People, tmp_path: Path) -> None:
    gone = Shell(f"postgresql://ondol@/ondol?host={tmp_path}", tmp_path)
    assert "./quick_start.sh" in gone.refusal_of("list")
    wrong = Shell("mysql://localhost/x", tmp_path)
    assert "DATABASE_URL" in wrong.refusal_of("list", status=2)


def test_database_without_tables_is_explained(people: People, tmp_path: Path) -> None:
    bare = people.database.engine.url.set(database="postgres").render_as_string(hide_password=False)
    assert "Start Ondol once" in Shell(bare, tmp_path).refusal_of("list")


async def test_unused_password_of_the_fixture_is_not_printed(shell: Shell) -> None:
    assert PASSWORD not in shell.output_of("list")
