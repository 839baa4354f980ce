"""Who classifies: each provider of bulk work with what is known of it, the cheapest that is up first."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from backend.errors import NoEngineAnswers
from backend.llm.lane import TROUBLE
from backend.llm.router import Router
from backend.llm.routes import Workload
from backend.sentiment.aspects import AspectFinder
from backend.sentiment.calibration import Calibration
from backend.sentiment.classifier import Classifier


@dataclass(frozen=True)
class Analyst:
    """One provider: how it is asked was found out for it alone, and its scores have the calibration of its model."""

    name: str
    hosted: bool
    classifier: Classifier
    finder: AspectFinder


class Analysts:
    """Those of one process, made when they are first asked.

    Args:
        router: knows the providers.
        calibration: gives the one of a model.
    """

    def __init__(self, router: Router, calibration: Callable[[str], Awaitable[Calibration]]) -> None:
        self._router, self._calibration = router, calibration
        self._made: dict[str, Analyst] = {}

    async def pick(self) -> Analyst:
        """The cheapest that is up. Raises what `Call.begin` raises: none is."""
        chosen = await self._router.call(Workload.BULK).begin()
        if chosen.name not in self._made:
            stats = self._router.lane(chosen.name).stats
            classifier = Classifier(chosen.engine, calibration=self._calibration, stats=stats)
            hosted = chosen.engine.provider.hosted
            self._made[chosen.name] = Analyst(chosen.name, hosted, classifier, AspectFinder(classifier.scorer))
        return self._made[chosen.name]

    async def instead_of(self, failed: Analyst, error: Exception, tried: Collection[str]) -> Analyst | None:
        """Who goes on where one failed; None when the error is not the provider's, or nobody else is up.

        Args:
            tried: names of those that failed since anything was done: who is up may refuse the work all the same.
        """
        if not isinstance(error, TROUBLE):
            return None
        self._router.lane(failed.name).cool(error)  # its requests were counted one by one
        try:
            other = await self.pick()
        except (*TROUBLE, NoEngineAnswers):
            return None
        return None if other.name == failed.name or other.name in tried else other

    def succeeded(self, analyst: Analyst) -> None:
        """Its work came to an end: it is not passed over any more."""
        self._router.lane(analyst.name).cooldown.succeeded()

    async def is_better_up(self, than: Analyst) -> bool:
        """Whether one that goes before this one is up by now."""
        return await self._router.is_better_ready(Workload.BULK, than.name)

    async def close(self) -> None:
        """Gives the connections back."""
        for analyst in self._made.values():
            await analyst.classifier.close()
