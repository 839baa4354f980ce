"""What Prometheus is told, and who may ask.

Labels come from closed sets: route templates and not paths, names of providers and error codes and never anything a
reader typed, so that the number of series stays small whatever is sent.
"""

import hmac
import time
from collections.abc import Callable

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.accounts.identity import Scope as TokenScope
from backend.errors import NotSignedIn
from backend.settings import Settings
from backend.web.identity import identity_of
from backend.web.leaving import READER_LEFT
from backend.web.pod_metrics import PodSeries
from backend.web.provider_metrics import ProviderSeries
from backend.web.proxy import is_loopback

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TTFT_S = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 40, 80, 120)


class Metrics:
    """Every series of Ondol, in a registry of its own so that tests and apps do not share counts."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "ondol_http_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=registry
        )
        self.latency = Histogram(
            "ondol_http_request_duration_seconds",
            "Seconds until the last byte of an answer.",
            ("method", "route"),
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.ttft = Histogram(
            "ondol_chat_ttft_seconds",
            "Seconds from a question to the first token of its answer.",
            ("provider",),
            buckets=_TTFT_S,
            registry=registry,
        )
        self.tokens = Counter("ondol_tokens_total", "Tokens read and written.", ("provider", "kind"), registry=registry)
        self.active_streams = Gauge("ondol_active_streams", "Answers being written now.", registry=registry)
        self.answers = Counter(
            "ondol_answers_total", "Answers by how they ended.", ("provider", "outcome"), registry=registry
        )
        self.errors = Counter("ondol_errors_total", "Errors told to people, by code.", ("code",), registry=registry)
        self.rate_limited = Counter(
            "ondol_rate_limited_total", "Requests refused by the rate limit.", registry=registry
        )
        self.pod = PodSeries(registry)
        self.providers = ProviderSeries(registry)

        self.hints = Counter("ondol_hints_total", "Hints given.", ("level", "source"), registry=registry)
        self.hints_blocked = Counter(
            "ondol_hints_blocked_total",
            "Hints of a model that were kept back, by reason.",
            ("reason",),
            registry=registry,
        )
        self.program_runs = Counter(
            "ondol_program_runs_total", "Programs of learners that were run.", ("verdict",), registry=registry
        )

    def hint_given(self, *, level: int, source: str) -> None:
        self.hints.labels(str(level), source).inc()

    def hint_blocked(self, *, reason: str) -> None:
        self.hints_blocked.labels(reason).inc()

    def program_run(self, *, verdict: str) -> None:
        self.program_runs.labels(verdict).inc()

    def answer_started(self) -> None:
        self.active_streams.inc()

    def answer_finished(
        self, *, provider: str, outcome: str, ttft_s: float | None, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Counts one answer; `ttft_s` is None when it had no first token."""
        self.active_streams.dec()
        self.answers.labels(provider, outcome).inc()
        if ttft_s is not None:
            self.ttft.labels(provider).observe(ttft_s)
        self.tokens.labels(provider, "prompt").inc(prompt_tokens)
        self.tokens.labels(provider, "completion").inc(completion_tokens)

    def text(self) -> bytes:
        """All series in Prometheus' text format."""
        return generate_latest(self.registry)


class HttpMetrics:
    """ASGI middleware that counts and times requests, and the error codes that problems carry."""

    def __init__(
        self, app: ASGIApp, settings: Settings, *, metrics: Metrics, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = READER_LEFT
        start = self._clock()
        own_app = scope.get("app")

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route = route_label(scope, own_app)
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.latency.labels(method, route).observe(self._clock() - start)
            if code := scope.get("state", {}).get("error_code"):
                self._metrics.errors.labels(code).inc()


def route_label(scope: Scope, own_app: object) -> str:
    """The template of the route that answered; `page` for Gradio's page, `gradio` for its other routes, else `other`.

    Gradio's routes are not told apart: their templates are its business and change with its versions.
    """
    if type(scope.get("app")).__module__.split(".")[0] == "gradio":
        return "page" if scope["path"] == "/" else "gradio"
    template = getattr(scope.get("route"), "path_format", None) or getattr(scope.get("route"), "path", None)
    if isinstance(template, str):
        return template
    return _matching_template(scope, own_app) or "other"


def _matching_template(scope: Scope, own_app: object) -> str | None:
    """For requests a middleware answered before routing."""
    for route in getattr(own_app, "routes", ()):
        if isinstance(route, Mount):
            continue
        match, _ = route.matches(scope)
        if match is not Match.NONE:
            return getattr(route, "path_format", None)
    return None


def metrics_router(metrics: Metrics, settings: Settings) -> APIRouter:
    """`GET /metrics` for this machine, for holders of METRICS_TOKEN and for admins."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def read_metrics(request: Request) -> Response:
        if not await may_read(request, settings):
            raise NotSignedIn
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})

    return router


async def may_read(request: Request, settings: Settings) -> bool:
    """Whether the asker may read metrics.

    "This machine" means the connection itself, unproxied: behind a tunnel or proxy on this machine every reader of the
    internet seems to come from loopback.
    """
    state = request.scope.get("state", {})
    if not state.get("proxied", True) and is_loopback(state.get("peer", "")):
        return True
    expected = settings.metrics_token.get_secret_value()
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if expected and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), expected.encode()):
        return True
    identity = await identity_of(request)
    return identity is not None and identity.is_admin and identity.may(TokenScope.ADMIN)
