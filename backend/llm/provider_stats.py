"""What is remembered of the requests to one provider, and the report that the console shows of it."""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from backend.llm.engine import EngineState, Usage
from backend.llm.routes import Workload
from backend.settings import ServiceType

_RECENT_S = 900.0
_KEPT_OUTCOMES = 10_000  # of the last `_RECENT_S`; bulk work alone makes thousands of requests
_KEPT_FIRST_TOKENS = 200
_PER_MILLION = 1e-6


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """One provider as the operator sees it. Counts are of this process since it started.

    Attributes:
        name: as in the settings; `main` is the main one.
        address: scheme, host and port only.
        model: served now, else the one of the settings; empty when neither is known.
        workloads: each with the share of its requests that ask this provider first while all are up; 0: only when
            those before it fail.
        state: found by the last probe.
        hosted: what it is asked leaves the operator's own machines.
        allowed: it may be asked; a hosted one only where the operator allows it.
        probe_ms: of the last probe; None before the first.
        first_token_ms_p50: median of the last 200 answers, from the request to the first text; None without one.
        requests, errors: attempts, and those that failed; an answer that its reader stopped is neither.
        error_rate: share of failed attempts in the last 15 minutes, 0 to 1; None where none has ended.
        prompt_tokens, completion_tokens: as the provider counted them.
        cost_usd: by the prices of the settings; None without prices.
        cooling_s: seconds for which it is passed over; 0: it is asked.
    """

    name: str
    address: str
    service_type: ServiceType
    model: str
    workloads: tuple[tuple[Workload, float], ...]
    state: EngineState
    hosted: bool
    allowed: bool
    probe_ms: float | None
    first_token_ms_p50: float | None
    requests: int
    errors: int
    error_rate: float | None
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    cooling_s: float


class ProviderStats:
    """Counts the requests to one provider. One lives as long as its engine.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=_KEPT_OUTCOMES)
        self._first_tokens_ms: deque[float] = deque(maxlen=_KEPT_FIRST_TOKENS)
        self.requests = 0
        self.errors: Counter[str] = Counter()  # by code
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def asked(self) -> None:
        self.requests += 1

    def succeeded(self) -> None:
        self._outcomes.append((self._clock(), True))

    def failed(self, code: str) -> None:
        """`code` is the one of an OndolError: a closed set."""
        self.errors[code] += 1
        self._outcomes.append((self._clock(), False))

    def first_token(self, seconds: float) -> None:
        self._first_tokens_ms.append(seconds * 1000)

    def used(self, usage: Usage) -> None:
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens

    @property
    def error_rate(self) -> float | None:
        """Share of failed attempts in the last 15 minutes."""
        since = self._clock() - _RECENT_S
        recent = [ok for at, ok in self._outcomes if at >= since]
        return recent.count(False) / len(recent) if recent else None

    @property
    def first_token_ms_p50(self) -> float | None:
        return median(self._first_tokens_ms) if self._first_tokens_ms else None

    def cost_usd(self, per_million_input: float | None, per_million_output: float | None) -> float | None:
        """What the counted tokens cost; None where no price is known."""
        if per_million_input is None and per_million_output is None:
            return None
        paid = self.prompt_tokens * (per_million_input or 0) + self.completion_tokens * (per_million_output or 0)
        return paid * _PER_MILLION
