"""The form of what may be changed while everything runs: policy, quiet hours, schedule. And what it would have done."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from backend.errors import InvalidRequest, Language, Text
from backend.pod.console import Console, Replayed
from backend.pod.learning import Proposal
from backend.pod.options import PodOptions
from backend.pod.schedule import Schedule, parse, text_of
from ui.html import act, escape, table
from ui.pod.numbers import at, span, usd
from ui.pod.rows import Row, days_of, rows
from ui.text import TEXTS, t

# Name of the option, what one unit of the form is in units of the option, smallest and largest in the form, its step.
_NUMBERS: tuple[tuple[str, int, str, str, str], ...] = (
    ("threshold_percent", 1, "0", "100", "0.5"),
    ("check_interval_s", 1, "1", "3600", "1"),
    ("idle_limit", 1, "1", "1440", "1"),
    ("min_runtime_s", 60, "0", "1440", "any"),
    ("warn_s", 1, "0", "3600", "1"),
    ("grace_s", 1, "0", "3600", "1"),
    ("max_lifetime_s", 3600, "0.02", "8760", "any"),
    ("money_ceiling_usd", 1, "0", "1000000", "any"),
    ("network_volume_gb", 1, "0", "100000", "any"),
)
_OPTIONAL = {"max_lifetime_s", "money_ceiling_usd"}
_WHOLE = {"check_interval_s", "idle_limit", "min_runtime_s", "warn_s", "grace_s"}
_UNREADABLE = Text("입력한 값을 읽을 수 없습니다: {name}", "this cannot be read: {name}")


def settings_form(console: Console, language: Language) -> str:
    """The whole form, with the values in force."""
    options = console.options
    schedule = parse(options.schedule)
    numbers = "".join(_number(each, options, console.changed, language) for each in _NUMBERS)
    learnt = (
        f"<label class='tick-line'><input type='checkbox' name='learnt'{' checked' if options.learnt else ''}>"
        f"<span>{escape(t('pod_opt_learnt', language))}</span></label>"
    )
    save = act("form-save", escape(t("pod_save", language)), css="button primary")
    replay = act("form-replay", escape(t("pod_replay", language)), css="button")
    proposal = act("p-proposal", escape(t("pod_proposal", language)), css="button")
    reset = act("p-reset", escape(t("pod_reset", language)), css="button ask-pod_confirm_reset")
    spans = "".join(
        f"<option value='{hours}'>{escape(t(key, language))}</option>"
        for key, hours in (("pod_span_day", 24), ("pod_span_week", 168), ("pod_span_two_weeks", 336))
    )
    return (
        f"<form class='pod-form settings' id='pod-settings'>"
        f"<section class='card'><div class='card-head'><h2>{escape(t('pod_policy', language))}</h2></div>"
        f"<div class='fields'>{numbers}<label>{escape(t('pod_opt_zone', language))}"
        f"<input name='zone' value='{escape(options.zone)}' required maxlength='64'></label></div>{learnt}</section>"
        f"<section class='card'><div class='card-head'><h2>{escape(t('pod_quiet', language))}</h2></div>"
        f"<p class='muted'>{escape(t('pod_quiet_words', language))}</p>"
        f"{rows('quiet', [_quiet_row(each) for each in options.quiet], options.zone, language)}</section>"
        f"<section class='card'><div class='card-head'><h2>{escape(t('pod_schedule', language))}</h2></div>"
        f"<p class='muted'>{escape(t('pod_schedule_words', language))}</p>"
        f"{rows('rules', _rule_rows(schedule), options.zone, language)}"
        f"<label>{escape(t('pod_schedule_days', language))}<input name='exceptions' maxlength='800' "
        f"value='{escape(_exceptions(schedule))}' placeholder='not 2026-12-25; 2026-12-26 10:00-15:00 Asia/Seoul'>"
        f"</label></section>"
        f"<section class='card form-end'><div class='row-actions'>{save}{reset}<span class='spring'></span>"
        f"<label class='inline'>{escape(t('pod_replay_of', language))}<select name='hours'>{spans}</select></label>"
        f"{replay}{proposal}</div><p class='muted'>{escape(t('pod_settings_words', language))}</p></section></form>"
    )


def changes_of(text: str, console: Console) -> dict[str, Any]:
    """The options of a form as it was sent: those that differ from what is in force, and those changed before.

    Raises:
        InvalidRequest: the form cannot be read. Ranges are for `PodOptions` to check.
    """
    form = form_of(text)
    fields: dict[str, Any] = {name: _value(name, unit, form) for name, unit, *_ in _NUMBERS if name in form}
    fields = {name: value for name, value in fields.items() if value is not None or name in _OPTIONAL}
    fields["learnt"] = form.get("learnt") is True
    fields["zone"] = str(form.get("zone", "")).strip()
    fields["quiet"] = [
        {"start": row.begin, "end": row.end, "weekdays": sorted(row.days), "zone": row.zone}
        for row in _sent_rows(form, "quiet")
    ]
    fields["schedule"] = _schedule_text(form)
    now = console.options.model_dump(mode="json")
    now["quiet"] = [{**each, "start": each["start"][:5], "end": each["end"][:5]} for each in now["quiet"]]
    now["schedule"] = text_of(parse(now["schedule"]))
    kept = {name: now[name] for name in console.changed if name not in fields}
    return kept | {name: value for name, value in fields.items() if name in console.changed or value != now[name]}


def form_of(text: str) -> dict[str, Any]:
    """What `static/pod.js` gathered. Raises InvalidRequest."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest(reason=_unreadable("form"))
    return found


def hours_of(form: Mapping[str, Any]) -> float:
    """How far back a replay goes. Raises InvalidRequest."""
    try:
        return min(336.0, max(1.0, float(form.get("hours", 24))))
    except (TypeError, ValueError):
        raise InvalidRequest(reason=_unreadable("hours")) from None


def replay_card(found: Replayed, language: Language) -> str:
    """When it would have stopped."""
    head = f"<div class='card-head'><h2>{escape(t('pod_replayed', language))}</h2></div>"
    if found.since is None or found.until is None:
        return f"<section class='card'>{head}<p class='muted'>{escape(t('pod_replay_empty', language))}</p></section>"
    words = t(
        "pod_replay_words", language,
        checks=found.checks, stops=len(found.stops), hours=found.off_hours, saved=usd(found.saved_usd),
        restart=span(found.restart_s, language),
    )  # fmt: skip
    between = f"<p class='muted'>{at(found.since)} – {at(found.until)}</p>"
    titles = [t(key, language) for key in ("pod_audit_when", "pod_audit_why", "pod_work_back")]
    listed = [
        [
            at(stop.at),
            escape(t(f"pod_reason_{stop.reason}", language) if f"pod_reason_{stop.reason}" in TEXTS else stop.reason),
            escape(t("pod_no_work_back", language) if stop.work_after_s is None else span(stop.work_after_s, language)),
        ]
        for stop in found.stops[-50:]
    ]
    body = table(titles, listed) if listed else ""
    return f"<section class='card'>{head}<p><b>{escape(words)}</b></p>{between}{body}</section>"


def proposal_card(found: Proposal, language: Language) -> str:
    """What was learnt from the history."""
    head = f"<div class='card-head'><h2>{escape(t('pod_proposal', language))}</h2></div>"
    if found.rule is None:
        words = t("pod_proposal_short", language, pauses=found.pauses)
        return f"<section class='card'>{head}<p class='muted'>{escape(words)}</p></section>"
    told = [minutes for minutes in found.timeouts_min if minutes is not None]
    lowest, highest = (min(told), max(told)) if told else (0.0, 0.0)
    words = t(
        "pod_proposal_words", language,
        pauses=found.pauses, lowest=lowest, highest=highest, fixed=found.best_fixed_min,
        hours=found.cost_s / 3600, fixed_hours=found.cost_fixed_s / 3600,
    )  # fmt: skip
    return f"<section class='card'>{head}<p>{escape(words)}</p></section>"


def _number(
    each: tuple[str, int, str, str, str], options: PodOptions, changed: frozenset[str], language: Language
) -> str:
    name, unit, smallest, largest, step = each
    value = getattr(options, name)
    shown = "" if value is None else f"{value / unit:g}"
    must = "" if name in _OPTIONAL else " required"
    mark = f" <i class='changed'>{escape(t('pod_opt_changed', language))}</i>" if name in changed else ""
    hint = f"<small>{escape(t(f'pod_opt_{name}_hint', language))}</small>"
    return (
        f"<label>{escape(t(f'pod_opt_{name}', language))}{mark}<input type='number' name='{name}' value='{shown}' "
        f"min='{smallest}' max='{largest}' step='{step}'{must}>{hint}</label>"
    )


def _value(name: str, unit: int, form: Mapping[str, Any]) -> float | int | None:
    """In units of the option; None for a field left empty."""
    text = str(form[name]).strip()
    if not text:
        return None
    try:
        value = float(text) * unit
        return round(value) if name in _WHOLE else value
    except (ValueError, OverflowError):
        raise InvalidRequest(reason=_unreadable(t(f"pod_opt_{name}", Language.EN))) from None


def _quiet_row(each: Any) -> Row:
    return Row(frozenset(each.weekdays), f"{each.start:%H:%M}", f"{each.end:%H:%M}", each.zone)


def _rule_rows(schedule: Schedule) -> list[Row]:
    """Rules of weekdays; a rule of one date is told beside them, in words."""
    return [
        Row(rule.on, f"{rule.begin:%H:%M}", f"{rule.end:%H:%M}" if rule.end else "00:00", rule.zone)
        for rule in schedule.rules
        if not isinstance(rule.on, date)
    ]


def _exceptions(schedule: Schedule) -> str:
    dated = tuple(rule for rule in schedule.rules if isinstance(rule.on, date))
    return text_of(Schedule(dated, schedule.off))


def _sent_rows(form: Mapping[str, Any], name: str) -> Sequence[Row]:
    sent = form.get(name)
    if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
        raise InvalidRequest(reason=_unreadable(name))
    return [Row.sent(each) for each in sent]


def _schedule_text(form: Mapping[str, Any]) -> str:
    """As `parse` reads it. Midnight as an end is written 24:00, so that a whole day can be said."""
    parts = [
        f"{days_of(row.days)} {row.begin}-{'24:00' if row.end == '00:00' else row.end} {row.zone}"
        for row in _sent_rows(form, "rules")
    ]
    return text_of(parse("; ".join([*parts, str(form.get("exceptions", ""))])))


def _unreadable(name: str) -> Text:
    return Text(_UNREADABLE.ko.format(name=name), _UNREADABLE.en.format(name=name))
