"""The last hours as drawings: plain SVG that takes its colours from the style sheet, with the figures in words."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from backend.errors import Language
from backend.pod.charts import Chart, Point
from ui.html import escape
from ui.text import t

_WIDTH, _HEIGHT = 600, 120
_GAP_STEPS = 2.5  # without a check for longer than this the line is broken
_MARKS = 6


def charts(found: Chart, now: datetime, zone: str, language: Language) -> str:
    """Use of the GPU and tokens, side by side.

    Args:
        zone: in which the hours below the drawings are told.
    """
    if not found.points:
        return f"<p class='muted'>{escape(t('pod_chart_empty', language))}</p>"
    axis = _axis(found, now, zone)
    return f"<div class='charts'>{_gpu(found, now, axis, language)}{_tokens(found, now, axis, language)}</div>"


def peak_tokens_per_s(found: Chart) -> float:
    """Of the steps of the chart."""
    return max(((point.generated_tokens or 0) / found.step_s for point in found.points), default=0.0)


def _gpu(found: Chart, now: datetime, axis: str, language: Language) -> str:
    told = [point.gpu_percent for point in found.points if point.gpu_percent is not None]
    if not told:
        lines, words = "", t("pod_chart_no_gpu", language)
    else:
        memory = _lines(found, now, lambda point: point.gpu_memory_percent, 100.0)
        use = _lines(found, now, lambda point: point.gpu_percent, 100.0)
        lines = f"<path class='line second' d='{memory}'></path><path class='line first' d='{use}'></path>"
        words = t("pod_chart_gpu_words", language, mean=sum(told) / len(told), highest=max(told), last=told[-1])
    legend = _legend(("first", t("pod_chart_gpu_use", language)), ("second", t("pod_chart_gpu_memory", language)))
    return _figure(t("pod_chart_gpu", language), words, legend, lines, ("100 %", "50", "0"), axis)


def _tokens(found: Chart, now: datetime, axis: str, language: Language) -> str:
    written = sum(point.generated_tokens or 0 for point in found.points)
    read = sum(point.prompt_tokens or 0 for point in found.points)
    per_s = 1 / found.step_s
    top = max((max(point.generated_tokens or 0, point.prompt_tokens or 0) * per_s for point in found.points), default=0)
    top = _round_up(top)
    prompt = _lines(found, now, lambda point: (point.prompt_tokens or 0) * per_s, top)
    generated = _lines(found, now, lambda point: (point.generated_tokens or 0) * per_s, top)
    lines = f"<path class='line second' d='{prompt}'></path><path class='line first' d='{generated}'></path>"
    words = t("pod_chart_tokens_words", language, written=written, read=read)
    legend = _legend(("first", t("pod_chart_written", language)), ("second", t("pod_chart_read", language)))
    return _figure(t("pod_chart_tokens", language), words, legend, lines, (f"{top:,g}", f"{top / 2:,g}", "0"), axis)


def _figure(title: str, words: str, legend: str, lines: str, scale: Sequence[str], axis: str) -> str:
    marks = "".join(f"<span>{escape(mark)}</span>" for mark in scale)
    grid = "".join(f"<path class='grid' d='M0 {y}H{_WIDTH}'></path>" for y in (1, _HEIGHT / 2, _HEIGHT - 1))
    drawing = (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' preserveAspectRatio='none' role='img' "
        f"aria-label='{escape(f'{title}. {words}')}'>{grid}{lines}</svg>"
    )
    return (
        f"<figure class='chart'><figcaption><b>{escape(title)}</b> {legend}</figcaption>"
        f"<div class='plot'><div class='scale' aria-hidden='true'>{marks}</div>{drawing}</div>{axis}"
        f"<p class='muted words'>{escape(words)}</p></figure>"
    )


def _legend(*entries: tuple[str, str]) -> str:
    return "".join(f"<span class='key {css}'>{escape(words)}</span>" for css, words in entries)


def _axis(found: Chart, now: datetime, zone: str) -> str:
    """Times of the clock below a drawing."""
    span = now - found.since
    moments = [found.since + span * place / _MARKS for place in range(_MARKS + 1)]
    marks = "".join(f"<span>{moment.astimezone(ZoneInfo(zone)):%H:%M}</span>" for moment in moments)
    return f"<div class='axis' aria-hidden='true'>{marks}</div>"


def _lines(found: Chart, now: datetime, value: Callable[[Point], float | None], top: float) -> str:
    """The path of a line, broken where nothing was told."""
    whole_s = max(1.0, (now - found.since).total_seconds())
    gap = timedelta(seconds=found.step_s * _GAP_STEPS)
    pieces = []
    before: Point | None = None
    for point in found.points:
        told = value(point)
        if told is None:
            before = None
            continue
        x = min(_WIDTH, _WIDTH * (point.at - found.since).total_seconds() / whole_s)
        y = _HEIGHT - 1 - (_HEIGHT - 2) * min(1.0, told / top)
        joined = before is not None and point.at - before.at <= gap
        # A step that stands alone is still to be seen.
        pieces.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}" + ("" if joined else "h1.5"))
        before = point
    return "".join(pieces)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    steps = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    return float(next((step for step in steps if step >= value), steps[-1]))
