"""Ondol's look: warm paper, one ember accent, Hangul-first type from the system's own fonts."""

from pathlib import Path

import gradio as gr

_STYLES = Path(__file__).parent / "styles"
_BASE = _STYLES / "ondol.css"  # first: the sheets of the places build on it
CSS = "\n".join(file.read_text(encoding="utf-8") for file in (_BASE, *sorted(set(_STYLES.glob("*.css")) - {_BASE})))

_FONT = ["Pretendard", "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "D2Coding", "monospace"]

_EMBER = gr.themes.Color(
    name="ember",
    c50="#fdf4ef",
    c100="#f6e4db",
    c200="#efcbb9",
    c300="#e5a98d",
    c400="#e58a66",
    c500="#cc5a33",
    c600="#b4441f",
    c700="#963718",
    c800="#742b14",
    c900="#43291f",
    c950="#2c1a13",
)
_PAPER = gr.themes.Color(
    name="paper",
    c50="#fbf8f3",
    c100="#f4efe7",
    c200="#e7dfd3",
    c300="#d6cbbb",
    c400="#b3a799",
    c500="#8d8175",
    c600="#6f655b",
    c700="#554c44",
    c800="#3a342f",
    c900="#26221f",
    c950="#1c1917",
)


def theme() -> gr.themes.Base:
    """Gradio's variables set to Ondol's palette, light and dark."""
    return gr.themes.Base(
        primary_hue=_EMBER,
        secondary_hue=_EMBER,
        neutral_hue=_PAPER,
        font=_FONT,
        font_mono=_MONO,
        radius_size=gr.themes.sizes.radius_lg,
    ).set(
        body_background_fill="#FBF8F3",
        body_background_fill_dark="#1C1917",
        body_text_color="#2B2622",
        body_text_color_dark="#F3ECE2",
        body_text_color_subdued="#6F655B",
        body_text_color_subdued_dark="#B3A799",
        background_fill_primary="#FFFFFF",
        background_fill_primary_dark="#26221F",
        background_fill_secondary="#FBF8F3",
        background_fill_secondary_dark="#1C1917",
        border_color_primary="#E7DFD3",
        border_color_primary_dark="#3A342F",
        block_background_fill="#FFFFFF",
        block_background_fill_dark="#26221F",
        block_border_color="#E7DFD3",
        block_border_color_dark="#3A342F",
        block_label_text_color="#6F655B",
        block_label_text_color_dark="#B3A799",
        block_title_text_color="#2B2622",
        block_title_text_color_dark="#F3ECE2",
        block_shadow="none",
        input_background_fill="#FFFFFF",
        input_background_fill_dark="#1C1917",
        input_border_color="#E7DFD3",
        input_border_color_dark="#3A342F",
        input_placeholder_color="#6F655B",
        input_placeholder_color_dark="#B3A799",
        button_primary_background_fill="#B4441F",
        button_primary_background_fill_hover="#963718",
        button_primary_background_fill_dark="#B4441F",
        button_primary_background_fill_hover_dark="#CC5A33",
        button_primary_text_color="#FFFFFF",
        button_primary_text_color_dark="#FFFFFF",
        button_secondary_background_fill="#FFFFFF",
        button_secondary_background_fill_dark="#26221F",
        button_secondary_border_color="#E7DFD3",
        button_secondary_border_color_dark="#3A342F",
        button_secondary_text_color="#2B2622",
        button_secondary_text_color_dark="#F3ECE2",
        link_text_color="#B4441F",
        link_text_color_dark="#E58A66",
        link_text_color_hover="#963718",
        link_text_color_hover_dark="#E5A98D",
        color_accent="#B4441F",
        color_accent_soft="#F6E4DB",
        color_accent_soft_dark="#43291F",
    )
