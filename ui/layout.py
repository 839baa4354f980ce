"""The page as a whole: header, places, and how it is mounted."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read by Gradio while it is imported

from pathlib import Path
from typing import Any

import anyio.from_thread
import gradio as gr
from fastapi import FastAPI, Request

from backend.accounts.identity import Identity
from backend.accounts.service import Accounts
from backend.chat.service import ChatService
from backend.documents.service import Documents
from backend.errors import Language
from backend.web.identity import identity_of
from backend.web.static_files import FreshFiles
from ui.account import AccountTab
from ui.chat import ChatTab
from ui.documents import DocumentsTab
from ui.html import act, escape, icon
from ui.picker import DocumentPicker
from ui.session import Doorkeeper, Visitor
from ui.text import I18N, label, t
from ui.theme import CSS, theme
from ui.users import UsersTab

_OPEN_PAGES = 500  # Gradio keeps the state of so many pages; the next one takes the place of the oldest


def mount(app: FastAPI, *, accounts: Accounts, chat: ChatService, documents: Documents) -> None:
    """Puts the pages at `/`. Every other route has to be there before."""
    app.mount("/page", FreshFiles(directory=Path(__file__).parent / "static"), name="page")
    gr.mount_gradio_app(
        app,
        build(accounts, chat, documents),
        path="/",
        auth_dependency=_username,
        show_error=False,
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        i18n=I18N,
        theme=theme(),
        css=CSS,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )


def build(accounts: Accounts, chat: ChatService, documents: Documents) -> gr.Blocks:
    """All places in one page."""
    door = Doorkeeper(accounts)
    chat_tab, documents_tab = ChatTab(chat, door, DocumentPicker(documents)), DocumentsTab(documents, door)
    account_tab, users_tab = AccountTab(accounts, door), UsersTab(accounts, door)
    demo: gr.Blocks = gr.Blocks(title="Ondol", fill_width=True, fill_height=True)
    with demo:
        header = gr.Markdown(elem_id="header", sanitize_html=False, latex_delimiters=[])
        with gr.Tabs(elem_id="places", selected="chat") as places:
            with gr.Tab(label("nav_chat"), id="chat", elem_id="place-chat"):
                chat_tab.parts.build()
            with gr.Tab(label("nav_documents"), id="documents", elem_id="place-documents") as documents_place:
                documents_tab.build()
            with gr.Tab(label("nav_account"), id="account", elem_id="place-account") as account_place:
                account_tab.build()
            with gr.Tab(label("nav_users"), id="users", elem_id="place-users"):

                @gr.render(triggers=[demo.load], show_progress="hidden")  # type: ignore[untyped-decorator]
                def users(request: gr.Request) -> None:
                    who = anyio.from_thread.run(door.visitor, request)
                    if who.identity.is_admin:
                        users_tab.build(anyio.from_thread.run(users_tab.listed, who))

        async def on_load(request: gr.Request) -> tuple[str, Any]:
            who = await door.visitor(request)
            place = request.query_params.get("tab", "chat")
            return _header(who), gr.Tabs(selected=place if place in {"account", "documents", "users"} else "chat")

        demo.load(on_load, None, [header, places], show_progress="hidden", concurrency_limit=16)
        chat_tab.wire(demo)
        documents_tab.wire(documents_place)
        account_tab.wire(account_place)
    demo.queue(max_size=256, default_concurrency_limit=8, api_open=False)
    demo.state_session_capacity = _OPEN_PAGES
    return demo


async def _username(request: Request) -> str | None:
    identity = await identity_of(request)
    return identity.username if identity else None


def _header(who: Visitor) -> str:
    identity, language = who.identity, who.language
    places = [("chat", "nav_chat"), ("documents", "nav_documents")] + (
        [("users", "nav_users")] if identity.is_admin else []
    )
    nav = "".join(act("place", escape(t(key, language)), arg=place, css=f"place at-{place}") for place, key in places)
    return (
        "<div class='header-bar'>"
        f"<a class='brand' href='/' title='{escape(t('tagline', language))}'><span class='ember'></span>"
        f"<h1>{escape(t('app_name', language))}</h1></a>"
        f"<nav class='places' aria-label='{escape(t('nav_places', language))}'>{nav}</nav><span class='spring'></span>"
        "<span class='pill engine' id='engine' role='status'>"
        "<span class='light'></span><span class='words'></span></span>"
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
    keys = (
        "engine_ready", "engine_loading", "engine_unreachable", "engine_refused", "offline", "back_online", "copied",
        "comment_ask", "send", "cancel", "confirm_revoke", "confirm_reset", "confirm_disable", "close",
        "confirm_document", "new_collection_name", "uploading", "upload_failed", "upload_lost", "open_original",
        "page", "page_picture", "passage_gone", "previous_page", "next_page",
    )  # fmt: skip
    words = "".join(f"<span class='word-{key}'>{escape(t(key, language))}</span>" for key in keys)
    return f"<div id='words' hidden>{words}</div>"


def _other(language: Language) -> Language:
    return Language.EN if language is Language.KO else Language.KO
