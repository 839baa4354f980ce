"""`python -m backend.sentiment`: fits the confidence of the model to reviews whose label is known.

python -m backend.sentiment fit --file reviews.tsv
python -m backend.sentiment forget
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from backend import logs
from backend.errors import OndolError
from backend.llm.engine import Engine
from backend.llm.routes import Workload, provider_for
from backend.sentiment.calibrations import Calibrations
from backend.sentiment.classifier import Classifier
from backend.sentiment.fitting import MIN_REVIEWS, answers_of, cross_fitted, fits_of, fitted_scores, quality
from backend.sentiment.labelled import read_labelled
from backend.sentiment.prompt import Profile
from backend.settings import ConfigurationError, Settings, load
from backend.store.database import Database, url_of

WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 when the model or the file is of no use, 2 when the configuration is."""
    options = _parser().parse_args(arguments)
    try:
        settings = load()
        logs.configure(settings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    try:
        told = asyncio.run(_fit(settings, options) if options.command == "fit" else _forget(settings))
    except (OndolError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(orjson.dumps(told).decode())
    return 0


async def _fit(settings: Settings, options: argparse.Namespace) -> dict[str, Any]:
    """Asks, fits, and says how good labels and scores are: as they were, and cross-fitted."""
    reviews = read_labelled(options.file, options.limit)
    engine = Engine(provider_for(settings, Workload.BULK), settings.first_token_timeout_s)
    database = Database(url_of(settings))
    classifier = Classifier(engine)
    try:
        answers = await answers_of(classifier, reviews, Profile())
        fits = fits_of(answers)
        if not fits:
            raise ValueError(
                f"{options.file} must have {MIN_REVIEWS} reviews of one language with two labels at least, to which "
                f"the model tells probabilities; it did so for {len(answers.truth)}"
            )
        counts = Counter(answers.languages)
        for language, fit in fits.items():
            await Calibrations(database).keep(classifier.model, language, fit, counts[language])
        everything = np.ones(len(answers.truth), dtype=bool)
        return {
            "model": classifier.model,
            "reviews": len(answers.truth),
            "left_out": answers.left_out,
            "fits": {language: asdict(fit) for language, fit in fits.items()},
            "before": asdict(quality(fitted_scores(answers, {}, everything), answers)),
            "after": asdict(quality(cross_fitted(answers), answers)),
        }
    finally:
        await classifier.close()
        await engine.close()
        await database.close()


async def _forget(settings: Settings) -> dict[str, Any]:
    engine = Engine(provider_for(settings, Workload.BULK), settings.first_token_timeout_s)
    database = Database(url_of(settings))
    try:
        model = (await engine.require_ready()).model
        return {"model": model, "forgotten": await Calibrations(database).forget(model)}
    finally:
        await engine.close()
        await database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend.sentiment", description="How sure the model is of a sentiment."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    fit = commands.add_parser("fit", help="fit the running model's confidence to labelled reviews, for everyone")
    fit.add_argument("--file", type=Path, required=True, help="columns document (or text, content, review) and label")
    fit.add_argument("--limit", type=int, help="only the first rows")
    commands.add_parser("forget", help="go back to what is built in for the running model")
    return parser


if __name__ == "__main__":
    sys.exit(main())
