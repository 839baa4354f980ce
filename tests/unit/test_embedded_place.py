"""Where the embedded server is looked for: a matter of paths alone."""

import os
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from backend.settings import ConfigurationError, load
from backend.store.database import url_of
from backend.store.embedded import EmbeddedServer, place, server_of


def server_in(data_dir: Path) -> EmbeddedServer:
    return server_of(load(data_dir=data_dir, database_url=""))


@pytest.mark.parametrize("name", ["plain", "with space", "온돌 하나", "100%&?#@:'\""])
def test_any_path_survives_the_way_through_the_url(name: str) -> None:
    folder = Path("/tmp") / name
    server = server_in(folder)
    url = make_url(server.url())
    assert (url.drivername, url.username, url.database) == ("postgresql+psycopg", "postgres", "ondol")
    assert url.query["host"] == str(server.socket_dir) == str(folder / "postgres")
    parsed = psycopg.conninfo.conninfo_to_dict(server.url().replace("+psycopg", ""))
    assert parsed["host"] == str(folder / "postgres")


@pytest.mark.parametrize("name", ["d" * 120, "온" * 40, "a,b"])
def test_a_path_that_cannot_be_a_socket_address_is_not_used_for_one(name: str) -> None:
    folder = Path("/tmp") / name
    server = server_in(folder)
    assert not server.socket_dir.is_relative_to(folder)
    assert len(os.fsencode(server.socket_dir / f".s.PGSQL.{server.port}")) <= 107
    assert "," not in str(server.socket_dir)


def test_looking_creates_nothing_and_always_finds_the_same(tmp_path: Path) -> None:
    assert server_in(tmp_path / "var") == server_in(tmp_path / "var")
    assert list(tmp_path.iterdir()) == []


def test_two_folders_have_two_servers(tmp_path: Path) -> None:
    one, other = server_in(tmp_path / "one"), server_in(tmp_path / "other")
    assert one.url() != other.url()
    assert one.name != other.name


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_of_ones_own_is_used_as_given(scheme: str) -> None:
    settings = load(database_url=f"{scheme}://me:pw@db.example:5433/mine?sslmode=require")
    assert url_of(settings) == "postgresql+psycopg://me:pw@db.example:5433/mine?sslmode=require"


def test_without_the_wheel_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    place._wheel.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match="DATABASE_URL"):
            server_in(tmp_path)
    finally:
        place._wheel.cache_clear()
