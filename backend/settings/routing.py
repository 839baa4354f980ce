"""How `LLM_ROUTES` is written: for each kind of work the providers in order, some with a weight."""

import json
import re
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import ip_address
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlsplit

_STEP = re.compile(r"(?P<provider>[a-z0-9][a-z0-9_-]{0,31})(?::(?P<weight>.*))?")
_WEIGHT = re.compile(r"\d{1,6}(?:\.\d{1,6})?")
_OWN_DOMAINS = (".local", ".internal", ".localhost", ".lan", ".home.arpa")  # names that no public server has
_SHAPE = 'must be a JSON object such as {"heavy": ["pod", "main"]}'


class Workload(StrEnum):
    """Kinds of work that may go to different engines."""

    LIGHT = "light"  # putting a question in full: a small model does
    HEAVY = "heavy"  # answers and hints that people wait for
    BULK = "bulk"  # reviews by the thousand


class RouteStep(NamedTuple):
    """One provider of a route. Neighbours with a weight share the requests by it; None: it is asked in its turn."""

    provider: str
    weight: float | None


def read_routes(value: object) -> dict[Workload, tuple[RouteStep, ...]]:
    """Routes from JSON, or from what JSON would be. Raises ValueError that says what is wrong with which workload."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(_SHAPE) from None
    if not isinstance(value, dict):
        raise ValueError(_SHAPE)
    return {_workload(name): _steps(name, listed) for name, listed in value.items()}


def groups(steps: Sequence[RouteStep]) -> list[list[RouteStep]]:
    """Neighbours that have a weight together, every other step by itself."""
    found: list[list[RouteStep]] = []
    for is_weighted, neighbours in groupby(steps, lambda step: step.weight is not None):
        some = list(neighbours)
        found += [some] if is_weighted else [[step] for step in some]
    return found


def is_outside(url: str) -> bool:
    """Whether an address is neither this machine nor a private network, by its looks: no name is looked up.

    A name without a dot is one of a container network or of a hosts file.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_OWN_DOMAINS)


def _workload(name: object) -> Workload:
    try:
        return Workload(str(name))
    except ValueError:
        raise ValueError(f"there is no such workload; there are: {', '.join(Workload)}") from None


def _steps(workload: str, listed: object) -> tuple[RouteStep, ...]:
    if not isinstance(listed, list | tuple) or not listed:
        raise ValueError(f"{workload}: must be a list of names of providers, in order")
    steps = tuple(step if isinstance(step, RouteStep) else _step(workload, step) for step in listed)
    names = [step.provider for step in steps]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{workload}: `{twice}` is listed twice")
    for group in groups(steps):
        if not any(step.weight is None or step.weight > 0 for step in group):
            raise ValueError(f"{workload}: at least one of the weights beside each other must be above 0")
    return steps


def _step(workload: str, written: object) -> RouteStep:
    found = _STEP.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError(f"{workload}: each entry must be the name of a provider, or `name:weight`")
    weight = found["weight"]
    if weight is not None and _WEIGHT.fullmatch(weight) is None:
        raise ValueError(f"{workload}: the weight of `{found['provider']}` must be a number, 0 or above")
    return RouteStep(found["provider"], None if weight is None else float(weight))
