"""Fits a calibration to labelled reviews, and says how good labels and scores are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.sentiment.calibration import (
    Calibration,
    Fit,
    Floats,
    brier,
    expected_calibration_error,
    fitted,
    restricted,
)
from backend.sentiment.classifier import Classifier
from backend.sentiment.labelled import Labelled
from backend.sentiment.labels import LABELS, Label, Review
from backend.sentiment.prompt import Profile

MIN_REVIEWS = 50
"""Of one language, to fit anything to."""
_RAW, _CONTEXTUAL = Calibration(), Calibration(context_weight=1)


@dataclass(frozen=True)
class Answers:
    """What a model answered to labelled reviews; those it gave no probabilities for are left out.

    Attributes:
        logits: (n, labels), log-probabilities as the model told them.
        contextual: (n, labels), the same after contextual calibration.
        truth: column of the right label, for each row.
        languages: of the prompt, for each row.
        left_out: reviews that failed, or whose label came without probabilities.
    """

    logits: Floats
    contextual: Floats
    truth: list[int]
    languages: list[str]
    left_out: int

    @property
    def labels(self) -> list[Label]:
        """Those that occur: a file without neutral reviews asks only which of the two others."""
        return [LABELS[column] for column in sorted(set(self.truth))]


@dataclass(frozen=True)
class Quality:
    """How good scores are. `brier` runs from 0 (best) to 2; `ece` from 0 to 1, in 10 bins."""

    accuracy: float
    macro_f1: float
    brier: float
    ece: float


async def answers_of(classifier: Classifier, reviews: Sequence[Labelled], profile: Profile) -> Answers:
    """Asks a model about labelled reviews. Raises as `Classifier.classify` does."""
    given = (Review(str(index), review.text, index) for index, review in enumerate(reviews))
    async with aclosing(classifier.classify(given, profile, calibration=_RAW)) as found:
        findings = [finding async for finding in found]
    told = [finding for finding in findings if finding.label and finding.is_measured]
    languages = [profile.language_for(finding.language) for finding in told]
    priors = {language: await classifier.prior(language, profile) for language in set(languages)}
    scores = [tuple(finding.scores[label] for label in LABELS) for finding in told]
    logits = _RAW.logits(scores, priors[languages[0]]) if told else np.zeros((0, len(LABELS)))
    rows = [_CONTEXTUAL.logits([row], priors[language])[0] for row, language in zip(scores, languages, strict=True)]
    return Answers(
        logits,
        np.array(rows).reshape(-1, len(LABELS)),
        [LABELS.index(reviews[finding.index].label) for finding in told],
        languages,
        len(findings) - len(told),
    )


def fits_of(answers: Answers, rows: NDArray[np.bool_] | None = None) -> dict[str, Fit]:
    """A fit for every language that has `MIN_REVIEWS`, from all rows or from the chosen ones.

    How many of its rows are chosen does not matter: what has a fit has one under a part of the rows as well, so that
    the others can judge it. Two labels at least have to occur.
    """
    chosen = np.ones(len(answers.truth), dtype=bool) if rows is None else rows
    languages, truth = np.array(answers.languages), np.array(answers.truth)
    fits = {}
    for language in Counter(answers.languages):
        all_of_it = languages == language
        mine = chosen & all_of_it
        if all_of_it.sum() >= MIN_REVIEWS and len(set(truth[mine])) > 1:
            fits[language] = fitted(answers.logits[mine], truth[mine].tolist())
    return fits


def fitted_scores(answers: Answers, fits: Mapping[str, Fit], rows: NDArray[np.bool_]) -> Floats:
    """Probabilities (rows, labels) under fits, between the labels that occur."""
    languages, logits = np.array(answers.languages)[rows], answers.logits[rows]
    for language in set(answers.languages):
        mine = languages == language
        logits[mine] = fits.get(language, Fit()).logits(logits[mine])
    return restricted(logits, answers.labels)


def cross_fitted(answers: Answers, folds: int = 5) -> Floats:
    """Probabilities (n, labels): each fold's under the fits of the others, so none is judged by what it taught."""
    scores = np.zeros_like(answers.logits)
    fold = np.arange(len(answers.truth)) % folds
    for number in range(folds):
        scores[fold == number] = fitted_scores(answers, fits_of(answers, fold != number), fold == number)
    return scores


def quality(scores: Floats, answers: Answers) -> Quality:
    """How good scores (n, labels) are."""
    predicted, truth = scores.argmax(axis=1), np.array(answers.truth)
    f1 = []
    for column in sorted(set(answers.truth)):
        both = ((predicted == column) & (truth == column)).sum()
        f1.append(2 * both / ((predicted == column).sum() + (truth == column).sum()))
    return Quality(
        float((predicted == truth).mean()),
        float(np.mean(f1)),
        brier(scores, answers.truth),
        expected_calibration_error(scores, answers.truth),
    )
