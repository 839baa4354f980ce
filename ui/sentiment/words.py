"""Labels, shares and spans of time as people read them."""

from backend.errors import Language
from backend.sentiment.labels import Label
from ui.html import escape
from ui.text import t

_LABEL_CSS = {Label.POSITIVE: "ok", Label.NEGATIVE: "", Label.NEUTRAL: "plain"}


def label_word(label: Label, language: Language) -> str:
    """A label in the reader's language."""
    return t(f"label_{label}", language)


def label_badge(label: Label, language: Language) -> str:
    """A label as HTML; the word says what the colour says."""
    return f"<span class='badge {_LABEL_CSS[label]}'>{escape(label_word(label, language))}</span>"


def percent(share: float) -> str:
    """0.6142 as 61.4%."""
    return f"{100 * share:.1f}%"


def span(seconds: float, language: Language) -> str:
    """A span of time, as precise as it matters."""
    if seconds < 90:
        return t("seconds", language, n=max(round(seconds), 1))
    minutes = round(seconds / 60)
    if minutes < 90:
        return t("minutes", language, n=minutes)
    return t("hours", language, n=minutes // 60, m=minutes % 60)
