"""What Prometheus is told of the providers: read from the router when it asks, counted nowhere else."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backend.llm.engine import EngineState
from backend.llm.provider_stats import ProviderReport


class ProviderSeries(Collector):
    """The series of every provider; empty until `watch`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._report: Callable[[], Sequence[ProviderReport]] = list
        registry.register(self)

    def watch(self, report: Callable[[], Sequence[ProviderReport]]) -> None:
        """Tells what `report` says from now on (`Router.report`)."""
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        label = ["provider"]
        requests = CounterMetricFamily("ondol_provider_requests", "Attempts at a provider.", labels=label)
        errors = CounterMetricFamily("ondol_provider_errors", "Attempts that failed.", labels=label)
        tokens = CounterMetricFamily("ondol_provider_tokens", "Tokens as it counted them.", labels=[*label, "kind"])
        cost = CounterMetricFamily("ondol_provider_cost_usd", "What the tokens cost.", labels=label)
        cooling = GaugeMetricFamily(
            "ondol_provider_cooling_seconds", "How long it is passed over yet; 0: it is asked.", labels=label
        )
        up = GaugeMetricFamily("ondol_provider_up", "1 when the last probe found it ready.", labels=label)
        for each in self._report():
            requests.add_metric([each.name], each.requests)
            errors.add_metric([each.name], each.errors)
            tokens.add_metric([each.name, "prompt"], each.prompt_tokens)
            tokens.add_metric([each.name, "completion"], each.completion_tokens)
            if each.cost_usd is not None:
                cost.add_metric([each.name], each.cost_usd)
            cooling.add_metric([each.name], each.cooling_s)
            up.add_metric([each.name], float(each.state is EngineState.READY))
        yield from (requests, errors, tokens, cost, cooling, up)
