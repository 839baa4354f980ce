"""The download of a model from the hub as a child process, watched by the size of what it has written."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.errors import (
    ModelDownloadFailed,
    ModelGated,
    ModelNotOnHub,
    ModelNotServable,
    NoSpaceForModel,
    OndolError,
)
from backend.llm import hub_weights
from backend.llm.hub_fetch import Outcome
from backend.settings import REPOSITORY, Settings
from backend.settings.environment import inherited

_LOOK_EVERY_S = 1.0
_ERRORS: dict[int, type[OndolError]] = {
    Outcome.GATED: ModelGated,
    Outcome.NOT_THERE: ModelNotOnHub,
    Outcome.NO_SPACE: NoSpaceForModel,
}


class Download:
    """`with Download(settings, model) as download:` asks the hub and starts; leaving ends the transfer.

    Raises on entering:
        ModelNotOnHub, ModelGated, ModelNotServable, ModelDownloadFailed, NoSpaceForModel
    """

    def __init__(self, settings: Settings, model: str) -> None:
        self._settings, self._model = settings, model

    def __enter__(self) -> Self:
        settings, model = self._settings, self._model
        self._listing = hub_weights.listing(settings, model)
        if "config.json" not in self._listing.files:
            raise ModelNotServable(model=model)
        missing = self._listing.total_bytes - hub_weights.fetched_bytes(settings, model)
        hub_weights.require_room(settings, model, max(0, missing))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "backend.llm.hub_fetch", model, hub_weights.wanted_files(self._listing)],
            cwd=REPOSITORY,
            env={**inherited(), "DATA_DIR": str(settings.data_dir), "HF_ENDPOINT": settings.hf_endpoint},
            stdin=subprocess.DEVNULL,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def progress(self) -> Iterator[tuple[int, int]]:
        """Bytes that are here and bytes in all, once a second until it is whole.

        Raises:
            ModelNotOnHub, ModelGated, ModelDownloadFailed, NoSpaceForModel
        """
        while (status := self._process.poll()) is None:
            yield self._done(), self._listing.total_bytes
            time.sleep(_LOOK_EVERY_S)
        if status != Outcome.DONE:
            raise _ERRORS.get(status, ModelDownloadFailed)(model=self._model)
        hub_weights.mark_ready(self._settings, self._model, self._listing.revision)
        yield self._listing.total_bytes, self._listing.total_bytes

    def folder(self) -> Path:
        """Where the whole model lies. Raises ModelDownloadFailed when it does not."""
        found = hub_weights.ready_folder(self._settings, self._model)
        if found is None:
            raise ModelDownloadFailed(model=self._model)
        return found

    def _done(self) -> int:
        return min(hub_weights.fetched_bytes(self._settings, self._model), self._listing.total_bytes)
