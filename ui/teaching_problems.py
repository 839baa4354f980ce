"""Where problems come from, for admins: importing, what was imported, and what is left out with its reasons."""

from collections.abc import Sequence

from backend.errors import Language
from backend.hints.bank import ImportReport, SetInfo
from backend.hints.rejections import Rejected
from ui.html import act, escape, notice, table
from ui.text import t

_SHOWN_REJECTED = 100
_EXPORT = "/api/v1/problems/export"


def problems_page(sets: Sequence[SetInfo], rejected: Sequence[Rejected], language: Language) -> str:
    """The whole sub-place."""
    return (
        f"<div class='teaching'><section class='card'>{_import(language)}</section>"
        f"<section class='card'>{_sets(sets, language)}</section>"
        f"<section class='card'>{_rejected(rejected, language)}</section></div>"
    )


def report_of(report: ImportReport, language: Language) -> str:
    """What an import did, with a button that takes it back."""
    words = t("import_done", language, name=report.name, added=len(report.added), replaced=len(report.replaced))
    if report.rejected:
        words += " " + t("import_left_out", language, count=len(report.rejected))
    undo = act("t-undo", escape(t("undo_import", language)), target=report.set_id)
    return notice("info" if report.rejected else "ok", words, button=undo)


def _import(language: Language) -> str:
    add = act("import", escape(t("import_add", language)), arg="add", css="button primary")
    replace = act("import", escape(t("import_replace", language)), arg="replace", css="button ask-confirm_replace")
    export = f"<a class='button' href='{_EXPORT}' download>{escape(t('export_problems', language))}</a>"
    return (
        f"<div class='card-head'><h2>{escape(t('import_title', language))}</h2></div>"
        f"<p class='muted'>{escape(t('import_how', language))}</p>"
        f"<div class='row-actions'>{add}{replace}{export}</div><p class='import-state' role='status'></p>"
    )


def _sets(sets: Sequence[SetInfo], language: Language) -> str:
    head = f"<div class='card-head'><h2>{escape(t('sets_title', language))}</h2></div>"
    if not sets:
        return f"{head}<p class='muted'>{escape(t('sets_none', language))}</p>"
    titles = [t(key, language) for key in ("set_name", "set_mode", "set_size", "action")]
    rows = [
        [
            escape(each.name),
            escape(t(f"mode_{each.mode}", language)),
            f"{each.problems:,}",
            act("t-undo", escape(t("undo_import", language)), target=each.id, css="button"),
        ]
        for each in reversed(sets)
    ]
    return head + table(titles, rows)


def _rejected(rejected: Sequence[Rejected], language: Language) -> str:
    head = f"<div class='card-head'><h2>{escape(t('rejected_title', language))}</h2></div>"
    if not rejected:
        return f"{head}<p class='muted'>{escape(t('rejected_none', language))}</p>"
    titles = [t(key, language) for key in ("rejected_source", "rejected_place", "rejected_problem", "rejected_why")]
    rows = [_row(each, language) for each in rejected[:_SHOWN_REJECTED]]
    more = len(rejected) - _SHOWN_REJECTED
    rest = f"<p class='muted'>{escape(t('rejected_more', language, count=more))}</p>" if more > 0 else ""
    return head + table(titles, rows) + rest


def _row(rejected: Rejected, language: Language) -> list[str]:
    place = t("place_n", language, n=rejected.position) if rejected.position else t("whole_file", language)
    number = "" if rejected.problem_id is None else f"{rejected.problem_id} "
    what = " · ".join(part for part in (f"{number}{rejected.title}".strip(), rejected.solution) if part)
    return [escape(rejected.source), escape(place), escape(what), escape(rejected.why.in_(language))]
