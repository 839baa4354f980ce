"""Counters in Prometheus' text format, read from a server and compared with the reading before."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from prometheus_client.parser import text_string_to_metric_families

from backend.pod.needs import FIRST_READING
from backend.pod.sample import Phrase, Signal, Verdict
from backend.pod.signals import TIMEOUT_S

_NO_COUNTERS = (404, 405, 501)
_NO_FORMAT = Phrase("not in Prometheus' format", "프로메테우스 형식이 아님")


@dataclass(frozen=True)
class Readings:
    """What a server told at one moment, summed over the labels.

    Attributes:
        values: by the name of the series. buckets: cumulative counts of histograms, by name, then by upper bound.
    """

    at: datetime
    values: Mapping[str, float]
    buckets: Mapping[str, Mapping[float, float]] = field(default_factory=dict)

    def since(self, before: "Readings", name: str) -> float:
        """How much a counter grew. A server that was started again has counted from 0 since."""
        now, then = self.values.get(name, 0.0), before.values.get(name, 0.0)
        return now - then if now >= then else now

    def bucket_counts(self, before: "Readings | None", name: str) -> dict[float, float]:
        """A histogram's cumulative counts since the reading before; all of them after a restart."""
        now = dict(self.buckets.get(name, {}))
        then = before.buckets.get(name, {}) if before is not None else {}
        grown = {bound: count - then.get(bound, 0.0) for bound, count in now.items()}
        return now if any(count < 0 for count in grown.values()) else grown


def parsed(text: str, at: datetime) -> Readings:
    """Raises ValueError for what is not in the format."""
    values: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.endswith("_bucket") and "le" in sample.labels:
                of_name = buckets.setdefault(sample.name.removesuffix("_bucket"), {})
                bound = float(sample.labels["le"])
                of_name[bound] = of_name.get(bound, 0.0) + sample.value
            elif not math.isnan(sample.value):
                values[sample.name] = values.get(sample.name, 0.0) + sample.value
    return Readings(at, values, buckets)


def quantile(counts: Mapping[float, float], share: float) -> float | None:
    """A quantile of a histogram as Prometheus computes it: linear within a bucket; None of an empty one."""
    bounds = sorted(counts)
    if not bounds or counts[bounds[-1]] <= 0:
        return None
    wanted = counts[bounds[-1]] * share
    lower, below = 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= wanted:
            if math.isinf(bound):
                return lower
            inside = counts[bound] - below
            return bound if inside <= 0 else lower + (bound - lower) * (wanted - below) / inside
        lower, below = bound, counts[bound]
    return lower


class CounterSource:
    """Busy when one of the counters moved since the reading before.

    The first reading has nothing to compare with and is unknown. A server without counters is no source.

    Args:
        name: of the signal.
        url: of the metrics.
        headers: asked for at each reading, for the key.
        counters: series that move only with work; those a server does not have do not count.

    Attributes:
        before, latest: the last two readings.
    """

    timeout_s = TIMEOUT_S

    def __init__(
        self,
        name: str,
        url: str,
        client: httpx.AsyncClient,
        counters: Collection[str],
        headers: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self.name = name
        self._url, self._client, self._counters, self._headers = url, client, counters, headers
        self.before: Readings | None = None
        self.latest: Readings | None = None

    async def read(self, now: datetime) -> Signal | None:
        try:
            answer = await self._client.get(self._url, headers=self._headers())
            if answer.status_code in _NO_COUNTERS and self.latest is None:
                return None
            answer.raise_for_status()
            reading = parsed(answer.text, now)
        except httpx.HTTPStatusError as error:
            return self._unknown(now, f"HTTP {error.response.status_code}")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return self._unknown(now, _NO_FORMAT if isinstance(error, ValueError) else type(error).__name__)
        return self._compared(reading, now)

    def _compared(self, reading: Readings, now: datetime) -> Signal:
        self.before, self.latest = self.latest, reading
        if not any(name in reading.values for name in self._counters):
            return self._unknown(now, Phrase("none of the counters that are known", "아는 계수기가 하나도 없음"))
        if self.before is None:
            return self._unknown(now, FIRST_READING)
        moved = {name: grown for name in self._counters if (grown := reading.since(self.before, name)) > 0}
        verdict = Verdict.BUSY if moved else Verdict.IDLE
        value = ", ".join(f"{name.rpartition(':')[2]} +{grown:g}" for name, grown in moved.items()) or "+0"
        return Signal(self.name, verdict, value, now, self._url)

    def _unknown(self, now: datetime, why: str) -> Signal:
        return Signal(self.name, Verdict.UNKNOWN, "", now, self._url, why)
