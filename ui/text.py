"""Looks up the words of the pages (`ui/texts`). Errors bring their own words (`backend/errors`)."""

from typing import Any, Final

import gradio as gr

from backend.errors import Language, Text
from ui.texts import accounts, chat, common, documents, engines, hints, pod, pod_parts, sentiment, teaching

_AREAS = (common, chat, hints, teaching, documents, sentiment, pod, pod_parts, engines, accounts)
TEXTS: Final[dict[str, Text]] = {key: text for area in _AREAS for key, text in area.TEXTS.items()}

I18N = gr.I18n(
    ko={key: text.ko for key, text in TEXTS.items()},
    en={key: text.en for key, text in TEXTS.items()},
)


def t(key: str, language: Language, **fields: object) -> str:
    """A text for handlers, which know the reader's language."""
    return TEXTS[key].in_(language).format(**fields) if fields else TEXTS[key].in_(language)


def label(key: str) -> Any:
    """A text for components that are built once for all readers; the browser picks the language."""
    return I18N(key)
