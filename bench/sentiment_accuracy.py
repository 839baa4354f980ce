"""How often the classifier is right and whether its confidence means it: prints one JSON line.

    python -m bench.sentiment_accuracy --file reviews.tsv --limit 500
    python -m bench.sentiment_accuracy --file reviews.tsv --url http://127.0.0.1:8000/v1 --model NAME

The file has the columns `id, document, label`, tab-separated, label 0 (negative) or 1 (positive); the words positive,
negative and neutral are taken as well. Without `--url` the default laptop model is started here, from its weights in
`var/weights`. `docs/sentiment-accuracy.md` explains the figures.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

import numpy as np
import orjson
import structlog

from backend.errors import OndolError
from backend.llm.engine import Engine
from backend.llm.providers import Provider
from backend.sentiment.calibration import built_in, restricted
from backend.sentiment.classifier import Classifier
from backend.sentiment.fitting import Answers, answers_of, cross_fitted, fitted_scores, quality
from backend.sentiment.labelled import Labelled, read_labelled
from backend.sentiment.labels import LABELS, Label
from backend.sentiment.prompt import Profile
from bench.laptop_model import add_options, engine_of
from bench.processes import ProgramFailedError


def main() -> int:
    options = _options()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output has one line
    try:
        reviews = read_labelled(options.file, options.limit)
        with engine_of(options) as provider:
            result = asyncio.run(_measured(provider, reviews, options.folds))
    except (OSError, ValueError, OndolError, ProgramFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(result).decode())
    return 0


async def _measured(provider: Provider, reviews: list[Labelled], folds: int) -> dict[str, float | str | int]:
    engine = Engine(provider, first_token_timeout_s=300.0)
    classifier, profile = Classifier(engine), Profile()
    try:
        await answers_of(classifier, reviews[:8], profile)  # the way to ask is found, and the prompt read once
        started = time.perf_counter()
        answers = await answers_of(classifier, reviews, profile)
        took_s = time.perf_counter() - started
        model = classifier.model
        if len(set(answers.truth)) < 2:
            raise ValueError(
                f"{len(answers.truth)} of {len(reviews)} reviews got probabilities, with fewer than two labels"
            )
    finally:
        await classifier.close()
        await engine.close()
    return {**figures(answers, model, folds), "per_s": round(len(reviews) / took_s, 2), "model": model}


def figures(answers: Answers, model: str, folds: int) -> dict[str, float | int]:
    """Before calibration, cross-fitted, as built in for the model, and after contextual calibration alone."""
    everything = np.ones(len(answers.truth), dtype=bool)
    before = quality(restricted(answers.logits, answers.labels), answers)
    contextual = quality(restricted(answers.contextual, answers.labels), answers)
    after = quality(cross_fitted(answers, folds), answers)
    shipped = quality(fitted_scores(answers, built_in(model).fits, everything), answers)
    free = answers.logits.argmax(axis=1)
    return {
        "accuracy": round(after.accuracy, 4),
        "macro_f1": round(after.macro_f1, 4),
        "brier": round(after.brier, 4),
        "ece_before": round(before.ece, 4),
        "ece": round(after.ece, 4),
        "accuracy_before": round(before.accuracy, 4),
        "accuracy_built_in": round(shipped.accuracy, 4),
        "ece_built_in": round(shipped.ece, 4),
        "accuracy_contextual": round(contextual.accuracy, 4),
        "ece_contextual": round(contextual.ece, 4),
        "neutral_share": round(float((free == LABELS.index(Label.NEUTRAL)).mean()), 4),
        "reviews": len(answers.truth),
        "left_out": answers.left_out,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.sentiment_accuracy", description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="only the first rows")
    parser.add_argument("--folds", type=int, default=5, help="parts of the rows; each is calibrated by the others")
    add_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
