"""The panel of engines: each provider with its state and figures, and how the one that was fitted to the GPU runs."""

from collections.abc import Sequence

from backend.errors import Language
from backend.llm.engine import EngineState
from backend.llm.overview import EngineRow
from backend.llm.preparation import Lowered, Preparation
from backend.llm.preparation_text import progress_text, trouble_text
from backend.llm.routes import Workload
from ui.html import escape, pairs, table
from ui.pod.numbers import NOTHING, number, span, usd
from ui.text import TEXTS, t

_BADGES = {EngineState.READY: "badge ok", EngineState.LOADING: "badge warn"}
_TITLES = ("name", "state", "work", "latency", "requests", "tokens", "cost")


def engines_card(rows: Sequence[EngineRow], language: Language) -> str:
    """One row for a provider; below them what was chosen and what was lowered, where that is known."""
    head = (
        f"<div class='card-head'><h2>{escape(t('engines', language))}</h2><span class='spring'></span>"
        f"<span class='muted'>{escape(t('engines_of', language))}</span></div>"
    )
    titles = [t(f"engines_{name}", language) for name in _TITLES]
    return head + table(titles, [_row(row, language) for row in rows]) + "".join(_fitted(row, language) for row in rows)


def _row(row: EngineRow, language: Language) -> list[str]:
    report = row.report
    tokens = f"{number(report.prompt_tokens)} · {number(report.completion_tokens)}"
    return [
        _name(row, language),
        _state(row, language),
        _work(report.workloads, language),
        f"{_ms(report.probe_ms, language)} · {_ms(report.first_token_ms_p50, language)}",
        f"{number(report.requests)} · {_share(report.error_rate)}",
        tokens if report.requests else NOTHING,
        _cost(report.cost_usd),
    ]


def _name(row: EngineRow, language: Language) -> str:
    report = row.report
    hosted = ""
    if report.hosted:
        title = escape(t("engines_hosted_title", language))
        hosted = f" <span class='badge warn' title='{title}'>{escape(t('engines_hosted', language))}</span>"
    return (
        f"<span><b class='name'>{escape(report.name)}</b>{hosted}<br>"
        f"<span class='muted' title='{escape(report.address)}'>{escape(report.model or NOTHING)}</span></span>"
    )


def _state(row: EngineRow, language: Language) -> str:
    report = row.report
    if not report.allowed:
        title = escape(t("engines_not_allowed_title", language))
        return f"<span class='badge quiet' title='{title}'>{escape(t('engines_not_allowed', language))}</span>"
    badge = _BADGES.get(report.state, "badge")
    said = [f"<span class='{badge}'>{escape(t(f'engines_state_{report.state}', language))}</span>"]
    if report.cooling_s > 0:
        words = t("engines_cooling", language, s=span(report.cooling_s, language))
        said.append(f"<span class='muted'>{escape(words)}</span>")
    if row.seen is not None and report.state is not EngineState.READY:
        trouble = trouble_text(row.seen.preparation, report.name)
        if row.seen.is_under_way:
            said.append(f"<span class='muted'>{escape(progress_text(row.seen).in_(language))}</span>")
        if trouble is not None:
            said.append(f"<span class='muted'>{escape(trouble.in_(language))}</span>")
    return f"<span>{'<br>'.join(said)}</span>"


def _work(workloads: Sequence[tuple[Workload, float]], language: Language) -> str:
    if not workloads:
        return f"<span class='muted'>{escape(t('engines_no_work', language))}</span>"
    said = []
    for workload, weight in workloads:
        share = "" if weight >= 1 else f" {100 * weight:.0f} %" if weight > 0 else f" ({t('engines_spare', language)})"
        said.append(t(f"engines_{workload}", language) + share)
    return escape(", ".join(said))


def _ms(value: float | None, language: Language) -> str:
    return NOTHING if value is None else escape(t("engines_ms", language, ms=value))


def _share(rate: float | None) -> str:
    return NOTHING if rate is None else f"{100 * rate:.1f} %"


def _cost(value: float | None) -> str:
    """Small sums with more digits: a thousand tokens cost less than a cent."""
    return f"${value:.4f}" if value is not None and 0 < value < 0.1 else usd(value)


def _fitted(row: EngineRow, language: Language) -> str:
    """What was chosen for this GPU, why, and what was lowered."""
    found = row.seen.preparation if row.seen is not None else None
    if found is None or not (found.chosen or found.lowered):
        return ""
    title = escape(t("engines_chosen", language, name=row.report.name))
    return (
        f"<div class='fitted'><h3>{title}</h3>{_because(found, language)}"
        f"{pairs([(_named(name, language), escape(_value(value))) for name, value in found.chosen])}"
        f"{_lowered(found.lowered, language)}</div>"
    )


def _because(found: Preparation, language: Language) -> str:
    key = f"engines_because_{found.because}"
    words = (t(key, language) if key in TEXTS else found.because, t("engines_override", language))
    return f"<p class='muted'>{escape(' '.join(filter(None, words)))}</p>"


def _lowered(steps: Sequence[Lowered], language: Language) -> str:
    if not steps:
        return ""
    said = [f"{_word(step.setting, language)}: {_value(step.before)} → {_value(step.after)}" for step in steps]
    items = "".join(f"<li>{escape(words)}</li>" for words in said)
    return f"<div class='note'><b>{escape(t('engines_lowered', language))}</b><ul>{items}</ul></div>"


def _named(setting: str, language: Language) -> str:
    word = _word(setting, language)
    return setting if word == setting else f"{word} · {setting}"


def _word(setting: str, language: Language) -> str:
    key = f"engines_set_{setting}"
    return t(key, language) if key in TEXTS else setting


def _value(value: str) -> str:
    return f"{int(value):,}" if value.isdecimal() else value
