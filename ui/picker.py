"""The menu above a thread that says which collections of documents its questions are asked of."""

from collections.abc import Collection as SetOf
from collections.abc import Sequence
from uuid import UUID

from backend.accounts.identity import Identity
from backend.documents.service import CollectionInfo, Documents
from backend.errors import Language
from ui.html import act, escape
from ui.text import t

_SHOWN_NAMES = 2


class DocumentPicker:
    """Menus of the collections a reader may ask.

    Args:
        documents: where they are.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def menu(self, who: Identity, chosen: SetOf[UUID], language: Language, *, unfolded: bool = False) -> str:
        """The menu as HTML, with those in `chosen` switched on."""
        return picker(await self._documents.list_collections(who.user_id), chosen, language, unfolded=unfolded)


def switched(chosen: tuple[UUID, ...], collection: UUID) -> tuple[UUID, ...]:
    """The choice with one more collection, or one less."""
    without = tuple(other for other in chosen if other != collection)
    return without if len(without) < len(chosen) else (*chosen, collection)


def picker(
    choices: Sequence[CollectionInfo], chosen: SetOf[UUID], language: Language, *, unfolded: bool = False
) -> str:
    """A menu in which each collection is switched on or off."""
    on = [choice for choice in choices if choice.id in chosen]
    names = ", ".join(choice.name for choice in on[:_SHOWN_NAMES])
    if len(on) > _SHOWN_NAMES:
        names = t("and_more", language, names=names, count=len(on) - _SHOWN_NAMES)
    summary = escape(t("documents_of", language, names=names or t("documents_none", language)))
    items = "".join(_item(choice, choice in on) for choice in choices)
    if not choices:
        items = f"<p class='muted'>{escape(t('no_collections_yet', language))}</p>"
    items += act("place", escape(t("manage_documents", language)), arg="documents", css="manage")
    return (
        f"<details class='export pick{' on' if on else ''}'{' open' if unfolded else ''}><summary>{summary} ▾</summary>"
        f"<div class='menu'>{items}</div></details>"
    )


def _item(choice: CollectionInfo, on: bool) -> str:
    tick = "☑" if on else "☐"
    words = f"<span aria-hidden='true'>{tick}</span> {escape(choice.name)}"
    return act("collection", words, target=choice.id, css="on" if on else "", title=choice.name)
