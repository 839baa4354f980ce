"""Tokens a second of the embedding server through HTTP, against sentence-transformers and against the card's limit.

Makes an encoder with random weights, starts the server with it in a process of its own, sends passages as an
import does and prints one JSON line (`docs/benchmarks.md` explains the figures). With a GPU the encoder has the shape
of KURE-v1 (XLM-RoBERTa large), without one it is small and the card's limit is null.

    python -m bench.embedding
"""

import argparse
import asyncio
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import httpx2
import numpy as np
import orjson

from bench.encoders import KURE, SMALL, Shape, Words, save_encoder
from bench.figures import percentile
from bench.processes import ProgramFailedError, program

_START_TIMEOUT_S = 300.0
_COMPARED = 64  # texts whose vectors are compared with fp32
_WORDS = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Size of the measurement. `request_texts` go in one request, `in_flight` requests at a time."""

    device: str
    texts: int
    default_texts: int
    queries: int
    rounds: int
    request_texts: int
    in_flight: int

    @property
    def shape(self) -> Shape:
        return KURE if self.device == "cuda" else SMALL


def main() -> int:
    plan = _options()
    signal.signal(signal.SIGTERM, _leave)
    try:
        with tempfile.TemporaryDirectory(prefix="ondol-bench-") as folder:
            result = measure(plan, Path(folder))
    except ProgramFailedError as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


def measure(plan: Plan, folder: Path) -> dict[str, Any]:
    """All figures, from one run on one machine. Raises ProgramFailedError when the server fails."""
    words = Words(count=_WORDS)
    passages = words.passages(plan.texts)
    queries = [words.text(8) for _ in range(plan.queries)]
    model = save_encoder(folder / "encoder", plan.shape, words=words)
    with _server(plan, model, folder) as url:
        served = asyncio.run(_served(plan, url, passages, queries))
    reference = _reference(plan, model, passages)
    limit = _limit(plan)
    lengths = np.linalg.norm(served["vectors"], axis=1) * np.linalg.norm(reference["vectors"], axis=1)
    cosines = (served["vectors"] * reference["vectors"]).sum(axis=1) / lengths
    speed = served["tokens_per_s"]
    return {
        "tokens_per_s": round(speed),
        "vs_default": round(speed / reference["default"], 2),
        "vs_half": round(speed / reference["half"], 2),
        "of_limit": None if limit is None else round(speed / limit, 3),
        "cosine": round(float(cosines.min()), 5),
        "p50_ms_single": round(served["p50_ms_single"], 2),
        "path": served["path"],
        "device": plan.device,
        "texts": plan.texts,
        "tokens": served["tokens"],
        "default_tokens_per_s": round(reference["default"]),
        "half_tokens_per_s": round(reference["half"]),
        "limit_tokens_per_s": None if limit is None else round(limit),
    }


async def _served(plan: Plan, url: str, passages: Sequence[str], queries: Sequence[str]) -> dict[str, Any]:
    """What a client sees of the server."""
    limits = httpx2.Limits(max_connections=plan.in_flight)
    async with httpx2.AsyncClient(base_url=url, timeout=600, limits=limits, trust_env=False) as client:
        path = (await client.get("/health")).json()["path"]
        await _sent(plan, client, passages)  # warm: kernels chosen, memory taken
        speeds, tokens = [], 0
        for _ in range(plan.rounds):
            begun = time.perf_counter()
            tokens = await _sent(plan, client, passages)
            speeds.append(tokens / (time.perf_counter() - begun))
        waits = []
        for query in queries:
            body = orjson.dumps({"texts": [query], "kind": "query", "format": "float32"})
            begun = time.perf_counter()
            (await client.post("/embed", content=body)).raise_for_status()
            waits.append((time.perf_counter() - begun) * 1000)
        body = orjson.dumps({"texts": list(passages[:_COMPARED]), "kind": "passage", "format": "float32"})
        answer = (await client.post("/embed", content=body)).raise_for_status()
    vectors = np.frombuffer(answer.content, "<f4").reshape(len(passages[:_COMPARED]), -1)
    return {
        "tokens_per_s": percentile(speeds, 50),
        "tokens": tokens,
        "p50_ms_single": percentile(waits, 50),
        "vectors": vectors,
        "path": path,
    }


async def _sent(plan: Plan, client: httpx2.AsyncClient, passages: Sequence[str]) -> int:
    """Sends all passages, in the numbers an import sends them; the tokens the server counted."""
    room = asyncio.Semaphore(plan.in_flight)

    async def one(begin: int) -> int:
        texts = passages[begin : begin + plan.request_texts]
        async with room:
            body = orjson.dumps({"texts": texts, "kind": "passage", "format": "float16"})
            answer = (await client.post("/embed", content=body)).raise_for_status()
        return int(answer.headers["x-embedding-tokens"])

    return sum(await asyncio.gather(*(one(begin) for begin in range(0, len(passages), plan.request_texts))))


@contextmanager
def _server(plan: Plan, model: Path, folder: Path) -> Iterator[str]:
    """The server file as a pod runs it; its address."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "backend.embedding_server:app", "--port", str(port), "--no-access-log"]
    environment = {"EMBEDDING_MODEL_NAME": str(model), "EMBED_DEVICE": plan.device, "EMBED_API_KEY": ""}
    with program("embedding", command, environment, folder) as running:
        url = f"http://127.0.0.1:{port}"
        running.wait_for(lambda: _is_ready(url), _START_TIMEOUT_S)
        yield url


def _is_ready(url: str) -> bool:
    try:
        answer = httpx2.get(f"{url}/health", timeout=5, trust_env=False)
    except httpx2.HTTPError:
        return False
    if answer.status_code == 503 and (reason := answer.json().get("reason")):
        raise ProgramFailedError(f"The server cannot load the encoder: {reason}")
    return answer.status_code == 200


def _reference(plan: Plan, model: Path, passages: Sequence[str]) -> dict[str, Any]:
    """sentence-transformers in this process, with its defaults (fp32, 32 texts a batch) and in half precision."""
    import torch
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device=plan.device)
    vectors = encoder.encode(list(passages[:_COMPARED]), show_progress_bar=False)
    some = list(passages[: plan.default_texts])
    default = _tokens(encoder, some) / _seconds(plan, lambda: encoder.encode(some, show_progress_bar=False))
    half = encoder.half() if plan.device == "cuda" else encoder.to(torch.bfloat16)
    more = list(passages) if plan.device == "cuda" else some
    seconds = _seconds(plan, lambda: half.encode(more, show_progress_bar=False, convert_to_tensor=True).cpu())
    return {"vectors": vectors, "default": default, "half": _tokens(encoder, more) / seconds}


def _tokens(encoder: Any, texts: list[str]) -> int:
    found = encoder.tokenizer(texts, truncation=True, max_length=encoder.max_seq_length)["input_ids"]
    return sum(map(len, found))


def _limit(plan: Plan) -> float | None:
    """Tokens a second if the card did nothing but the encoder's matrix products in bf16; None on a CPU."""
    if plan.device != "cuda":
        return None
    import torch

    size, times = 8192, 20
    one = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    other = torch.randn_like(one)

    def products() -> None:
        for _ in range(times):
            one @ other
        torch.cuda.synchronize()

    return times * 2 * size**3 / _seconds(plan, products) / plan.shape.operations_per_token


def _seconds(plan: Plan, work: Callable[[], object]) -> float:
    """The median of some runs after one that is not counted."""
    work()
    taken = []
    for _ in range(plan.rounds):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return percentile(taken, 50)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _leave(_number: int, _frame: object) -> NoReturn:
    """SIGTERM ends the blocks above in order, and with them the server."""
    sys.exit(143)


def _options() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench.embedding", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), help="the GPU where there is one, if not given")
    parser.add_argument("--texts", type=int, help="passages to encode (6,000 on a GPU, 300 without)")
    parser.add_argument("--queries", type=int, default=50, help="single questions for the latency")
    parser.add_argument("--rounds", type=int, default=3, help="runs of which the median counts")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        parser.error("torch and sentence-transformers are needed: pip install -r requirements-dev.txt")
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    texts = options.texts or (6000 if device == "cuda" else 300)
    if min(texts, options.queries, options.rounds) <= 0:
        parser.error("all numbers must be above 0")
    return Plan(device, texts, min(texts, 1500), options.queries, options.rounds, 256 if device == "cuda" else 64, 16)


if __name__ == "__main__":
    sys.exit(main())
