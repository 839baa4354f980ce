"""What Prometheus is told of the pod."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from backend.pod.machine import Phase

# Lines of the audit that say how a stop ended, and the outcome they are counted as.
_OUTCOMES = {
    "stop_verified": "verified",
    "stop_confirmed_at_start": "verified",
    "stop_failed": "failed",
    "escalated": "escalated",
    "escalation_undelivered": "escalated",
    "called_off": "called_off",
}


class PodSeries:
    """Counts checks and stops."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.state = Gauge(
            "ondol_pod_state", "1 for the state the pod's stop is in, 0 for the others.", ("state",), registry=registry
        )
        self.checks = Counter(
            "ondol_pod_checks_total", "Checks of the pod by what they found.", ("verdict",), registry=registry
        )
        self.idle_checks = Gauge("ondol_pod_idle_checks", "Idle checks in a row.", registry=registry)
        self.stops = Counter(
            "ondol_pod_stops_total", "Stops of the pod by how they went.", ("outcome",), registry=registry
        )
        self.usd_per_hour = Gauge(
            "ondol_pod_usd_per_hour", "Price of the pod while it runs; 0: not known.", registry=registry
        )

    def checked(self, *, phase: str, busy: bool | None, idle_checks: int, usd_per_hour: float) -> None:
        """One check. `busy` is None when no signal was busy and some were unknown."""
        for known in Phase:
            self.state.labels(known.value).set(known == phase)
        self.checks.labels({True: "busy", False: "idle", None: "unknown"}[busy]).inc()
        self.idle_checks.set(idle_checks)
        self.usd_per_hour.set(usd_per_hour)

    def event(self, name: str) -> None:
        """A line of the audit."""
        if name in _OUTCOMES:
            self.stops.labels(_OUTCOMES[name]).inc()
