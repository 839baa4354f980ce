"""Calibration against numbers worked out by hand."""

import math

import numpy as np
import pytest

from backend.sentiment.calibration import (
    Calibration,
    Fit,
    brier,
    built_in,
    expected_calibration_error,
    fitted,
    restricted,
)
from backend.sentiment.labels import Label


def test_contextual_calibration_divides_by_what_nothing_gets() -> None:
    # .6/.8 : .3/.1 : .1/.1 = .75 : 3 : 1
    scores = Calibration(1).apply((0.6, 0.3, 0.1), (0.8, 0.1, 0.1), "ko")
    assert scores == pytest.approx((0.75 / 4.75, 3 / 4.75, 1 / 4.75))


def test_without_weight_the_model_is_believed() -> None:
    assert Calibration().apply((0.6, 0.3, 0.1), (0.8, 0.1, 0.1), "ko") == pytest.approx((0.6, 0.3, 0.1))


def test_a_temperature_flattens_and_a_bias_shifts_only_its_language() -> None:
    calibration = Calibration(0, {"ko": Fit(Fit.of_temperature(2.0).weights, (math.log(2), 0.0, 0.0))})
    # sqrt(.64) : sqrt(.32) : sqrt(.04), the first doubled
    weights = (2 * 0.8, math.sqrt(0.32), 0.2)
    assert calibration.apply((0.64, 0.32, 0.04), (1 / 3,) * 3, "ko") == pytest.approx(
        [w / sum(weights) for w in weights]
    )
    assert calibration.apply((0.64, 0.32, 0.04), (1 / 3,) * 3, "en") == pytest.approx((0.64, 0.32, 0.04))


def test_a_zero_survives() -> None:
    scores = Calibration(1).apply((1.0, 0.0, 0.0), (0.5, 0.5, 0.0), "ko")
    assert sum(scores) == pytest.approx(1) and all(math.isfinite(score) for score in scores)


def test_brier_by_hand() -> None:
    # (.3² + .2² + .1²) and (.6² + .5² + .1²), halved
    assert brier(np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1]]), [0, 0]) == pytest.approx((0.14 + 0.62) / 2)


def test_ece_by_hand() -> None:
    scores = np.array([[0.95, 0.05], [0.92, 0.08], [0.65, 0.35], [0.31, 0.69]])
    # bin .9–1: both right, |1 - .935| · 2/4; bin .6–.7: one of two right, |.5 - .67| · 2/4
    assert expected_calibration_error(scores, [0, 0, 0, 0]) == pytest.approx(0.065 / 2 + 0.17 / 2)


def test_certainty_falls_into_the_last_bin() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0]]), [0]) == pytest.approx(0)


def test_a_fit_finds_the_temperature_that_made_the_labels() -> None:
    generator = np.random.default_rng(7)
    true = generator.normal(size=(20_000, 3)) * 2
    weights = np.exp(true)
    weights /= weights.sum(axis=1, keepdims=True)
    truth = [int(generator.choice(3, p=row)) for row in weights]
    fit = fitted(true * 2.5 + np.array([0.5, -0.5, 0.0]), truth)  # overconfident and biased
    weights = np.array(fit.weights)
    assert weights - weights.mean(axis=0) == pytest.approx((np.eye(3) - 1 / 3) / 2.5, abs=0.02)
    assert fit.bias == pytest.approx((-0.2, 0.2, 0.0), abs=0.06)


def test_a_fit_finds_which_way_those_lean_that_might_be_neutral() -> None:
    generator = np.random.default_rng(5)
    told = np.log(generator.dirichlet((1, 1, 1), size=20_000))
    right = 1 / (1 + np.exp(-(told[:, 0] - told[:, 1] - 0.5 * told[:, 2])))
    truth = [int(u > p) for u, p in zip(generator.random(20_000), right, strict=True)]
    fit = fitted(told, truth)
    weights = np.array(fit.weights)
    assert weights[0] - weights[1] == pytest.approx([1, -1, -0.5], abs=0.1)
    assert weights[2] == pytest.approx([0, 0, 1], abs=0.1)  # of a label that never occurs: the temperature alone


def test_a_fit_lowers_the_error_of_overconfident_scores() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(4_000, 2)) * 6
    right = 1 / (1 + np.exp(-(logits[:, 0] - logits[:, 1]) / 4))
    truth = [int(u > p) for u, p in zip(generator.random(4_000), right, strict=True)]
    padded = np.concatenate([logits, np.full((4_000, 1), -20.0)], axis=1)
    fit = fitted(padded, truth)
    labels = (Label.POSITIVE, Label.NEGATIVE)
    before = expected_calibration_error(restricted(padded, labels), truth)
    after = expected_calibration_error(restricted(fit.logits(padded), labels), truth)
    assert after < 0.03 < before


def test_a_label_that_never_occurs_keeps_no_bias() -> None:
    logits = np.array([[1.0, -1.0, 0.3], [-1.0, 1.0, 0.1], [0.5, -0.2, 0.0], [-0.4, 0.6, 0.9]] * 5)
    fit = fitted(logits, [0, 1, 1, 0] * 5)
    assert fit.bias[2] == 0 and fit.bias[0] == pytest.approx(-fit.bias[1])


def test_separable_labels_do_not_run_away() -> None:
    fit = fitted(np.array([[3.0, -3.0, 0.0], [-3.0, 3.0, 0.0]] * 20), [0, 1] * 20)
    assert np.isfinite(fit.weights).all() and fit.weights[0][0] > fit.weights[0][1]


def test_labels_that_are_swapped_do_not_turn_the_model_round() -> None:
    logits = np.log([[0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 20)
    fit = fitted(logits, [1, 0, 1, 0] * 20)
    assert Calibration(fits={"ko": fit}).apply((0.9, 0.05, 0.05), (1 / 3,) * 3, "ko") == pytest.approx((1 / 3,) * 3)


def test_one_label_is_not_enough() -> None:
    with pytest.raises(ValueError, match="two labels"):
        fitted(np.zeros((3, 3)), [1, 1, 1])


def test_a_model_that_was_measured_has_a_fit_and_others_are_believed() -> None:
    known = built_in("qwen2.5-coder-1.5b-instruct")
    assert known.apply((0.8, 0.2, 0.0), (1 / 3,) * 3, "ko") == pytest.approx((0.6593, 0.3407, 0), abs=1e-4)
    assert built_in("another").apply((0.8, 0.2, 0.0), (1 / 3,) * 3, "ko") == pytest.approx((0.8, 0.2, 0), abs=1e-6)
