"""Where a file is chosen. The page's script (`static/sentiment.js`) sends the file and asks for its columns."""

from backend.errors import Language
from ui.html import act, escape
from ui.text import t


def setup(max_file_mb: int, language: Language) -> str:
    """The card for files; painted once, so that nothing takes away what is chosen in it."""
    choose = act("reviews-choose", escape(t("reviews_choose", language)), css="button")
    return (
        f"<div id='reviews-setup' class='limit-{max_file_mb}'><h2>{escape(t('reviews_file', language))}</h2>"
        f"<div class='drop'>{choose}<p>{escape(t('reviews_drop', language, limit=max_file_mb))}</p></div>"
        "<div class='setup-here' aria-live='polite'></div></div>"
    )


def empty(language: Language) -> str:
    """What stands where results will be."""
    return (
        f"<div class='welcome'><h2>{escape(t('results_empty', language))}</h2>"
        f"<p>{escape(t('results_empty_info', language))}</p></div>"
    )


PREVIEW_PLACE = "<div id='reviews-preview'></div>"
"""Where the script shows the first rows of a file."""
