"""All pods that the key sees, with what can be asked of each; and the log of one."""

from collections.abc import Sequence
from datetime import datetime

from backend.errors import Language
from backend.pod.console import Console
from backend.pod.pods import Pod, PodAction, PodStatus
from ui.html import act, escape, table
from ui.pod.numbers import ago, usd
from ui.pod.spending import stop_words
from ui.text import t

_CSS = {PodStatus.RUNNING: "ok", PodStatus.EXITED: "quiet", PodStatus.TERMINATED: "quiet"}


def fleet(pods: Sequence[Pod], console: Console, now: datetime, language: Language) -> str:
    """A table; our own pod comes first."""
    head = f"<div class='card-head'><h2>{escape(t('pod_all', language))}</h2></div>"
    words = f"<p class='muted'>{escape(t('pod_all_words', language))}</p>"
    if not pods:
        return f"<section class='card'>{head}<p class='muted'>{escape(t('pod_all_none', language))}</p></section>"
    own = console.view.pod_id
    ordered = sorted(pods, key=lambda pod: (pod.id != own, pod.name, pod.id))
    titles = [t(key, language) for key in ("pod_name", "pod_state", "pod_machine", "pod_price", "pod_since", "action")]
    listed = [_row(pod, console, now, language) for pod in ordered]
    dialogs = "".join(stop_words(console, pod, language) for pod in ordered if PodAction.STOP in pod.actions)
    return f"<section class='card'>{head}{words}{table(titles, listed)}</section>{dialogs}"


def logs(lines: Sequence[str], pod_id: str, language: Language) -> str:
    """The last lines, as they are; a line break inside of HTML on one line is `&#10;`."""
    again = act("p-logs", escape(t("pod_logs_again", language)), target=pod_id, css="button")
    title = t("pod_logs_of", language, pod=pod_id)
    head = f"<div class='card-head'><h2>{escape(title)}</h2><span class='spring'></span>{again}</div>"
    if not lines:
        return f"<section class='card'>{head}<p class='muted'>{escape(t('pod_logs_none', language))}</p></section>"
    text = "&#10;".join(escape(line) for line in lines)
    log = f"<pre class='pod-log' tabindex='0' aria-label='{escape(title)}'>{text}</pre>"
    return f"<section class='card'>{head}{log}</section>"


def _row(pod: Pod, console: Console, now: datetime, language: Language) -> list[str]:
    name = f"<span class='name'>{escape(pod.name or pod.id)}</span>"
    own = f" <span class='badge quiet'>{escape(t('pod_own', language))}</span>" if pod.id == console.view.pod_id else ""
    locked = f" <span class='badge warn'>{escape(t('pod_locked', language))}</span>" if pod.locked else ""
    machine = " · ".join(
        filter(None, (f"{pod.gpu_count}× {pod.gpu_type}" if pod.gpu_type else "CPU", pod.data_center,
                      t("pod_spot", language) if pod.is_spot else ""))
    )  # fmt: skip
    since = pod.started_at if pod.status is PodStatus.RUNNING else None
    return [
        f"{name}{own}<div class='facts muted'>{escape(pod.id)}</div>",
        f"<span class='badge {_CSS.get(pod.status, 'warn')}'>{escape(pod.status)}</span>{locked}",
        escape(machine),
        usd(pod.cost_per_hour or None),
        ago(since, now, language) if since else "–",
        _actions(pod, console, language),
    ]


def _actions(pod: Pod, console: Console, language: Language) -> str:
    buttons = [act("p-logs", escape(t("pod_logs", language)), target=pod.id, css="button")]
    if PodAction.START in pod.actions:
        ask = "button" if pod.id == console.view.pod_id else "button ask-pod_confirm_start"
        buttons.append(act("p-start", escape(t("pod_start", language)), target=pod.id, css=ask))
    if PodAction.RESTART in pod.actions:
        css = "button ask-pod_confirm_restart"
        buttons.append(act("p-restart", escape(t("pod_restart", language)), target=pod.id, css=css))
    if PodAction.STOP in pod.actions:
        buttons.append(act("ask-stop", escape(t("pod_stop", language)), target=pod.id, css="button stop-button"))
    return f"<span class='row-actions'>{''.join(buttons)}</span>"
