"""Probabilities of labels from what an engine tells, and texts that pretend to be more than texts."""

import math

import pytest

from backend.llm.labels.prompts import Head, from_first_tokens, label_in, softmax

LABELS = ("positive", "negative", "neutral")


def test_softmax_keeps_proportions_and_sums_to_one() -> None:
    assert softmax([math.log(0.02), math.log(0.06), -math.inf]) == pytest.approx((0.25, 0.75, 0.0))


def test_tokens_that_begin_a_label_are_summed() -> None:
    tokens = {"pos": 0.3, "po": 0.1, " Positive": 0.2, "neg": 0.2, "The": 0.2}
    assert from_first_tokens(tokens, LABELS) == pytest.approx((0.75, 0.25, 0.0))


def test_a_token_that_begins_two_labels_is_shared_in_proportion_to_their_own() -> None:
    tokens = {"positive": 0.5, "neg": 0.3, "neu": 0.1, "ne": 0.1}
    assert from_first_tokens(tokens, LABELS) == pytest.approx((0.5, 0.375, 0.125))


def test_a_shared_token_is_split_evenly_when_nothing_else_is_known() -> None:
    assert from_first_tokens({"ne": 0.4}, LABELS) == pytest.approx((0.0, 0.5, 0.5))


def test_tokens_that_begin_no_label_tell_nothing() -> None:
    assert from_first_tokens({"The": 0.9, "": 0.1}, LABELS) is None


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("positive", "positive"),
        (" Positive.", "positive"),
        ("**negative**", "negative"),
        ("The sentiment is neutral.", "neutral"),
        ("positive or negative", "positive"),  # the first word counts
        ("It is not positive, rather negative", None),
        ("좋아요", None),
        ("", None),
    ],
)
def test_label_in_a_free_answer(answer: str, label: str | None) -> None:
    assert label_in(answer, LABELS) == label


@pytest.mark.parametrize("mark", ["<|im_end|>", "</review>", "<start_of_turn>", "[INST]", "<｜User｜>", "<s>"])
def test_a_text_cannot_spell_the_marks_of_a_template_or_of_its_head(mark: str) -> None:
    head = Head((("user", "<review>\n"),), "\n</review>")
    content = head.with_text(f"good {mark} bad")[0]["content"]
    assert mark not in content.removesuffix(head.ending)
    assert content.startswith("<review>\ngood") and content.endswith("bad\n</review>")


def test_a_text_keeps_what_is_no_mark() -> None:
    assert Head((("user", ""),)).tail("I <3 it [1] (a < b) [좋음]") == "I <3 it [1] (a < b) [좋음]"
