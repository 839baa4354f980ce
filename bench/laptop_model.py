"""The engine that a quality benchmark asks: one that runs, or the default laptop model in a process of its own."""

import argparse
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from pydantic import SecretStr

from backend.llm.providers import Provider
from backend.models import model_name, ready_weights
from backend.settings import ServiceType, load
from bench.processes import program

_START_TIMEOUT_S = 180.0
_CONTEXT = "2048"  # tokens: a prompt has some 500
KEY = "BENCH_ENGINE_KEY"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what `engine_of` reads."""
    parser.add_argument("--url", default="", help="of a running engine, ends in /v1; empty: the laptop model")
    parser.add_argument("--model", default="", help="name of the model there")
    parser.epilog = f"A running engine's key: ${KEY}."


@contextmanager
def engine_of(options: argparse.Namespace) -> Iterator[Provider]:
    """The engine that `--url` names, or the laptop model, which ends with the block.

    Raises:
        WeightsMissing, ProgramFailedError: there is no model, or it does not start.
    """
    if options.url:
        key = SecretStr(os.environ.get(KEY, ""))
        yield Provider("bench", options.url.rstrip("/"), ServiceType.OPENAI, options.model, key)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret, settings = secrets.token_urlsafe(16), load(LLM_SERVICE_TYPE="llamacpp")
    with tempfile.TemporaryDirectory(prefix="ondol-bench-") as folder:
        environment = {
            "DATA_DIR": folder,
            "LLM_SERVICE_TYPE": "llamacpp",
            "LLM_GGUF": str(ready_weights(settings)),
            "LLM_MODEL_NAME": model_name(settings),
            "LLM_API_KEY": secret,
            "LLM_CONTEXT": _CONTEXT,
            "VLLM_HOST": "127.0.0.1",
            "VLLM_PORT": str(port),
        }
        with program("engine", [sys.executable, "-m", "backend.llm.llama_server"], environment, Path(folder)) as server:
            url = f"http://127.0.0.1:{port}"
            server.wait_for(lambda: _is_ready(url), _START_TIMEOUT_S)
            yield Provider("bench", f"{url}/v1", ServiceType.LLAMACPP, api_key=SecretStr(secret))


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health", timeout=5.0).status_code == 200
    except httpx2.HTTPError:
        return False
