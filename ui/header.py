"""The bar above every place: brand, places, engine, pod, language, theme, account; and the words scripts need."""

from typing import Final

from backend.accounts.identity import Identity
from backend.errors import Language
from ui.html import act, escape, icon
from ui.session import Visitor
from ui.text import t
from ui.texts import engines, hints, pod, sentiment

PLACES: Final = ("chat", "hints", "documents", "sentiment")
ADMIN_PLACES: Final = ("pod", "users")

_SCRIPT_WORDS: Final = (
    "engine_ready", "engine_loading", "engine_unreachable", "engine_missing", "engine_refused",
    "offline", "back_online", "copied", "comment_ask", "send", "cancel", "confirm_revoke", "confirm_reset",
    "confirm_disable", "close", "confirm_document", "new_collection_name", "uploading", "upload_failed",
    "upload_lost", "open_original", "page", "page_picture", "passage_gone", "previous_page", "next_page",
    *hints.SCRIPT_WORDS, *sentiment.SCRIPT_WORDS, *pod.SCRIPT_WORDS, *engines.SCRIPT_WORDS,
)  # fmt: skip


def header(who: Visitor) -> str:
    """The bar as HTML, for one reader."""
    identity, language = who.identity, who.language
    places = PLACES + (ADMIN_PLACES if identity.is_admin else ())
    nav = "".join(
        act("place", escape(t(f"nav_{place}", language)), arg=place, css=f"place at-{place}") for place in places
    )
    return (
        "<div class='header-bar'>"
        f"<a class='brand' href='/' title='{escape(t('tagline', language))}'><span class='ember'></span>"
        f"<h1>{escape(t('app_name', language))}</h1></a>"
        f"<nav class='places' aria-label='{escape(t('nav_places', language))}'>{nav}</nav><span class='spring'></span>"
        "<span class='pill engine' id='engine' role='status'>"
        "<span class='light'></span><span class='words'></span></span>"
        f"<button type='button' class='act act-place arg-pod pill pod-pill{' admin' if identity.is_admin else ''}' "
        f"id='pod-pill' title='{escape(t('pod_pill', language))}' hidden>"
        "<span class='light'></span><span class='words'></span></button>"
        f"{act('language', escape(t('switch_language', language)), arg=_other(language), css='pill')}"
        f"{act('theme', icon('moon'), title=t('theme', language), css='pill')}"
        f"{_menu(identity, language)}</div>{_words(language)}"
    )


def _menu(identity: Identity, language: Language) -> str:
    return (
        f"<details class='account-menu'><summary class='pill'>{escape(identity.username)} ▾</summary><div class='menu'>"
        f"{act('place', escape(t('nav_account', language)), arg='account')}"
        f"{act('language', escape(t('switch_language', language)), arg=_other(language), css='small-only')}"
        f"{act('theme', escape(t('theme', language)), css='small-only')}"
        f"<form method='post' action='/logout'><button type='submit'>{escape(t('sign_out', language))}</button></form>"
        "</div></details>"
    )


def _words(language: Language) -> str:
    """Words the page's script needs, where it finds them."""
    words = "".join(f"<span class='word-{key}'>{escape(t(key, language))}</span>" for key in _SCRIPT_WORDS)
    return f"<div id='words' hidden>{words}</div>"


def _other(language: Language) -> Language:
    return Language.EN if language is Language.KO else Language.KO
