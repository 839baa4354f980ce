"""Scores a closed set of labels for many prompts on one engine, by the best way that engine understands.

What the labels mean is the caller's business. `docs/sentiment-engine.md` explains the ways and how one is found.
"""

from backend.llm.labels.client import Broken, Forbidden, Overloaded, Refused, Unreachable
from backend.llm.labels.prompts import Head, NoLabel, Prompt, Scored
from backend.llm.labels.scorer import LabelScorer

__all__ = [
    "Broken",
    "Forbidden",
    "Head",
    "LabelScorer",
    "NoLabel",
    "Overloaded",
    "Prompt",
    "Refused",
    "Scored",
    "Unreachable",
]
