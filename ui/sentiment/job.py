"""How far a job is, in words and as a bar, and the list of all jobs."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from backend.errors import Language
from backend.sentiment.store import JobView, Stage
from ui.html import act, escape, icon, moment, notice
from ui.sentiment.words import span
from ui.text import t

_OPEN = frozenset({"queued", "running"})
_STOPPABLE = frozenset({"queued", "running", "paused"})
_BADGES = {"finished": "ok", "failed": "", "cancelled": "warn", "paused": "warn"}


def job_card(job: JobView, language: Language) -> str:
    """The job that is open. The class `busy` makes the page's script look again every few seconds."""
    done = job.done + job.failed
    classes = f"at-{job.id}{' busy' if job.state in _OPEN else ''}"
    head = (
        f"<div class='card-head'><h2>{escape(job.name)}</h2><span class='spring'></span>{_badge(job, language)}</div>"
    )
    if job.stage is Stage.READING:
        counted = f"<b>{escape(t('job_reading', language, count=job.rows))}</b>"
    else:
        counted = f"<b>{done:,} / {job.rows:,}</b><span class='spring'></span>{escape(_speed(job, language))}"
    percent = 100 if job.state == "finished" else int(100 * job.progress)
    name = escape(t("job_title", language))
    bar = (
        f"<div class='job-bar' role='progressbar' aria-label='{name}' aria-valuemin='0' aria-valuemax='100' "
        f"aria-valuenow='{percent}'><i style='width:{percent}%'></i></div>"
    )
    waits = notice("info", t("job_waiting_info", language)) if job.stage is Stage.WAITING else ""
    broken = notice("error", job.failure.message(language)) if job.failure else ""
    return (
        f"<div id='sentiment-job' class='{classes}'>{head}<p class='count'>{counted}</p>{bar}{waits}{broken}"
        f"{_buttons(job, language)}{_facts(job, language)}</div>"
    )


def history(jobs: Sequence[JobView], here: UUID | None, now: datetime, language: Language) -> str:
    """A person's jobs, the newest first."""
    head = f"<div class='card-head'><h2>{escape(t('jobs_title', language))}</h2></div>"
    if not jobs:
        return f"{head}<p class='muted'>{escape(t('jobs_empty', language))}</p>"
    return f"{head}<div class='shelf'><ul>{''.join(_item(job, here, now, language) for job in jobs)}</ul></div>"


def _item(job: JobView, here: UUID | None, now: datetime, language: Language) -> str:
    facts = (
        f"{moment(job.created_at, now, language)} · {escape(t('jobs_rows', language, count=job.rows))} · "
        f"{escape(t(f'job_{job.state}', language) if job.state != 'running' else _stage(job, language))}"
    )
    words = f"<span class='title'>{escape(job.name)}</span><span class='facts'>{facts}</span>"
    opened = act("s-open", words, target=job.id)
    remove = act(
        "s-delete", icon("trash"), target=job.id, css="tool ask-confirm_job",
        title=t("jobs_delete", language, name=job.name),
    )  # fmt: skip
    return f"<li class='{'current' if job.id == here else ''}'>{opened}{remove}</li>"


def _badge(job: JobView, language: Language) -> str:
    words = _stage(job, language) if job.state == "running" else t(f"job_{job.state}", language)
    return f"<span class='badge {_BADGES.get(job.state, 'plain')}'>{escape(words)}</span>"


def _stage(job: JobView, language: Language) -> str:
    return t("job_waiting" if job.stage is Stage.WAITING else "job_classifying", language)


def _speed(job: JobView, language: Language) -> str:
    if job.rate is None or job.eta_s is None:
        return ""
    rate = f"{job.rate:,.0f}" if job.rate >= 10 else f"{job.rate:,.1f}"
    return f"{t('job_rate', language, rate=rate)} · {t('job_left', language, time=span(job.eta_s, language))}"


def _buttons(job: JobView, language: Language) -> str:
    found = []
    if job.state in _OPEN:
        found.append(act("s-pause", escape(t("job_pause", language)), target=job.id, css="button"))
    if job.state == "paused":
        found.append(act("s-resume", escape(t("job_resume", language)), target=job.id, css="button"))
    if job.state in _STOPPABLE:
        found.append(
            act("s-cancel", escape(t("job_stop", language)), target=job.id, css="button stop ask-confirm_stop")
        )
    if job.state == "finished" and job.failed:
        again = t("job_retry", language, count=job.failed)
        found.append(act("s-retry", escape(again), target=job.id, css="button"))
    return f"<p class='row-actions'>{''.join(found)}</p>" if found else ""


def _facts(job: JobView, language: Language) -> str:
    found = []
    if job.duplicates:
        found.append(escape(t("job_duplicates", language, count=job.duplicates)))
    for count, words in ((job.skipped, "job_skipped"), (job.failed, "job_failures")):
        if count:
            found.append(act("s-show", escape(t(words, language, count=count)), arg="failed", css="link"))
    if job.model:
        found.append(escape(t("job_model", language, model=job.model)))
    if job.hosted:
        found.append(escape(t("hosted_reviews", language)))
    return "".join(f"<p class='facts muted'>{fact}</p>" for fact in found)
