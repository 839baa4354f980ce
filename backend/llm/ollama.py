"""Keeps the models of Ollama there: what is missing is downloaded by Ollama itself, and how far it is is noted.

Ollama goes on with a download where it was left, and callers that ask for the same model share one download, so
asking again after a lost connection, or from two apps, costs nothing (`POST /api/pull` in its API documentation).
Its errors come as lines of a stream that began with 200.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import orjson
import structlog

from backend.errors import (
    EngineUnavailable,
    ModelDiskFull,
    ModelPullFailed,
    ModelSourceUnreachable,
    ModelUnknown,
    ModelUnnamed,
    OndolError,
)
from backend.llm.engine import Engine
from backend.llm.preparation import Phase, Preparation, note, noted
from backend.settings import ServiceType, Settings

_NOTE_EVERY_S = 0.5
_TOLD_AFTER = 3  # attempts without an answer, after which it is no passing trouble
_SILENCE_S = 300.0  # longest time without a line: Ollama says nothing while it verifies many gigabytes
# Pieces of Ollama's sentences, which are all it tells of an error. The first that is found counts.
_ERRORS: tuple[tuple[type[OndolError], tuple[str, ...]], ...] = (
    (ModelDiskFull, ("no space left", "not enough space", "disk quota")),
    (ModelUnknown, ("file does not exist", "not found", "invalid model name", "does not exist")),
    (
        ModelSourceUnreachable,
        ("dial tcp", "no such host", "timeout", "connection re", "network is unreachable", "tls", "eof", "max retries"),
    ),
)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between attempts.

    Attributes:
        first_s: after a failure; twice as long after each more, up to `longest_s`.
        look_every_s: between two looks at an Ollama that has its model.
    """

    first_s: float = 2.0
    longest_s: float = 300.0
    look_every_s: float = 60.0

    def after(self, failures: int) -> float:
        """Before the next attempt, after so many in a row that brought nothing."""
        return float(min(self.longest_s, self.first_s * 2 ** min(failures - 1, 20)))


class OllamaModels:
    """Downloads what is missing, one model at a time.

    Args:
        engines: of all providers; those of other types are left alone.
        patience: between attempts.
    """

    def __init__(self, settings: Settings, engines: Iterable[Engine], patience: Patience | None = None) -> None:
        self._settings, self._patience = settings, patience or Patience()
        self._engines = [each for each in engines if each.provider.service_type is ServiceType.OLLAMA]
        self._one_at_a_time = asyncio.Lock()
        self._http = httpx2.AsyncClient(timeout=httpx2.Timeout(_SILENCE_S, connect=5.0))

    async def run(self) -> None:
        """Works until it is cancelled; ends at once where there is nothing to keep or it is switched off."""
        if not self._settings.ollama_pull:
            return
        async with asyncio.TaskGroup() as group:
            for engine in self._engines:
                group.create_task(self._keep(engine))

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _keep(self, engine: Engine) -> None:
        name, failures = engine.provider.name, 0
        while True:
            engine.model_missing.clear()
            done_before = self._done_bytes(name)
            try:
                await self._ensure(engine)
            except (httpx2.HTTPError, _CutOff) as error:
                log.info("ollama_away", provider=name, error=type(error).__name__)
                if failures + 1 >= _TOLD_AFTER:
                    self._failed(engine, EngineUnavailable.code)
            except OndolError as error:
                log.warning("ollama_pull_failed", provider=name, model=engine.provider.model, code=error.code)
                self._failed(engine, error.code)
            else:
                failures = 0
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.look_every_s):
                        await engine.model_missing.wait()
                continue
            failures = 1 if self._done_bytes(name) > done_before else failures + 1
            await asyncio.sleep(self._patience.after(failures))

    async def _ensure(self, engine: Engine) -> None:
        """Returns when the model is there. Raises OndolError, httpx2.HTTPError, _CutOff."""
        if not await self._has_model(engine):
            before = noted(self._settings, engine.provider.name)
            if before is None or before.phase is not Phase.DOWNLOADING:  # else it goes on, and so does what is told
                self._note(engine, Phase.CHECKING)
            async with self._one_at_a_time:
                if not await self._has_model(engine):
                    await self._pull(engine)
        before = noted(self._settings, engine.provider.name)
        if before is not None and before.phase is not Phase.READY:
            self._note(engine, Phase.READY)
            await engine.info(max_age_s=0)

    async def _has_model(self, engine: Engine) -> bool:
        """Raises ModelUnnamed when there is none and none is wanted; httpx2.HTTPError; ModelPullFailed."""
        wanted = engine.provider.model
        if wanted:
            told = await self._http.post(
                f"{engine.root_url}/api/show", json={"model": wanted}, headers=engine.headers, timeout=10.0
            )
            if told.status_code in (200, 404):
                return told.status_code == 200
        else:
            told = await self._http.get(f"{engine.root_url}/api/tags", headers=engine.headers, timeout=10.0)
            if told.status_code == 200:
                if not _object(told.content).get("models"):
                    raise ModelUnnamed(provider=engine.provider.name)
                return True
        raise _failure(_object(told.content).get("error"), wanted)

    async def _pull(self, engine: Engine) -> None:
        """One download, from where it was. Raises OndolError, httpx2.HTTPError, _CutOff."""
        model = engine.provider.model
        log.info("ollama_pull_begins", provider=engine.provider.name, model=model)
        url = f"{engine.root_url}/api/pull"
        layers: dict[str, tuple[int, int]] = {}
        is_due = _every(_NOTE_EVERY_S)
        async with self._http.stream("POST", url, json={"model": model}, headers=engine.headers) as answer:
            if answer.status_code != 200:
                raise _failure(_object(await answer.aread()).get("error"), model)
            async for event in _events(answer.aiter_lines()):
                if error := event.get("error"):
                    raise _failure(error, model)
                if event.get("status") == "success":
                    log.info("ollama_pulled", provider=engine.provider.name, model=model)
                    return
                if digest := event.get("digest"):
                    done, total = (_whole(event.get(key)) for key in ("completed", "total"))
                    layers[str(digest)] = min(done, total), total
                    if is_due():
                        self._note(engine, Phase.DOWNLOADING, layers)
                elif layers:  # verifying what was downloaded, writing the manifest
                    self._note(engine, Phase.CHECKING, layers)
        raise _CutOff

    def _note(self, engine: Engine, phase: Phase, layers: dict[str, tuple[int, int]] | None = None) -> None:
        done, total = (sum(each[place] for each in (layers or {}).values()) for place in (0, 1))
        found = Preparation(phase, engine.provider.model, done_bytes=done, total_bytes=total or None)
        note(self._settings, found, engine.provider.name)

    def _failed(self, engine: Engine, code: str) -> None:
        """Notes an error beside how far it was; an Ollama that was never there has nothing to be told of."""
        before = noted(self._settings, engine.provider.name)
        if before is not None:
            failed = replace(before, phase=Phase.FAILED, error=code, at=time.time())
        elif code == EngineUnavailable.code:
            return
        else:
            failed = Preparation(Phase.FAILED, engine.provider.model, error=code)
        note(self._settings, failed, engine.provider.name)

    def _done_bytes(self, name: str) -> int:
        found = noted(self._settings, name)
        return found.done_bytes if found else 0


class _CutOff(Exception):
    """The stream ended in the middle."""


def _failure(told: object, model: str) -> OndolError:
    said = str(told or "").casefold()
    kind = next((kind for kind, pieces in _ERRORS if any(each in said for each in pieces)), ModelPullFailed)
    log.info("ollama_said", error=said[:200])
    return kind(model=model)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    async for line in lines:
        if line.strip():
            yield _object(line.encode())


def _object(text: bytes) -> dict[str, Any]:
    """The JSON object in a text; an empty one when there is none."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _every(seconds: float) -> Callable[[], bool]:
    """True at the first call, and then once in so many seconds."""
    last = float("-inf")

    def is_due() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < seconds:
            return False
        last = now
        return True

    return is_due
