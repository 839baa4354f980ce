"""Starts the processes that open files, and sees to it that they end."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import structlog

from backend.errors import DocumentDamaged, DocumentTooHard, OndolError, error_of
from backend.settings import REPOSITORY

READ_TIMEOUT_S = 300.0
PICTURE_TIMEOUT_S = 20.0
_LINE_BYTES = 16 << 20  # the list of an archive is one line
Progress = Callable[[float], None]
log = structlog.get_logger()


class Child:
    """A process that takes one request at a time. It is started by the first one and ends with `close`."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Id of the process while there is one."""
        return self._process.pid if self._process is not None else None

    async def ask(self, command: str, *, timeout_s: float, progress: Progress | None = None, **arguments: Any) -> Any:
        """Sends a request when its turn comes and waits for the answer; a caller that is cancelled ends the process.

        Raises:
            OndolError: what the process says about the file.
            DocumentTooHard: it took longer than `timeout_s` seconds, or more memory than it may.
            DocumentDamaged: the file crashed it.
        """
        async with self._turn:
            return await self._exchange(command, timeout_s, progress, arguments)

    async def close(self) -> None:
        """Ends the process at once."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())

    async def _exchange(
        self, command: str, timeout_s: float, progress: Progress | None, arguments: dict[str, Any]
    ) -> Any:
        process = await self._started()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 -- opened as pipes
        try:
            async with asyncio.timeout(timeout_s):
                process.stdin.write(orjson.dumps({"command": command, **arguments}) + b"\n")
                await process.stdin.drain()
                while line := await process.stdout.readline():
                    answer = orjson.loads(line)
                    if "done" in answer:
                        return answer["done"]
                    if "error" in answer:
                        raise error_of(answer["error"], answer["details"], DocumentDamaged)
                    if "progress" in answer and progress is not None:
                        progress(answer["progress"])
                    if "note" in answer:
                        log.info("reader_failed", command=command, reason=answer["note"])
        except TimeoutError:
            await self.close()
            raise DocumentTooHard from None
        except (BrokenPipeError, ConnectionResetError):
            pass
        except asyncio.CancelledError:
            await self.close()
            raise
        raise await self._crashed(command)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backend.documents.child",
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # libraries quote the file in their warnings
            limit=_LINE_BYTES,
        )
        return self._process

    async def _crashed(self, command: str) -> OndolError:
        """What a process that ended without an answer means."""
        process, self._process = self._process, None
        assert process is not None  # noqa: S101 -- it was asked just now
        status = await process.wait()
        log.warning("reader_ended", command=command, status=status)
        killed_for_memory = status in {-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGABRT, -signal.SIGXFSZ, 1}
        return DocumentTooHard() if killed_for_memory else DocumentDamaged()


async def ask_once(command: str, *, timeout_s: float = READ_TIMEOUT_S, **arguments: Any) -> Any:
    """A request to a new process that ends after it: nothing of one file is left when the next one is opened."""
    child = Child()
    try:
        return await child.ask(command, timeout_s=timeout_s, **arguments)
    finally:
        await child.close()
