"""The stand-in over real HTTP, on a port of its own and in a thread of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.runpod_double.app import Application
from tests.runpod_double.faults import Fault, FaultKind
from tests.runpod_double.state import Account, example

KEY = "double-key"


class RunpodDouble:
    """RunPod for a test. What the account holds outlives `down` and `up`.

    Attributes:
        account: pods, requests and time; tests read and change it.
        url: of REST v2, for RUNPOD_API_URL.
        host_url: for RUNPOD_API_BASE_URL, which the package reads.
    """

    def __init__(self, account: Account | None = None, *, key: str = KEY, port: int = 0) -> None:
        self.key = key
        self._application = Application(account or example(), key)
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def account(self) -> Account:
        return self._application.account

    def begin(self, account: Account) -> None:
        """Another account, and no faults."""
        self._application.account = account
        self.heal()

    @property
    def host_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{self.host_url}/v2"

    @property
    def page_url(self) -> str:
        """Of RunPod's proxy, for POD_PAGE_URL."""
        return f"{self.host_url}/proxy/{{pod}}"

    def fail(self, kind: FaultKind, operation: str = "", *, times: int | None = None, retry_after: str = "1") -> None:
        """Lets a fault strike from now on, after those that are there already."""
        self._application.faults.append(Fault(kind, operation, times, retry_after))

    def heal(self) -> None:
        """Takes all faults away."""
        self._application.faults.clear()

    def up(self) -> None:
        """Listens if it does not yet, on the same port as before if there was one. Raises OSError when it is taken."""
        if self._server is not None:
            return
        self._socket = socket.create_server(("127.0.0.1", self._port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an ACK
        self._port = int(self._socket.getsockname()[1])
        options = uvicorn.Config(
            self._application.asgi, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=0
        )
        server = self._server = uvicorn.Server(options)
        sockets = [self._socket]
        self._thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=sockets)), daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Refuses connections, as a host that is not there."""
        if self._server is None or self._thread is None or self._socket is None:
            return
        self._server.should_exit = True
        self._thread.join(timeout=30)
        self._socket.close()
        self._server = self._thread = self._socket = None


@contextmanager
def double(account: Account | None = None, *, key: str = KEY) -> Iterator[RunpodDouble]:
    """A stand-in for a block."""
    running = RunpodDouble(account, key=key)
    running.up()
    try:
        yield running
    finally:
        running.down()
