"""The right side of the hints page: five steps, what was told at each, and what a learner thinks of it."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from backend.errors import Language
from backend.hints.asking import Complaint, HintResult, Learnt, Note, ProblemProgress, Progress, Source, Stage
from backend.hints.levels import Level
from ui.html import act, escape, moment
from ui.markdown import rendered
from ui.text import t

_GIST = 46  # characters of a folded hint
_MARKS = re.compile(r"[`*#]+")  # of Markdown


def ladder(
    progress: ProblemProgress,
    hints: Sequence[HintResult],
    learnt: Learnt | None,
    now: datetime,
    language: Language,
    *,
    unfolded: UUID | None = None,
) -> str:
    """All steps of the open problem.

    Args:
        hints: of the reader for this problem, oldest first.
        learnt: once it is solved.
        unfolded: a folded hint that is to stay open.
    """
    last = hints[-1] if hints else None
    steps = "".join(
        _step(level, progress, [hint for hint in hints if hint.level is level], last, now, language, unfolded)
        for level in Level
    )
    return (
        f"<div class='ladder'><h2>{escape(t('ladder_title', language))}</h2>{_learnt(learnt, language)}"
        f"<ol>{steps}</ol><p class='facts'>{escape(t('ladder_note', language))}</p></div>"
    )


def empty_ladder(language: Language) -> str:
    """What stands there before a problem is chosen."""
    title, words = escape(t("ladder_title", language)), escape(t("ladder_pick", language))
    return f"<div class='ladder'><h2>{title}</h2><p class='muted'>{words}</p></div>"


def making(step: Progress, language: Language) -> str:
    """Where the making of a hint is, and how to end it."""
    words = escape(stage_words(step, language))
    cancel = act("h-cancel", escape(t("cancel", language)), css="button")
    return f"<div class='making' role='status'><span class='pulse'></span><span>{words}</span>{cancel}</div>"


def stage_words(step: Progress, language: Language) -> str:
    """A stage in words."""
    if step.stage is Stage.WRITING:
        key = "making_again" if step.attempt > 1 else "making_writing"
        return t(key, language, attempt=step.attempt, characters=step.characters)
    return t(f"making_{step.stage}", language)


def comparison(
    names: Mapping[str, str],
    stages: Mapping[str, Progress],
    hints: Sequence[HintResult],
    now: datetime,
    language: Language,
    *,
    is_over: bool = False,
) -> str:
    """Hints of several models side by side.

    Args:
        names: who was asked, and what readers call each.
        stages: how far each is.
        is_over: nothing more will come.
    """
    columns = []
    for name, title in names.items():
        mine = next((hint for hint in hints if hint.provider == name), None)
        if mine is not None:
            inside = told(mine, now, language)
        elif is_over:
            inside = f"<p class='muted'>{escape(t('compare_failed', language))}</p>"
        else:
            words = stage_words(stages.get(name, Progress(Stage.RUNNING)), language)
            inside = f"<div class='making' role='status'><span class='pulse'></span><span>{escape(words)}</span></div>"
        columns.append(f"<section><h3>{escape(title)}</h3>{inside}</section>")
    close = act("h-close", "✕", css="tool", title=t("close", language))
    end = close if is_over else act("h-cancel", escape(t("cancel", language)), css="button")
    head = (
        f"<div class='card-head'><h2>{escape(t('compare_title', language))}</h2><span class='spring'></span>{end}</div>"
    )
    return f"<div class='card side-by-side'>{head}<div class='models'>{''.join(columns)}</div></div>"


def told(hint: HintResult, now: datetime, language: Language) -> str:
    """A hint with what is to be known of it and how to rate it."""
    note = f"<div class='note'>{escape(t(f'note_{hint.note}', language))}</div>" if hint.note else ""
    if hint.hosted:
        note += f"<div class='note'>{escape(t('hosted_note', language))}</div>"
    by = t("by_template", language) if hint.source is Source.TEMPLATE else hint.model or hint.provider or ""
    facts = f"<p class='facts'>{escape(by)} · {moment(hint.created_at, now, language)}</p>"
    rating = "" if hint.note is Note.SOLVED else _rating(hint, language)
    return f"{note}<div class='hint-text' lang='{hint.language}'>{rendered(hint.text)}</div>{facts}{rating}"


def _rating(hint: HintResult, language: Language) -> str:
    buttons = []
    for key, number in (("hint_like", 1), ("hint_dislike", -1)):
        is_on = hint.rating == number
        buttons.append(_choice("h-rate", key, hint.hint_id, 0 if is_on else number, language, is_on=is_on))
    for complaint in Complaint:
        is_on = hint.complaint is complaint
        arg = "none" if is_on else complaint.value
        buttons.append(_choice("h-complain", f"complaint_{complaint}", hint.hint_id, arg, language, is_on=is_on))
    label = escape(t("rate_hint", language))
    return f"<div class='rating' role='group' aria-label='{label}'>{''.join(buttons)}</div>"


def _choice(name: str, key: str, target: UUID, arg: object, language: Language, *, is_on: bool) -> str:
    tick = "✓ " if is_on else ""
    return act(name, tick + escape(t(key, language)), target=target, arg=arg, css="on" if is_on else "")


def _step(
    level: Level,
    progress: ProblemProgress,
    hints: Sequence[HintResult],
    last: HintResult | None,
    now: datetime,
    language: Language,
    unfolded: UUID | None,
) -> str:
    name = f"<b><span class='number'>{int(level)}</span> {escape(t(f'step_{level.value}', language))}</b>"
    if not hints:
        return _untold(level, name, progress.next_level, progress.open_levels, language)
    newest, earlier = hints[-1], hints[:-1]
    badge = f"<span class='badge ok'>{escape(t('step_given', language))}</span>"
    again = act("hint", escape(t("step_again", language)), arg=int(level), css="again")
    older = _earlier(earlier, now, language, unfolded)
    if newest is last:
        return f"<li class='current'>{name} {badge}{told(newest, now, language)}{older}{again}</li>"
    gist = escape(" ".join(_MARKS.sub("", newest.text).split())[:_GIST] + "…")
    open_now = " open" if unfolded in {hint.hint_id for hint in hints} else ""
    return (
        f"<li class='given'><details{open_now}><summary>{name} {badge}<span class='gist'>{gist}</span></summary>"
        f"{told(newest, now, language)}{older}{again}</details></li>"
    )


def _earlier(hints: Sequence[HintResult], now: datetime, language: Language, unfolded: UUID | None) -> str:
    if not hints:
        return ""
    words = escape(t("step_earlier", language, count=len(hints)))
    open_now = " open" if unfolded in {hint.hint_id for hint in hints} else ""
    inside = "".join(f"<div class='older'>{told(hint, now, language)}</div>" for hint in reversed(hints))
    return f"<details class='earlier'{open_now}><summary>{words}</summary>{inside}</details>"


def _untold(level: Level, name: str, following: Level, offered: Collection[Level], language: Language) -> str:
    if level not in offered:
        return f"<li class='closed'>{name} <span class='state'>{escape(t('step_closed', language))}</span></li>"
    if level is following:
        return f"<li class='next'>{name} <span class='state'>{escape(t('step_next', language))}</span></li>"
    ask = act("hint", escape(t("step_open", language)), arg=int(level), css="again")
    return f"<li class='next'>{name} {ask}</li>"


def _learnt(learnt: Learnt | None, language: Language) -> str:
    if learnt is None or not learnt.solved:
        return ""
    facts = escape(t("learnt_facts", language, attempts=learnt.attempts, hints=learnt.hints))
    parts = [f"<h3>{escape(t('learnt_title', language))}</h3><p>{facts}</p>"]
    for key, lines in (("learnt_overcome", learnt.overcome), ("learnt_steps", learnt.steps)):
        if lines:
            items = "".join(f"<li>{escape(line)}</li>" for line in lines)
            parts.append(f"<h4>{escape(t(key, language))}</h4><ul>{items}</ul>")
    return f"<div class='learnt'>{''.join(parts)}</div>"
