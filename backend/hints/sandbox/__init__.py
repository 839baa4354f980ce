"""Runs programs of learners where they can do no harm, and says how they went."""

from backend.hints.sandbox.judge import Judge
from backend.hints.sandbox.results import Case, CaseResult, Judgement, Limits, Verdict

__all__ = ["Case", "CaseResult", "Judge", "Judgement", "Limits", "Verdict"]
