"""Every provider of the process, and which of them a request goes to.

Before the first text another provider may take over; after it none does: what was shown stays, and the reader is told
that the answer broke off. `docs/providers.md` says how the order comes about and how the time is shared.
"""

import asyncio
import random
from collections.abc import Callable, Mapping

import structlog

from backend.errors import HostedNotAllowed, UnknownProvider
from backend.llm.call import Call
from backend.llm.engine import Engine, EngineInfo, EngineState
from backend.llm.lane import Lane
from backend.llm.provider_stats import ProviderReport
from backend.llm.providers import providers_of
from backend.llm.routes import Routes, Workload, allowed_of
from backend.settings import Settings

log = structlog.get_logger()


class Router:
    """One lives as long as the process.

    Args:
        lanes: one for each provider, the main one first.
        routes: the order of each workload; left out: the main provider does everything.
        timeout_s: longest wait for the first text of an answer, whoever writes it.
        draw: a number from 0 (included) to 1 (excluded), for providers that share requests.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        routes: Routes | None = None,
        *,
        timeout_s: float = 120.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._lanes, self._routes = dict(lanes), routes or Routes()
        self._timeout_s, self._draw = timeout_s, draw

    @property
    def engines(self) -> dict[str, Engine]:
        """Those that may be asked, by name."""
        return {name: lane.engine for name, lane in self._lanes.items() if lane.is_allowed}

    @property
    def has_routes(self) -> bool:
        """Whether a workload goes to another than the main provider."""
        return self._routes.are_given

    def call(self, workload: Workload, *, provider: str | None = None) -> Call:
        """A request of a workload.

        Args:
            provider: the one a person asks for; nobody else is asked then.

        Raises:
            UnknownProvider: there is none of that name.
            HostedNotAllowed: it is outside, and the operator keeps data here; or all of the workload are.
        """
        if provider is not None:
            return Call([self._asked_for(provider)], self._timeout_s)
        names = self._routes.order(workload, self._draw)
        lanes = [self._lanes[name] for name in names if self._lanes[name].is_allowed]
        if not lanes:
            raise HostedNotAllowed(provider=names[0])
        if workload is Workload.BULK:
            lanes.sort(key=lambda lane: lane.price)
        return Call(lanes, self._timeout_s)

    async def is_better_ready(self, workload: Workload, than: str) -> bool:
        """Whether a provider that goes before another, not one that shares its place, is up and asked now."""
        ranks = {
            name: (lane.price if workload is Workload.BULK else 0.0, place)
            for name, place in self._routes.places(workload).items()
            if (lane := self._lanes[name]).is_allowed
        }
        better = [self._lanes[name] for name, rank in ranks.items() if rank < ranks[than]]
        infos = await asyncio.gather(*(lane.engine.info() for lane in better if lane.cooldown.admits()))
        return any(info.state is EngineState.READY for info in infos)

    def lane(self, provider: str) -> Lane:
        """State and counts of a provider, for work that does not go through `call`."""
        return self._lanes[provider]

    async def info(self, workload: Workload) -> EngineInfo:
        """The first provider of a workload that is ready now; of the first one where none is."""
        names = self._routes.order(workload, lambda: 0.0)
        lanes = [self._lanes[name] for name in names if self._lanes[name].is_allowed] or [self._lanes[names[0]]]
        infos = await asyncio.gather(*(lane.engine.info() for lane in lanes))
        return next((info for info in infos if info.state is EngineState.READY), infos[0])

    async def probe(self) -> None:
        """Asks every provider for its state, so that a report is of now."""
        await asyncio.gather(*(lane.engine.info() for lane in self._lanes.values()))

    def report(self) -> list[ProviderReport]:
        """Every provider with what was counted, the main one first; states are those of the last probe."""
        return [self._report(name, lane) for name, lane in self._lanes.items()]

    async def close(self) -> None:
        """Gives all connections back."""
        for lane in self._lanes.values():
            await lane.engine.close()

    def _asked_for(self, provider: str) -> Lane:
        lane = self._lanes.get(provider)
        if lane is None:
            raise UnknownProvider(provider=provider[:64], known=", ".join(self.engines))
        if not lane.is_allowed:
            raise HostedNotAllowed(provider=provider)
        return lane

    def _report(self, name: str, lane: Lane) -> ProviderReport:
        provider, info, stats = lane.engine.provider, lane.engine.last_info, lane.stats
        return ProviderReport(
            name=name,
            address=provider.address,
            service_type=provider.service_type,
            model=info.model if info else provider.model,
            workloads=self._routes.shares(name),
            state=info.state if info else EngineState.UNREACHABLE,
            hosted=provider.hosted,
            allowed=lane.is_allowed,
            probe_ms=info.latency_ms if info else None,
            first_token_ms_p50=stats.first_token_ms_p50,
            requests=stats.requests,
            errors=stats.errors.total(),
            error_rate=stats.error_rate,
            prompt_tokens=stats.prompt_tokens,
            completion_tokens=stats.completion_tokens,
            cost_usd=stats.cost_usd(provider.usd_per_million_input, provider.usd_per_million_output),
            cooling_s=lane.cooldown.left_s,
        )


def router_of(settings: Settings, engines: Mapping[str, Engine] | None = None) -> Router:
    """The router of the settings. `engines` are those of `providers_of`, by name; left out: made here."""
    if engines is None:
        timeout_s = settings.first_token_timeout_s
        engines = {name: Engine(provider, timeout_s) for name, provider in providers_of(settings).items()}
    allowed = allowed_of(settings, {name: engine.provider for name, engine in engines.items()})
    for steps in settings.llm_routes.values():
        for step in steps:
            if step.provider not in allowed:
                log.warning("hosted_provider_not_asked", provider=step.provider, setting="LLM_ALLOW_HOSTED")
    lanes = {name: Lane(engine, name in allowed) for name, engine in engines.items()}
    return Router(lanes, Routes(settings.llm_routes), timeout_s=settings.first_token_timeout_s)


def alone(engine: Engine, timeout_s: float = 120.0) -> Router:
    """A router for one engine that does everything, as in commands and benchmarks."""
    return Router({engine.provider.name: Lane(engine)}, Routes.to(engine.provider.name), timeout_s=timeout_s)
