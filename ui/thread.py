"""The middle of the chat: how a thread, and an answer that is still being written, are shown."""

from typing import Any

from backend.chat.conversations import Thread, ThreadMessage
from backend.chat.lookup import Activity, Stage
from backend.chat.run import Run
from backend.errors import Language
from backend.store.models import Message, MessageStatus
from ui.html import act, escape
from ui.markdown import untrusted
from ui.problems import words_of_error
from ui.sources import marks
from ui.text import t

SHOWN_MESSAGES = 60  # more make each tick of a stream heavier than the words it brings

Bubble = dict[str, Any]


def bubbles(thread: Thread, language: Language, run: Run | None = None) -> list[Bubble]:
    """A thread for the Chatbot: each message, and under it a line with what can be done.

    With `run`, the last answer is the one being written.
    """
    messages = thread.messages
    shown: list[Bubble] = []
    if len(messages) > SHOWN_MESSAGES:
        hidden = len(messages) - SHOWN_MESSAGES
        messages = messages[-SHOWN_MESSAGES:]
        shown.append(_line(_muted(t("earlier_hidden", language, count=hidden))))
    for item in messages:
        if run is not None and item.message.id == run.answer_id:
            shown += writing(run, language)
        elif item.message.role == "user":
            shown += _question(item, language, editable=run is None)
        else:
            shown += _answer(item, language, last=item is messages[-1] and run is None)
    return shown


def writing(run: Run, language: Language) -> list[Bubble]:
    """The answer of a run as far as it has come."""
    if text := run.text:
        stored = [source.stored() for source in run.sources or ()]
        shown: list[Bubble] = [
            {"role": "assistant", "content": untrusted(text, marks(run.answer_id, stored, language))}
        ]
        if run.hosted:
            shown.append(_line(f"<div class='note note-info'>{escape(t('hosted_note', language))}</div>"))
        return shown
    seconds = int(run.elapsed_ms() / 1000)
    if run.activity is not None:
        words = escape(_doing(run.activity, language, seconds))
    else:
        words = escape(t("waiting_first" if seconds >= 2 else "reading", language, seconds=seconds))
    return [_line(f"<div class='waiting' role='status'><span class='pulse'></span>{words}</div>")]


def _doing(activity: Activity, language: Language, seconds: int) -> str:
    match activity.stage:
        case Stage.SEARCHING:
            return t("searching_documents", language)
        case Stage.REWRITTEN:
            return t("searching_rewritten", language, query=activity.query)
        case Stage.READING:
            words = t("reading_passages", language, count=activity.passages, seconds=seconds)
            return f"{words} {t('degraded_note', language)}" if activity.degraded else words


def error_of(code: str, message: Message, language: Language) -> str:
    """The words of an error that was stored with an answer."""
    details: dict[str, Any] = {
        "provider": message.provider,
        "seconds": (message.duration_ms or 0) / 1000,
        "tokens": message.prompt_tokens or 0,
        "context": 0,
        "upstream_status": "-",
        "tried": message.provider,
    }
    return words_of_error(code, details, language)


def _question(item: ThreadMessage, language: Language, *, editable: bool) -> list[Bubble]:
    row = item.message
    shown: list[Bubble] = [{"role": "user", "content": untrusted(row.content)}]
    parts = [_versions(item, language)]
    if editable:
        parts.append(act("edit", escape(t("edit", language)), target=row.id))
    if any(parts):
        shown.append(_line(f"<div class='meta'>{''.join(parts)}</div>", role="user"))
    return shown


def _answer(item: ThreadMessage, language: Language, *, last: bool) -> list[Bubble]:
    row = item.message
    shown: list[Bubble] = []
    if row.content:
        content = untrusted(row.content, marks(row.id, row.sources, language))
        shown.append({"role": "assistant", "content": content})
    notes = _notes(row, language)
    facts = _muted(" · ".join(_facts(row, language)))
    actions = _versions(item, language) + _actions(row, language, last=last)
    shown.append(_line(f"{notes}<div class='meta'>{facts}{actions}</div>"))
    return shown


def _facts(row: Message, language: Language) -> list[str]:
    facts = [row.model or ""]
    if row.ttft_ms is not None:
        facts.append(t("first_token", language, seconds=row.ttft_ms / 1000))
    if row.ttft_ms is not None and row.duration_ms and row.completion_tokens and row.completion_tokens > 1:
        writing_s = max((row.duration_ms - row.ttft_ms) / 1000, 0.001)
        facts.append(t("speed", language, speed=(row.completion_tokens - 1) / writing_s))
    if row.completion_tokens:
        facts.append(t("tokens", language, count=row.completion_tokens))
    if row.duration_ms is not None:
        facts.append(t("total", language, seconds=row.duration_ms / 1000))
    if row.status not in (MessageStatus.COMPLETE, MessageStatus.STREAMING):
        facts.append(t(f"status_{row.status}", language))
    return [fact for fact in facts if fact]


def _notes(row: Message, language: Language) -> str:
    notes = []
    if row.error_code:
        notes.append(("error", error_of(row.error_code, row, language)))
    elif row.status == MessageStatus.INTERRUPTED:
        notes.append(("error", t("interrupted_note", language)))
    if row.sources and row.sources[0].get("degraded"):
        notes.append(("info", t("degraded_note", language)))
    if row.hosted:
        notes.append(("info", t("hosted_note", language)))
    if row.trimmed_messages:
        notes.append(("info", t("trimmed_note", language, count=row.trimmed_messages)))
    return "".join(f"<div class='note note-{kind}'>{escape(text)}</div>" for kind, text in notes)


def _actions(row: Message, language: Language, *, last: bool) -> str:
    parts = []
    if row.content:
        liked, disliked = row.rating == 1, row.rating == -1
        parts.append(
            act("rate", escape(t("like", language)), target=row.id, arg=0 if liked else 1, css="on" if liked else "")
        )
        parts.append(
            act(
                "dislike",
                escape(t("dislike", language)),
                target=row.id,
                arg=0 if disliked else -1,
                css="on" if disliked else "",
            )
        )
        parts.append(act("copy", escape(t("copy", language)), target=row.id))
        if row.sources:
            words = escape(t("sources_count", language, count=len(row.sources)))
            parts.append(act("sources", words, target=row.id))
    if last:
        parts.append(act("regenerate", escape(t("regenerate", language)), target=row.id))
    return "".join(parts)


def _versions(item: ThreadMessage, language: Language) -> str:
    if len(item.versions) < 2:
        return ""
    place = item.version - 1
    before = item.versions[place - 1] if place > 0 else ""
    after = item.versions[place + 1] if place + 1 < len(item.versions) else ""
    count = t("version_of", language, n=item.version, of=len(item.versions))
    return (
        "<span class='versions'>"
        + act("version", "‹", target=before, title=t("previous_version", language), css="" if before else "off")
        + escape(count)
        + act("version", "›", target=after, title=t("next_version", language), css="" if after else "off")
        + "</span>"
    )


def _muted(text: str) -> str:
    return f"<span class='facts'>{escape(text)}</span>" if text else ""


def _line(html: str, role: str = "assistant") -> Bubble:
    return {"role": role, "content": html}
