"""The right side of the chat: the passages an answer was written from, and the marks in it that lead there."""

import re
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from backend.errors import Language
from ui.html import act, escape, icon
from ui.text import t

_MARK = re.compile(r" ?\[(\d{1,3})\]")  # a raised number stands close to its word

Stored = dict[str, Any]  # one entry of `Message.sources`


def marks(answer_id: UUID, sources: Sequence[Stored] | None, language: Language) -> Callable[[str], str] | None:
    """What turns `[1]` in the prose of an answer into a raised button, or None for an answer without sources."""
    names = {source["n"]: f"{source['document']} {source['path']}".strip() for source in sources or ()}
    if not names:
        return None

    def button(mark: re.Match[str]) -> str:
        number = int(mark[1])
        if number not in names:
            return mark[0]
        title = t("open_source", language, n=number, name=names[number])
        return f"<sup>{act('cite', str(number), target=answer_id, arg=number, title=title)}</sup>"

    return lambda text: _MARK.sub(button, text)


def panel(answer_id: UUID | None, sources: Sequence[Stored] | None, language: Language, current: int = 0) -> str:
    """The passages of one answer; `current` is the number of the one that is looked at."""
    if answer_id is None or not sources:
        return ""
    close = act("close-sources", icon("close"), title=t("close", language), css="tool")
    head = (
        f"<div class='thread-head'><h2>{escape(t('sources', language))}</h2><span class='spring'></span>{close}</div>"
    )
    items = "".join(_source(source, language, current=source["n"] == current) for source in sources)
    note = f"<div class='note'>{escape(t('degraded_note', language))}</div>" if sources[0].get("degraded") else ""
    return f"{head}{note}<ol class='sources of-{answer_id}'>{items}</ol>"


def _source(source: Stored, language: Language, *, current: bool) -> str:
    number, page = source["n"], source.get("page")
    title = source["path"] or source["document"]
    facts = [source["document"]] if source["path"] else []
    if page is not None:
        facts.append(t("page", language, n=page))
    facts.append(t("relevance", language, score=source["score"]))
    opened = act(
        "open-passage", escape(t("open_original", language)) + " →", target=source["chunk_id"], css="open-passage"
    )
    return (
        f"<li class='source n-{number}{' current' if current else ''}'><h3>{number} · {escape(title)}</h3>"
        f"<div class='facts'>{escape(' · '.join(facts))}</div>"
        f"<p class='excerpt'>{marked(source['text'], source.get('terms') or ())}</p>{opened}</li>"
    )


def marked(text: str, ranges: Sequence[Sequence[int]]) -> str:
    """Text as HTML with ranges of characters marked; ranges that overlap or lie outside are forgiven."""
    parts = []
    position = 0
    for begin, end in sorted((int(begin), int(end)) for begin, end in ranges):
        if begin < position or end <= begin or end > len(text):
            continue
        parts += [_plain(text[position:begin]), f"<mark>{_plain(text[begin:end])}</mark>"]
        position = end
    parts.append(_plain(text[position:]))
    return "".join(parts)


def _plain(text: str) -> str:
    """Escaped, on one line, with the spaces at both ends that `escape` would take away."""
    if not text.strip():
        return " " if text else ""
    before, after = " " if text[0].isspace() else "", " " if text[-1].isspace() else ""
    return before + _without_markdown(escape(text)) + after


def _without_markdown(text: str) -> str:
    """The Markdown component reads what stands between our tags once more."""
    return re.sub(r"[\\`*_\[\]!~|$#:]", lambda found: f"&#{ord(found[0])};", text)
