"""The countdown: a ring that closes, what it counts to, and the buttons that hold it up."""

from dataclasses import dataclass
from datetime import datetime

from backend.errors import Language
from backend.pod.console import Console, Standing
from backend.pod.machine import Phase
from backend.pod.pods import PodStatus
from backend.pod.sample import Verdict
from ui.html import act, escape
from ui.pod.numbers import at, countdown
from ui.text import t

_RADIUS = 44
_NOT_SENT = {Phase.WARNED, Phase.DRAINING, Phase.RETRYING, Phase.ESCALATED}


@dataclass(frozen=True)
class _Face:
    """Attributes:
    title: above the ring. line: below the number.
    until: what is counted down to; None: `word` is shown in its place.
    whole_s: how long the countdown is in all.
    css: colour of the ring.
    """

    title: str
    line: str
    word: str = ""
    until: datetime | None = None
    whole_s: float = 0.0
    css: str = ""


def ring(console: Console, language: Language) -> str:
    """The card's content."""
    face, now = _face(console, language), console.view.at
    share = 1.0
    if face.until is not None and face.whole_s > 0:
        share = min(1.0, max(0.0, (face.until - now).total_seconds() / face.whole_s))
    length = f"{100 * share:.1f} 100" if face.css != "off" else "0 100"
    middle = countdown(face.until, now) if face.until is not None else f"<b>{escape(face.word)}</b>"
    drawing = (
        f"<svg viewBox='0 0 100 100' aria-hidden='true'><circle class='track' cx='50' cy='50' r='{_RADIUS}'></circle>"
        f"<circle class='arc' cx='50' cy='50' r='{_RADIUS}' pathLength='100' stroke-dasharray='{length}' "
        f"data-whole='{face.whole_s:g}'></circle></svg>"
    )
    return (
        f"<h2>{escape(face.title)}</h2><div class='ring {face.css}'>{drawing}"
        f"<div class='middle'>{middle}<span class='muted'>{escape(face.line)}</span></div></div>"
        f"{_awake(console, language)}{_buttons(console, language)}"
    )


def _face(console: Console, language: Language) -> _Face:
    view, options = console.view, console.options
    progress = view.progress
    match progress.phase:
        case Phase.WARNED:
            return _Face(
                t("pod_ring_warned", language), t("pod_ring_warned_line", language),
                until=progress.until, whole_s=options.warn_s, css="hot",
            )  # fmt: skip
        case Phase.DRAINING:
            return _Face(
                t("pod_phase_draining", language), t("pod_ring_draining_line", language),
                until=progress.until, whole_s=options.grace_s, css="hot",
            )  # fmt: skip
        case Phase.REQUESTED:
            line = t("pod_ring_requested_line", language, n=progress.attempts)
            return _Face(t("pod_phase_requested", language), line, word="…", css="hot")
        case Phase.RETRYING | Phase.ESCALATED:
            line = t("pod_ring_retry_line", language, n=progress.attempts)
            return _Face(t("pod_ring_retry", language), line, until=progress.until, css="hot")
        case Phase.STOPPED:
            return _Face(
                t("pod_ring", language), t("pod_ring_stopped", language), t("pod_ring_off", language), css="off"
            )
    return _armed(console, language)


def _armed(console: Console, language: Language) -> _Face:
    view, decision, title = console.view, console.view.decision, t("pod_ring", language)
    if console.standing is not Standing.POD:
        return _Face(title, t("pod_ring_nothing_stops", language), t("pod_ring_never", language), css="off")
    if view.pod is not None and view.pod.status is PodStatus.EXITED:
        return _Face(title, t("pod_ring_stopped", language), t("pod_ring_off", language), css="off")
    awake = view.keep_awake_until
    if awake is not None and awake > view.at:
        whole_s = max(1800.0, (awake - view.at).total_seconds())
        return _Face(
            t("pod_ring_awake", language), t("pod_ring_awake_line", language), until=awake, whole_s=whole_s, css="ok"
        )
    if decision is None:
        return _Face(title, t("pod_no_check", language), "…", css="off")
    if console.stops_at is None:
        is_busy = Verdict.BUSY in console.verdicts.values()
        word = "pod_ring_busy" if is_busy else "pod_ring_unknown" if console.verdicts else "pod_ring_waiting"
        return _Face(title, t(f"{word}_line", language), t(word, language), css="ok" if is_busy else "off")
    line = t(
        "pod_checks_short", language,
        done=min(decision.checks, decision.checks_needed), needed=decision.checks_needed,
    )  # fmt: skip
    options = console.options
    whole_s = max(decision.checks_needed * options.check_interval_s, options.min_runtime_s) + options.warn_s
    return _Face(title, line, until=console.stops_at, whole_s=whole_s)


def _awake(console: Console, language: Language) -> str:
    until = console.view.keep_awake_until
    if until is None or until <= console.view.at:
        return ""
    return f"<p class='muted awake-until'>{escape(t('pod_awake_until', language))} {at(until)}</p>"


def _buttons(console: Console, language: Language) -> str:
    """Keep awake, cancel, stop; what a pod that does not run cannot be asked is left out."""
    view, phase = console.view, console.view.progress.phase
    off = phase is Phase.STOPPED or (view.pod is not None and view.pod.status is PodStatus.EXITED)
    if console.standing is not Standing.POD or off or phase is Phase.REQUESTED:
        return ""
    awake = view.keep_awake_until is not None and view.keep_awake_until > view.at
    hold = "".join(
        act("p-awake", escape(t(key, language)), arg=minutes, css="button", title=t(f"{key}_title", language))
        for key, minutes in (("pod_awake_30", 30), ("pod_awake_120", 120))
    ) + act("awake-until", escape(t("pod_awake_other", language)), css="button")
    cancel = ""
    if phase in _NOT_SENT or view.waiting_stop_since is not None:
        cancel = act("p-cancel", escape(t("pod_cancel_stop", language)), css="button")
    elif awake:
        cancel = act("p-cancel", escape(t("pod_cancel_awake", language)), css="button")
    stop = (
        act("ask-stop", escape(t("pod_stop", language)), css="button stop-button")
        if phase is not Phase.DRAINING
        else ""
    )
    return f"<div class='hold'>{hold}</div><div class='hold'>{cancel}{stop}</div>"
