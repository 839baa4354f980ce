"""Labelled files, and fits that are not judged by what they were fitted to."""

from pathlib import Path

import numpy as np
import pytest

from backend.sentiment.fitting import Answers, cross_fitted, fits_of, fitted_scores, quality
from backend.sentiment.labelled import Labelled, read_labelled
from backend.sentiment.labels import Label


def answers(count: int, languages: list[str] | None = None, seed: int = 3) -> Answers:
    """Two labels, told twice too surely."""
    generator = np.random.default_rng(seed)
    margin = generator.normal(size=count) * 2
    truth = (generator.random(count) > 1 / (1 + np.exp(-margin))).astype(int).tolist()
    logits = np.stack([margin, -margin, np.full(count, -9.0)], axis=1)
    return Answers(logits, logits, truth, languages or ["ko"] * count, 0)


def test_a_tab_separated_file_with_quotes_that_do_not_close(tmp_path: Path) -> None:
    path = tmp_path / "f.tsv"
    path.write_text('id\tdocument\tlabel\n1\t"좋다\t1\n2\t  \t0\n3\t별로\t0\n4\t더\t1\n', encoding="utf-8-sig")
    assert read_labelled(path, 2) == [Labelled('"좋다', Label.POSITIVE), Labelled("별로", Label.NEGATIVE)]
    assert len(read_labelled(path)) == 3


def test_a_csv_with_words_for_labels(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text('label,review\nneutral,"역, 앞"\n', encoding="utf-8")
    assert read_labelled(path) == [Labelled("역, 앞", Label.NEUTRAL)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("document\tstars\nx\t1\n", "columns"), ("text,label\nx,7\n", "line 2: '7'"), ("text,label\n", "no labelled")],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=reason):
        read_labelled(path)


def test_a_fit_makes_confidence_mean_something() -> None:
    told = answers(1000)
    everything = np.ones(1000, dtype=bool)
    before = quality(fitted_scores(told, {}, everything), told)
    after = quality(cross_fitted(told), told)
    assert after.ece < 0.06 < before.ece and after.brier < before.brier
    weights = np.array(fits_of(told)["ko"].weights)
    assert weights[0] - weights[1] == pytest.approx([0.5, -0.5, 0], abs=0.08)
    assert told.labels == [Label.POSITIVE, Label.NEGATIVE]


def test_no_row_is_judged_by_a_fit_to_itself() -> None:
    told = answers(200)
    fold = np.arange(200) % 5
    for number in range(5):
        others = fits_of(told, fold != number)
        assert np.allclose(cross_fitted(told)[fold == number], fitted_scores(told, others, fold == number))
    turned = Answers(told.logits, told.contextual, [1 - told.truth[0], *told.truth[1:]], told.languages, 0)
    assert np.allclose(cross_fitted(turned)[0], cross_fitted(told)[0])


def test_a_language_with_few_reviews_is_left_as_it_is() -> None:
    told = answers(120, ["ko"] * 100 + ["en"] * 20)
    assert set(fits_of(told)) == {"ko"}
    assert fits_of(answers(10)) == {}


def test_a_fit_that_is_kept_is_also_judged() -> None:
    told = answers(55)  # a part of them is too few for a fit of its own
    assert set(fits_of(told)) == {"ko"}
    assert not np.allclose(cross_fitted(told), fitted_scores(told, {}, np.ones(55, dtype=bool)))


def test_quality_by_hand() -> None:
    scores = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.6, 0.4, 0], [0.3, 0.7, 0]])
    told = Answers(np.log(scores + 1e-9), np.zeros((4, 3)), [0, 1, 1, 1], ["ko"] * 4, 0)
    found = quality(scores, told)
    assert found.accuracy == 0.75
    assert found.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
