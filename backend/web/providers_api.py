"""The JSON API of the engines: everybody sees which there are and how far they are, admins see all figures."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.accounts.identity import Identity, Scope
from backend.llm.overview import Overview
from backend.web.identity import bearer_scheme, require_scope
from backend.web.language import language_of
from backend.web.providers_schemas import (
    EngineNow,
    ProviderShown,
    ProviderView,
    engine_now,
    provider_shown,
    provider_view,
)

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]


def router(engines: Overview) -> APIRouter:
    """Routes under `/api/v1`."""
    api = APIRouter(prefix="/api/v1", tags=["engines"], dependencies=[Depends(bearer_scheme)])

    @api.get("/engine", summary="Whether the engine that answers is ready, and how far its preparation is")
    async def get_engine(request: Request, _: Reader) -> EngineNow:
        return engine_now(await engines.awaited(), language_of(request))

    @api.get("/providers", summary="Engines that can be chosen; for admins all of them, with their figures")
    async def list_providers(request: Request, who: Reader) -> list[ProviderShown] | list[ProviderView]:
        rows = await engines.rows()
        if who.is_admin and who.may(Scope.ADMIN):
            return [provider_shown(row, language_of(request)) for row in rows]
        return [provider_view(row) for row in rows if row.report.allowed]

    return api
