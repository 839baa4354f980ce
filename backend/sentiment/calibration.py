"""Makes a score mean how often it is right.

Contextual calibration (Zhao et al., 2021, "Calibrate Before Use") divides by what the model answers to texts without
content: its prejudice. A fit on labelled reviews then finds a linear map of the log-probabilities (Dirichlet
calibration: Kull et al., 2019, "Beyond temperature scaling"). A temperature alone is the case of it that a few reviews
can tell; how far a fit departs from that is held back by a ridge.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.llm.labels.prompts import softmax
from backend.sentiment.labels import LABELS, Label

# What says nothing, per language: what the model answers to these it would answer to anything.
CONTENT_FREE: Mapping[str, tuple[str, ...]] = {
    "ko": ("없음", "해당 없음", "…"),
    "en": ("N/A", "nothing", "..."),
}

_FLOOR = 1e-9  # below it a probability is rounding
_NEWTON_STEPS = 50
_RIDGE = 1e-3  # keeps a fit finite when the labels can be parted without an error
_RIDGE_OF_WEIGHTS = 10.0  # with 60 reviews about as good as a temperature, with 400 better (docs/sentiment-accuracy.md)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """What was fitted for one language: scores are the softmax of `weights` · log-probabilities + `bias`.

    Attributes:
        weights: for each label, how much the log-probability of each label counts; a temperature T is 1/T at the label
            itself and 0 elsewhere.
        bias: added for each label.
    """

    weights: tuple[tuple[float, ...], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    bias: tuple[float, ...] = (0.0,) * len(LABELS)

    @classmethod
    def of_temperature(cls, temperature: float) -> "Fit":
        """Log-probabilities are divided by it."""
        return cls(tuple(tuple(row) for row in (np.eye(len(LABELS)) / temperature).tolist()))

    def logits(self, logits: Floats) -> Floats:
        """Of scores, (n, labels), from log-probabilities of the same shape."""
        result: Floats = logits @ np.array(self.weights).T + np.array(self.bias)
        return result


_NO_FIT = Fit()


@dataclass(frozen=True)
class Calibration:
    """How raw probabilities become scores.

    Attributes:
        context_weight: exponent of the content-free probabilities that are divided by: 0 for no contextual
            calibration, 1 for all of it.
        fits: per language of the prompt; without one nothing is fitted.
    """

    context_weight: float = 0.0
    fits: Mapping[str, Fit] = field(default_factory=dict)

    def apply(self, probabilities: Sequence[float], prior: Sequence[float], language: str) -> tuple[float, ...]:
        """Calibrated probabilities; `prior` is what content-free texts got, in the same order of labels."""
        fit = self.fits.get(language, _NO_FIT)
        told = [
            math.log(max(p, _FLOOR)) - self.context_weight * math.log(max(q, _FLOOR))
            for p, q in zip(probabilities, prior, strict=True)
        ]
        return softmax(
            [
                sum(weight * value for weight, value in zip(row, told, strict=True)) + bias
                for row, bias in zip(fit.weights, fit.bias, strict=True)
            ]
        )

    def logits(self, probabilities: Sequence[Sequence[float]], prior: Sequence[float]) -> Floats:
        """Log-probabilities (n, labels) after contextual calibration, before any fit: for `fitted`."""
        return _log(probabilities) - self.context_weight * _log(prior)


# Contextual calibration is off: with a neutral label "nothing is said" has a right answer, and what a model answers to
# it is no prejudice (`docs/sentiment-accuracy.md` has the figures). The temperature was fitted to Korean film reviews.
_UNFITTED = Calibration()
_BUILT_IN = {
    "qwen2.5-coder-1.5b-instruct": Calibration(fits={"ko": Fit.of_temperature(2.10)}),
}


def built_in(model: str) -> Calibration:
    """What a fresh install uses for a model: the fit that was measured for it, or its probabilities as they are."""
    return _BUILT_IN.get(model, _UNFITTED)


def fitted(logits: Floats, truth: Sequence[int]) -> Fit:
    """The fit that makes the labelled reviews likeliest (Newton's method; the problem is convex).

    It is one temperature for all labels, and what departs from it for the labels that occur in `truth`. A label that
    never does has the temperature alone: a file without neutral reviews tells nothing of how often reviews are neutral,
    though it may tell which way those lean that might be. Where the labels contradict the model, all scores are equal.

    Args:
        logits: of `Calibration.logits`, (n, labels).
        truth: column of the right label of each row.

    Raises:
        ValueError: fewer than two labels occur.
    """
    present = sorted(set(truth))
    if len(present) < 2:
        raise ValueError("the labelled reviews must have two labels at least")
    y = np.eye(len(present))[[present.index(label) for label in truth]]
    rows, columns = len(present), logits.shape[1]
    own = 1 + np.arange(rows * columns).reshape(rows, columns)  # numbers of the parameters; the slope of all is 0
    shift = 1 + rows * columns + np.arange(rows)
    features = np.zeros((len(logits), rows, 1 + rows * columns + rows))
    features[:, :, 0] = logits[:, present]
    for row in range(rows):
        features[:, row, own[row]] = logits
        features[:, row, shift[row]] = 1.0
    ridge = np.full(features.shape[2], _RIDGE)
    ridge[own] = _RIDGE_OF_WEIGHTS
    parameters = _likeliest(features, y, ridge)
    if parameters[0] <= 0:  # labels that contradict the model: no answer is better than its opposite
        return Fit(((0.0,) * columns,) * columns)
    weights, bias = np.eye(columns) * parameters[0], np.zeros(columns)
    weights[present] += parameters[own]
    bias[present] = parameters[shift]
    return Fit(tuple(tuple(row) for row in weights.tolist()), tuple(bias.tolist()))


def _likeliest(features: Floats, y: Floats, ridge: Floats) -> Floats:
    """Parameters (d) of a softmax of features (n, labels, d) for the labels y (n, labels), one-hot."""
    parameters = np.zeros(features.shape[2])
    parameters[0] = 1.0
    loss = _loss(features, y, ridge, parameters)
    for _ in range(_NEWTON_STEPS):
        p = _softmax(features @ parameters)
        gradient = np.einsum("nk,nkd->d", y - p, features) - ridge * parameters
        mean = np.einsum("nk,nkd->nd", p, features)
        curvature = np.einsum("nk,nkd,nke->de", p, features, features, optimize=True) - mean.T @ mean
        step = np.linalg.solve(curvature + np.diag(ridge), gradient)
        while (tried := _loss(features, y, ridge, parameters + step)) > loss:  # too far for a curve that is no parabola
            step = step / 2
        parameters, gain, loss = parameters + step, loss - tried, tried
        if gain < 1e-9:
            break
    return parameters


def _loss(features: Floats, y: Floats, ridge: Floats, parameters: Floats) -> float:
    """Negative log-likelihood with the ridge: what a fit makes small."""
    logits = features @ parameters
    peak = logits.max(axis=1, keepdims=True)
    log_total = peak[:, 0] + np.log(np.exp(logits - peak).sum(axis=1))
    return float((log_total - (logits * y).sum(axis=1)).sum() + (ridge * parameters**2).sum() / 2)


def brier(scores: Floats, truth: Sequence[int]) -> float:
    """Mean squared distance between the scores (n, labels) and the truth, summed over labels: 0 best, 2 worst."""
    wanted = np.eye(scores.shape[1])[list(truth)]
    return float(((scores - wanted) ** 2).sum(axis=1).mean())


def expected_calibration_error(scores: Floats, truth: Sequence[int], bins: int = 10) -> float:
    """How far confidence and accuracy lie apart, in bins of equal width weighted by their size (Guo et al., 2017)."""
    confidence, predicted = scores.max(axis=1), scores.argmax(axis=1)
    right = predicted == np.asarray(truth)
    where = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(right[where == b].mean() - confidence[where == b].mean()) * (where == b).mean()
            for b in range(bins)
            if (where == b).any()
        )
    )


def restricted(logits: Floats, labels: Sequence[Label]) -> Floats:
    """Probabilities (n, labels) as if only some labels could be chosen: for files that know no neutral."""
    kept = np.full(logits.shape, -np.inf)
    columns = [LABELS.index(label) for label in labels]
    kept[:, columns] = logits[:, columns]
    return _softmax(kept)


def _log(probabilities: Sequence[Sequence[float]] | Sequence[float]) -> Floats:
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _FLOOR))


def _softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return result
