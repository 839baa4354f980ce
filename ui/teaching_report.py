"""How learners fare, for admins: who is stuck where, hints by step, and what was kept back."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from backend.errors import Language
from backend.hints.sandbox import Verdict
from backend.hints.teacher import Blocked, LevelCount, Report, Stuck
from ui.hints_problem import badge, value
from ui.html import escape, moment, table
from ui.text import TEXTS, t

_SHOWN_STUCK = 50
_SHOWN_BLOCKED = 30
_ADDRESS = "/api/v1/hints/report"


def report_page(report: Report, now: datetime, language: Language) -> str:
    """The whole sub-place."""
    if not (report.stuck or report.levels or report.blocked):
        return _sections(_line(t("report_empty", language)))
    return _sections(
        _stuck(report.stuck, now, language),
        _levels(report.levels, language),
        _blocked(report.blocked, report.reasons, now, language),
    )


def _sections(*inside: str) -> str:
    cards = "".join(f"<section class='card'>{each}</section>" for each in inside)
    return f"<div class='teaching'>{cards}</div>"


def _head(key: str, language: Language, tools: str = "") -> str:
    return f"<div class='card-head'><h2>{escape(t(key, language))}</h2><span class='spring'></span>{tools}</div>"


def _line(words: str) -> str:
    return f"<p class='muted'>{escape(words)}</p>"


def _titles(keys: Sequence[str], language: Language) -> list[str]:
    return [t(key, language) for key in keys]


def _stuck(rows: Sequence[Stuck], now: datetime, language: Language) -> str:
    tools = "".join(
        f"<a class='button' href='{address}' download='{name}'>{escape(t(key, language))}</a>"
        for key, address, name in (
            ("download_csv", f"{_ADDRESS}.csv", "hints.csv"),
            ("download_json", _ADDRESS, "hints.json"),
        )
    )
    head = _head("stuck_title", language, f"<span class='row-actions'>{tools}</span>")
    unsolved = [row for row in rows if not row.solved]
    solved = _line(t("solved_count", language, count=len(rows) - len(unsolved)))
    if not unsolved:
        return head + _line(t("stuck_none", language)) + solved
    titles = _titles(("who", "problem", "attempts", "last_verdict", "hints_taken", "deepest", "last_active"), language)
    body = [_stuck_row(row, now, language) for row in unsolved[:_SHOWN_STUCK]]
    more = len(unsolved) - _SHOWN_STUCK
    rest = _line(t("stuck_more", language, count=more)) if more > 0 else ""
    return head + _line(t("stuck_shown", language, count=len(unsolved))) + table(titles, body) + rest + solved


def _stuck_row(row: Stuck, now: datetime, language: Language) -> list[str]:
    return [
        escape(row.username),
        escape(row.title or t("gone_problem", language, number=row.problem_id)),
        f"{row.attempts:,}",
        badge(Verdict(row.last_verdict), language) if row.last_verdict else "–",
        f"{row.hints:,}",
        _step(row.deepest_level, language) if row.deepest_level else "–",
        moment(row.last_at, now, language),
    ]


def _step(level: int, language: Language) -> str:
    return escape(f"{level} {t(f'step_{level}', language)}")


def _levels(levels: Sequence[LevelCount], language: Language) -> str:
    head = _head("levels_title", language)
    keys = (
        "step", "hints_count", "from_model", "from_template", "liked", "disliked", "too_much", "too_little", "wrong",
    )  # fmt: skip
    rows = []
    for level in levels:
        counts = (
            level.hints, level.from_model, level.from_template, level.liked, level.disliked, level.too_much,
            level.too_little, level.wrong,
        )  # fmt: skip
        rows.append([_step(level.level, language), *(f"{count:,}" for count in counts)])
    return head + (table(_titles(keys, language), rows) if rows else _line(t("report_empty", language)))


def _blocked(rows: Sequence[Blocked], reasons: Mapping[str, int], now: datetime, language: Language) -> str:
    head = _head("blocked_title", language) + _line(t("blocked_how", language))
    counted = " · ".join(f"{_reason(name, language)} {count:,}" for name, count in reasons.items())
    if counted:
        head += f"<p><b>{escape(t('reasons_title', language))}</b> {escape(counted)}</p>"
    if not rows:
        return head + _line(t("blocked_none", language))
    body = [_blocked_row(row, now, language) for row in rows[:_SHOWN_BLOCKED]]
    rest = _line(t("blocked_more", language, count=_SHOWN_BLOCKED)) if len(rows) > _SHOWN_BLOCKED else ""
    return head + table(_titles(("who", "problem", "step", "why", "what_it_said", "when"), language), body) + rest


def _blocked_row(row: Blocked, now: datetime, language: Language) -> list[str]:
    text = f"<details><summary>{escape(t('show_text', language))}</summary>{value(row.text, language)}</details>"
    return [
        escape(row.username),
        escape(str(row.problem_id)),
        _step(row.level, language),
        escape(", ".join(_reason(name, language) for name in row.reasons)),
        text,
        moment(row.created_at, now, language),
    ]


def _reason(name: str, language: Language) -> str:
    """In words; a reason that has none yet by its code."""
    return t(f"reason_{name}", language) if f"reason_{name}" in TEXTS else name
