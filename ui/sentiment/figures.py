"""The sums of a job as figures, tables beside the charts, and the reviews that say most."""

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go

from backend.errors import Language
from backend.sentiment.labels import LABELS, Label
from backend.sentiment.totals import Group, Telling, Totals
from ui.html import act, escape, table
from ui.sentiment import charts
from ui.sentiment.words import label_word, percent
from ui.text import t

Chart = tuple[str, go.Figure | None]
_TELLING_CHARACTERS = 300


def figures(totals: Totals, language: Language) -> str:
    """Shares first; what contradicts the stars beside them."""
    cards = [
        _figure(
            label_word(label, language),
            percent(totals.ratios[label]),
            t("figure_reviews", language, count=totals.counts[label]),
            str(label),
            act_arg=str(label),
        )
        for label in (Label.POSITIVE, Label.NEGATIVE, Label.NEUTRAL)
    ]
    stars = totals.stars
    if stars.compared:
        share = percent(stars.contradictions / stars.compared)
        counted = t("figure_of", language, count=stars.contradictions, all=stars.compared)
    else:
        share, counted = "–", t("figure_no_stars", language)
    cards.append(_figure(t("figure_stars", language), share, counted, "stars", act_arg="contradicting"))
    more = t("figures_more", language, corrected=totals.corrected, mixed=totals.mixed, failed=totals.failed)
    title = f"<h2 class='unseen'>{escape(t('figures_title', language))}</h2>"
    told = f"<p class='facts muted'>{escape(more)}</p>"
    if totals.unmeasured:
        told += f"<p class='facts muted'>{escape(t('figures_unmeasured', language, count=totals.unmeasured))}</p>"
    return f"{title}<div class='figures'>{''.join(cards)}</div>{told}"


def none_yet(language: Language) -> str:
    """In place of figures that would all be 0."""
    return f"<section class='card muted'>{escape(t('results_none_yet', language))}</section>"


def charts_of(totals: Totals, language: Language) -> dict[str, Chart]:
    """Name of each chart -> its words as HTML, and the figure; None where there is nothing to draw."""
    names = [label_word(label, language) for label in LABELS]
    found: dict[str, tuple[str, bool, Callable[[Totals, Language], go.Figure], str]] = {
        "aspects": (
            t("chart_aspects", language),
            bool(totals.aspects),
            charts.aspects_chart,
            _aspects(totals, language),
        ),
        "trend": (
            t(f"chart_trend_{totals.step}", language),
            bool(totals.trend),
            charts.trend_chart,
            _groups(t("column_time", language), totals.trend, names),
        ),
        "confidence": (
            t("chart_confidence", language),
            any(map(sum, totals.histogram.values())),
            charts.confidence_chart,
            _histogram(totals, names, language),
        ),
        "restaurants": (
            t("chart_restaurants", language),
            bool(totals.restaurants),
            charts.restaurants_chart,
            _groups(t("column_restaurant", language), totals.restaurants, names),
        ),
    }
    return {
        name: (_head(title, name, rows, language), draw(totals, language)) if is_there else ("", None)
        for name, (title, is_there, draw, rows) in found.items()
    }


def telling(totals: Totals, language: Language) -> str:
    """The reviews that say most clearly what their label says, of each side."""
    sides = "".join(
        f"<section class='card'><h2>{escape(t(f'telling_{label}', language))}</h2>"
        f"{_quotes(totals.telling[label], 'telling_unmeasured' if totals.unmeasured else 'telling_none', language)}"
        "</section>"
        for label in (Label.POSITIVE, Label.NEGATIVE)
    )
    return f"<div class='sides'>{sides}</div>"


def beside_stars(totals: Totals, language: Language) -> str:
    """Labels beside stars; "" without stars."""
    if not totals.stars.compared:
        return ""
    rows = [
        [escape(t(f"stars_{band}", language)), *(f"{counts[label]:,}" for label in LABELS)]
        for band, counts in totals.stars.table.items()
    ]
    titles = [t("column_stars", language), *(label_word(label, language) for label in LABELS)]
    return f"<section class='card'><h2>{escape(t('chart_stars', language))}</h2>{table(titles, rows)}</section>"


def _figure(title: str, share: str, counted: str, css: str, *, act_arg: str) -> str:
    words = (
        f"<span class='title'>{escape(title)}</span><b>{escape(share)}</b><span class='facts'>{escape(counted)}</span>"
    )
    return act("s-show", words, arg=act_arg, css=f"figure {css}")


def _head(title: str, name: str, rows: str, language: Language) -> str:
    """Heading of a chart with its numbers as a table, for those who do not see it or want them exactly."""
    return (
        f"<h2>{escape(title)}</h2><details class='as-table k-{name}'><summary>{escape(t('chart_table', language))}"
        f"</summary><div class='scrolls'>{rows}</div></details>"
    )


def _aspects(totals: Totals, language: Language) -> str:
    parts = ("positive", "negative", "mixed", "neutral")
    titles = [t("column_aspect", language), *(t(f"label_{part}", language) for part in parts)]
    rows = [[escape(aspect.aspect), *(f"{getattr(aspect, part):,}" for part in parts)] for aspect in totals.aspects]
    return table(titles, rows)


def _groups(title: str, groups: Sequence[Group], names: list[str]) -> str:
    rows = [[escape(group.name), *(f"{group.counts[label]:,}" for label in LABELS)] for group in groups]
    return table([title, *names], rows)


def _histogram(totals: Totals, names: list[str], language: Language) -> str:
    bins = len(next(iter(totals.histogram.values())))
    rows: list[list[Any]] = [
        [f"{part / bins:.1f}–{(part + 1) / bins:.1f}", *(f"{totals.histogram[label][part]:,}" for label in LABELS)]
        for part in range(bins)
    ]
    return table([t("column_confidence", language), *names], rows)


def _quotes(found: Sequence[Telling], otherwise: str, language: Language) -> str:
    if not found:
        return f"<p class='muted'>{escape(t(otherwise, language))}</p>"
    items = []
    for each in found:
        place = f"{escape(each.restaurant)} · " if each.restaurant else ""
        facts = f"<div class='facts muted'>{place}{each.confidence:.2f}</div>"
        items.append(f"<li>{escape(each.text[:_TELLING_CHARACTERS])}{facts}</li>")
    return f"<ul class='quotes'>{''.join(items)}</ul>"
