"""Runs the stand-in until it is stopped; its first line on standard output is JSON with the address."""

import argparse
import asyncio
import json
import os
import signal
import sys

from bench.engine_batch.costs import FREE, MEASURED
from bench.engine_batch.server import BatchConfig, BatchEngine


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.engine_batch", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--model", default="double")
    parser.add_argument("--max-num-seqs", type=int, default=1024)
    parser.add_argument("--free", action="store_true", help="answers at once, at no cost")
    options = parser.parse_args()
    costs = FREE if options.free else MEASURED
    config = BatchConfig(options.host, options.port, options.model, max_num_seqs=options.max_num_seqs, costs=costs)
    try:
        asyncio.run(_serve(BatchEngine(config)))
    except OSError as error:
        print(f"The engine cannot listen: {error}. Choose another --port.", file=sys.stderr)
        return 1
    return 0


async def _serve(engine: BatchEngine) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with engine.serving():
        print(json.dumps({"port": engine.port, "pid": os.getpid(), "base_url": engine.base_url}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
