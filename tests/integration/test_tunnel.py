"""`deploy/tunnel.sh` with an `ssh` that forwards for real, but to servers of this machine."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import httpx2
import pytest

from backend.embedding_server import Config
from backend.settings import REPOSITORY, ServiceType, load
from tests.fixtures.embedding import HashEncoder, Serving, serving

SCRIPT = REPOSITORY / "deploy" / "tunnel.sh"
# Takes ssh's -L options and passes bytes on, with the pod's ports mapped to those of the servers here.
SSH = """#!{python}
import os, socket, sys, threading
with open({log!r}, "a") as log:
    log.write("\\t".join([str(os.getpid()), *sys.argv[1:]]) + "\\n")
if "refuse@pod" in sys.argv:
    sys.exit("Permission denied (publickey).")
def pour(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
def serve(server, port):
    while True:
        here, _ = server.accept()
        there = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=pour, args=(here, there), daemon=True).start()
        threading.Thread(target=pour, args=(there, here), daemon=True).start()
ports = {ports!r}
servers = []
for spec in (sys.argv[n + 1] for n, word in enumerate(sys.argv) if word == "-L"):
    _, port, _, remote = spec.split(":")
    servers.append((socket.create_server(("127.0.0.1", int(port))), ports[int(remote)]))
threads = [threading.Thread(target=serve, args=each, daemon=True) for each in servers]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


class Tunnel:
    """A running tunnel.sh."""

    def __init__(self, folder: Path, servers: dict[int, int], *options: str, host: str = "root@pod") -> None:
        self.log = folder / "ssh.log"
        program = folder / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(SSH.format(python=sys.executable, log=str(self.log), ports=servers))
        program.chmod(0o755)
        self.embed, self.llm = _free_port(), _free_port()
        ports = ["--embed-port", str(self.embed), "--llm-port", str(self.llm)]
        self.process = subprocess.Popen(
            [str(SCRIPT), host, "-p", "40022", *ports, *options],
            env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, wanted: str) -> str:
        """Reads until a line has the words; all that was read."""
        output: IO[str] | None = self.process.stdout
        assert output is not None
        read = ""
        for line in output:
            read += line
            if wanted in line:
                return read
        raise AssertionError(f"{wanted!r} never came:\n{read}")

    def connections(self) -> list[list[str]]:
        return [line.split("\t") for line in self.log.read_text().splitlines()]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def pod() -> Iterator[Serving]:
    with serving(Config(model="pod"), lambda _: HashEncoder()) as server:
        yield server


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Tunnel]]:
    tunnels: list[Tunnel] = []

    def open_one(servers: dict[int, int], *options: str, host: str = "root@pod") -> Tunnel:
        tunnels.append(Tunnel(tmp_path, servers, *options, host=host))
        return tunnels[-1]

    yield open_one
    for tunnel in tunnels:
        tunnel.stop()


def test_settings_are_shown_when_both_answer(
    pod: Serving, opened: Callable[..., Tunnel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel = opened({8001: pod.port, 8000: pod.port}, "-i", "/keys/pod key")
    told = tunnel.wait_for("Leave this open")
    lines = [line.strip() for line in told.splitlines() if re.match(r" +[A-Z_]+=", line)]
    assert lines == [
        f"REMOTE_EMBED_URL=http://127.0.0.1:{tunnel.embed}", "LLM_SERVICE_TYPE=vllm",
        f"VLLM_SERVER_URL=http://127.0.0.1:{tunnel.llm}", "LLM_API_KEY=",
    ]  # fmt: skip
    assert "cat var/secrets/llm_key" in told
    (tmp_path / ".env").write_text("\n".join(lines))
    for name in ("LLM_SERVICE_TYPE", "VLLM_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = load(_env_file=tmp_path / ".env")
    assert settings.service_type == ServiceType.VLLM and settings.llm_url == f"http://127.0.0.1:{tunnel.llm}"
    assert httpx2.get(f"http://127.0.0.1:{tunnel.embed}/health").json()["model"] == "pod"
    [[_, *arguments]] = tunnel.connections()
    line = " ".join(arguments)
    for option in ("ExitOnForwardFailure=yes", "ServerAliveInterval=15", "-N", "-p 40022", "-i /keys/pod key"):
        assert option in line
    assert f"127.0.0.1:{tunnel.embed}:127.0.0.1:8001" in arguments, "open to this machine only"
    assert f"127.0.0.1:{tunnel.llm}:127.0.0.1:8000" in arguments
    assert arguments[-1] == "root@pod"


def test_a_lost_connection_is_made_again(pod: Serving, opened: Callable[..., Tunnel]) -> None:
    tunnel = opened({8001: pod.port, 8000: pod.port})
    tunnel.wait_for("Leave this open")
    os.kill(int(tunnel.connections()[0][0]), signal.SIGKILL)
    tunnel.wait_for("connecting again in 1 s")
    tunnel.wait_for("embedding server: ready · language model: ready")
    assert len(tunnel.connections()) == 2
    assert httpx2.get(f"http://127.0.0.1:{tunnel.embed}/health").status_code == 200


def test_one_server_that_never_answers_is_not_waited_for_forever(pod: Serving, opened: Callable[..., Tunnel]) -> None:
    tunnel = opened({8001: pod.port, 8000: _free_port()}, "--wait", "1")
    told = tunnel.wait_for("Leave this open")
    assert re.search("embedding server: ready · language model: not ready yet", told)


def test_a_stop_leaves_no_connection(pod: Serving, opened: Callable[..., Tunnel]) -> None:
    tunnel = opened({8001: pod.port, 8000: pod.port})
    tunnel.wait_for("Leave this open")
    tunnel.stop()
    assert tunnel.process.returncode == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int(tunnel.connections()[0][0]), 0)


def test_a_connection_that_is_refused_ends_it(opened: Callable[..., Tunnel]) -> None:
    tunnel = opened({}, host="refuse@pod")
    told = tunnel.wait_for("check the address")
    assert "Permission denied" in told
    assert tunnel.process.wait(30) == 1


def test_a_port_in_use_is_told(pod: Serving, opened: Callable[..., Tunnel]) -> None:
    tunnel = opened({}, "--embed-port", str(pod.port))
    assert str(pod.port) in tunnel.wait_for("uses port")
    assert tunnel.process.wait(30) == 1


@pytest.mark.parametrize(
    "options", [[], ["-p", "22"], ["a@b", "-p"], ["a@b", "-p", "x"], ["a@b", "-p", "70000"], ["a@b", "c"], ["--x"]]
)
def test_wrong_use_shows_the_usage(options: list[str]) -> None:
    done = subprocess.run(
        [str(SCRIPT), *options], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "USER@HOST" in done.stderr


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
