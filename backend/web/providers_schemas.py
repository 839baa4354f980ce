"""What the API tells of the engines: the schemas of its OpenAPI page."""

from pydantic import BaseModel, Field

from backend.errors import Language
from backend.llm.engine import EngineState
from backend.llm.overview import EngineRow
from backend.llm.preparation import Phase
from backend.llm.preparation_text import progress_text, trouble_text
from backend.llm.routes import Workload
from backend.settings import ServiceType


class PreparationShown(BaseModel):
    """How far an engine's preparation is."""

    phase: Phase
    under_way: bool = Field(description="Somebody is at work on it now.")
    text: str = Field(description="In the reader's language.", examples=["downloading 3.2 of 15.2 GB (21 %)"])
    done_bytes: int
    total_bytes: int | None
    left_s: float | None = Field(description="Until the download ends, at the speed of the last minute.")
    error: str = Field(description="Code of what went wrong last; empty: nothing did.")
    trouble: str = Field(description="The same in words, with what to do.")


class EngineNow(BaseModel):
    """The engine that answers readers, or the one they wait for."""

    name: str
    state: EngineState
    model: str
    preparation: PreparationShown | None


class ChosenSetting(BaseModel):
    """A setting the engine was started with."""

    setting: str
    value: str


class LoweredSetting(BaseModel):
    """A setting that was taken down after a start ran out of memory."""

    setting: str
    before: str
    after: str


class Route(BaseModel):
    """A kind of work this provider takes."""

    workload: Workload
    weight: float = Field(description="Share of the requests that it is asked first; 0: after others have failed.")


class ProviderView(BaseModel):
    """An engine that can be chosen."""

    name: str
    model: str
    state: EngineState
    context: int = Field(description="Tokens it reads at a time.")


class ProviderShown(ProviderView):
    """One provider, for admins. Counts are since the app started."""

    address: str = Field(description="Scheme, host and port.")
    service_type: ServiceType
    routes: list[Route]
    hosted: bool = Field(description="What it is asked leaves the operator's own machines.")
    allowed: bool = Field(description="It may be asked (`LLM_ALLOW_HOSTED`).")
    probe_ms: float | None
    first_token_ms_p50: float | None
    requests: int
    errors: int
    error_rate: float | None = Field(description="Of the last 15 minutes, 0 to 1; null without a request.")
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = Field(description="By the prices of the settings; null without prices.")
    cooling_s: float = Field(description="Seconds for which it is passed over after failures.")
    preparation: PreparationShown | None
    chosen: list[ChosenSetting]
    because: str = Field(description="Code of the reason for the choice; empty: nothing was chosen.")
    lowered: list[LoweredSetting]


def provider_view(row: EngineRow) -> ProviderView:
    """What everybody may know of an engine to choose."""
    report = row.report
    return ProviderView(name=report.name, model=report.model, state=report.state, context=row.context)


def engine_now(row: EngineRow, language: Language) -> EngineNow:
    """What everybody may know of the engine that answers."""
    report = row.report
    is_ready = report.state is EngineState.READY
    preparation = None if is_ready else preparation_shown(row, language)
    return EngineNow(name=report.name, state=report.state, model=report.model, preparation=preparation)


def preparation_shown(row: EngineRow, language: Language) -> PreparationShown | None:
    """How far it is, in the reader's language."""
    if row.seen is None:
        return None
    found = row.seen.preparation
    trouble = trouble_text(found, row.report.name)
    return PreparationShown(
        phase=found.phase,
        under_way=row.seen.is_under_way,
        text=progress_text(row.seen).in_(language),
        done_bytes=found.done_bytes,
        total_bytes=found.total_bytes,
        left_s=row.seen.left_s,
        error=found.error,
        trouble=trouble.in_(language) if trouble else "",
    )


def provider_shown(row: EngineRow, language: Language) -> ProviderShown:
    """Everything that is known."""
    report, found = row.report, row.seen.preparation if row.seen else None
    told = {name: getattr(report, name) for name in ProviderShown.model_fields if hasattr(report, name)}
    return ProviderShown(
        **told,
        context=row.context,
        routes=[Route(workload=workload, weight=weight) for workload, weight in report.workloads],
        preparation=preparation_shown(row, language),
        chosen=[ChosenSetting(setting=name, value=value) for name, value in (found.chosen if found else ())],
        because=found.because if found else "",
        lowered=[
            LoweredSetting(setting=step.setting, before=step.before, after=step.after)
            for step in (found.lowered if found else ())
        ],
    )
