"""How well aspects are found in reviews of our own writing: prints one JSON line.

    python -m bench.aspects
    python -m bench.aspects --url http://127.0.0.1:8000/v1 --model NAME

`bench/data/aspects_own.jsonl` has Korean and English reviews with the aspects that each speaks of and their polarity.
Every built-in aspect is asked for, and those of the file that are not built in. `aspect_f1`: whether a review speaks
of an aspect; `polarity_accuracy`: of the aspects rightly found; `evidence_valid`: evidence that is part of its review.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from backend.errors import OndolError
from backend.llm.engine import Engine
from backend.llm.labels import LabelScorer
from backend.llm.providers import Provider
from backend.sentiment.aspect_words import BUILT_IN
from backend.sentiment.aspects import AspectFinder, AspectFinding
from bench.laptop_model import add_options, engine_of
from bench.processes import ProgramFailedError

_FILE = Path(__file__).parent / "data" / "aspects_own.jsonl"


@dataclass(frozen=True)
class Known:
    """A review and what it says: polarity by aspect."""

    text: str
    aspects: dict[str, str]


def main() -> int:
    options = _options()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    try:
        reviews = read(options.file)[: options.limit]
        with engine_of(options) as provider:
            result = asyncio.run(_measured(provider, reviews, verbose=options.verbose))
    except (OSError, ValueError, KeyError, OndolError, ProgramFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


def read(path: Path) -> list[Known]:
    """Raises OSError, ValueError, KeyError."""
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [Known(line["text"], line["aspects"]) for line in lines]


async def _measured(provider: Provider, reviews: Sequence[Known], *, verbose: bool) -> dict[str, Any]:
    names = list(dict.fromkeys([*BUILT_IN, *(aspect for review in reviews for aspect in review.aspects)]))
    engine = Engine(provider, first_token_timeout_s=300.0)
    scorer = LabelScorer(engine)
    finder = AspectFinder(scorer)
    try:
        await finder.find(["맛은 그냥 그래요"], names)  # the way to ask is found, and the prompt read once
        started = time.perf_counter()
        found = await finder.find([review.text for review in reviews], names)
        took_s = time.perf_counter() - started
        if verbose:
            _tell(reviews, found)
        return {**figures(reviews, found), "per_s": round(len(reviews) / took_s, 2), "model": scorer.model}
    finally:
        await scorer.close()
        await engine.close()


def figures(reviews: Sequence[Known], found: Sequence[Sequence[AspectFinding]]) -> dict[str, float | int]:
    """Compares findings with what is known, over all pairs of review and aspect."""
    rightly = polarity = told = valid = 0
    for review, findings in zip(reviews, found, strict=True):
        for finding in findings:
            told += 1
            valid += finding.evidence != "" and finding.evidence in review.text
            rightly += finding.aspect in review.aspects
            polarity += review.aspects.get(finding.aspect) == finding.polarity
    known = sum(len(review.aspects) for review in reviews)
    return {
        "aspect_f1": round(2 * rightly / (told + known), 4) if told + known else 0.0,
        "polarity_accuracy": round(polarity / rightly, 4) if rightly else 0.0,
        "evidence_valid": round(valid / told, 4) if told else 0.0,
        "aspect_precision": round(rightly / told, 4) if told else 0.0,
        "aspect_recall": round(rightly / known, 4) if known else 0.0,
        "reviews": len(reviews),
        "aspects": known,
    }


def _tell(reviews: Sequence[Known], found: Sequence[Sequence[AspectFinding]]) -> None:
    for review, findings in zip(reviews, found, strict=True):
        told = {finding.aspect: str(finding.polarity) for finding in findings}
        if told != review.aspects:
            evidence = {finding.aspect: finding.evidence for finding in findings}
            print(f"{review.text}\n    known {review.aspects}\n    found {told} {evidence}", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.aspects", description=__doc__)
    parser.add_argument("--file", type=Path, default=_FILE)
    parser.add_argument("--limit", type=int, help="only the first reviews")
    parser.add_argument("--verbose", action="store_true", help="tell on standard error what was found wrongly")
    add_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
