"""Process 1 of the pod image: it stays when a start fails, says why on the page's port, and ends when asked to."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from backend.settings import REPOSITORY
from tests.fixtures.checkout import DEADLINE_S, free_port

# Fails as often as `failures` has lines, then stays until it is told to stop; `stops` counts the calls to stop.
QUICK_START = """#!/bin/sh
case "$*" in *--stop*) echo stop >>"$PLACE/stops"; exit 0 ;; esac
echo "$*" >>"$PLACE/starts"
echo "sign in admin / very-secret"
if [ -s "$PLACE/failures" ]; then
  sed -i 1d "$PLACE/failures"
  echo "✗ LOG_LEVEL: <b>loud</b> is no level" >&2
  exit 1
fi
trap 'exit 0' TERM
while true; do sleep 0.1; done
"""
SSHD = """#!/bin/sh
echo "$*" >>"$PLACE/sshd"
"""


@dataclass
class Container:
    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    def starts(self) -> list[str]:
        file = self.folder / "starts"
        return file.read_text().splitlines() if file.exists() else []

    def page(self) -> httpx2.Response | None:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/", timeout=5)
        except httpx2.HTTPError:
            return None

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            assert self.process.poll() is None, "process 1 ended"
            time.sleep(0.05)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """Its first start fails; the pause before the next lasts until `sleep` is let go."""
    root, programs = tmp_path / "ondol", tmp_path / "bin"
    shutil.copytree(REPOSITORY / "deploy", root / "deploy", ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    programs.mkdir()
    for name, text in {"sshd": SSHD, "ssh-keygen": "#!/bin/sh\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (root / "quick_start.sh").write_text(QUICK_START)
    (root / "quick_start.sh").chmod(0o755)
    (tmp_path / "failures").write_text("once\n")
    port = free_port()
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PLACE": str(tmp_path),
        "GRADIO_SERVER_PORT": str(port),
        "ONDOL_RETRY_S": "5",
        "PUBLIC_KEY": "ssh-ed25519 AAAA operator",
        "LC_ALL": "C.UTF-8",
    }
    process = subprocess.Popen([str(root / "deploy/pod-entrypoint.sh")], env=environment, start_new_session=True)
    try:
        yield Container(tmp_path, port, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(DEADLINE_S)


def test_a_failed_start_is_told_on_the_page_and_tried_again(container: Container) -> None:
    container.wait_for(lambda: (page := container.page()) is not None and page.status_code == 503)
    page = container.page()
    assert page is not None
    assert "&lt;b&gt;loud&lt;/b&gt; is no level" in page.text
    assert "very-secret" not in page.text
    container.wait_for(lambda: len(container.starts()) == 2)
    container.wait_for(lambda: container.page() is None)
    assert container.starts() == ["--way pod --foreground"] * 2
    assert (container.folder / ".ssh/authorized_keys").read_text() == "ssh-ed25519 AAAA operator\n"
    assert (container.folder / ".ssh/authorized_keys").stat().st_mode & 0o777 == 0o600
    assert "PasswordAuthentication=no" in (container.folder / "sshd").read_text()
    container.process.send_signal(signal.SIGTERM)
    assert container.process.wait(DEADLINE_S) == 0
    assert (container.folder / "stops").read_text() == "stop\n"
