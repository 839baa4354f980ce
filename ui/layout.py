"""The page as a whole: header, places, and how it is mounted."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read by Gradio while it is imported

from pathlib import Path
from typing import Any

import anyio.from_thread
import gradio as gr
from fastapi import FastAPI, Request

from backend.web.identity import identity_of
from backend.web.services import Services
from backend.web.static_files import FreshFiles
from ui.account import AccountTab
from ui.chat import ChatTab
from ui.documents import DocumentsTab
from ui.header import ADMIN_PLACES, PLACES, header
from ui.hints import HintsTab
from ui.picker import DocumentPicker
from ui.pod.tab import PodTab
from ui.sentiment.tab import SentimentTab
from ui.session import Doorkeeper
from ui.teaching import TeachingTab
from ui.text import I18N, label
from ui.theme import CSS, theme
from ui.users import UsersTab

_OPEN_PAGES = 500  # Gradio keeps the state of so many pages; the next one takes the place of the oldest


def mount(app: FastAPI, services: Services) -> None:
    """Puts the pages at `/`. Every other route has to be there before."""
    app.mount("/page", FreshFiles(directory=Path(__file__).parent / "static"), name="page")
    gr.mount_gradio_app(
        app,
        build(services),
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


def build(services: Services) -> gr.Blocks:
    """All places in one page."""
    door = Doorkeeper(services.accounts)
    chat = ChatTab(services.chat, door, DocumentPicker(services.documents))
    hints, teaching = HintsTab(services.hints, door), TeachingTab(services.hints.bank, services.teacher, door)
    documents, sentiment = DocumentsTab(services.documents, door), SentimentTab(services.sentiment, door)
    account, pod, users = (
        AccountTab(services.accounts, door),
        PodTab(services.pod, services.engines, door),
        UsersTab(services.accounts, door),
    )
    demo: gr.Blocks = gr.Blocks(title="Ondol", fill_width=True, fill_height=True)
    with demo:
        bar = gr.Markdown(elem_id="header", sanitize_html=False, latex_delimiters=[])
        with gr.Tabs(elem_id="places", selected="chat") as places:
            with _place("chat"):
                chat.parts.build()
            with _place("hints") as hints_place, gr.Column(elem_id="hints"):

                @gr.render(triggers=[demo.load], show_progress="hidden")  # type: ignore[untyped-decorator]
                def show_teaching(request: gr.Request) -> None:
                    who = anyio.from_thread.run(door.visitor, request)
                    if who.identity.is_admin:
                        teaching.build(who)

                hints.parts.build()
            with _place("documents") as documents_place:
                documents.build()
            with _place("sentiment") as sentiment_place:
                sentiment.parts.build()
            with _place("pod"):

                @gr.render(triggers=[demo.load], show_progress="hidden")  # type: ignore[untyped-decorator]
                def show_pod(request: gr.Request) -> None:
                    who = anyio.from_thread.run(door.visitor, request)
                    if who.identity.is_admin:
                        pod.build(anyio.from_thread.run(pod.painted, who, "now"))
                    else:
                        pod.build_status(who)

            with _place("account") as account_place:
                account.build()
            with _place("users"):

                @gr.render(triggers=[demo.load], show_progress="hidden")  # type: ignore[untyped-decorator]
                def show_users(request: gr.Request) -> None:
                    who = anyio.from_thread.run(door.visitor, request)
                    if who.identity.is_admin:
                        users.build(anyio.from_thread.run(users.listed, who))

        async def on_load(request: gr.Request) -> tuple[str, Any]:
            who = await door.visitor(request)
            place = request.query_params.get("tab", "chat")
            known = {*PLACES, *ADMIN_PLACES, "account"}
            return header(who), gr.Tabs(selected=place if place in known else "chat")

        demo.load(on_load, None, [bar, places], show_progress="hidden", concurrency_limit=16)
        chat.wire(demo)
        hints.wire(demo, hints_place)
        documents.wire(documents_place)
        sentiment.wire(demo, sentiment_place)
        account.wire(account_place)
    demo.queue(max_size=256, default_concurrency_limit=8, api_open=False)
    demo.state_session_capacity = _OPEN_PAGES
    return demo


def _place(name: str) -> gr.Tab:
    return gr.Tab(label(f"nav_{name}"), id=name, elem_id=f"place-{name}")


async def _username(request: Request) -> str | None:
    identity = await identity_of(request)
    return identity.username if identity else None
