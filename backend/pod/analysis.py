"""What the recorded checks say: how other settings would have done, which would be best, and what the load costs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from statistics import median

from backend.pod import costs
from backend.pod.charts import sums
from backend.pod.compare import Load, compared
from backend.pod.console import Costs, Replayed
from backend.pod.history import KEEP_SAMPLES, Measured, PodHistory
from backend.pod.learning import Proposal, propose
from backend.pod.ledger import Ledger
from backend.pod.options import PodOptions
from backend.pod.policy import Config
from backend.pod.replay import would_have_stopped
from backend.pod.sample import Sample, Verdict
from backend.store.database import Database

RESTART_S = 600.0  # what a restart is taken to cost, in seconds of the pod's price, until one has been measured
Reviews = Callable[[datetime], Awaitable[int]]


class Analysis:
    """Args:
    book: the name under which the checks are recorded.
    reviews: counts reviews that were analysed since a moment; None where nothing counts them.
    """

    def __init__(
        self, database: Database, history: PodHistory, ledger: Ledger, book: str, reviews: Reviews | None
    ) -> None:
        self._database, self._history, self._ledger = database, history, ledger
        self._book, self._reviews = book, reviews

    async def replayed(
        self, config: Config, now: datetime, hours: float, restart_s: float, rate: float | None
    ) -> Replayed:
        """The policy over the checks of the last hours. Raises DatabaseUnavailable."""
        measured = await self._history.samples(self._book, now - timedelta(hours=hours))
        return await asyncio.to_thread(replayed, measured, config, restart_s, rate)

    async def proposal(self, restart_s: float, interval_s: float) -> Proposal:
        """The settings that would have cost least. Raises DatabaseUnavailable."""
        busy = await self._history.busy_at(self._book)
        return await asyncio.to_thread(propose, [busy], restart_s, interval_s)

    async def costs(self, options: PodOptions, now: datetime) -> Costs:
        """The account, and a month of the measured load elsewhere. Raises DatabaseUnavailable."""
        await self._ledger.read_bill(now, options.zone)
        money, runs, storage = self._ledger.money(options, now), self._ledger.runs, self._ledger.storage(options)
        prices = options.prices.prices(money.rate_usd)
        counted = await sums(self._database, self._book, now - KEEP_SAMPLES)
        if counted is None or counted.since >= now:
            return Costs(money, None, None, None, (), prices)
        spent = costs.estimated(runs, storage, counted.since, now)
        days = (now - counted.since).total_seconds() / 86_400
        busy = min(counted.busy_hours, days * 24)
        load = Load(
            days=days,
            # A machine without a price has no runs; it ran at least while it was checked to be busy.
            running_hours=max(busy, costs.running_hours(runs, counted.since, now)),
            busy_hours=busy,
            prompt_tokens=counted.prompt_tokens,
            generated_tokens=counted.generated_tokens,
            storage_usd=spent.storage_usd,
        )
        reviews = await self._reviews(counted.since) if self._reviews is not None else 0
        return Costs(
            money=money,
            tokens_per_usd=_per_dollar(counted.prompt_tokens + counted.generated_tokens, spent.total_usd),
            reviews_per_usd=_per_dollar(reviews, spent.total_usd),
            load=load,
            ways=tuple(compared(load, prices)),
            prices=prices,
        )


def replayed(measured: Sequence[Measured], config: Config, restart_s: float, rate: float | None) -> Replayed:
    """What the policy would have done over recorded checks, oldest first."""
    samples = [_judged(each, config.threshold_percent) for each in measured]
    if not samples:
        return Replayed(None, None, 0, (), 0.0, None, restart_s)
    last = samples[-1].at
    stops = would_have_stopped(samples, _as_recorded(config, samples))
    off_s = sum((last - stop.at).total_seconds() if stop.work_after_s is None else stop.work_after_s for stop in stops)
    restarts = sum(stop.work_after_s is not None for stop in stops)
    saved = None if rate is None else (off_s - restarts * restart_s) / 3600 * rate
    return Replayed(samples[0].at, last, len(samples), tuple(stops), off_s / 3600, saved, restart_s)


def _judged(measured: Measured, threshold_percent: float) -> Sample:
    """The check as another threshold of the GPU would have seen it."""
    sample, percent = measured.sample, measured.gpu_percent
    if percent is None:
        return sample
    verdict = Verdict.BUSY if percent >= threshold_percent else Verdict.IDLE
    signals = tuple(
        replace(signal, verdict=verdict) if signal.name == "gpu" and signal.verdict is not Verdict.UNKNOWN else signal
        for signal in sample.signals
    )
    return replace(sample, signals=signals)


def _as_recorded(config: Config, samples: Sequence[Sample]) -> Config:
    """Checks cannot be replayed more often than they were made: as much idleness is asked for in fewer of them."""
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(samples)]
    interval_s = median(gaps) if gaps else config.check_interval_s
    if interval_s <= config.check_interval_s or config.rule is not None:
        return config
    idle_s = config.idle_limit * config.check_interval_s
    return replace(config, check_interval_s=interval_s, idle_limit=max(1, ceil(idle_s / interval_s)))


def _per_dollar(count: int, usd: float) -> float | None:
    return costs.per_dollar(count, usd) if count else None
