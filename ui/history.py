"""The left side of the chat: the list of conversations, by day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from backend.errors import Language
from backend.store.models import Conversation
from ui.html import act, escape, icon, moment
from ui.text import t

PAGE = 40


def history(
    rows: Sequence[Conversation], *, here: UUID | None, searched: bool, more: bool, now: datetime, language: Language
) -> str:
    """The list as HTML; `here` is the open conversation, `more` whether older ones are left out."""
    if not rows:
        return f"<div class='history-empty'>{escape(t('search_none' if searched else 'history_empty', language))}</div>"
    parts = [f"<nav class='history' aria-label='{escape(t('history', language))}'>"]
    heading = ""
    for row in rows:
        day = _day(row.updated_at, now)
        if day != heading:
            parts.append(f"{'</ul>' if heading else ''}<h3>{escape(t(day, language))}</h3><ul>")
            heading = day
        parts.append(_item(row, row.id == here, now, language))
    parts.append("</ul>")
    if more:
        parts.append(act("more", escape(t("show_more", language)), css="more"))
    return "".join(parts) + "</nav>"


def _item(row: Conversation, current: bool, now: datetime, language: Language) -> str:
    title = escape(row.title or t("untitled", language))
    return (
        f"<li class='{'current' if current else ''}'>"
        + act(
            "open",
            f"<span class='title'>{title}</span><span class='when'>{moment(row.updated_at, now, language)}</span>",
            target=row.id,
        )
        + "<span class='tools'>"
        + act("rename", icon("pencil"), target=row.id, title=t("rename", language))
        + act("delete", icon("trash"), target=row.id, title=t("delete", language))
        + "</span></li>"
    )


def _day(when: datetime, now: datetime) -> str:
    days = (now.date() - when.date()).days
    if days <= 0:
        return "today"
    if days == 1:
        return "yesterday"
    return "last_7_days" if now - when < timedelta(days=7) else "older"
