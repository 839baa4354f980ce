"""The table of reviews: what is wanted of it, how its pages look, and the results of a few pasted lines."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from backend.errors import Language
from backend.sentiment.exporting import ExportFormat
from backend.sentiment.labels import LABELS, Label
from backend.sentiment.open_request import Analysis
from backend.sentiment.pages import MAX_PAGE, ReviewRow, RowFilter
from ui.html import act, escape, table
from ui.sentiment.words import label_badge, label_word, percent
from ui.text import t

PAGE = 50
ALL, UNSURE, CONTRADICTING, FAILED = "all", "unsure", "contradicting", "failed"
WHICH = (ALL, *map(str, LABELS), UNSURE, CONTRADICTING, FAILED)
_TEXT_CHARACTERS = 400
_DOWNLOADS = (ExportFormat.CSV, ExportFormat.XLSX, ExportFormat.JSON)


@dataclass(frozen=True)
class View:
    """What of the table is looked at. `which` is one of `WHICH`, `page` counts from 0."""

    which: str = ALL
    words: str = ""
    restaurant: str = ""
    page: int = 0

    @classmethod
    def of(cls, which: object, words: object, restaurant: object, page: object) -> "View":
        """From what the page sends; anything that makes no sense counts as nothing."""
        number = str(page)
        return cls(
            which=str(which) if which in WHICH else ALL,
            words=str(words or "").strip()[:200],
            restaurant=str(restaurant or "").strip()[:200],
            page=int(number) if re.fullmatch("[0-9]{1,4}", number) else 0,
        )

    @property
    def wanted(self) -> RowFilter:
        return RowFilter(
            label=Label(self.which) if self.which in set(Label) else None,
            contains=self.words or None,
            restaurant=self.restaurant or None,
            failed=self.which == FAILED,
            contradicting=self.which == CONTRADICTING,
        )

    @property
    def is_everything(self) -> bool:
        return (self.which, self.words, self.restaurant) == (ALL, "", "")


def downloads(job_id: UUID, language: Language) -> str:
    """Heading of the table with the links to the files."""
    links = "".join(
        f"<a class='button' href='/api/v1/sentiment/jobs/{job_id}/export?format={kind}' download "
        f"aria-label='{escape(t('rows_download', language, kind=kind.upper()))}'>{kind.upper()}</a>"
        for kind in _DOWNLOADS
    )
    title = escape(t("rows_title", language))
    return f"<div class='card-head'><h2>{title}</h2><span class='spring'></span>{links}</div>"


def rows_table(rows: Sequence[ReviewRow], view: View, language: Language, *, is_over: bool) -> str:
    """A page of the at most 2,000 rows that were found."""
    if not rows:
        key = "rows_none_yet" if view.is_everything and not is_over else "rows_none"
        return f"<p class='muted'>{escape(t(key, language))}</p>"
    last_page = (len(rows) - 1) // PAGE
    page = min(view.page, last_page)
    shown = rows[page * PAGE : (page + 1) * PAGE]
    titles = [t(f"column_{key}", language) for key in ("text", "label", "confidence", "aspect", "fix")]
    why = unmeasured(any(row.model_label and not row.is_measured for row in shown), language)
    return table(titles, [_row(row, language) for row in shown]) + why + _pager(len(rows), page, last_page, language)


def unmeasured(there_are_some: bool, language: Language) -> str:
    """Why there is a dash where the confidence would be."""
    return f"<p class='facts muted'>{escape(t('rows_unmeasured', language))}</p>" if there_are_some else ""


def pasted(done: Analysis, texts: Sequence[str], language: Language) -> str:
    """Results of a few lines."""
    rows = []
    for finding, aspects in zip(done.findings, done.aspects, strict=True):
        said = f"<div class='said'>{_emphasised(texts[finding.index], [each.evidence for each in aspects])}</div>"
        if finding.duplicate_of is not None:
            said += f"<div class='facts muted'>{escape(t('same_as', language, n=finding.duplicate_of + 1))}</div>"
        if finding.is_cut:
            said += f"<div class='facts muted'>{escape(t('row_cut', language))}</div>"
        about = _aspects([(each.aspect, each.polarity) for each in aspects], language)
        if finding.label is None:
            why = escape(finding.error.message.in_(language)) if finding.error else ""
            failed = f"<span class='badge warn'>{escape(t('label_failed', language))}</span> {why}"
            rows.append([said, failed, "–", about])
        else:
            rows.append([said, label_badge(finding.label, language), _confidence(finding.confidence), about])
    labelled = sum(done.counts.values())
    shares = " · ".join(
        f"{label_word(label, language)} {percent(count / labelled if labelled else 0.0)}"
        for label, count in done.counts.items()
    )
    told = t("paste_model", language, model=done.model, seconds=done.processing_time)
    if done.hosted:
        told += f" {t('hosted_reviews', language)}"
    titles = [t(f"column_{key}", language) for key in ("text", "label", "confidence", "aspect")]
    why = unmeasured(any(finding.label and not finding.is_measured for finding in done.findings), language)
    return (
        f"<section class='card'><div class='card-head'><h2>{escape(t('paste_title', language))}</h2></div>"
        f"<p><b>{escape(shares)}</b></p>{table(titles, rows)}{why}<p class='facts muted'>{escape(told)}</p></section>"
    )


def _row(row: ReviewRow, language: Language) -> list[str]:
    facts = [row.restaurant, row.written_at.isoformat() if row.written_at else ""]
    facts.append(t("stars_count", language, stars=row.rating) if row.rating is not None else "")
    facts.append(t("row_duplicate", language) if row.duplicate_of is not None else "")
    facts.append(t("row_cut", language) if row.is_cut else "")
    about = " · ".join(filter(None, facts))
    said = f"<div class='said'>{_emphasised(row.text, [each['evidence'] for each in row.aspects])}</div>"
    said += f"<div class='facts muted'>{escape(about)}</div>" if about else ""
    aspects = _aspects([(each["aspect"], each["polarity"]) for each in row.aspects], language)
    return [said, _verdict(row, language), _confidence(row.confidence), aspects, _fixes(row, language)]


def _confidence(confidence: float | None) -> str:
    return "–" if confidence is None else f"{confidence:.2f}"


def _emphasised(text: str, evidence: Iterable[str]) -> str:
    """The text with the words in bold that speak of its aspects."""
    text = text[:_TEXT_CHARACTERS] + ("…" if len(text) > _TEXT_CHARACTERS else "")
    words = sorted({each for each in evidence if each}, key=len, reverse=True)
    if not words:
        return escape(text)
    parts = re.split("(" + "|".join(map(re.escape, words)) + ")", text)
    return "".join(f"<b>{escape(part)}</b>" if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(part: str) -> str:
    """As HTML, with the space at each end that `escape` would take away."""
    before, after = part[:1].isspace(), part[-1:].isspace()
    return f"{' ' if before else ''}{escape(part)}{' ' if after and part.strip() else ''}"


def _verdict(row: ReviewRow, language: Language) -> str:
    if row.label is None:
        word = t("label_skipped" if row.is_skipped else "label_failed", language)
        why = row.error.message.in_(language) if row.error else ""
        return f"<span class='badge warn'>{escape(word)}</span><div class='facts'>{escape(why)}</div>"
    found = label_badge(row.label, language)
    if row.is_mixed:
        found += f" <span class='badge warn'>{escape(t('label_mixed', language))}</span>"
    if row.is_corrected:
        said = t("row_corrected", language)
        if row.model_label is not None:
            said += f" · {t('row_said', language, label=label_word(row.model_label, language))}"
        found += f"<div class='facts muted'>{escape(said)}</div>"
    return found


def _aspects(aspects: Iterable[tuple[str, str]], language: Language) -> str:
    signs = {"positive": "＋", "negative": "－", "mixed": "±", "neutral": "·"}
    found = []
    for aspect, polarity in aspects:
        word = escape(t(f"label_{polarity}", language))
        found.append(
            f"<span class='aspect {polarity}' title='{word}'>{escape(aspect)} "
            f"{signs[polarity]}<span class='unseen'>{word}</span></span>"
        )
    return " ".join(found)


def _fixes(row: ReviewRow, language: Language) -> str:
    """A button for each label that it does not have; for a corrected one also the way back."""
    if row.is_skipped:
        return ""
    buttons = "".join(
        act(
            "s-correct",
            escape(label_word(label, language)),
            target=row.position,
            arg=label,
            css="button" + (" off" if label is row.label else ""),
            title=t("row_fix", language, label=label_word(label, language)),
        )
        for label in LABELS
    )
    if row.is_corrected:
        back = t("row_undo", language)
        buttons += act("s-correct", "↩", target=row.position, arg="none", css="button", title=back)
    return f"<span class='row-actions fixes'>{buttons}</span>"


def _pager(count: int, page: int, last_page: int, language: Language) -> str:
    all_of_them = f"{count:,}{'+' if count >= MAX_PAGE else ''}"
    last = min((page + 1) * PAGE, count)
    told = t("rows_range", language, all=all_of_them, first=page * PAGE + 1, last=last)
    before = act("s-page", escape(t("rows_before", language)), arg=page - 1, css="button") if page else ""
    after = act("s-page", escape(t("rows_next", language)), arg=page + 1, css="button") if page < last_page else ""
    cut = f"<p class='facts muted'>{escape(t('rows_cut', language, most=MAX_PAGE))}</p>" if count >= MAX_PAGE else ""
    told = f"<span class='muted'>{escape(told)}</span><span class='spring'></span>"
    return f"<div class='pager'>{told}{before}{after}</div>{cut}"
