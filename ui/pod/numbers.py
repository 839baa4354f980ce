"""How the console writes money, spans of time, ages and countdowns."""

from datetime import UTC, datetime

from backend.errors import Language
from ui.html import escape, moment
from ui.text import t

NOTHING = "–"


def usd(value: float | None) -> str:
    """`$61.20`; a dash for what is not known."""
    if value is None:
        return NOTHING
    return f"{'−' if round(value, 2) < 0 else ''}${abs(value):,.2f}"


def number(value: float | None, unit: str = "", digits: int = 0) -> str:
    """With thousands separators and unit; a dash for what is not known."""
    return NOTHING if value is None else f"{value:,.{digits}f}{f' {unit}' if unit else ''}"


def span(seconds: float, language: Language) -> str:
    """`6시간 12분`, `45초`: the two largest units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return t("pod_span_s", language, s=whole)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if hours < 1:
        return t("pod_span_min", language, m=minutes)
    if days < 1:
        return t("pod_span_h", language, h=hours, m=minutes % 60)
    return t("pod_span_d", language, d=days, h=hours % 24)


def ago(when: datetime, now: datetime, language: Language) -> str:
    """As `moment`, with seconds below a minute; HTML."""
    seconds = (now - when).total_seconds()
    if not 1 <= seconds < 60:
        return moment(when, now, language)
    return f"<time datetime='{_exact(when)}'>{escape(t('pod_seconds_ago', language, n=int(seconds)))}</time>"


def at(when: datetime) -> str:
    """A moment that the browser writes in its own zone; HTML."""
    return f"<time class='clock' datetime='{_exact(when)}'>{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC</time>"


def countdown(until: datetime, now: datetime) -> str:
    """Time left, which the page's script counts down; HTML."""
    left = max(0, round((until - now).total_seconds()))
    hours, minutes, seconds = left // 3600, left // 60 % 60, left % 60
    text = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"<time class='countdown' datetime='{_exact(until)}'>{text}</time>"


def _exact(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")
