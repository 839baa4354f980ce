"""The embedded server: started, stopped, killed at the worst moments, and run by root and by others."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from backend.store.embedded.place import SYSTEM_DIR
from tests.fixtures.database import RunningPostgres, open_folder

AS_ROOT = os.geteuid() == 0
STRANGER = pwd.getpwnam("nobody").pw_uid
NAMELESS = 54321  # a uid without an account, as containers like to use
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can start as root, or as somebody else")


def as_user(uid: int) -> tuple[str, ...]:
    """Starts a program as `uid`. The capability lets it read a Python that only root can reach."""
    capabilities = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *capabilities)


AS_STRANGER = as_user(STRANGER)


def until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout_s} s"
        time.sleep(0.01)


@pytest.fixture
def folder() -> Iterator[Path]:
    path = open_folder()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def fresh(folder: Path) -> Iterator[RunningPostgres]:
    """A server that has never been started."""
    server = RunningPostgres(folder)
    yield server
    server.stop()


def keep(server: RunningPostgres, text: str) -> None:
    with server.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def is_kept(server: RunningPostgres, text: str) -> bool:
    with server.connect() as connection:
        return connection.execute("SELECT 1 FROM kept WHERE text = %s", [text]).fetchone() is not None


def one(server: RunningPostgres, query: str) -> object:
    with server.connect() as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


def test_settings_are_those_of_a_safe_small_machine(mortal: RunningPostgres) -> None:
    expected = {"fsync": "on", "jit": "off", "listen_addresses": "", "TimeZone": "UTC", "data_checksums": "on"}
    assert {name: one(mortal, f"SHOW {name}") for name in expected} == expected
    assert (
        one(mortal, "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'ondol'") == "bC.UTF-8"
    )
    with mortal.connect() as connection:
        connection.execute("CREATE EXTENSION vector")
        assert connection.execute("SELECT '[3,4]'::vector <-> '[0,0]'::vector").fetchone() == (5.0,)
        connection.execute("DROP EXTENSION vector")


def test_only_the_owner_can_reach_data_and_socket(mortal: RunningPostgres) -> None:
    for path in (mortal.server.base, mortal.server.cluster):
        assert path.stat().st_mode & 0o777 == 0o700
    socket = mortal.server.socket_dir / f".s.PGSQL.{mortal.server.port}"
    assert socket.stat().st_mode & 0o777 == 0o700


def test_data_outlives_a_stop(mortal: RunningPostgres) -> None:
    keep(mortal, "stopped")
    assert mortal.stop() == 0
    mortal.start()
    assert is_kept(mortal, "stopped")


def test_a_killed_server_starts_again_with_its_data(mortal: RunningPostgres) -> None:
    for attempt in range(3):
        keep(mortal, f"killed {attempt}")
        mortal.kill()
        mortal.start()
        assert is_kept(mortal, f"killed {attempt}")


def test_a_busy_backend_of_a_killed_server_does_not_block_the_next(mortal: RunningPostgres) -> None:
    busy = mortal.connect()
    backend = busy.info.backend_pid

    def work() -> None:
        with contextlib.suppress(psycopg.Error):
            busy.execute("SELECT count(*) FROM generate_series(1, 100000000000) AS n WHERE n % 2 = 0")

    worker = threading.Thread(target=work)
    worker.start()
    until(
        lambda: one(mortal, f"SELECT state = 'active' FROM pg_stat_activity WHERE pid = {backend}"),
        "the query's beginning",
    )
    mortal.kill()
    mortal.start()
    worker.join(60)
    until(lambda: not Path(f"/proc/{backend}").exists(), "the end of the old backend")
    busy.close()


def test_a_killed_backend_does_not_end_the_server(mortal: RunningPostgres) -> None:
    victim = mortal.connect()
    os.kill(victim.info.backend_pid, signal.SIGKILL)

    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            return one(mortal, "SELECT 1") == 1
        return False

    until(answers, "recovery")
    with pytest.raises(psycopg.OperationalError):
        victim.execute("SELECT 1")


def test_a_second_server_is_refused(mortal: RunningPostgres) -> None:
    second = mortal.run()
    assert second.returncode == 3
    assert f"process {mortal.pid}" in second.stderr
    assert "already running" in second.stderr
    assert one(mortal, "SELECT 1") == 1


def test_two_first_starts_at_once_give_one_server(fresh: RunningPostgres) -> None:
    other = RunningPostgres(fresh.settings.data_dir)
    processes = [fresh.launch(), other.launch()]
    try:
        until(lambda: any(process.poll() is not None for process in processes), "the end of one")
        assert {process.poll() for process in processes} == {3, None}, fresh.log()
        until(lambda: "ready to accept connections" in fresh.log(), "the other's start")
        assert one(fresh, "SELECT 1") == 1
    finally:
        other.stop()


@pytest.mark.parametrize(
    "landmark", ["lock", "cluster.new/base", "cluster.new/PG_VERSION", "cluster.new/global/pg_control"]
)
def test_a_first_start_cut_short_leaves_nothing_in_the_way(fresh: RunningPostgres, landmark: str) -> None:
    process = fresh.launch()
    until((fresh.server.base / landmark).exists, landmark)
    process.kill()
    process.wait(60)
    assert not fresh.server.cluster.exists()
    fresh.start()
    assert one(fresh, "SELECT current_database()") == "ondol"
    assert not (fresh.server.base / "cluster.new").exists()


def test_a_process_id_that_is_used_again_is_not_taken_for_a_server(mortal: RunningPostgres) -> None:
    keep(mortal, "before")
    mortal.kill()
    lock_files = (
        mortal.server.cluster / "postmaster.pid",
        mortal.server.socket_dir / f".s.PGSQL.{mortal.server.port}.lock",
    )
    # A process of the server's own account: that is the one PostgreSQL would believe in.
    account = mortal.server.cluster.stat().st_uid
    other = subprocess.Popen(["sleep", "1000"], user=account) if AS_ROOT else subprocess.Popen(["sleep", "1000"])
    try:
        for path in lock_files:
            path.write_text(path.read_text().replace(str(mortal.pid), str(other.pid), 1))
        mortal.start()
    finally:
        other.kill()
        other.wait(60)
    assert is_kept(mortal, "before")


def test_data_of_another_version_is_refused_and_left_alone(mortal: RunningPostgres) -> None:
    mortal.stop()
    version = mortal.server.cluster / "PG_VERSION"
    ours = version.read_text()
    try:
        version.write_text("17\n")
        refused = mortal.run()
    finally:
        version.write_text(ours)
    assert refused.returncode == 4
    assert "PostgreSQL 17" in refused.stderr
    assert "docs/database.md" in refused.stderr
    mortal.start()


def test_a_folder_that_is_no_database_is_refused(fresh: RunningPostgres) -> None:
    fresh.start()
    fresh.stop()
    (fresh.server.cluster / "PG_VERSION").unlink()
    refused = fresh.run()
    assert refused.returncode == 1
    assert "is not a database" in refused.stderr


def test_what_people_write_stays_out_of_the_log(mortal: RunningPostgres) -> None:
    with mortal.connect() as connection:
        connection.execute("CREATE TABLE private (text text PRIMARY KEY)")
        for _ in range(2):
            with contextlib.suppress(psycopg.IntegrityError):
                connection.execute("INSERT INTO private VALUES (%s)", ["my secret"])
        with contextlib.suppress(psycopg.Error):
            connection.execute("SELECT my_secret_column FROM private WHERE text = 'my secret'")
    until(lambda: "duplicate key" in mortal.log(), "the log line")
    assert "my secret" not in mortal.log()


def test_the_server_does_not_get_our_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "rp-secret")
    server = RunningPostgres(folder)
    server.start()
    try:
        assert b"rp-secret" not in Path(f"/proc/{server.pid}/environ").read_bytes()
    finally:
        server.stop()


def parent_of(server: RunningPostgres) -> "tuple[subprocess.Popen[str], int]":
    """A supervisor that knows no better than to start the server and wait for it. Returns it and the server's pid."""
    code = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); p.wait()"
    with server.log_path.open("ab") as log:
        parent = subprocess.Popen(
            [sys.executable, "-c", code, *server.command],
            env=server.environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert parent.stdout is not None
    with parent.stdout:
        return parent, int(parent.stdout.readline())


@pytest.mark.parametrize("landmark", ["postgres/cluster.new", "postgres/cluster/postmaster.pid"])
def test_the_death_of_the_parent_takes_it_along(fresh: RunningPostgres, landmark: str) -> None:
    parent, pid = parent_of(fresh)
    until((fresh.settings.data_dir / landmark).exists, "the start")
    parent.kill()
    parent.wait(60)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the server's end")
    fresh.start()
    assert "not properly shut down" not in fresh.log()


def test_check_says_where_things_are(mortal: RunningPostgres) -> None:
    told = mortal.run("--check")
    assert told.returncode == 0
    assert str(mortal.server.cluster) in told.stdout


# --- root and others ------------------------------------------------------------------------------------------


@needs_root
def test_root_lends_it_an_account(mortal: RunningPostgres) -> None:
    assert Path(f"/proc/{mortal.pid}").stat().st_uid not in (0, STRANGER)
    assert mortal.server.base == mortal.settings.data_dir / "postgres"
    groups = [line for line in Path(f"/proc/{mortal.pid}/status").read_text().splitlines() if line.startswith("Groups")]
    assert groups[0].split() == ["Groups:"]


@pytest.fixture
def apart(folder: Path) -> Iterator[Callable[[Path], RunningPostgres]]:
    """Servers whose data goes to the system's folder, which is cleaned afterwards."""
    servers: list[RunningPostgres] = []

    def make(data_dir: Path) -> RunningPostgres:
        data_dir.mkdir(parents=True, exist_ok=True)
        servers.append(RunningPostgres(data_dir))
        return servers[-1]

    yield make
    for server in servers:
        base = server.server.base
        server.stop()
        assert base.is_relative_to(SYSTEM_DIR)
        shutil.rmtree(base.parent)


@needs_root
def test_data_moves_to_where_the_account_can_reach_it(folder: Path, apart: Callable[[Path], RunningPostgres]) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    server = apart(private / "var")
    server.start()
    assert server.server.base.is_relative_to(SYSTEM_DIR)
    keep(server, "apart")
    server.kill()
    private.chmod(0o755)  # reachable now, but the data is where it is
    server.start()
    assert is_kept(server, "apart")


@needs_root
def test_root_leaves_a_path_that_is_too_long_for_a_socket(
    folder: Path, apart: Callable[[Path], RunningPostgres]
) -> None:
    server = apart(folder / ("d" * 120))
    server.start()
    assert one(server, "SELECT 1") == 1


@needs_root
def test_programs_only_root_can_reach_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = RunningPostgres(folder).server.wheel.parent
    private = folder / "venv"
    private.mkdir(mode=0o700)
    for source in (installed, installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(source, private / source.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    monkeypatch.setenv("PYTHONPATH", str(private))
    server = RunningPostgres(folder)
    programs = Path(json.loads(server.run("--check").stdout)["programs"])
    copy = SYSTEM_DIR / programs.relative_to(SYSTEM_DIR).parts[0]
    try:
        for _ in range(2):
            server.start()
            assert Path(f"/proc/{server.pid}/exe").readlink() == programs / "bin" / "postgres"
            assert server.stop() == 0
        assert [entry.name for entry in copy.iterdir()] == [programs.parts[-3]], "an unfinished copy was left"
    finally:
        server.stop()
        shutil.rmtree(copy)


@pytest.fixture
def strangers(folder: Path) -> Iterator[RunningPostgres]:
    """The server of an ordinary user."""
    os.chown(folder, STRANGER, STRANGER)
    server = RunningPostgres(folder, AS_STRANGER)
    yield server
    server.stop()


@needs_root
def test_an_ordinary_user_runs_it_as_themself(strangers: RunningPostgres) -> None:
    strangers.start()
    assert Path(f"/proc/{strangers.pid}").stat().st_uid == STRANGER
    keep(strangers, "theirs")
    strangers.kill()
    strangers.start()
    assert is_kept(strangers, "theirs")
    assert strangers.run().returncode == 3
    strangers.stop()
    as_root = RunningPostgres(strangers.settings.data_dir)
    as_root.start()  # root goes on as the user the data belongs to
    try:
        assert Path(f"/proc/{as_root.pid}").stat().st_uid == STRANGER
        assert is_kept(as_root, "theirs")
    finally:
        as_root.stop()


@needs_root
def test_a_uid_without_an_account_is_told_what_is_missing(folder: Path) -> None:
    os.chown(folder, NAMELESS, NAMELESS)
    refused = RunningPostgres(folder, as_user(NAMELESS)).run()
    assert refused.returncode == 6
    assert f"user {NAMELESS}" in refused.stderr
    assert "/etc/passwd" in refused.stderr


@needs_root
def test_the_data_of_somebody_else_is_refused(mortal: RunningPostgres) -> None:
    refused = RunningPostgres(mortal.settings.data_dir, AS_STRANGER).run()
    assert refused.returncode == 2
    assert "belongs to user" in refused.stderr


@needs_root
def test_the_death_of_the_parent_takes_an_ordinary_users_along(strangers: RunningPostgres) -> None:
    parent, pid = parent_of(strangers)
    until((strangers.server.cluster / "postmaster.pid").exists, "the start")
    parent.kill()
    parent.wait(60)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the server's end")


@needs_root
def test_a_long_path_puts_the_socket_into_a_private_short_folder(folder: Path) -> None:
    deep = folder / ("d" * 120)
    (deep / "postgres").mkdir(parents=True)
    for path in (deep, deep / "postgres"):
        os.chown(path, STRANGER, STRANGER)
    server = RunningPostgres(deep, AS_STRANGER)
    socket_dir = server.server.socket_dir
    assert socket_dir.parent == Path("/tmp")
    try:
        socket_dir.mkdir()  # root's, that is: somebody else's
        refused = server.run()
        assert refused.returncode == 6
        assert str(socket_dir) in refused.stderr
        socket_dir.rmdir()

        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        os.chown(elsewhere, STRANGER, STRANGER)
        socket_dir.symlink_to(elsewhere)
        assert server.run().returncode == 6
        socket_dir.unlink()

        server.start()
        assert one(server, "SELECT 1") == 1
        assert socket_dir.stat().st_mode & 0o777 == 0o700
        assert socket_dir.stat().st_uid == STRANGER
    finally:
        server.stop()
        if socket_dir.is_dir():
            shutil.rmtree(socket_dir)
