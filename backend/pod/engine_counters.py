"""What the model server counts, and what an operator reads from it: vLLM's and llama.cpp's metrics.

Only counters that move with inference decide. The gauges of running and waiting requests are shown and never decide:
vLLM's stay where they were after aborted requests (vllm-project/vllm#22545, #29928). llama.cpp counts an answer's
tokens when it is finished; `n_decode_total` moves all the while.
"""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from backend.pod.counters import CounterSource, Readings, quantile

ENGINE = "engine"
PROMPT = ("vllm:prompt_tokens_total", "llamacpp:prompt_tokens_total")
GENERATED = ("vllm:generation_tokens_total", "llamacpp:tokens_predicted_total")
FINISHED = ("vllm:request_success_total",)
ENGINE_COUNTERS = (*PROMPT, *GENERATED, *FINISHED, "llamacpp:n_decode_total")
EMBEDDING_COUNTERS = ("embedding_texts_total", "embedding_batches_total")
_RUNNING = ("vllm:num_requests_running", "llamacpp:requests_processing")
_WAITING = ("vllm:num_requests_waiting", "llamacpp:requests_deferred")
_KV = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "llamacpp:kv_cache_usage_ratio")
_TTFT = "vllm:time_to_first_token_seconds"


@dataclass(frozen=True)
class EngineFigures:
    """Between two readings; None what this engine does not tell.

    Attributes:
        prompt_tokens, generated_tokens, finished: since the reading before.
        tokens_per_s: written. running, waiting: requests, as the engine says, which may be stale.
        kv_percent: of the memory for contexts that is taken.
        prefix_hit_percent: of the prompt tokens looked up.
        ttft_p50_s, ttft_p95_s: of the answers begun since the reading before.
    """

    prompt_tokens: int
    generated_tokens: int
    finished: int | None
    tokens_per_s: float | None
    running: int | None
    waiting: int | None
    kv_percent: float | None
    prefix_hit_percent: float | None
    ttft_p50_s: float | None
    ttft_p95_s: float | None


def engine_source(
    root_url: str, client: httpx.AsyncClient, headers: Callable[[], dict[str, str]] = dict, provider: str = ""
) -> CounterSource:
    """The model server at this address, without `/v1`; that of another provider than the main one with its name."""
    name = f"{ENGINE}:{provider}" if provider else ENGINE
    return CounterSource(name, f"{root_url.rstrip('/')}/metrics", client, ENGINE_COUNTERS, headers)


def embedding_source(
    root_url: str, client: httpx.AsyncClient, headers: Callable[[], dict[str, str]] = dict
) -> CounterSource:
    """The embedding server at this address."""
    return CounterSource("embedding", f"{root_url.rstrip('/')}/metrics", client, EMBEDDING_COUNTERS, headers)


def figures(source: CounterSource) -> EngineFigures | None:
    """What the last two readings say together; None before there are two."""
    now, before = source.latest, source.before
    if now is None or before is None:
        return None
    seconds = (now.at - before.at).total_seconds()
    generated = _grown(now, before, GENERATED) or 0.0
    queries = _grown(now, before, ("vllm:prefix_cache_queries_total",))
    hits = _grown(now, before, ("vllm:prefix_cache_hits_total",))
    kv = _gauge(now, _KV)
    ttft = now.bucket_counts(before, _TTFT)
    finished = _grown(now, before, FINISHED)
    return EngineFigures(
        prompt_tokens=round(_grown(now, before, PROMPT) or 0.0),
        generated_tokens=round(generated),
        finished=None if finished is None else round(finished),
        tokens_per_s=generated / seconds if seconds > 0 else None,
        running=_whole(_gauge(now, _RUNNING)),
        waiting=_whole(_gauge(now, _WAITING)),
        kv_percent=None if kv is None else kv * 100,
        prefix_hit_percent=None if not queries or hits is None else 100 * hits / queries,
        ttft_p50_s=quantile(ttft, 0.5),
        ttft_p95_s=quantile(ttft, 0.95),
    )


def _grown(now: Readings, before: Readings, names: tuple[str, ...]) -> float | None:
    there = [name for name in names if name in now.values]
    return sum(now.since(before, name) for name in there) if there else None


def _gauge(now: Readings, names: tuple[str, ...]) -> float | None:
    return next((now.values[name] for name in names if name in now.values), None)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
