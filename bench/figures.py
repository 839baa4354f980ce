"""Figures of a list of measurements."""

from collections.abc import Sequence
from itertools import pairwise


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie, interpolated between neighbours (numpy's default).

    Raises:
        ValueError: there are no values, or `percent` is not within 0 and 100.
    """
    if not values:
        raise ValueError("there is nothing to take a percentile of")
    if not 0 <= percent <= 100:
        raise ValueError(f"a percentile lies between 0 and 100, not at {percent}")
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def gaps_ms(arrivals_s: Sequence[float]) -> list[float]:
    """Milliseconds between consecutive arrivals, which are given in seconds."""
    return [(later - earlier) * 1000 for earlier, later in pairwise(arrivals_s)]
