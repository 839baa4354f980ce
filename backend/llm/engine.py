"""The client of one engine: what it serves, how long a text is in its tokens, and streamed answers.

The `openai` client makes the requests; the events of a stream are read from its raw bytes, because splitting
them into text lines and building a validated object for each token costs more processor time than everything
else a token needs here (`docs/benchmarks.md`).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypedDict

import httpx2
import openai
import structlog
from openai.types.chat import ChatCompletionMessageParam

from backend.errors import (
    EngineBusy,
    EngineInterrupted,
    EngineLoading,
    EngineModelMissing,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
)
from backend.llm.events import Finished, StreamBroken, Usage, events
from backend.llm.preparation_text import progress_text
from backend.llm.preparing import Seen
from backend.llm.providers import Provider
from backend.settings import ServiceType

__all__ = ["ChatMessage", "ContextOverflow", "Engine", "EngineInfo", "EngineState", "Finished", "Usage"]

log = structlog.get_logger()

_PROBE_TTL_S = 2.0  # an engine that comes back is noticed within this time
AWAY = frozenset({502, 504})  # what a balancer says when the engine behind it does not answer
_GAP_TIMEOUT_S = 60.0  # longest silence between two tokens before the engine counts as gone


class ChatMessage(TypedDict):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class EngineState(StrEnum):
    READY = "ready"
    LOADING = "loading"
    UNREACHABLE = "unreachable"
    MISSING = "missing"  # Ollama without the model, and nobody is downloading it
    REFUSED = "refused"  # wrong key, or not an engine


@dataclass(frozen=True)
class EngineInfo:
    """What a probe found. `context` is in tokens, `latency_ms` is the probe's own; `status` is of a refusal."""

    state: EngineState
    model: str
    context: int
    latency_ms: float
    status: int | None = None


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
        preparing: how far whoever prepares this engine is; an engine that cannot answer yet counts as loading then.

    Attributes:
        model_missing: set whenever Ollama is found to lack the model; cleared by whoever sees to it.
    """

    def __init__(
        self,
        provider: Provider,
        first_token_timeout_s: float = 120.0,
        preparing: Callable[[], Seen | None] = lambda: None,
    ) -> None:
        self.provider = provider
        self.model_missing = asyncio.Event()
        self._preparing = preparing
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
        self._refused_options: set[str] = set()
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

    @property
    def last_info(self) -> EngineInfo | None:
        """What the last probe found, however old."""
        return self._info

    async def info(self, *, max_age_s: float = _PROBE_TTL_S) -> EngineInfo:
        """State, model and context; asked again when the last answer is older than `max_age_s`."""
        async with self._probe_lock:
            if self._info is None or time.monotonic() - self._probed_at > max_age_s:
                self._info = await self._probe()
                self._probed_at = time.monotonic()
            return self._info

    async def require_ready(self) -> EngineInfo:
        """The info of a ready engine. Raises EngineUnavailable, EngineLoading, EngineModelMissing or EngineRefused."""
        info = await self.info(max_age_s=30.0)
        if info.state is not EngineState.READY:
            info = await self.info()
        match info.state:
            case EngineState.READY:
                return info
            case EngineState.LOADING:
                raise self._loading()
            case EngineState.MISSING:
                raise EngineModelMissing(provider=self.provider.name, model=self.provider.model or "–")
            case EngineState.REFUSED:
                raise EngineRefused(provider=self.provider.name, upstream_status=info.status or "-")
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
        within_s: float | None = None,
        again: bool = True,
    ) -> AsyncGenerator[str | Finished, None]:
        """Yields the text of an answer as it comes, and `Finished` at its end. Closing it cancels the engine's work.

        Args:
            within_s: longest wait for the answer to begin, where another than the engine's own.
            again: a hosted engine that is busy is asked once more after a while; False: its refusal is told at once.

        Raises:
            ContextOverflow: before the first text, when the prompt is too long for the engine.
            EngineUnavailable, EngineLoading, EngineModelMissing, EngineBusy, EngineRefused, EngineTimeout: before the
                first text.
            EngineInterrupted, EngineTimeout: in the middle; what was yielded stays valid.
        """
        options = self._options(temperature, max_tokens)
        prompt: list[ChatCompletionMessageParam] = [{**message} for message in messages]  # type: ignore[misc]
        started = False
        client = self._client if again else self._client.with_options(max_retries=0)
        request = client.chat.completions.with_streaming_response.create(
            model=model, messages=prompt, stream=True, stream_options={"include_usage": True}, **options
        )
        within_s = self._first_token_timeout_s if within_s is None else within_s
        deadline = asyncio.get_running_loop().time() + within_s
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout_at(deadline):
                    response = await stack.enter_async_context(request)
                async for event in events(response.iter_bytes(), deadline, _GAP_TIMEOUT_S):
                    started = True
                    yield event
        except (openai.OpenAIError, httpx2.HTTPError, TimeoutError, StreamBroken) as error:
            option = None if started else _refused_option(error)
            if option is None or option not in options:  # another request may have found it out meanwhile
                self._probed_at = float("-inf")
                raise self._translated(error, _GAP_TIMEOUT_S if started else within_s, started) from error
            self._refused_options.add(option)
        else:
            return
        left_s = deadline - asyncio.get_running_loop().time()
        without = self.stream(
            messages, model=model, temperature=temperature, max_tokens=max_tokens, within_s=left_s, again=again
        )
        async with aclosing(without) as found:
            async for event in found:
                yield event

    def _options(self, temperature: float | None, max_tokens: int | None) -> dict[str, Any]:
        """Those that this engine takes: newer models of OpenAI's want the length under another name."""
        length = "max_completion_tokens" if "max_tokens" in self._refused_options else "max_tokens"
        options = {length: max_tokens, "temperature": temperature}
        return {
            name: value for name, value in options.items() if value is not None and name not in self._refused_options
        }

    async def _probe(self) -> EngineInfo:
        begin = time.perf_counter()
        model, context, status = self.provider.model, self.provider.assumed_context, None
        try:
            response = await self._http.get(f"{self.provider.base_url}/models", headers=self.headers, timeout=3.0)
            if response.status_code == 503:
                state = EngineState.LOADING
            elif response.status_code in AWAY:
                state = EngineState.UNREACHABLE
            elif response.status_code != 200:
                state, status = EngineState.REFUSED, response.status_code
            else:
                listed = response.json()
                model, context = _listed(listed, model, context)
                state = await self._state_of(listed)
        except httpx2.HTTPError:
            state = EngineState.UNREACHABLE
        except (ValueError, KeyError, TypeError, AttributeError):
            state = EngineState.REFUSED
        if state in {EngineState.UNREACHABLE, EngineState.MISSING}:  # vLLM listens only once its model is loaded
            seen = self._preparing()
            state = EngineState.LOADING if seen is not None and seen.is_under_way else state
        return EngineInfo(state, model, context, (time.perf_counter() - begin) * 1000, status)

    async def _state_of(self, listed: dict[str, Any]) -> EngineState:
        """Ready, unless it is an Ollama without the model. Ollama knows a model by more names than it lists."""
        wanted = self.provider.model
        if self.provider.service_type is not ServiceType.OLLAMA or _has(listed, wanted):
            return EngineState.READY
        if wanted:
            shown = await self._http.post(
                f"{self.root_url}/api/show", json={"model": wanted}, headers=self.headers, timeout=3.0
            )
            if shown.status_code == 200:
                return EngineState.READY
        self.model_missing.set()
        return EngineState.MISSING

    def _loading(self) -> EngineLoading:
        seen = self._preparing()
        return EngineLoading(
            provider=self.provider.name,
            progress=progress_text(seen) if seen is not None and seen.is_under_way else None,
        )

    def _translated(self, error: Exception, waited_s: float, started: bool) -> Exception:
        """The error a person is told; before the first text it says why, later that the answer broke off."""
        name = self.provider.name
        if isinstance(error, TimeoutError | openai.APITimeoutError | httpx2.TimeoutException):
            if isinstance(error.__cause__, httpx2.ConnectTimeout):
                return EngineUnavailable(provider=name)
            return EngineTimeout(provider=name, seconds=waited_s)
        if started or isinstance(error, StreamBroken):
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
            return self._loading()
        if error.status_code in AWAY:
            return EngineUnavailable(provider=name)
        if error.status_code == 404 and self.provider.service_type is ServiceType.OLLAMA:
            self.model_missing.set()
            return EngineModelMissing(provider=name, model=self.provider.model or "–")
        log.warning("engine_refused", provider=name, status=error.status_code)
        return EngineRefused(provider=name, upstream_status=error.status_code)


def _listed(body: dict[str, Any], wanted: str, assumed_context: int) -> tuple[str, int]:
    """Model and context from `/v1/models`: vLLM tells `max_model_len`, llama.cpp `meta.n_ctx` of one slot."""
    entries = body["data"] or []  # Ollama without any model says null
    entry = next((e for e in entries if e["id"] == wanted), entries[0] if entries else {})
    context = entry.get("max_model_len") or (entry.get("meta") or {}).get("n_ctx") or assumed_context
    return wanted or str(entry.get("id", "")), int(context)


def _has(body: dict[str, Any], wanted: str) -> bool:
    """Whether Ollama lists a model; without a tag it is the latest. No name: whether it lists any."""
    names = {str(entry["id"]) for entry in body["data"] or []}
    return bool(names) if not wanted else not names.isdisjoint({wanted, f"{wanted}:latest"})


def _refused_option(error: Exception) -> str | None:
    """The option that an engine says it does not take, where the same request may pass without it."""
    body = error.body if isinstance(error, openai.BadRequestError) and isinstance(error.body, dict) else {}
    is_option = body.get("code") in {"unsupported_parameter", "unsupported_value"}
    return body["param"] if is_option and body.get("param") in {"max_tokens", "temperature"} else None


def _overflow(error: openai.APIStatusError) -> ContextOverflow | None:
    """Recognises a prompt that is too long: llama.cpp names the type, vLLM only says so."""
    body = error.body if isinstance(error.body, dict) else {}
    text = str(body.get("message", ""))
    if body.get("type") == "exceed_context_size_error":
        return ContextOverflow(body.get("n_prompt_tokens"))
    if body.get("code") == "context_length_exceeded" or "context length" in text:
        return ContextOverflow(None)
    return None


def _retry_after(value: str | None) -> int | None:
    return min(int(value), 300) if value and value.isdigit() else None
