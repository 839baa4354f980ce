"""Which providers a kind of work goes to, and in which order. Pure: what is up is the router's business."""

from collections.abc import Callable, Mapping, Sequence

from backend.errors import HostedNotAllowed
from backend.llm.providers import MAIN, Provider, choose, providers_of
from backend.settings import RouteStep, Settings, Workload
from backend.settings.routing import groups

__all__ = ["Routes", "Workload", "allowed_of", "provider_for"]

_ONLY_MAIN = (RouteStep(MAIN, None),)


class Routes:
    """The routes of the settings; a workload without one goes to the main provider.

    Args:
        steps: of each workload, in order.
    """

    def __init__(self, steps: Mapping[Workload, Sequence[RouteStep]] | None = None) -> None:
        self._steps = dict(steps or {})

    @classmethod
    def to(cls, provider: str) -> "Routes":
        """Everything to one provider."""
        return cls({workload: [RouteStep(provider, None)] for workload in Workload})

    @property
    def are_given(self) -> bool:
        """Whether the settings say anything."""
        return bool(self._steps)

    def order(self, workload: Workload, draw: Callable[[], float]) -> list[str]:
        """Names of providers, the one to ask first in front; those that share a place are drawn by their weights.

        Args:
            draw: a number from 0 (included) to 1 (excluded) for each place that is shared.
        """
        found: list[str] = []
        for group in groups(self._steps.get(workload, _ONLY_MAIN)):
            left = list(group)
            while left:
                step = _drawn(left, draw) if len(left) > 1 else left[0]
                left.remove(step)
                found.append(step.provider)
        return found

    def places(self, workload: Workload) -> dict[str, int]:
        """Where each provider of a workload stands, from 0; those that share requests stand at one place."""
        placed = groups(self._steps.get(workload, _ONLY_MAIN))
        return {step.provider: place for place, group in enumerate(placed) for step in group}

    def shares(self, provider: str) -> tuple[tuple[Workload, float], ...]:
        """Workloads of a provider, each with the share of its requests that ask it first; 0: only after others."""
        found = []
        for workload in Workload:
            first, *_ = placed = groups(self._steps.get(workload, _ONLY_MAIN))
            if any(step.provider == provider for group in placed for step in group):
                total = sum(_weight(step) for step in first)
                own = sum(_weight(step) for step in first if step.provider == provider)
                found.append((workload, own / total))
        return tuple(found)


def allowed_of(settings: Settings, providers: Mapping[str, Provider]) -> frozenset[str]:
    """Names of those that may be asked: hosted ones only where the operator lets data leave.

    A hosted main provider without any route is the operator's word for it: there is nothing else to ask.
    """
    return frozenset(
        name
        for name, provider in providers.items()
        if not provider.hosted or settings.llm_allow_hosted or (name == MAIN and not settings.llm_routes)
    )


def provider_for(settings: Settings, workload: Workload, name: str | None = None) -> Provider:
    """The one that a command asks: of this name, or else the first of a workload that may be asked.

    Raises:
        UnknownProvider: there is none of that name.
        HostedNotAllowed: it is outside, and the operator keeps data here; or all of the workload are.
    """
    providers = providers_of(settings)
    names = [choose(providers, name).name] if name else Routes(settings.llm_routes).order(workload, lambda: 0.0)
    allowed = allowed_of(settings, providers)
    found = [providers[each] for each in names if each in allowed]
    if not found:
        raise HostedNotAllowed(provider=names[0])
    return min(found, key=lambda provider: provider.price) if workload is Workload.BULK else found[0]


def _drawn(steps: Sequence[RouteStep], draw: Callable[[], float]) -> RouteStep:
    point = draw() * sum(_weight(step) for step in steps)
    for step in steps:
        point -= _weight(step)
        if point < 0:
            return step
    return steps[0]  # all that are left have weight 0


def _weight(step: RouteStep) -> float:
    return 1.0 if step.weight is None else step.weight
