"""Runs the stand-in in real time until it is stopped; its first line on standard output is JSON with the addresses."""

import argparse
import json
import signal
import sys
import threading

from tests.runpod_double.faults import FaultKind
from tests.runpod_double.server import KEY, RunpodDouble


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.runpod_double", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--fail", choices=[str(kind) for kind in FaultKind], help="a fault that strikes every request")
    options = parser.parse_args()
    running = RunpodDouble(key=options.key, port=options.port)
    if options.fail:
        running.fail(FaultKind(options.fail))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        running.up()
    except OSError as error:
        print(f"The double cannot listen: {error}. Choose another --port.", file=sys.stderr)
        return 1
    addresses = {
        "url": running.url,
        "host_url": running.host_url,
        "page_url": running.page_url,
        "key": options.key,
        "pods": [*running.account.pods],
    }
    print(json.dumps(addresses), flush=True)
    stop.wait()
    running.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
