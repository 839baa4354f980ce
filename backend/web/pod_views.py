"""The pod's dataclasses in the words of the API."""

from dataclasses import fields

from backend.errors import Language
from backend.pod.compare import Price
from backend.pod.console import Costs
from backend.pod.ledger import Money
from backend.pod.machine import Progress
from backend.pod.needs import Need
from backend.pod.pods import Pod
from backend.pod.policy import Decision
from backend.pod.service import PodService
from backend.web.pod_schemas import (
    CostsShown,
    DecisionShown,
    DueShown,
    EngineShown,
    GpuShown,
    LoadShown,
    MoneyShown,
    NeedShown,
    PodFacts,
    PodShown,
    PriceShown,
    SignalShown,
    SpendingShown,
    StopShown,
    WayShown,
)


def shown(pod: PodService, language: Language) -> PodShown:
    """Everything that is known now."""
    console, brief = pod.console(), pod.brief()
    view = console.view
    return PodShown(
        **vars(brief),
        at=view.at,
        pod_id=view.pod_id,
        missing=list(console.missing),
        pod=facts(view.pod) if view.pod else None,
        pod_seen_at=view.pod_seen_at,
        pod_problem=view.pod_trouble.problem(language) if view.pod_trouble else None,
        stop=_stop(view.progress),
        decision=_decision(view.decision, language) if view.decision else None,
        stops_at=console.stops_at,
        signals=[
            SignalShown(
                name=signal.name,
                verdict=console.verdicts[signal.name],
                value=str(signal.value),
                age_s=round((view.at - signal.at).total_seconds(), 1),
                source=signal.source,
                detail=signal.detail,
            )
            for signal in (view.sample.signals if view.sample else ())
        ],
        ready_since=console.ready_since,
        last_activity_at=view.last_activity_at,
        last_activity=view.last_activity,
        acts=view.acts,
        next_change=DueShown.model_validate(view.next_change) if view.next_change else None,
        waiting_stop_since=view.waiting_stop_since,
        waiting_start_since=view.waiting_start_since,
        restart_s=view.restart_s,
        gpus=[GpuShown.model_validate(gpu) for gpu in console.gpus],
        engine=EngineShown.model_validate(console.engine) if console.engine else None,
        money=_money(console.money),
        work=console.work,
    )


def facts(pod: Pod) -> PodFacts:
    """A pod; its actions in a fixed order."""
    return PodFacts.model_validate(pod).model_copy(update={"actions": sorted(pod.actions)})


def costs(found: Costs, language: Language) -> CostsShown:
    """The account."""
    return CostsShown(
        money=_money(found.money),
        tokens_per_usd=found.tokens_per_usd,
        reviews_per_usd=found.reviews_per_usd,
        load=LoadShown.model_validate(found.load) if found.load else None,
        ways=[
            WayShown(way=cost.way, usd=cost.usd, fixed_usd=cost.fixed_usd, variable_usd=cost.variable_usd)
            for cost in found.ways
        ],
        prices=[_price(field.name, getattr(found.prices, field.name), language) for field in fields(found.prices)],
    )


def _price(name: str, price: Price | float | None, language: Language) -> PriceShown:
    if isinstance(price, Price):
        return PriceShown(name=name, value=price.value, source=price.source.in_(language))
    return PriceShown(name=name, value=price, source=None)


def _money(money: Money) -> MoneyShown:
    values = vars(money) | {
        "today": SpendingShown.model_validate(money.today),
        "month": SpendingShown.model_validate(money.month),
        "bill_problem": money.bill_trouble.code if money.bill_trouble else None,
    }
    del values["bill_trouble"]
    return MoneyShown(**values)


def _stop(progress: Progress) -> StopShown:
    order = progress.order
    return StopShown(
        kind=order.kind if order else None,
        actor=order.actor if order else "",
        reason=order.reason if order else "",
        attempts=progress.attempts,
        requested_at=progress.requested_at,
        until=progress.until,
        escalated=progress.escalated,
        trouble=progress.trouble.code if progress.trouble else None,
    )


def _decision(decision: Decision, language: Language) -> DecisionShown:
    return DecisionShown(
        wants_stop=decision.wants_stop,
        reason=_need(decision.reason, language),
        needs=[_need(need, language) for need in decision.needs],
        stops_at=decision.stops_at,
        checks=decision.checks,
        checks_needed=decision.checks_needed,
    )


def _need(need: Need, language: Language) -> NeedShown:
    return NeedShown(code=need.code, text=need.text.in_(language), signal=need.signal, until=need.until)
