"""Starting and watching processes: ports, places, and when waiting ends. Nothing is started here."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.embedding_service import encoder_name
from backend.errors import (
    AddressUnusable,
    ModelNotOurs,
    NotReadyInTime,
    PortInUse,
    RuntimeFolderUnsafe,
    ServiceKeepsFailing,
)
from backend.settings import ServiceType, Settings, load
from backend.supervision import engines, places, ports, starting
from backend.supervision.daemon import Daemon, Service, ServiceState


class TestPorts:
    def test_a_free_port_may_be_used(self) -> None:
        ports.require_free("127.0.0.1", _free_port(), "--port N")

    def test_a_taken_port_is_told_with_its_owner_and_the_way_out(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(PortInUse) as caught:
            ports.require_free("127.0.0.1", server.getsockname()[1], "--port N")
        assert f"pid {os.getpid()}" in str(caught.value)
        assert "--port N" in str(caught.value)

    def test_the_owner_of_an_ipv6_port_is_found_too(self) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
            owner = ports.owner_of(server.getsockname()[1])
        assert owner is not None
        assert owner.pid == os.getpid()

    def test_nobody_owns_a_free_port(self) -> None:
        assert ports.owner_of(_free_port()) is None

    def test_an_address_of_another_machine_is_refused(self) -> None:
        with pytest.raises(AddressUnusable):
            ports.require_free("192.0.2.1", _free_port(), "--port N")  # RFC 5737: nobody's

    def test_taken_ports_are_passed_over(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = server.getsockname()[1]
            assert ports.next_free("127.0.0.1", taken) > taken


class TestPlaces:
    def test_a_short_path_keeps_the_socket_in_the_checkout(self, tmp_path: Path) -> None:
        checkout = Path("/tmp") / f"ondol-test-{os.getpid()}"
        try:
            assert places.socket_path(checkout) == checkout / "var/run/s"
            assert places.runtime_dir(checkout).stat().st_mode & 0o777 == 0o700
        finally:
            for folder in ("var/run", "var", ""):
                (checkout / folder).rmdir()

    def test_a_long_path_gets_a_private_folder_elsewhere(self, tmp_path: Path) -> None:
        deep = tmp_path / ("온돌" * 20) / "checkout"
        found = places.socket_path(deep)
        try:
            assert len(os.fsencode(f"{found}.1234567")) <= 103
            assert found.parent.stat().st_mode & 0o777 == 0o700
            assert found == places.socket_path(deep)
            assert found != places.socket_path(deep.with_name("other"))
        finally:
            found.parent.rmdir()
            places.runtime_dir(deep.with_name("other")).rmdir()

    def test_a_file_system_that_cannot_hold_a_socket_is_not_used_for_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "not on this volume")

        checkout = Path("/tmp") / f"ondol-test-{os.getpid()}v"
        with monkeypatch.context() as patch:
            patch.setattr(os, "link", refuse)
            found = places.runtime_dir(checkout)
        try:
            assert not found.is_relative_to(checkout)
            assert list((checkout / "var/run").iterdir()) == []
            assert places.runtime_dir(checkout) == checkout / "var/run"
        finally:
            found.rmdir()
            for folder in ("var/run", "var", ""):
                (checkout / folder).rmdir()

    def test_somebody_elses_link_is_not_followed(self, tmp_path: Path) -> None:
        deep = tmp_path / ("x" * 100)
        place = places.runtime_dir(deep)
        place.rmdir()
        place.symlink_to(tmp_path)
        try:
            with pytest.raises(RuntimeFolderUnsafe):
                places.runtime_dir(deep)
        finally:
            place.unlink()


class TestDaemon:
    def test_a_socket_left_behind_is_not_a_running_daemon(self, tmp_path: Path) -> None:
        left = tmp_path / "s"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(left))
        daemon = Daemon(left)
        assert not daemon.is_running()
        assert daemon.services() == []
        assert daemon.stop() is False

    def test_no_socket_is_no_daemon(self, tmp_path: Path) -> None:
        assert Daemon(tmp_path / "none").stop() is False


class TestPlan:
    def test_a_database_elsewhere_is_not_started_here(self) -> None:
        assert starting.planned(_settings()).database is True
        assert starting.planned(_settings(database_url=SecretStr("postgresql://x/y"))).database is False

    @pytest.mark.parametrize(
        "elsewhere", [{"llm_url": "http://gpu:8000"}, {"service_type": ServiceType.OLLAMA, "llm_model": "qwen"}]
    )
    def test_a_model_server_elsewhere_is_not_started_here(self, elsewhere: dict[str, object]) -> None:
        settings = _settings(**elsewhere)
        assert starting.planned(settings).llm_port is None
        assert starting.fetch_weights(settings) is True
        with pytest.raises(ModelNotOurs):
            starting.require_choosable_model(settings)

    def test_an_embedding_server_elsewhere_is_not_started_here(self) -> None:
        assert starting.planned(_settings(remote_embed_url="")).embed_port == 8001
        assert starting.planned(_settings(remote_embed_url="http://127.0.0.1:18001")).embed_port is None

    def test_without_a_wish_the_encoder_is_the_one_that_needs_no_gpu(self) -> None:
        assert encoder_name(load(_env_file=None)) == "use-multilingual-v3"
        assert encoder_name(load(_env_file=None, embedding_model="nlpai-lab/KURE-v1")) == "nlpai-lab/KURE-v1"

    def test_a_changed_secret_is_a_changed_setting(self) -> None:
        one, other = (starting.planned(_settings(hf_token=SecretStr(token))) for token in ("a", "b"))
        assert one.settings != other.settings
        assert one.code == other.code

    def test_what_was_chosen_before_is_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "quick_start.env"
        monkeypatch.setattr(starting, "choices_file", lambda: file)
        starting.remember(_settings(llm_model="smollm2-135m-instruct"), model=True, port=False)
        starting.remember(_settings(server_port=7999), model=False, port=True)
        assert file.read_text() == "GRADIO_SERVER_PORT=7999\nLLM_MODEL_NAME=smollm2-135m-instruct\n"

    @pytest.mark.parametrize(
        ("host", "url"),
        [
            ("127.0.0.1", "http://127.0.0.1:7"),
            ("0.0.0.0", "http://127.0.0.1:7"),
            ("::", "http://[::1]:7"),
            ("::1", "http://[::1]:7"),
        ],
    )
    def test_the_address_can_be_opened(self, host: str, url: str) -> None:
        assert _running(7, host).url == url


class TestWaiting:
    def test_a_service_that_keeps_ending_is_told_with_its_last_line(self, tmp_path: Path) -> None:
        log = tmp_path / "app.log"
        log.write_text("first\nImportError: no module\n")
        pids = iter(range(100, 200))
        daemon = _Services(lambda: [Service("app", ServiceState.RUNNING, next(pids), 0, log)])
        with pytest.raises(ServiceKeepsFailing, match="ImportError: no module"):
            list(starting.wait_until_ready(_running(_free_port()), daemon))

    def test_an_engine_that_ends_before_it_can_note_why_is_told(self, tmp_path: Path) -> None:
        log = tmp_path / "llm.log"
        log.write_text("MemoryError\n")
        pids = iter(range(100, 200))
        daemon = _Services(lambda: [Service("llm", ServiceState.BACKOFF, next(pids), 0, log)])
        with pytest.raises(ServiceKeepsFailing, match="MemoryError"):
            list(engines.wait_for_engine(_settings(data_dir=tmp_path), daemon))

    def test_nothing_is_waited_for_once_everything_was_stopped(self, tmp_path: Path) -> None:
        assert list(engines.wait_for_engine(_settings(data_dir=tmp_path), Daemon(tmp_path / "none"))) == []

    def test_waiting_ends(self, tmp_path: Path) -> None:
        daemon = _Services(lambda: [Service("app", ServiceState.RUNNING, 7, 0, tmp_path)])
        seconds = iter((0.0, 10.0, 400.0))
        waiting = starting.wait_until_ready(_running(_free_port()), daemon, deadline_s=300, clock=lambda: next(seconds))
        assert next(waiting) == {"app": "running"}
        with pytest.raises(NotReadyInTime, match="app: running"):
            next(waiting)


class _Services(Daemon):
    """A daemon that tells what the test wants."""

    def __init__(self, told: Callable[[], list[Service]]) -> None:
        self._told = told

    def services(self) -> list[Service]:
        return self._told()

    def is_running(self) -> bool:
        return True


def _settings(**values: object) -> Settings:
    return load(**{"llm_model": "", "llm_gguf": None, "database_url": SecretStr(""), **values})


def _running(port: int, host: str = "127.0.0.1") -> starting.Running:
    return starting.Running(host, port, None, True, "", "", "")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
