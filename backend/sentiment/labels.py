"""The closed set of labels, and what one review gets."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from backend.errors import Text


class Label(StrEnum):
    """What a review feels. The values are the words the model is asked for: one token each in Qwen2.5's vocabulary."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"


LABELS = tuple(Label)

LabelScores = dict[Label, float]
"""Probability of every label; they sum to 1."""


@dataclass(frozen=True, slots=True)
class Review:
    """One review as it was handed in.

    Attributes:
        id: the caller's own name for it; need not be unique.
        index: place in the input, from 0; unique within one run.
        rating: stars, on whatever scale the input has.
    """

    id: str
    text: str
    index: int
    restaurant_id: str = ""
    written_at: date | None = None
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one review has no label; the others are not touched by it."""

    code: str
    message: Text


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one review.

    Attributes:
        label: the likeliest one, or None when there is an error.
        scores: calibrated probabilities; empty where none were measured, because there is an error or the engine told
            the label alone.
        confidence: the label's probability; None where none was measured.
        language: of the text: `ko`, `en`, `ja`, `zh`, `ru`, … or `und` where there are no letters.
        duplicate_of: index of the first review with the same normalised text, whose result this is.
        is_cut: the text was too long and only its beginning and its end were read.
    """

    index: int
    id: str
    label: Label | None
    scores: LabelScores
    confidence: float | None
    language: str
    duplicate_of: int | None = None
    error: ItemError | None = None
    is_cut: bool = False

    @property
    def is_measured(self) -> bool:
        """Whether the engine told probabilities."""
        return self.confidence is not None
