"""What those who do not run the pod are told of it."""

from datetime import datetime

from backend.errors import Language
from backend.pod.console import Brief, Standing
from backend.pod.machine import Phase
from ui.html import escape
from ui.pod.numbers import at, countdown
from ui.text import t

_PLAIN = {Phase.RETRYING: Phase.ARMED, Phase.ESCALATED: Phase.ARMED}  # what went wrong is the admins' affair


def status_card(brief: Brief, now: datetime, language: Language) -> str:
    """On or off, and until when."""
    phase = _PLAIN.get(brief.phase, brief.phase)
    key = "no_pod" if brief.standing is Standing.NO_POD else str(phase)
    lines = [escape(t(f"pod_user_{key}", language))]
    if brief.until is not None:
        lines[0] += f" {countdown(brief.until, now)}"
    if brief.keep_awake_until is not None and brief.keep_awake_until > now:
        lines.append(f"{escape(t('pod_awake_until', language))} {at(brief.keep_awake_until)}")
    body = "".join(f"<p>{line}</p>" for line in lines)
    head = f"<div class='card-head'><h2>{escape(t('pod_user', language))}</h2></div>"
    stamp = f"data-at='{now.isoformat()}'"  # every picture is another one: the script sees that its wish was answered
    return f"<div id='pod-page' class='user' {stamp}><section class='card'>{head}{body}</section></div>"
