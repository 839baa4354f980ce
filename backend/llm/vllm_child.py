"""One run of vLLM as a child: its output is followed, it is asked whether it answers, and it never outlives us."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import IO, Self

from backend.llm.vllm_command import LOOPBACK
from backend.llm.vllm_output import Output
from backend.processes import die_with_parent

_LEAVES_WITHIN_S = 12.0  # engine processes give the GPU's memory back in an orderly way


class Child:
    """`with Child(...) as child:` starts it and ends it, with everything it started, on every way out.

    Args:
        port: where it will answer on loopback.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str], port: int) -> None:
        self._command, self._environment, self._port = list(command), environment, port
        self.output = Output()
        self.status: int | None = None

    def __enter__(self) -> Self:
        # Only from the main thread: the kernel tells a child of the end of the thread that started it.
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_follow_us,  # noqa: PLW1509 - it calls the kernel and nothing else
        )
        self._reader = threading.Thread(target=self._follow, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LEAVES_WITHIN_S)
        self._signal(signal.SIGKILL)  # engine processes that stayed behind belong to the same group
        self.status = self._process.wait()
        self._reader.join(timeout=5)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def answers(self) -> bool:
        """Whether `/health` says 200: the model is loaded."""
        connection = HTTPConnection(LOOPBACK, self._port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _follow(self, stream: IO[str]) -> None:
        for line in stream:
            self.output.add(line)
            sys.stdout.write(line)
            sys.stdout.flush()


def _follow_us() -> None:
    die_with_parent(signal.SIGTERM)
