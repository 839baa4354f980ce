"""The client of the embedding servers: the remote one while it is healthy, else the local one, else none.

Texts become vectors in batches over HTTP, as raw numbers. A server that has gone is noticed by the first call that
fails and asked again after a moment, so a pod that comes back is used without a restart. All vectors of one call are
one encoder's: when a server dies in mid-call, the call begins again with the next one.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import numpy as np
import orjson
import stamina
import structlog

from backend.errors import EncoderUnavailable, Text
from backend.settings import Settings

log = structlog.get_logger()

Kind = Literal["query", "passage"]
Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

FRESH_S = 5.0  # a server found healthy is asked again in the background after this time
MISSING_S = 2.0  # none found: searches are not slowed by asking again sooner
_PROBE_TIMEOUT_S = 1.5
_BATCH_TEXTS = 256
_BATCH_BYTES = 400_000
_IN_FLIGHT = 8  # batches of one call under way, so that the server's next pass is never short of texts
_ATTEMPTS = 4
_LONGEST_WAIT_S = 30.0

_UNREACHABLE = Text("연결되지 않습니다", "it cannot be reached")
_BROKEN = Text("답이 올바르지 않습니다", "it answered with something else than vectors")
_BUSY = Text("바쁩니다", "it is busy")
_LATE = Text("정해진 시간 안에 답하지 않았습니다", "it did not answer in time")
_NONE = Text("켜져 있는 것이 없습니다", "none is running")
_OTHER = Text("다른 인코더로 바뀌었습니다", "another encoder has taken its place")


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """An encoder that answers now. `url` is its server's address."""

    name: str
    dimensions: int
    url: str


class _Retry(Exception):
    """A batch that may be sent again: nothing of an answer has come, or the server asked to wait."""

    def __init__(self, reason: Text, *, wait_s: float | None = None, elsewhere: bool = False) -> None:
        super().__init__(reason.en)
        self.reason, self.wait_s = reason, wait_s
        self.elsewhere = elsewhere  # nobody is there: the next server is asked at once


class EmbeddingClient:
    """Talks to the embedding servers of the settings. Nothing is asked before it is needed.

    Args:
        settings: of the process.
        clock: seconds, monotonic.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        host = f"[{settings.embed_host}]" if ":" in settings.embed_host else settings.embed_host
        local = f"http://{host}:{settings.embed_port}"
        remote = settings.remote_embed_url.rstrip("/").removesuffix("/v1").removesuffix("/embed")
        self._urls = tuple(dict.fromkeys(url for url in (remote, local) if url))
        key = settings.embed_api_key.get_secret_value()
        self._headers = {b"Content-Type": b"application/json"}
        if key:
            self._headers[b"Authorization"] = f"Bearer {key}".encode()
        self._http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=4.0),
            timeout=httpx2.Timeout(60.0, connect=5.0),
            trust_env=False,
        )
        self._clock = clock
        self._found: EncoderInfo | None = None
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await self._http.aclose()

    async def info(self) -> EncoderInfo | None:
        """The encoder that would be used now; None: there is none."""
        age = self._clock() - self._asked_at
        if self._found is not None and age > FRESH_S:
            if self._refreshing is None or self._refreshing.done():
                self._refreshing = asyncio.create_task(self._look())
        elif self._found is None and age > MISSING_S:
            await self._look()
        return self._found

    async def encode(
        self, texts: Sequence[str], kind: Kind, *, deadline_s: float, encoder: str | None = None
    ) -> Vectors:
        """The vectors of texts, float32 (n, dimensions), in their order.

        Args:
            texts: none of them empty.
            kind: a question, or what may answer one; some models read them differently.
            deadline_s: for everything together, retries included.
            encoder: its name, where only this one's vectors are of use.

        Raises:
            EncoderUnavailable: no server gave them in time; the reason is in `details["reason"]`.
        """
        reason = _NONE
        tried: set[str] = set()
        try:
            async with asyncio.timeout(deadline_s) as limit:
                until = limit.when() or 0.0
                while (found := await self.info()) is not None and found.url not in tried:
                    if encoder is not None and found.name != encoder:
                        reason = _OTHER
                        break
                    try:
                        return await self._encoded(found, texts, kind, until)
                    except _Retry as error:
                        log.warning("encoder_failed", url=found.url, reason=error.reason.en)
                        reason = error.reason
                        tried.add(found.url)
                        await self._look(without=found.url)
        except TimeoutError:
            reason = _LATE
        raise EncoderUnavailable(reason=reason)

    async def _look(self, without: str = "") -> None:
        """Asks every server at once and takes the first of them, in their order, that is ready."""
        async with self._lock:
            probes = [self._probe(url) for url in self._urls if url != without]
            found = next((info for info in await asyncio.gather(*probes) if info is not None), None)
            if found != self._found:
                log.info("encoder_changed", encoder=found.name if found else None, url=found.url if found else None)
            self._found, self._asked_at = found, self._clock()

    async def _probe(self, url: str) -> EncoderInfo | None:
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                answer = await self._http.get(f"{url}/health")
            body = answer.json() if answer.status_code == 200 else {}
            return EncoderInfo(str(body["model"]), int(body["dimensions"]), url)
        except (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError):
            return None

    async def _encoded(self, found: EncoderInfo, texts: Sequence[str], kind: Kind, until: float) -> Vectors:
        """All batches, some at a time; the first that fails for good ends the others."""
        vectors = np.empty((len(texts), found.dimensions), dtype=np.float32)
        room = asyncio.Semaphore(_IN_FLIGHT)

        async def one(begin: int, end: int) -> None:
            async with room:
                vectors[begin:end] = await self._batch(found, texts[begin:end], kind, until)

        try:
            async with asyncio.TaskGroup() as group:
                for begin, end in _batches(texts):
                    group.create_task(one(begin, end))
        except ExceptionGroup as errors:
            raise _first(errors) from None
        return vectors

    async def _batch(self, found: EncoderInfo, texts: Sequence[str], kind: Kind, until: float) -> Vectors:
        """One request, sent again while that makes sense. Raises _Retry when it no longer does."""
        loop = asyncio.get_running_loop()

        def again(error: Exception) -> bool | float:
            if not isinstance(error, _Retry) or error.elsewhere:
                return False
            if error.wait_s is None:
                return True
            return error.wait_s if loop.time() + error.wait_s < until else False

        async for attempt in stamina.retry_context(
            on=again, attempts=_ATTEMPTS, timeout=None, wait_initial=0.1, wait_max=2.0, wait_jitter=0.1
        ):
            with attempt:
                return await self._sent(found, texts, kind)
        raise AssertionError("the last attempt returns or raises")

    async def _sent(self, found: EncoderInfo, texts: Sequence[str], kind: Kind) -> Vectors:
        form = "float32" if kind == "query" else "float16"  # passages are stored in half precision anyway
        body = orjson.dumps({"texts": list(texts), "kind": kind, "format": form})
        try:
            answer = await self._http.post(f"{found.url}/embed", content=body, headers=self._headers)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise _Retry(_UNREACHABLE, elsewhere=True) from error
        except httpx2.ReadTimeout:
            raise EncoderUnavailable(reason=_LATE) from None
        except httpx2.HTTPError as error:
            raise _Retry(_UNREACHABLE) from error
        if answer.status_code in (429, 503):
            raise _Retry(_BUSY, wait_s=_retry_after(answer.headers.get("retry-after")))
        if answer.status_code >= 500:
            raise _Retry(_BROKEN)
        if answer.status_code != 200:
            raise EncoderUnavailable(reason=_refusal(answer))
        return _vectors(answer, len(texts), found)


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of texts, limited by their number and their bytes; a text that is larger alone is a batch of its own."""
    begin = size = 0
    for place, text in enumerate(texts):
        length = len(text.encode())
        if place > begin and (place - begin == _BATCH_TEXTS or size + length > _BATCH_BYTES):
            yield begin, place
            begin, size = place, 0
        size += length
    if begin < len(texts):
        yield begin, len(texts)


def _vectors(answer: httpx2.Response, count: int, found: EncoderInfo) -> Vectors:
    """The numbers of an answer. Raises _Retry when they are not what was asked for."""
    kind = {"float16": "<f2", "float32": "<f4"}.get(answer.headers.get("x-embedding-dtype", ""))
    shape = (count, found.dimensions)
    if kind is None or len(answer.content) != count * found.dimensions * np.dtype(kind).itemsize:
        raise _Retry(_BROKEN)
    if answer.headers.get("x-embedding-model") != found.name.encode("ascii", "backslashreplace").decode():
        raise _Retry(_OTHER, elsewhere=True)  # restarted with another model behind the same address
    vectors = np.frombuffer(answer.content, dtype=kind).astype(np.float32).reshape(shape)
    if not np.isfinite(vectors).all():
        raise _Retry(_BROKEN)
    return vectors


def _refusal(answer: httpx2.Response) -> Text:
    """Why the server will not do it, in its words; they are about texts and keys and hold neither."""
    try:
        detail: Any = answer.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    told = str(detail)[:300].rstrip(".") if detail else f"HTTP {answer.status_code}"
    return Text(f"거절했습니다({told})", f"it refused: {told}")


def _retry_after(value: str | None) -> float | None:
    return min(float(value), _LONGEST_WAIT_S) if value and value.isdigit() else None


def _first(error: Exception) -> Exception:
    """One error of a group that may be nested."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
