"""The documents place: collections at the left, the files of the open one beside them.

Files themselves are sent by `static/documents.js` to the API; Gradio's own upload stays shut.
"""

from typing import Any
from uuid import UUID

import gradio as gr

from backend.documents.service import Documents
from backend.errors import InvalidRequest, OndolError
from ui.bridge import parsed
from ui.chat_page import uuid_of
from ui.documents_list import documents_page
from ui.html import act, escape, notice
from ui.session import Doorkeeper, Visitor
from ui.text import t

Update = dict[Any, Any]


class DocumentsTab:
    """Components and handlers of the place.

    Args:
        documents: what is shown and changed.
        doorkeeper: who is at the page.
    """

    def __init__(self, documents: Documents, doorkeeper: Doorkeeper) -> None:
        self._documents = documents
        self._door = doorkeeper

    def build(self) -> None:
        """Lays the place out; call inside its `gr.Tab`."""
        self.message = gr.Textbox(elem_id="documents-message", visible="hidden")
        self.act_now = gr.Button("act", elem_id="documents-act", visible="hidden")
        self.refresh = gr.Button("refresh", elem_id="documents-refresh", visible="hidden")
        self.open = gr.Textbox(elem_id="documents-open", visible="hidden")
        with gr.Column(elem_classes="wide"):
            self.notice = gr.Markdown(elem_classes="page-notice", sanitize_html=False, latex_delimiters=[])
            self.page = gr.Markdown(elem_id="documents-list", sanitize_html=False, latex_delimiters=[])

    def wire(self, opened: gr.Tab) -> None:
        """Connects events; call inside the Blocks after `build`."""
        shown = [self.page, self.notice, self.open]
        quick: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": 16}
        opened.select(self.on_refresh, [self.open], shown, **quick)
        self.refresh.click(self.on_refresh, [self.open], shown, **quick)
        # Multiple: who clears a list presses the next button before the last one is answered.
        self.act_now.click(self.on_act, [self.message, self.open], shown, trigger_mode="multiple", **quick)

    async def on_refresh(self, here: str, request: gr.Request) -> Update:
        """Reads everything anew: when the place is opened, and every moment while files are read."""
        who = await self._door.visitor(request)
        try:
            return await self._painted(who, uuid_of(here))
        except OndolError as error:
            return {self.notice: notice("error", error.message(who.language))}

    async def on_act(self, message: str, here: str, request: gr.Request) -> Update:
        """Buttons of the collections and of the files."""
        who = await self._door.visitor(request)
        wish = parsed(message)
        try:
            target = uuid_of(str(wish["id"]))
            told, button, open_now = await self._acted(who, wish, target, uuid_of(here))
            painted = await self._painted(who, open_now)
        except OndolError as error:
            return {self.notice: notice("error", error.message(who.language))}
        return painted | {self.notice: notice("ok", told, button=button) if told else ""}

    async def _acted(
        self, who: Visitor, wish: dict[str, Any], target: UUID | None, here: UUID | None
    ) -> tuple[str, str, UUID | None]:
        """What to say, a button beside it, and the collection that is open then."""
        user, language, kept = who.identity.user_id, who.language, self._documents
        is_admin = who.identity.is_admin
        name = " ".join(str(wish["text"]).split())[:200]
        match wish["do"]:
            case "open":
                return "", "", target
            case "new":
                made = await kept.create_collection(user, name)
                return t("collection_made", language, name=made.name), "", made.id
            case "rename" if target:
                await kept.rename_collection(user, target, name, is_admin=is_admin)
                return t("saved", language), "", target
            case "share" if target:
                shared = wish["arg"] == "1"
                changed = await kept.share_collection(user, target, shared=shared, is_admin=is_admin)
                return t("now_shared" if shared else "now_private", language, name=changed.name), "", target
            case "delete" if target:
                gone = await kept.delete_collection(user, target, is_admin=is_admin)
                undo = act("d-restore", escape(t("undo", language)), target=target)
                return t("collection_deleted", language, name=gone.name), undo, None if here == target else here
            case "restore" if target:
                back = await kept.restore_collection(user, target, is_admin=is_admin)
                return t("collection_back", language, name=back.name), "", target
            case "cancel" if target:
                document = await kept.cancel(user, target, is_admin=is_admin)
                return t("document_cancelled", language, name=document.file_name), "", here
            case "retry" if target:
                document = await kept.retry(user, target, is_admin=is_admin)
                return t("document_again", language, name=document.file_name), "", here
            case "remove" if target:
                document = await kept.delete(user, target, is_admin=is_admin)
                return t("document_deleted", language, name=document.file_name), "", here
        raise InvalidRequest(reason=str(wish["do"])[:40])

    async def _painted(self, who: Visitor, here: UUID | None) -> Update:
        user = who.identity.user_id
        collections = await self._documents.list_collections(user)
        if here not in {collection.id for collection in collections}:
            here = collections[0].id if collections else None
        files = await self._documents.list_documents(user, here) if here else []
        return {
            self.page: documents_page(collections, files, here, who.language, is_admin=who.identity.is_admin),
            self.open: str(here or ""),
        }
