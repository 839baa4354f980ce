"""Takes the arguments of `vllm serve` and serves a GGUF through llama.cpp: `python vllm.py serve MODEL …`.

In the folder `STAND_IN` it finds `model.gguf`, and `failures`: the sentence that each of the next starts ends with, one
a line. It writes what it was called with to `calls`, one JSON object a line, names of variables included.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path


def main() -> int:
    folder = Path(os.environ["STAND_IN"])
    options = _options()
    with (folder / "calls").open("a") as calls:
        print(json.dumps({"arguments": sys.argv[1:], "variables": sorted(os.environ)}), file=calls)
    print(f"INFO Starting to load model {options.model}...", flush=True)
    if sentence := _next_failure(folder / "failures"):
        print("(EngineCore pid=7) ERROR EngineCore failed to start.", file=sys.stderr)
        print(f"(EngineCore pid=7) ERROR {sentence}", file=sys.stderr)
        print("RuntimeError: Engine core initialization failed. See root cause above.", file=sys.stderr, flush=True)
        return 1
    if "HF_HUB_OFFLINE" in os.environ and not (Path(options.model) / "config.json").exists():
        print(
            f"OSError: {options.model} is no folder with a model, and the hub is not asked", file=sys.stderr, flush=True
        )
        return 1
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(folder / "model.gguf")
    params.model_alias = {options.served_model_name}
    params.hostnames = [options.host]
    params.port = options.port
    params.api_keys = [os.environ["VLLM_API_KEY"]]
    params.n_parallel = 2
    params.n_ctx = 2 * min(options.max_model_len, 2048)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.cache_ram_mib = 0
    params.ui = False
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    print("INFO Application startup complete.", server.listening_address, flush=True)
    while True:
        signal.pause()


def _next_failure(file: Path) -> str:
    lines = file.read_text().splitlines() if file.exists() else []
    file.write_text("\n".join(lines[1:]))
    return lines[0] if lines else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vllm")
    serve = parser.add_subparsers(required=True).add_parser("serve")
    serve.add_argument("model")
    for name in ("--served-model-name", "--host", "--quantization", "--dtype"):
        serve.add_argument(name)
    for name in ("--port", "--max-model-len", "--max-num-seqs", "--tensor-parallel-size", "--api-server-count"):
        serve.add_argument(name, type=int)
    serve.add_argument("--gpu-memory-utilization", type=float)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
