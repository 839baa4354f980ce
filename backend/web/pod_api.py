"""The JSON API of the pod: everybody sees its state, admins see everything and give orders."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from backend.accounts.identity import Identity, Scope
from backend.errors import StopUnconfirmed
from backend.pod.lease import Heartbeat
from backend.pod.options import PodOptions
from backend.pod.service import PodService
from backend.web import pod_views as views
from backend.web.identity import bearer_scheme, refuse_cross_site, require_admin, require_scope
from backend.web.language import language_of
from backend.web.pod_schemas import (
    AuditLine,
    AwakeOrder,
    ChartShown,
    CostsShown,
    LogLines,
    PodBrief,
    PodFacts,
    PodId,
    PodOrder,
    PodShown,
    ProposalShown,
    ReplayOrder,
    ReplayShown,
    SettingsShown,
    StopOrder,
)

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]
Admin = Annotated[Identity, Depends(require_admin)]
_NO_STORE = {"cache-control": "no-store"}


def router(pod: PodService) -> APIRouter:
    """Routes under `/api/v1`."""
    api = APIRouter(prefix="/api/v1", tags=["pod"])
    guarded = APIRouter(dependencies=[Depends(bearer_scheme), Depends(refuse_cross_site)])
    _add_state(guarded, pod)
    _add_orders(guarded, pod)
    _add_settings(guarded, pod)
    _add_records(guarded, pod)
    api.include_router(guarded)

    @api.get("/pod/heartbeat", summary="Sign of life for a watchdog; needs no account")
    async def heartbeat(response: Response) -> Heartbeat:
        response.headers.update(_NO_STORE)
        return Heartbeat.from_json(pod.heartbeat())

    return api


def _add_state(api: APIRouter, pod: PodService) -> None:
    @api.get("/pod", summary="State of the pod; for admins everything that is known")
    async def get_pod(request: Request, who: Reader) -> PodShown | PodBrief:
        if who.is_admin and who.may(Scope.ADMIN):
            return views.shown(pod, language_of(request))
        return PodBrief.model_validate(pod.brief())

    @api.get("/pods", summary="All pods that the key sees (admin)")
    async def list_pods(_: Admin) -> list[PodFacts]:
        return [views.facts(each) for each in await pod.pods()]

    @api.get("/pod/logs", summary="The last lines of the pod's log (admin)")
    async def get_logs(_: Admin, pod_id: PodId = "", tail: Annotated[int, Query(ge=1, le=1000)] = 100) -> LogLines:
        return LogLines(lines=await pod.logs(pod_id, tail))


def _add_orders(api: APIRouter, pod: PodService) -> None:
    @api.post("/pod/stop", status_code=202, summary="Stop the pod, without a countdown (admin)")
    async def stop(request: Request, who: Admin, order: StopOrder) -> PodShown:
        """Answers under way may finish. Read `GET /pod` until `phase` is `stopped`: accepted is not stopped."""
        wanted = order.pod_id or pod.pod_id
        if order.confirm is not True and (order.confirm is False or order.confirm != wanted):
            raise StopUnconfirmed(pod=wanted or "–")
        await pod.stop(_actor(who), pod_id=order.pod_id, reason=order.reason)
        return views.shown(pod, language_of(request))

    @api.post("/pod/start", status_code=202, summary="Start the pod (admin)")
    async def start(request: Request, who: Admin, order: PodOrder) -> PodShown:
        """Accepted is not started: read `GET /pod`."""
        await pod.start(_actor(who), pod_id=order.pod_id)
        return views.shown(pod, language_of(request))

    @api.post("/pod/restart", status_code=202, summary="Restart the pod at once (admin)")
    async def restart(request: Request, who: Admin, order: PodOrder) -> PodShown:
        """All that is under way is cut off."""
        await pod.restart(_actor(who), pod_id=order.pod_id)
        return views.shown(pod, language_of(request))

    @api.post("/pod/keep-awake", summary="Keep the pod awake; calls a stop off that was not sent (admin)")
    async def keep_awake(request: Request, who: Admin, order: AwakeOrder) -> PodShown:
        pod.keep_awake(_actor(who), order.until or timedelta(minutes=order.minutes or 0))
        return views.shown(pod, language_of(request))

    @api.post("/pod/cancel", summary="Call off a stop that was not sent, and end a keep-awake (admin)")
    async def cancel(request: Request, who: Admin) -> PodShown:
        pod.cancel(_actor(who))
        return views.shown(pod, language_of(request))


def _add_settings(api: APIRouter, pod: PodService) -> None:
    @api.get("/pod/settings", summary="Settings of the pod in force (admin)")
    async def get_settings(_: Admin) -> SettingsShown:
        console = pod.console()
        return SettingsShown(settings=console.options, changed=sorted(console.changed))

    @api.put("/pod/settings", summary="Change settings of the pod (admin)")
    async def put_settings(who: Admin, options: PodOptions) -> SettingsShown:
        """Takes the place of all earlier changes: what is left out follows the environment. Idle checks begin anew."""
        await pod.change_options(options.model_dump(mode="json", exclude_unset=True), _actor(who))
        return await get_settings(who)

    @api.post("/pod/replay", summary="When it would have stopped under other settings (admin)")
    async def replay(_: Admin, order: ReplayOrder) -> ReplayShown:
        changes = order.settings.model_dump(mode="json", exclude_unset=True)
        return ReplayShown.model_validate(await pod.replay(changes, order.hours))

    @api.get("/pod/proposal", summary="Timeouts learnt from the kept checks (admin)")
    async def proposal(_: Admin) -> ProposalShown:
        return ProposalShown.model_validate(await pod.proposal())


def _add_records(api: APIRouter, pod: PodService) -> None:
    @api.get("/pod/audit", summary="What was decided and done, the newest first (admin)")
    async def get_audit(_: Admin, limit: Annotated[int, Query(ge=1, le=10_000)] = 200) -> list[AuditLine]:
        return [AuditLine.model_validate(entry) for entry in await pod.audit(limit)]

    @api.get("/pod/history", summary="Recorded checks for charts (admin)")
    async def get_history(_: Admin, hours: Annotated[float, Query(ge=0.1, le=336)] = 6.0) -> ChartShown:
        return ChartShown.model_validate(await pod.history(hours))

    @api.get("/pod/costs", summary="The account, and the ways to run this load (admin)")
    async def get_costs(request: Request, _: Admin) -> CostsShown:
        return views.costs(await pod.costs(), language_of(request))


def _actor(who: Identity) -> str:
    return f"user:{who.username}"
