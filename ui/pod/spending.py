"""What the pod costs now, and what is said before it is stopped."""

from backend.errors import Language
from backend.pod.console import Console, Standing
from backend.pod.costs import Label
from backend.pod.pods import Pod
from ui.html import act, escape, pairs
from ui.pod.numbers import NOTHING, at, usd
from ui.text import t

_LABELS = {Label.ESTIMATED: "badge quiet", Label.BILLED: "badge ok", Label.PARTLY: "badge ok"}


def spending(console: Console, language: Language) -> str:
    """The card of costs."""
    money = console.money
    title = f"<div class='card-head'><h2>{escape(t('pod_costs', language))}</h2></div>"
    if money.rate_usd is None:
        words = t("pod_no_rate", language)
        button = act("p-show", escape(t("pod_enter_price", language)), arg="costs", css="button")
        return f"{title}<p class='muted'>{escape(words)}</p><p>{button}</p>"
    words = f"{t('pod_this_session', language)} · {t('pod_label_estimated', language)}"
    big = f"<p class='big'><b>{usd(money.session_usd)}</b> <span class='muted'>{escape(words)}</span></p>"
    rows = [
        (t("pod_per_hour", language), usd(money.rate_usd)),
        (t("pod_today", language), f"{usd(money.today.total_usd)} {_label(money.today.label, language)}"),
        (t("pod_this_month", language), f"{usd(money.month.total_usd)} {_label(money.month.label, language)}"),
        (t("pod_storage", language), escape(_a_day(money.storage_usd_a_day, language))),
        (t("pod_always_on", language), usd(money.always_on_usd)),
        (t("pod_saved", language), usd(money.saved_usd)),
    ]
    notes = ""
    if money.storage_usd_a_day is None:
        notes += f"<p class='muted'>{escape(t('pod_storage_unknown', language))}</p>"
    if money.billed_at is not None:
        notes += f"<p class='muted'>{escape(t('pod_bill_read', language))} {at(money.billed_at)}</p>"
    elif money.bill_trouble is not None:
        notes += f"<p class='muted'>{escape(money.bill_trouble.message(language))}</p>"
    return f"{title}{big}{pairs(rows)}{notes}"


def stop_words(console: Console, pod: Pod, language: Language) -> str:
    """What a stop of this pod means, for the dialog that asks once more; it is in the page, hidden."""
    kept, lost = [], []
    where = pod.volume_path or "/workspace"
    if pod.network_volume_id:
        kept.append(t("pod_kept_network", language, where=where))
    elif pod.volume_gb > 0:
        kept.append(t("pod_kept_volume", language, where=where, gb=pod.volume_gb))
    lost.append(t("pod_lost_disk", language, gb=pod.container_disk_gb))
    facts = [t("pod_stop_gpu_may_go", language)]
    own = pod.id == console.view.pod_id
    if own and console.standing is Standing.POD:
        paid = console.money.storage_usd_a_day
        key = "pod_stop_costs" if paid is not None else "pod_stop_costs_unknown"
        facts.insert(0, t(key, language, usd=usd(paid)))
        work = sum(console.work.values())
        facts.append(
            t("pod_stop_work", language, n=work, s=console.options.grace_s) if work else t("pod_stop_no_work", language)
        )
        facts.append(t("pod_stop_page", language))
    nothing = "" if kept else f"<p class='note note-error'>{escape(t('pod_kept_nothing', language))}</p>"
    sections = "".join(
        f"<h3>{escape(t(key, language))}</h3><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
        for key, lines in (("pod_survives", kept), ("pod_is_lost", lost), ("pod_mind", facts))
        if lines
    )
    confirm = act("confirm-stop", escape(t("pod_stop_now", language)), target=pod.id, css="button danger")
    cancel = act("close-dialog", escape(t("pod_stop_not", language)), css="button")
    title = t("pod_stop_title", language, name=pod.name or NOTHING)
    return (
        f"<div class='dialog-words stop-{pod.id}' hidden><h2>{escape(title)}</h2>{nothing}{sections}"
        f"<label>{escape(t('pod_stop_reason', language))}<input class='reason' maxlength='200'></label>"
        f"<div class='row-actions'>{cancel}{confirm}</div></div>"
    )


def awake_words(language: Language) -> str:
    """The dialog that asks until when."""
    keep = act("confirm-awake", escape(t("pod_keep", language)), css="button danger")
    cancel = act("close-dialog", escape(t("cancel", language)), css="button")
    return (
        f"<div class='dialog-words awake-words' hidden><h2>{escape(t('pod_awake_title', language))}</h2>"
        f"<p class='muted'>{escape(t('pod_awake_limit', language))}</p>"
        f"<label>{escape(t('pod_awake_when', language))}<input class='moment' type='datetime-local'></label>"
        f"<div class='row-actions'>{cancel}{keep}</div></div>"
    )


def _a_day(usd_a_day: float | None, language: Language) -> str:
    return t("pod_verdict_unknown", language) if usd_a_day is None else t("pod_a_day", language, usd=usd(usd_a_day))


def _label(label: Label, language: Language) -> str:
    return f"<span class='{_LABELS[label]}'>{escape(t(f'pod_label_{label}', language))}</span>"
