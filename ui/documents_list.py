"""How collections and files are shown: the state of each file in words, and why one was not read."""

from collections.abc import Sequence
from uuid import UUID

from backend.documents.service import CollectionInfo, failure_of
from backend.errors import Language, OndolError
from backend.store.models import Document, DocumentStatus
from ui.html import act, escape, table
from ui.text import t

_UNITS = ("B", "KB", "MB", "GB")
_WORKING = (DocumentStatus.QUEUED, DocumentStatus.READING)


def documents_page(
    collections: Sequence[CollectionInfo],
    files: Sequence[Document],
    here: UUID | None,
    language: Language,
    *,
    is_admin: bool = False,
) -> str:
    """The whole place; its classes tell the page's script which collection is open and whether it may be changed.

    `is_admin` is of the person at the page: admins change what others share.
    """
    current = next((collection for collection in collections if collection.id == here), None)
    changeable = current is not None and (current.mine or is_admin)
    classes = f"of-{current.id}{' changeable' if changeable else ''}" if current else ""
    shelf = _shelf(collections, here, language)
    beside = _files(current, files, language, changeable=changeable) if current else _none(language)
    return (
        f"<div id='documents-page' class='{classes}'><section class='card shelf'>{shelf}</section>"
        f"<section class='card files'>{beside}</section></div>"
    )


def _shelf(collections: Sequence[CollectionInfo], here: UUID | None, language: Language) -> str:
    new = act("name-collection", escape("+ " + t("new_collection", language)), css="button")
    head = (
        f"<div class='card-head'><h2>{escape(t('collections_title', language))}</h2>"
        f"<span class='spring'></span>{new}</div>"
    )
    items = "".join(_item(collection, here, language) for collection in collections)
    return head + (f"<ul>{items}</ul>" if items else "")


def _item(collection: CollectionInfo, here: UUID | None, language: Language) -> str:
    facts = [t("files_count", language, count=collection.documents)]
    if not collection.mine:
        facts.append(t("of_other", language, username=collection.owner))
    elif collection.shared:
        facts.append(t("shared", language))
    words = (
        f"<span class='title'>{escape(collection.name)}</span><span class='facts'>{escape(' · '.join(facts))}</span>"
    )
    opened = act("d-open", words, target=collection.id)
    return f"<li class='{'current' if collection.id == here else ''}'>{opened}</li>"


def _none(language: Language) -> str:
    return f"<div class='drop'>{escape(t('collections_empty', language))}</div><div class='uploads-here'></div>"


def _files(collection: CollectionInfo, files: Sequence[Document], language: Language, *, changeable: bool) -> str:
    head = f"<div class='card-head'><h2>{escape(collection.name)}</h2><span class='spring'></span>"
    if changeable:
        head += _tools(collection, language)
    head += "</div>"
    uploads = "<div class='uploads-here'></div>"
    if not files:
        words = t("files_empty" if changeable else "files_empty_other", language)
        return f"{head}{uploads}<div class='drop'>{escape(words)}</div>"
    titles = [t(key, language) for key in ("file", "size", "state", "action")]
    rows = [_row(file, language, changeable=changeable) for file in files]
    return f"{head}{uploads}{table(titles, rows)}"


def _tools(collection: CollectionInfo, language: Language) -> str:
    share = ("unshare", 0) if collection.shared else ("share", 1)
    return (
        act("rename-collection", escape(t("rename", language)), target=collection.id, css="button")
        + act("d-share", escape(t(share[0], language)), target=collection.id, arg=share[1], css="button")
        + act("d-delete", escape(t("delete", language)), target=collection.id, css="button")
        + act("upload", escape(t("upload", language)), css="button upload-button")
    )


def _row(file: Document, language: Language, *, changeable: bool) -> list[str]:
    name = f"<span class='name'>{escape(file.file_name)}</span>"
    facts = []
    if file.pages:
        facts.append(t("pages_count", language, count=file.pages))
    if file.chunk_count:
        facts.append(t("passages_count", language, count=file.chunk_count))
    if facts:
        name += f"<div class='facts muted'>{escape(' · '.join(facts))}</div>"
    return [
        name,
        escape(_size(file.size_bytes)),
        _state(file, language),
        _actions(file, language) if changeable else "",
    ]


def _state(file: Document, language: Language) -> str:
    match file.status:
        case DocumentStatus.READY:
            return f"<span class='badge ok'>{escape(t('doc_ready', language))}</span>"
        case DocumentStatus.READING:
            percent = round(100 * min(1.0, max(0.0, file.progress)))
            words = escape(t("doc_reading", language, percent=percent))
            meter = f"<span class='meter-bar'><i style='width:{percent}%'></i></span>"
            return f"<span class='badge busy'>{words}</span> {meter}"
        case DocumentStatus.FAILED:
            why = (failure_of(file) or OndolError()).message(language)
            badge = f"<span class='badge warn'>{escape(t('doc_failed', language))}</span>"
            return f"{badge}<div class='reason'>{escape(why)}</div>"
        case DocumentStatus.CANCELLED:
            return f"<span class='badge warn'>{escape(t('doc_cancelled', language))}</span>"
    return f"<span class='badge busy'>{escape(t('doc_queued', language))}</span>"


def _actions(file: Document, language: Language) -> str:
    if file.status in _WORKING:
        return act("d-cancel", escape(t("cancel", language)), target=file.id, css="button")
    again = ""
    if file.status in (DocumentStatus.FAILED, DocumentStatus.CANCELLED):
        again = act("d-retry", escape(t("retry", language)), target=file.id, css="button")
    remove = act("d-remove", escape(t("delete", language)), target=file.id, css="button ask-confirm_document")
    return f"<span class='row-actions'>{again}{remove}</span>"


def _size(count: int) -> str:
    value = float(count)
    unit = _UNITS[0]
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:,.0f} {unit}" if unit == "B" or value >= 10 else f"{value:,.1f} {unit}"
