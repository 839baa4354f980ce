"""Search over documents, measured: prints one JSON line.

    python -m bench.retrieval --passages F --queries F
    python -m bench.retrieval --synthetic 100000

Passages are JSONL of `{id, title, text}`, queries of `{id, query, relevant: [passage ids]}`.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import orjson
import structlog

from backend.settings import load
from bench.processes import ProgramFailedError
from bench.retrieval import questions, synthetic
from bench.retrieval.place import encoder_of, place


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _leave)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    try:
        result = asyncio.run(_measured(options))
    except (OSError, orjson.JSONDecodeError, ProgramFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


async def _measured(options: argparse.Namespace) -> dict[str, Any]:
    settings = load(RETRIEVAL_MODE="hybrid", LEXICAL_WEIGHT=options.weight)
    passages = queries = []
    if not options.synthetic:
        passages, queries = questions.lines(options.passages), questions.lines(options.queries)
    encoder = None if options.lexical_only else encoder_of(options.embed_url)
    if encoder is None:
        settings = settings.model_copy(update={"retrieval_mode": "lexical"})
    async with place() as here:
        try:
            if options.synthetic:
                return await synthetic.measure(here, options.synthetic, encoder, settings)
            return await questions.measure(here, passages, queries, encoder, settings)
        finally:
            if hasattr(encoder, "close"):
                await encoder.close()


def _leave(_number: int, _frame: object) -> NoReturn:
    """SIGTERM ends the blocks above in order, and with them the database."""
    sys.exit(143)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.retrieval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=Path, help="JSONL of {id, title, text}")
    parser.add_argument("--queries", type=Path, help="JSONL of {id, query, relevant}")
    parser.add_argument("--synthetic", type=int, metavar="N", help="N made-up passages instead, at least 100")
    parser.add_argument("--embed-url", help="embedding server; left out: the laptop's encoder, in this process")
    parser.add_argument("--lexical-only", action="store_true", help="without an encoder")
    parser.add_argument("--weight", type=float, default=load().lexical_weight, help="share of the words in a score")
    options = parser.parse_args()
    if options.synthetic is None and not (options.passages and options.queries):
        parser.error("give --passages and --queries, or --synthetic")
    if options.synthetic is not None and options.synthetic < 100:
        parser.error("--synthetic takes 100 or more")
    return options


if __name__ == "__main__":
    sys.exit(main())
