"""The audit as people read it: one row for a stop, with the proof that it happened or the word that it did not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backend.errors import Language
from backend.pod.audit import AuditEntry
from ui.html import escape, moment, table
from ui.pod.numbers import at, span
from ui.text import TEXTS, t

SHOWN = 20
_UNTOLD = {"rechecked", "escalation_undelivered"}


@dataclass
class _Incident:
    """Everything that was written about one stop, newest first."""

    entries: list[AuditEntry] = field(default_factory=list)

    def last(self, *events: str) -> AuditEntry | None:
        return next((entry for entry in self.entries if entry.event in events), None)

    def count(self, event: str) -> int:
        return sum(entry.event == event for entry in self.entries)


def audit_card(entries: Sequence[AuditEntry], current: str, now: datetime, language: Language) -> str:
    """The newest rows, and a link to all.

    Args:
        entries: newest first.
        current: the stop that is under way.
    """
    export = (
        f"<a class='button' href='/api/v1/pod/audit?limit=10000' download='pod-audit.json'>"
        f"{escape(t('pod_export', language))}</a>"
    )
    head = (
        f"<div class='card-head'><h2>{escape(t('pod_audit', language))}</h2><span class='spring'></span>{export}</div>"
    )
    rows = [_row(each, current, now, language) for each in _told(entries)][:SHOWN]
    if not rows:
        return f"{head}<p class='muted'>{escape(t('pod_audit_empty', language))}</p>"
    titles = [t(f"pod_audit_{name}", language) for name in ("when", "who", "what", "why", "proof")]
    return head + table(titles, rows)


def _told(entries: Iterable[AuditEntry]) -> list[AuditEntry | _Incident]:
    """Lines of the same stop together, at the place of the newest of them."""
    found: list[AuditEntry | _Incident] = []
    incidents: dict[str, _Incident] = {}
    ordered_by = ""
    for entry in entries:
        incident = str(entry.detail.get("incident") or "")
        if entry.event == "stop_requested" and entry.detail.get("kind") == "person":
            ordered_by = entry.actor
        if incident:
            if incident not in incidents:
                incidents[incident] = _Incident()
                found.append(incidents[incident])
            incidents[incident].entries.append(entry)
        elif entry.event == "stop_ordered" and ordered_by == entry.actor:
            ordered_by = ""  # the row of the stop itself tells it
        elif entry.event not in _UNTOLD:
            found.append(entry)
    return found


def _row(told: AuditEntry | _Incident, current: str, now: datetime, language: Language) -> list[str]:
    if isinstance(told, AuditEntry):
        return [
            moment(told.at, now, language),
            _who(told.actor, language),
            escape(_event(told, language)),
            _why(told, language),
            _proof_of_one(told, language),
        ]
    first = told.last("stop_requested") or told.entries[-1]
    what = "pod_event_stop" if told.last("stop_requested") else "pod_event_warned"
    return [
        moment(told.entries[0].at, now, language),
        _who(first.actor, language),
        escape(t(what, language)),
        _why(told.last("warned", "stop_requested") or first, language),
        _proof(told, current, language),
    ]


def _proof(told: _Incident, current: str, language: Language) -> str:
    """Whether the pod was seen to have stopped."""
    tries = told.count("stop_requested")
    if verified := told.last("stop_verified"):
        key, css = ("pod_proof_verified", "ok") if tries < 2 else ("pod_proof_verified_late", "warn")
        return f"<span class='badge {css}'>{escape(t(key, language, n=tries - 1))} {at(verified.at)}</span>"
    if told.last("stop_confirmed_at_start"):
        return _badge("ok", t("pod_proof_next_start", language))
    if told.last("escalated", "escalation_undelivered"):
        key = "pod_proof_escalated" if told.last("escalated") else "pod_proof_untold"
        return _badge("", t(key, language, n=tries))
    if called_off := told.last("called_off"):
        why = t("pod_proof_called_off", language, reason=_reason(str(called_off.detail.get("reason", "")), language))
        return _badge("quiet", why)
    incident = told.entries[0].detail.get("incident")
    if incident != current:
        return _badge("quiet", t("pod_proof_ended", language))
    if failed := told.count("stop_failed"):
        return _badge("", t("pod_proof_failed", language, n=failed))
    return _badge("warn", t("pod_proof_reading" if tries else "pod_proof_counting", language))


def _proof_of_one(entry: AuditEntry, language: Language) -> str:
    if entry.event in {"stop_verified", "found_stopped"}:
        return f"<span class='badge ok'>{escape(t('pod_proof_verified', language))} {at(entry.at)}</span>"
    error = entry.detail.get("error")
    return _badge("", str(error)) if error else ""


def _badge(css: str, words: str) -> str:
    return f"<span class='badge {css}'>{escape(words)}</span>"


def _who(actor: str, language: Language) -> str:
    if actor.startswith("user:"):
        return f"<span class='name'>{escape(actor.removeprefix('user:'))}</span>"
    return escape(t(f"pod_actor_{actor}", language) if f"pod_actor_{actor}" in TEXTS else actor)


def _event(entry: AuditEntry, language: Language) -> str:
    key = f"pod_event_{entry.event}"
    return t(key, language) if key in TEXTS else entry.event


def _why(entry: AuditEntry, language: Language) -> str:
    """The reason, or what was set; HTML."""
    detail = entry.detail
    if entry.event == "keep_awake" and (until := _moment(detail.get("until"))):
        return f"{escape(t('pod_until', language))} {at(until)}"
    if entry.event == "start_measured" and isinstance(detail.get("seconds"), int | float):
        return escape(span(float(detail["seconds"]), language))
    if entry.event == "settings_changed":
        return escape(", ".join(map(str, detail.get("changed") or ())) or t("pod_settings_reset", language))
    if entry.event == "start_failed" and detail.get("instead"):
        return escape(t("pod_start_instead", language, types=", ".join(map(str, detail["instead"]))))
    return escape(_reason(str(detail.get("reason") or ""), language))


def _reason(code: str, language: Language) -> str:
    """Words of a policy's code; a person's own words as they are."""
    key = f"pod_reason_{code}"
    return t(key, language) if key in TEXTS else code


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
