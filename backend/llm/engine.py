"""The client of one engine: what it serves, how long a text is in its tokens, and streamed answers.

The `openai` client makes the requests; the events of a stream are read from its raw bytes, because splitting
them into text lines and building a validated object for each token costs more processor time than everything
else a token needs here (`docs/benchmarks.md`).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypedDict

import httpx2
import openai
import orjson
import structlog
from openai.types.chat import ChatCompletionMessageParam

from backend.errors import (
    EngineBusy,
    EngineInterrupted,
    EngineLoading,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
)
from backend.llm.providers import Provider
from backend.settings import ServiceType

log = structlog.get_logger()

_PROBE_TTL_S = 2.0  # an engine that comes back is noticed within this time
_GAP_TIMEOUT_S = 60.0  # longest silence between two tokens before the engine counts as gone


class ChatMessage(TypedDict):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class EngineState(StrEnum):
    READY = "ready"
    LOADING = "loading"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # wrong key, or not an engine


@dataclass(frozen=True)
class EngineInfo:
    """What a probe found. `context` is in tokens, `latency_ms` is the probe's own."""

    state: EngineState
    model: str
    context: int
    latency_ms: float


@dataclass(frozen=True)
class Usage:
    """Token counts of a finished answer."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Finished:
    """Last event of a stream. `reason` is OpenAI's finish_reason (`stop`, `length`, …)."""

    reason: str
    usage: Usage | None


class ContextOverflow(Exception):
    """The engine counted more tokens than it can read; `tokens` is its count, or None if it did not say."""

    def __init__(self, tokens: int | None) -> None:
        super().__init__(f"context overflow ({tokens} tokens)")
        self.tokens = tokens


class Engine:
    """Talks to one provider. One instance lives as long as the process.

    Args:
        provider: where and as whom.
        first_token_timeout_s: longest wait for an answer to begin.
    """

    def __init__(self, provider: Provider, first_token_timeout_s: float = 120.0) -> None:
        self.provider = provider
        self._first_token_timeout_s = first_token_timeout_s
        # A local engine closes connections without saying so (llama.cpp after each stream, vLLM after 5 s):
        # a fresh one costs a fraction of a millisecond, a dead one a failed request.
        keepalive = 0 if provider.is_local else 20
        self._http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=keepalive),
            timeout=httpx2.Timeout(_GAP_TIMEOUT_S, connect=5.0, read=max(_GAP_TIMEOUT_S, first_token_timeout_s)),
        )
        self._client = openai.AsyncOpenAI(
            base_url=provider.base_url,
            api_key=provider.api_key.get_secret_value() or "none",
            http_client=self._http,
            max_retries=0 if provider.is_local else 2,
        )
        self._info: EngineInfo | None = None
        self._probed_at = float("-inf")
        self._probe_lock = asyncio.Lock()

    @property
    def root_url(self) -> str:
        """Where an engine's own paths are, beside the protocol's: the base URL without `/v1`."""
        return self.provider.base_url.removesuffix("/v1")

    @property
    def headers(self) -> dict[str, str]:
        """What says who asks."""
        key = self.provider.api_key.get_secret_value()
        return {"Authorization": f"Bearer {key}"} if key else {}

    async def close(self) -> None:
        await self._client.close()

    async def info(self, *, max_age_s: float = _PROBE_TTL_S) -> EngineInfo:
        """State, model and context; asked again when the last answer is older than `max_age_s`."""
        async with self._probe_lock:
            if self._info is None or time.monotonic() - self._probed_at > max_age_s:
                self._info = await self._probe()
                self._probed_at = time.monotonic()
            return self._info

    async def require_ready(self) -> EngineInfo:
        """The info of a ready engine. Raises EngineUnavailable, EngineLoading or EngineRefused."""
        info = await self.info(max_age_s=30.0)
        if info.state is not EngineState.READY:
            info = await self.info()
        match info.state:
            case EngineState.READY:
                return info
            case EngineState.LOADING:
                raise EngineLoading(provider=self.provider.name)
            case EngineState.REFUSED:
                raise EngineRefused(provider=self.provider.name, upstream_status="-")
            case EngineState.UNREACHABLE:
                raise EngineUnavailable(provider=self.provider.name)

    async def count_tokens(self, text: str) -> int | None:
        """Tokens of a text in this engine's vocabulary, or None where the engine cannot tell."""
        body, key = {
            ServiceType.LLAMACPP: ({"content": text}, "tokens"),
            ServiceType.VLLM: ({"prompt": text, "add_special_tokens": False}, "count"),
        }.get(self.provider.service_type, ({}, ""))
        if not key:
            return None
        try:
            response = await self._http.post(f"{self.root_url}/tokenize", json=body, headers=self.headers)
            value = response.json()[key] if response.status_code == 200 else None
        except (httpx2.HTTPError, ValueError, KeyError, TypeError):
            return None
        counted = len(value) if isinstance(value, list) else value
        return counted if isinstance(counted, int) else None

    async def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[str | Finished, None]:
        """Yields the text of an answer as it comes, and `Finished` at its end. Closing it cancels the engine's work.

        Raises:
            ContextOverflow: before the first text, when the prompt is too long for the engine.
            EngineUnavailable, EngineLoading, EngineBusy, EngineRefused, EngineTimeout: before the first text.
            EngineInterrupted, EngineTimeout: in the middle; what was yielded stays valid.
        """
        options: dict[str, Any] = {}
        if temperature is not None:
            options["temperature"] = temperature
        if max_tokens is not None:
            options["max_tokens"] = max_tokens
        prompt: list[ChatCompletionMessageParam] = [{**message} for message in messages]  # type: ignore[misc]
        started = False
        request = self._client.chat.completions.with_streaming_response.create(
            model=model, messages=prompt, stream=True, stream_options={"include_usage": True}, **options
        )
        deadline = asyncio.get_running_loop().time() + self._first_token_timeout_s
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout_at(deadline):
                    response = await stack.enter_async_context(request)
                async for event in _events(response.iter_bytes(), deadline):
                    started = True
                    yield event
        except (openai.OpenAIError, httpx2.HTTPError, TimeoutError, _StreamBroken) as error:
            self._probed_at = float("-inf")
            raise self._translated(error, started) from error

    async def _probe(self) -> EngineInfo:
        begin = time.perf_counter()
        model, context = self.provider.model, self.provider.assumed_context
        try:
            response = await self._http.get(f"{self.provider.base_url}/models", headers=self.headers, timeout=3.0)
            if response.status_code == 503:
                state = EngineState.LOADING
            elif response.status_code != 200:
                state = EngineState.REFUSED
            else:
                state = EngineState.READY
                model, context = _listed(response.json(), model, context)
        except httpx2.HTTPError:
            state = EngineState.UNREACHABLE
        except (ValueError, KeyError, TypeError, AttributeError):
            state = EngineState.REFUSED
        return EngineInfo(state, model, context, (time.perf_counter() - begin) * 1000)

    def _translated(self, error: Exception, started: bool) -> Exception:
        """The error a person is told; before the first text it says why, later that the answer broke off."""
        name = self.provider.name
        if isinstance(error, TimeoutError | openai.APITimeoutError | httpx2.TimeoutException):
            seconds = _GAP_TIMEOUT_S if started else self._first_token_timeout_s
            if isinstance(error.__cause__, httpx2.ConnectTimeout):
                return EngineUnavailable(provider=name)
            return EngineTimeout(provider=name, seconds=seconds)
        if started or isinstance(error, _StreamBroken):
            return EngineInterrupted(provider=name)
        if isinstance(error, openai.APIStatusError):
            return self._refused(error)
        return EngineUnavailable(provider=name)

    def _refused(self, error: openai.APIStatusError) -> Exception:
        name = self.provider.name
        if error.status_code == 400 and (overflow := _overflow(error)):
            return overflow
        if error.status_code == 429:
            return EngineBusy(provider=name, retry_after_s=_retry_after(error.response.headers.get("retry-after")))
        if error.status_code == 503:
            return EngineLoading(provider=name)
        log.warning("engine_refused", provider=name, status=error.status_code)
        return EngineRefused(provider=name, upstream_status=error.status_code)


class _StreamBroken(Exception):
    """The engine ended a stream without finishing it, or sent something that is no event."""


async def _events(received: AsyncIterator[bytes], deadline: float) -> AsyncIterator[str | Finished]:
    """Reads the server-sent events of a chat completion; `deadline` is loop time, for the first text."""
    reason, usage, rest = "", None, b""
    loop = asyncio.get_running_loop()
    begun = False
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                rest += await anext(received)
        except StopAsyncIteration:
            break
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if not line.startswith(b"data:") or line[5:].strip() == b"[DONE]":
                continue
            text, ended, counted = _read(line[5:])
            reason = ended or reason
            usage = counted or usage
            if text:
                begun = True
                yield text
        if begun:
            deadline = loop.time() + _GAP_TIMEOUT_S
    if not reason:
        raise _StreamBroken
    yield Finished(reason, usage)


def _read(data: bytes) -> tuple[str, str, Usage | None]:
    """Text, finish reason and token counts of one chunk. Raises _StreamBroken for what is no chunk."""
    try:
        chunk = orjson.loads(data)
        if chunk.get("error"):
            raise _StreamBroken
        usage = None
        if counted := chunk.get("usage"):
            usage = Usage(int(counted.get("prompt_tokens") or 0), int(counted.get("completion_tokens") or 0))
        text = reason = ""
        for choice in chunk.get("choices") or ():
            reason = choice.get("finish_reason") or reason
            text += (choice.get("delta") or {}).get("content") or ""
    except (ValueError, TypeError, AttributeError):  # no JSON, or JSON of another shape
        raise _StreamBroken from None
    return text, reason, usage


def _listed(body: dict[str, Any], wanted: str, assumed_context: int) -> tuple[str, int]:
    """Model and context from `/v1/models`: vLLM tells `max_model_len`, llama.cpp `meta.n_ctx` of one slot."""
    entries = body["data"]
    entry = next((e for e in entries if e["id"] == wanted), entries[0] if entries else {})
    context = entry.get("max_model_len") or (entry.get("meta") or {}).get("n_ctx") or assumed_context
    return wanted or str(entry.get("id", "")), int(context)


def _overflow(error: openai.APIStatusError) -> ContextOverflow | None:
    """Recognises a prompt that is too long: llama.cpp names the type, vLLM only says so."""
    body = error.body if isinstance(error.body, dict) else {}
    text = str(body.get("message", ""))
    if body.get("type") == "exceed_context_size_error":
        return ContextOverflow(body.get("n_prompt_tokens"))
    if body.get("code") == "context_length_exceeded" or "context length" in text:
        return ContextOverflow(None)
    return None


def _retry_after(value: str | None) -> int:
    return min(int(value), 300) if value and value.isdigit() else 10
