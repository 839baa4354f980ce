"""The list of files says why one failed, and offers to change a collection to those who may."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
import pytest

from backend.documents.service import CollectionInfo
from backend.errors import DocumentEncrypted, DocumentTooLarge, Language, OndolError
from backend.store.models import Document, DocumentStatus
from ui.documents_list import documents_page
from ui.html import escape


def _collection(*, mine: bool) -> CollectionInfo:
    owner = "mina" if mine else "sumin"
    return CollectionInfo(
        uuid4(), "규정", shared=True, owner=owner, mine=mine, created_at=datetime.now(UTC), documents=1
    )


def _document(collection_id: UUID, error: OndolError | None) -> Document:
    return Document(
        id=uuid4(),
        collection_id=collection_id,
        title="규정",
        file_name="규정.pdf",
        media_type="application/pdf",
        size_bytes=1000,
        sha256=b"1",
        status=DocumentStatus.FAILED if error else DocumentStatus.READY,
        progress=0.0,
        error_code=error.code if error else None,
        error_detail=orjson.dumps(error.details).decode() if error else None,
        chunk_count=0,
    )


@pytest.mark.parametrize("language", [Language.KO, Language.EN])
@pytest.mark.parametrize("error", [DocumentEncrypted(), DocumentTooLarge(limit=2_000_000)])
def test_a_failed_file_shows_its_reason_and_what_to_do(language: Language, error: OndolError) -> None:
    collection = _collection(mine=True)
    page = documents_page([collection], [_document(collection.id, error)], collection.id, language)
    assert f"<div class='reason'>{escape(error.message(language))}</div>" in page
    assert error.next_step.in_(language).rstrip(".") in error.message(language)
    assert "act-d-retry" in page
    assert "{" not in page


@pytest.mark.parametrize(
    ("mine", "is_admin", "offered"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_a_collection_is_changed_by_its_owner_and_by_admins(mine: bool, is_admin: bool, offered: bool) -> None:
    collection = _collection(mine=mine)
    files = [_document(collection.id, None)]
    page = documents_page([collection], files, collection.id, Language.EN, is_admin=is_admin)
    for action in ("act-rename-collection", "act-d-share", "act-d-delete", "act-upload", "act-d-remove", "changeable"):
        assert (action in page) is offered, action
