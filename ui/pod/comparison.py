"""The page of costs: the account of the month, and what the measured load would cost in other ways."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from backend.errors import InvalidRequest, Language, Text
from backend.pod.compare import Price, Way
from backend.pod.console import Costs
from backend.pod.options import EnteredPrices, PodOptions
from ui.html import act, escape, pairs, table
from ui.pod.numbers import NOTHING, at, number, usd
from ui.text import t


def comparison(found: Costs, options: PodOptions, language: Language) -> str:
    """Ways and what was measured; beside them the prices."""
    return (
        f"<div class='two'><div><section class='card'>{_ways(found, language)}</section>"
        f"<section class='card'>{_measured(found, language)}</section></div>"
        f"<section class='card'>{_prices(found, options, language)}</section></div>"
    )


def prices_of(form: Mapping[str, Any]) -> dict[str, float | None]:
    """The prices of the form as it was sent; an empty one is none of the operator's. Raises InvalidRequest."""
    try:
        return {
            name: float(text) if (text := str(form.get(name, "")).strip()) else None
            for name in EnteredPrices.model_fields
        }
    except ValueError:
        raise InvalidRequest(reason=Text("가격은 숫자로 적어 주세요", "write prices as numbers")) from None


def _ways(found: Costs, language: Language) -> str:
    head = f"<div class='card-head'><h2>{escape(t('pod_ways', language))}</h2></div>"
    if not found.ways:
        return f"{head}<p class='muted'>{escape(t('pod_ways_empty', language))}</p>"
    top = max(cost.usd for cost in found.ways) or 1.0
    titles = [t(key, language) for key in ("pod_way", "pod_way_month", "pod_way_fixed", "pod_way_work")]
    listed = [
        [
            f"<span class='name'>{escape(t(f'pod_way_{cost.way}', language))}</span>"
            f"<span class='meter-bar'><i style='width:{100 * cost.usd / top:.0f}%'></i></span>",
            f"<b>{usd(cost.usd)}</b>",
            usd(cost.fixed_usd),
            usd(cost.variable_usd),
        ]
        for cost in found.ways
    ]
    untold = {Way.POD, Way.POD_ALWAYS_ON, Way.SPOT} - {cost.way for cost in found.ways}
    is_short = found.load is not None and found.load.days < 1
    notes = [key for key, so in (("pod_ways_short", is_short), ("pod_ways_untold", bool(untold))) if so]
    return head + table(titles, listed) + "".join(f"<p class='muted'>{escape(t(key, language))}</p>" for key in notes)


def _prices(found: Costs, options: PodOptions, language: Language) -> str:
    head = f"<div class='card-head'><h2>{escape(t('pod_prices', language))}</h2></div>"
    known = {field.name: getattr(found.prices, field.name) for field in fields(found.prices)}
    inputs = []
    for name in EnteredPrices.model_fields:
        entered, used = getattr(options.prices, name), known.get(name)
        value = used.value if isinstance(used, Price) else used
        source = used.source.in_(language) if isinstance(used, Price) else ""
        if name == "pod_usd_per_hour":
            source = t("pod_price_told", language) if found.money.rate_usd and entered is None else source
        hint = f"<small>{escape(source)}</small>" if source else ""
        least = " min='1'" if name == "workstation_months" else " min='0'"
        inputs.append(
            f"<label>{escape(t(f'pod_price_{name}', language))}<input type='number' name='{name}'{least} max='1000000' "
            f"step='any' value='{'' if entered is None else f'{entered:g}'}' "
            f"placeholder='{NOTHING if value is None else f'{value:g}'}'>{hint}</label>"
        )
    save = act("form-prices", escape(t("pod_save_prices", language)), css="button primary")
    words = f"<p class='muted'>{escape(t('pod_prices_words', language))}</p>"
    return f"{head}{words}<form class='pod-form'><div class='fields'>{''.join(inputs)}</div><p>{save}</p></form>"


def _measured(found: Costs, language: Language) -> str:
    head = f"<div class='card-head'><h2>{escape(t('pod_measured', language))}</h2></div>"
    load = found.load
    if load is None:
        return f"{head}<p class='muted'>{escape(t('pod_measured_empty', language))}</p>"
    rows = [
        (t("pod_load_days", language), number(load.days, digits=1)),
        (t("pod_load_running", language), number(load.running_hours, "h", 1)),
        (t("pod_load_busy", language), number(load.busy_hours, "h", 1)),
        (t("pod_load_prompt", language), number(load.prompt_tokens)),
        (t("pod_load_generated", language), number(load.generated_tokens)),
        (t("pod_load_storage", language), usd(load.storage_usd)),
        (t("pod_tokens_per_usd", language), number(found.tokens_per_usd)),
        (t("pod_reviews_per_usd", language), number(found.reviews_per_usd)),
    ]
    if found.money.known_since is not None:
        rows.append((t("pod_known_since", language), at(found.money.known_since)))
    unknown = found.money.storage_usd_a_day is None
    note = f"<p class='muted'>{escape(t('pod_storage_unknown', language))}</p>" if unknown else ""
    return f"{head}{pairs(rows)}{note}"
