"""Charts of a job's sums. Their colours are told apart in both themes; words and axes take the page's from its styles.

Names of aspects and restaurants come from files of strangers, and plotly reads a kind of HTML: they are escaped.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import plotly.graph_objects as go

from backend.errors import Language
from backend.sentiment.labels import LABELS, Label
from backend.sentiment.totals import AspectCounts, Group, Totals
from ui.sentiment.words import label_word
from ui.text import t

COLOURS: Final[Mapping[str, str]] = {
    Label.POSITIVE: "#2e8a5c", Label.NEUTRAL: "#9a8d7f", "mixed": "#b9812c", Label.NEGATIVE: "#c4532c",
}  # fmt: skip
MOST_BARS = 15
_ORDER = (Label.POSITIVE, Label.NEUTRAL, Label.NEGATIVE)
_BAR_PX, _AROUND_PX, _LINES_PX = 30, 120, 250
_NAME_CHARACTERS = 16
_FONT = "Pretendard, 'Noto Sans KR', 'Noto Sans CJK KR', 'Malgun Gothic', sans-serif"


def aspects_chart(totals: Totals, language: Language) -> go.Figure:
    """How each aspect is spoken of, as shares."""
    shown = totals.aspects[:MOST_BARS]
    names = {str(label): label_word(label, language) for label in _ORDER} | {"mixed": t("label_mixed", language)}
    counts = {
        part: [getattr(aspect, part) for aspect in shown] for part in ("positive", "neutral", "mixed", "negative")
    }
    return _shares([aspect.aspect for aspect in shown], counts, names, language)


def restaurants_chart(totals: Totals, language: Language) -> go.Figure:
    """Labels of the restaurants with most reviews, as shares."""
    shown = totals.restaurants[:MOST_BARS]
    names = {str(label): label_word(label, language) for label in _ORDER}
    counts = {str(label): [group.counts[label] for group in shown] for label in _ORDER}
    return _shares([group.name for group in shown], counts, names, language)


def trend_chart(totals: Totals, language: Language) -> go.Figure:
    """The shares of positive and negative reviews over time."""
    figure = _figure(_LINES_PX)
    for label in (Label.POSITIVE, Label.NEGATIVE):
        figure.add_scatter(
            x=[group.name for group in totals.trend],
            y=[round(100 * share_of(group, label), 1) for group in totals.trend],
            name=label_word(label, language),
            mode="lines+markers",
            line={"color": COLOURS[label], "width": 3, "dash": "solid" if label is Label.POSITIVE else "dot"},
            customdata=[group.counts[label] for group in totals.trend],
            hovertemplate="%{x} · %{y:.1f}% (%{customdata:,})<extra></extra>",
        )
    figure.update_yaxes(rangemode="tozero", title=t("axis_share", language))
    figure.update_xaxes(type="date", nticks=6, tickformat="%Y-%m" if totals.step == "month" else "%m-%d")
    return figure


def confidence_chart(totals: Totals, language: Language) -> go.Figure:
    """How sure the model was, by label."""
    figure = _figure(_LINES_PX)
    for label in _ORDER:
        counts = totals.histogram[label]
        figure.add_bar(
            x=[(part + 0.5) / len(counts) for part in range(len(counts))],
            y=counts,
            customdata=[f"{part / len(counts):.1f}–{(part + 1) / len(counts):.1f}" for part in range(len(counts))],
            name=label_word(label, language),
            marker_color=COLOURS[label],
            hovertemplate="%{customdata} · %{y:,}<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.1)
    figure.update_yaxes(title=t("axis_reviews", language))
    figure.update_xaxes(title=t("axis_confidence", language), range=[0, 1], dtick=0.2, tickformat=".1f")
    return figure


def share_of(group: Group, label: Label) -> float:
    """Of one label in a group."""
    count = sum(group.counts[each] for each in LABELS)
    return group.counts[label] / count if count else 0.0


def aspect_count(aspect: AspectCounts) -> int:
    """In how many reviews it is spoken of."""
    return aspect.positive + aspect.negative + aspect.mixed + aspect.neutral


def _shares(
    titles: Sequence[str], counts: Mapping[str, Sequence[int]], names: Mapping[str, str], language: Language
) -> go.Figure:
    """Bars of the same length, one below the other, the first on top; behind each name how many it stands for."""
    sums = [sum(column) for column in zip(*counts.values(), strict=True)]
    figure = _figure(_BAR_PX * len(titles) + _AROUND_PX)
    for part, numbers in counts.items():
        figure.add_bar(
            y=list(range(len(titles))),
            x=[100 * number / max(count, 1) for number, count in zip(numbers, sums, strict=True)],
            name=names[part],
            orientation="h",
            marker_color=COLOURS[part],
            customdata=numbers,
            hovertemplate=f"{names[part]} %{{x:.1f}}% (%{{customdata:,}})<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.45)
    figure.update_xaxes(range=[0, 100], title=t("axis_share", language))
    words = [f"{_short(title)} <b>{count:,}</b>" for title, count in zip(titles, sums, strict=True)]
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(titles))), ticktext=words, showgrid=False)
    return figure


def _figure(height: int) -> go.Figure:
    axis: dict[str, Any] = {"fixedrange": True, "automargin": True, "zeroline": False}
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "autoexpand": True},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": _FONT, "size": 13, "color": "#6f655b"},
            "hoverlabel": {"bgcolor": "#2b2622", "bordercolor": "#2b2622", "font": {"color": "#ffffff"}},
            "legend": {
                "orientation": "h",
                "yanchor": "bottom",
                "y": 1.0,
                "x": 0,
                "itemclick": False,
                "traceorder": "normal",
            },
            "dragmode": False,
            "xaxis": axis,
            "yaxis": axis,
        }
    )


def _short(name: str) -> str:
    words = " ".join(name.split())
    return escape(words if len(words) <= _NAME_CHARACTERS else f"{words[: _NAME_CHARACTERS - 1]}…")
