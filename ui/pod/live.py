"""What the console shows of this moment, in the order an operator asks: is it on, why, until when, how much."""

from datetime import datetime

from backend.errors import Language
from backend.pod.charts import Chart
from backend.pod.console import Console, Standing
from backend.pod.machine import Phase
from backend.pod.needs import WORK_NAMES, signal_name
from backend.pod.pods import PodAction, PodStatus
from backend.pod.sample import Signal, Verdict, said_in
from ui.html import act, escape, pairs, table
from ui.pod.numbers import NOTHING, ago, at, countdown, number, span
from ui.pod.ring import ring
from ui.pod.spending import spending
from ui.text import t

_BADGES = {Verdict.BUSY: "badge", Verdict.IDLE: "badge quiet", Verdict.UNKNOWN: "badge warn"}
_LIGHTS = {PodStatus.RUNNING: "ok", PodStatus.EXITED: "quiet", PodStatus.TERMINATED: "quiet"}
_TROUBLED = {Phase.RETRYING, Phase.ESCALATED}
_GIB = 1024**3


def cards(console: Console, found: Chart | None, language: Language) -> str:
    """State, countdown, costs; last activity, engine, GPU.

    Args:
        found: recorded checks, for the highest speed; None while the database is away.
    """
    return (
        f"<section class='card state'>{_state(console, language)}</section>"
        f"<section class='card countdown-card'>{ring(console, language)}</section>"
        f"<section class='card spending'>{spending(console, language)}</section>"
        f"<section class='card activity'>{_activity(console, language)}</section>"
        f"<section class='card figures'>{_engine(console, found, language)}</section>"
        f"<section class='card figures'>{_gpus(console, language)}</section>"
    )


def _state(console: Console, language: Language) -> str:
    view, pod = console.view, console.view.pod
    facts = []
    if pod is not None:
        facts = [f"{pod.gpu_count}× {pod.gpu_type}" if pod.gpu_count > 1 else pod.gpu_type]
        if pod.started_at is not None and pod.status is PodStatus.RUNNING:
            facts.append(span((view.at - pod.started_at).total_seconds(), language))
        if pod.is_spot:
            facts.append(t("pod_spot", language))
    head = (
        f"<div class='card-head'><h2>{escape(_title(console, language))}</h2>{_status_badge(console)}"
        f"<span class='spring'></span><span class='muted'>{escape(' · '.join(filter(None, facts)))}</span></div>"
    )
    return head + _warnings(console, language) + _why(console, language) + _signals(console, language)


def _title(console: Console, language: Language) -> str:
    phase, pod = console.view.progress.phase, console.view.pod
    if console.standing is Standing.NO_POD:
        return t("pod_title_no_pod", language)
    if phase is not Phase.ARMED:
        return t(f"pod_phase_{phase}", language)
    return t(f"pod_status_{pod.status.lower()}" if pod is not None else "pod_status_unknown", language)


def _status_badge(console: Console) -> str:
    pod = console.view.pod
    return f"<span class='badge {_LIGHTS.get(pod.status, 'warn')}'>{escape(pod.status)}</span>" if pod else ""


def _warnings(console: Console, language: Language) -> str:
    """What is missing or wrong, each with what to do."""
    view, said = console.view, []
    if console.standing is Standing.NO_KEY:
        said.append(t("pod_missing_key", language))
    elif console.standing is Standing.NO_POD:
        said.append(t("pod_missing_pod", language))
    elif view.pod_trouble is not None:
        seen = f" {t('pod_last_read', language)}" if view.pod is not None else ""
        said.append(view.pod_trouble.message(language) + seen)
    if view.pod is not None and view.pod.locked:
        said.append(t("pod_locked_note", language))
    if view.progress.trouble is not None and view.progress.phase in _TROUBLED:
        said.append(view.progress.trouble.text.in_(language))
    if not view.acts:
        said.append(t("pod_acts_elsewhere", language))
    return "".join(f"<div class='note'>{escape(words)}</div>" for words in said)


def _why(console: Console, language: Language) -> str:
    """Why it is not stopping, or why it is."""
    view, decision = console.view, console.view.decision
    if decision is None:
        return f"<p class='why muted'>{escape(t('pod_no_check', language))}</p>"
    if view.progress.phase is Phase.STOPPED:
        return ""
    if console.standing is not Standing.POD:
        heading, needs = t("pod_would", language), decision.needs or (decision.reason,)
    elif decision.wants_stop:
        heading, needs = t("pod_why_stopping", language), (decision.reason,)
    else:
        heading, needs = t("pod_why_not", language), decision.needs
    items = "".join(
        f"<li>{escape(need.text.in_(language))}{_left(need.until, view.at, language)}</li>" for need in needs
    )
    count = t("pod_checks", language, done=min(decision.checks, decision.checks_needed), needed=decision.checks_needed)
    return f"<div class='why'><h3>{escape(heading)}</h3><ul>{items}</ul><p class='muted'>{escape(count)}</p></div>"


def _left(until: datetime | None, now: datetime, language: Language) -> str:
    return f" <span class='muted'>{escape(t('pod_left', language))} {countdown(until, now)}</span>" if until else ""


def _signals(console: Console, language: Language) -> str:
    view = console.view
    if view.sample is None or not view.sample.signals:
        return ""
    titles = [t(key, language) for key in ("pod_signal", "pod_value", "pod_when", "pod_verdict")]
    return table(titles, [_signal(each, console, view.at, language) for each in view.sample.signals])


def _signal(signal: Signal, console: Console, now: datetime, language: Language) -> list[str]:
    verdict = console.verdicts[signal.name]
    name = signal_name(signal.name).in_(language)
    value = f"{signal.value:g}" if isinstance(signal.value, float) else said_in(language, signal.value)
    detail = said_in(language, signal.detail)
    source = " · ".join(filter(None, (signal.source, detail)))
    return [
        f"<span class='name' title='{escape(source)}'>{escape(name[:1].upper() + name[1:])}</span>",
        f"<span class='value'>{escape(value or detail or NOTHING)}</span>",
        ago(signal.at, now, language),
        f"<span class='{_BADGES[verdict]}'>{escape(t(f'pod_verdict_{verdict}', language))}</span>",
    ]


def _activity(console: Console, language: Language) -> str:
    view = console.view
    rows = []
    if view.last_activity_at is None:
        rows.append((t("pod_last_activity", language), escape(t("pod_none_yet", language))))
    else:
        name = signal_name(view.last_activity).in_(language)
        rows.append(
            (t("pod_last_activity", language), f"{ago(view.last_activity_at, view.at, language)} · {escape(name)}")
        )
    work = ", ".join(f"{_kind(kind, language)} {count:,}" for kind, count in sorted(console.work.items()))
    rows.append((t("pod_work", language), escape(work or t("pod_work_none", language))))
    ready = console.ready_since
    rows.append((t("pod_ready_since", language), at(ready) if ready else escape(t("pod_not_ready", language))))
    if view.next_change is not None:
        rows.append((t(f"pod_next_{view.next_change.change}", language), at(view.next_change.at)))
    if view.waiting_stop_since is not None:
        rows.append((t("pod_waiting_stop", language), ago(view.waiting_stop_since, view.at, language)))
    if view.waiting_start_since is not None:
        rows.append((t("pod_waiting_start", language), ago(view.waiting_start_since, view.at, language)))
    restart = span(view.restart_s, language) if view.restart_s is not None else t("pod_not_measured", language)
    rows.append((t("pod_restart_time", language), escape(restart)))
    return _facts(t("pod_activity", language), rows) + _power(console, language)


def _kind(kind: str, language: Language) -> str:
    return WORK_NAMES[kind].in_(language) if kind in WORK_NAMES else kind


def _power(console: Console, language: Language) -> str:
    """Start and restart, where they can be asked for."""
    pod = console.view.pod
    if pod is None or console.standing is not Standing.POD:
        return ""
    buttons = ""
    if PodAction.START in pod.actions or pod.status is PodStatus.EXITED:
        buttons += act("p-start", escape(t("pod_start", language)), css="button")
    if PodAction.RESTART in pod.actions:
        buttons += act("p-restart", escape(t("pod_restart", language)), css="button ask-pod_confirm_restart")
    return f"<div class='row-actions'>{buttons}</div>" if buttons else ""


def _engine(console: Console, found: Chart | None, language: Language) -> str:
    told = console.engine
    title = t("pod_engine", language)
    if told is None:
        return _facts(title, []) + f"<p class='muted'>{escape(t('pod_engine_silent', language))}</p>"
    peak = max((point.generated_tokens or 0 for point in found.points), default=0) / found.step_s if found else 0.0
    speed = number(told.tokens_per_s, digits=1)
    if peak:
        speed += f" ({t('pod_peak', language, peak=peak)})"
    rows = [
        (t("pod_running_waiting", language), f"{number(told.running)} / {number(told.waiting)}"),
        (t("pod_tokens_per_s", language), escape(speed)),
        (t("pod_ttft", language), f"{_seconds(told.ttft_p50_s, language)} · {_seconds(told.ttft_p95_s, language)}"),
        (t("pod_kv", language), number(told.kv_percent, "%")),
        (t("pod_prefix", language), number(told.prefix_hit_percent, "%")),
    ]
    return _facts(title, rows)


def _seconds(value: float | None, language: Language) -> str:
    return NOTHING if value is None else escape(t("pod_seconds", language, s=value))


def _gpus(console: Console, language: Language) -> str:
    title = t("pod_gpu", language)
    if not console.gpus:
        return _facts(title, []) + f"<p class='muted'>{escape(t('pod_no_gpu', language))}</p>"
    parts = []
    for place, gpu in enumerate(console.gpus):
        used, whole = gpu.memory_used_bytes, gpu.memory_bytes
        memory = f"{used / _GIB:,.1f} / {whole / _GIB:,.0f} GiB" if used is not None and whole else NOTHING
        rows = [
            (t("pod_gpu_use", language), number(gpu.percent, "%")),
            (t("pod_gpu_memory", language), memory),
            (t("pod_gpu_heat", language), number(gpu.celsius, "°C")),
            (t("pod_gpu_power", language), number(gpu.watts, "W")),
        ]
        name = gpu.name if len(console.gpus) == 1 else f"{place}: {gpu.name}"
        parts.append(_facts(title if place == 0 else "", rows, escape(name)))
    return "".join(parts)


def _facts(title: str, rows: list[tuple[str, str]], beside: str = "") -> str:
    """A heading and pairs of name and value; values and what is beside the heading are HTML."""
    side = f"<span class='spring'></span><span class='muted'>{beside}</span>" if beside else ""
    head = f"<div class='card-head'>{f'<h2>{escape(title)}</h2>' if title else ''}{side}</div>"
    return head + (pairs(rows) if rows else "")
