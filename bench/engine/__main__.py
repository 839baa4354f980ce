"""Runs the stand-in until it is stopped; its first line on standard output is JSON with the ports."""

import argparse
import asyncio
import json
import os
import signal
import sys

from bench.engine.faults import Fault, FaultKind
from bench.engine.server import EngineConfig, EngineDouble


def main() -> int:
    options = _options()
    config = EngineConfig(
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        tokens_per_second=options.tokens_per_second,
        max_running=options.max_running,
        prefill_ms=options.prefill_ms,
        answer_tokens=options.answer_tokens,
        model=options.model,
        max_model_len=options.max_model_len,
        api_key=options.api_key,
    )
    try:
        asyncio.run(_serve(EngineDouble(config, fault=Fault(FaultKind(options.fail)))))
    except OSError as error:
        print(f"The engine cannot listen: {error}. Choose another --port.", file=sys.stderr)
        return 1
    return 0


async def _serve(engine: EngineDouble) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with engine.serving():
        ready = {
            "port": engine.port,
            "control_port": engine.control_port,
            "pid": os.getpid(),
            "base_url": engine.base_url,
        }
        print(json.dumps(ready), flush=True)
        await stop.wait()


def _options() -> argparse.Namespace:
    default = EngineConfig()
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--host", default=default.host)
    parser.add_argument("--port", type=int, default=default.port, help="0: any free one")
    parser.add_argument(
        "--control-port", type=int, default=default.control_port, help="/fault, /answer, /stats; 0: any"
    )
    parser.add_argument("--tokens-per-second", type=_positive, default=default.tokens_per_second, help="of one stream")
    parser.add_argument("--max-running", type=_count, default=default.max_running, help="streams written at once")
    parser.add_argument("--prefill-ms", type=float, default=default.prefill_ms, help="until the first token")
    parser.add_argument("--answer-tokens", type=_count, default=default.answer_tokens)
    parser.add_argument("--model", default=default.model)
    parser.add_argument("--max-model-len", type=_count, default=default.max_model_len)
    parser.add_argument("--api-key", default=default.api_key)
    parser.add_argument("--fail", choices=list(FaultKind), default=FaultKind.NONE, help="begin with this fault")
    return parser.parse_args()


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
