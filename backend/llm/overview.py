"""All engines at a glance: what the console and the API tell of each, and the one that readers wait for."""

import asyncio
from dataclasses import dataclass

from backend.llm.engine import EngineInfo, EngineState
from backend.llm.preparing import Preparing, Seen
from backend.llm.provider_stats import ProviderReport
from backend.llm.router import Router
from backend.llm.routes import Workload

PATIENCE_S = 3.0  # as long as a probe takes at most
_FRESH_S, _HOSTED_FRESH_S = 2.0, 60.0  # how old a probe may be: a hosted engine is not to be asked all the time


@dataclass(frozen=True, slots=True)
class EngineRow:
    """One provider.

    Attributes:
        context: tokens it reads at a time.
        seen: how far its preparation is; None: nothing prepares it here.
    """

    report: ProviderReport
    context: int
    seen: Seen | None


class Overview:
    """Args:
    router: owns the engines. preparing: reads the notes.
    """

    def __init__(self, router: Router, preparing: Preparing) -> None:
        self._router, self._preparing = router, preparing
        self._probes: set[asyncio.Task[EngineInfo]] = set()

    async def rows(self, patience_s: float = PATIENCE_S) -> list[EngineRow]:
        """Every provider in the order of the settings. Those that may not be asked are not probed either.

        An engine that does not answer within `patience_s` is told as it was last seen.
        """
        return await self._looked_at([each for each in self._router.report() if each.allowed], patience_s)

    async def awaited(self) -> EngineRow:
        """The engine of those that answer readers that is nearest to it: ready, being prepared, or the first."""
        known = self._router.report()
        heavy = [each for each in known if each.allowed and _answers(each)] or known[:1]
        names = {each.name for each in heavy}
        rows = await self._looked_at(heavy, PATIENCE_S)
        return min((row for row in rows if row.report.name in names), key=_distance)

    async def _looked_at(self, asked: list[ProviderReport], patience_s: float) -> list[EngineRow]:
        engine_of = {each.name: self._router.lane(each.name).engine for each in self._router.report()}
        tasks = {
            each.name: asyncio.create_task(
                engine_of[each.name].info(max_age_s=_HOSTED_FRESH_S if each.hosted else _FRESH_S)
            )
            for each in asked
        }
        for task in tasks.values():
            self._probes.add(task)  # whoever has lost patience lets it end
            task.add_done_callback(self._probes.discard)
        if tasks:
            await asyncio.wait(tasks.values(), timeout=patience_s)
        found = {name: task.result() for name, task in tasks.items() if task.done()}
        return [
            EngineRow(
                each,
                found[each.name].context if each.name in found else engine_of[each.name].provider.assumed_context,
                self._preparing.of(each.name),
            )
            for each in self._router.report()
        ]


def _answers(report: ProviderReport) -> bool:
    return any(workload is Workload.HEAVY for workload, _ in report.workloads)


def _distance(row: EngineRow) -> int:
    if row.report.state is EngineState.READY:
        return 0
    return 1 if row.seen is not None and row.seen.is_under_way else 2
