"""One provider as the router sees it: its engine, how it did lately, and whether it is asked now."""

from dataclasses import dataclass, field

from backend.errors import (
    EngineBusy,
    EngineInterrupted,
    EngineLoading,
    EngineModelMissing,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    MessageOverContext,
    OndolError,
)
from backend.llm.cooldown import Cooldown
from backend.llm.engine import ContextOverflow, Engine
from backend.llm.provider_stats import ProviderStats

TROUBLE = (
    EngineBusy, EngineInterrupted, EngineLoading, EngineModelMissing, EngineRefused, EngineTimeout, EngineUnavailable,
)  # fmt: skip
TOO_LONG = (ContextOverflow, MessageOverContext)  # no fault of the provider; one that reads more may take it


@dataclass(frozen=True)
class Lane:
    """One provider. `is_allowed`: a hosted one only where the operator lets data leave."""

    engine: Engine
    is_allowed: bool = True
    stats: ProviderStats = field(default_factory=ProviderStats)
    cooldown: Cooldown = field(default_factory=Cooldown)

    @property
    def name(self) -> str:
        return self.engine.provider.name

    @property
    def price(self) -> float:
        return self.engine.provider.price

    def succeeded(self) -> None:
        """Counts a whole answer."""
        self.stats.succeeded()
        self.cooldown.succeeded()

    def failed(self, error: Exception) -> None:
        """Counts a failed request, and passes the provider over for a while."""
        self.stats.failed(code_of(error))
        self.cool(error)

    def cool(self, error: Exception) -> None:
        """Passes the provider over for a while, where that may help."""
        match error:
            case EngineLoading() | EngineModelMissing():
                pass  # a probe tells within milliseconds when that is over
            case EngineBusy():
                self.cooldown.failed(wait_s=error.wait_s)
            case _:
                self.cooldown.failed(was_silent=isinstance(error, EngineTimeout))


def code_of(error: Exception) -> str:
    """The stable name of what went wrong."""
    return error.code if isinstance(error, OndolError) else MessageOverContext.code
