"""Small pieces of HTML the pages are made of. Everything that comes from outside goes through `escape`.

Buttons carry what they do in their classes (`act act-delete id-…`), because the sanitizer of the chat keeps
classes and drops data attributes; `static/ondol.js` reads them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape as _escape

from backend.errors import Language
from ui.text import t

_ICONS = {
    "pencil": "M4 20h4L19 9l-4-4L4 16v4zM13.5 6.5l4 4",
    "trash": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "sliders": "M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M6 15v4",
    "moon": "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5z",
    "close": "M6 6l12 12M18 6L6 18",
    "down": "M12 4v12m-5-5l5 5 5-5M5 20h14",
}


def escape(text: object) -> str:
    """Text as HTML on one line: a line break would end the HTML block of a Markdown component."""
    return " ".join(_escape(str(text), quote=True).split())


def verbatim(text: str) -> str:
    """Text as HTML on one line, with its spaces and line breaks, for an element that shows them."""
    return _escape(text, quote=True).replace("\r", "").replace("\n", "&#10;")


def icon(name: str) -> str:
    """A drawn sign; it says nothing to a screen reader, the button around it does."""
    return (
        "<svg class='icon' viewBox='0 0 24 24' width='18' height='18' fill='none' stroke='currentColor' "
        f"stroke-width='1.8' stroke-linecap='round' stroke-linejoin='round' aria-hidden='true'>"
        f"<path d='{_ICONS[name]}'></path></svg>"
    )


def act(name: str, content: str, *, target: object = "", arg: object = "", css: str = "", title: str = "") -> str:
    """A button that does `name` to `target`. `content` is HTML, `title` what a screen reader says."""
    classes = f"act act-{name}"
    classes += f" id-{target}" if target != "" else ""
    classes += f" arg-{arg}" if arg != "" else ""
    classes += f" {css}" if css else ""
    named = f" title='{escape(title)}' aria-label='{escape(title)}'" if title else ""
    return f"<button type='button' class='{classes}'{named}>{content}</button>"


def moment(when: datetime, now: datetime, language: Language) -> str:
    """How long ago, with the exact time for a pointer or a screen reader."""
    seconds = (now - when).total_seconds()
    if seconds < 60:
        text = t("just_now", language)
    elif seconds < 3600:
        text = t("minutes_ago", language, n=int(seconds // 60))
    elif seconds < 86_400:
        text = t("hours_ago", language, n=int(seconds // 3600))
    else:
        text = t("days_ago", language, n=int(seconds // 86_400))
    exact = when.astimezone(UTC).isoformat(timespec="seconds")
    return f"<time datetime='{exact}' title='{exact}'>{escape(text)}</time>"


def notice(kind: str, text: str, *, button: str = "") -> str:
    """A line above the question box. `kind` is `info`, `ok` or `error`; `button` is HTML."""
    role = "alert" if kind == "error" else "status"
    return f"<div class='notice notice-{kind}' role='{role}'><span>{escape(text)}</span>{button}</div>"


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """A table of names and values; values are HTML, names are text."""
    body = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{value}</td></tr>" for name, value in rows)
    return f"<table class='rows pairs'><tbody>{body}</tbody></table>"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are HTML, titles are text. On a narrow screen each row becomes a card with its titles."""
    head = "".join(f"<th scope='col'>{escape(title)}</th>" for title in titles)
    body = "".join(
        "<tr>"
        + "".join(f"<td data-title='{escape(ti)}'>{cell}</td>" for ti, cell in zip(titles, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table class='rows'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
