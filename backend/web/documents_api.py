"""The JSON API of documents: collections, upload, states, the original, pages as pictures, passages in their place."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Path, Query, Request, Response, UploadFile

from backend.accounts.identity import Identity, Scope
from backend.documents.service import Added, Documents, failure_of
from backend.documents.uploads import clean_name
from backend.errors import DocumentTooLarge, Language, OndolError, UploadWithoutFiles
from backend.store.models import Document
from backend.web.documents_schemas import (
    CollectionChange,
    CollectionView,
    DocumentView,
    NewCollection,
    UploadedFile,
)
from backend.web.identity import require_scope
from backend.web.language import language_of

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]
Writer = Annotated[Identity, Depends(require_scope(Scope.CHAT))]
PageNumber = Annotated[int, Path(ge=1, le=100_000)]


def router(documents: Documents, max_document_bytes: int) -> APIRouter:
    """Routes under `/api/v1`."""
    api = APIRouter(prefix="/api/v1", tags=["documents"])
    _add_collections(api, documents)
    _add_documents(api, documents, max_document_bytes)
    _add_contents(api, documents)
    return api


def _add_collections(api: APIRouter, documents: Documents) -> None:
    @api.get("/collections")
    async def list_collections(who: Reader) -> list[CollectionView]:
        """Your collections, and those that others share."""
        return [CollectionView.model_validate(info) for info in await documents.list_collections(who.user_id)]

    @api.post("/collections", status_code=201)
    async def create_collection(who: Writer, body: NewCollection) -> CollectionView:
        """Makes an empty collection."""
        made = await documents.create_collection(who.user_id, body.name, shared=body.shared)
        return CollectionView.model_validate(made)

    @api.patch("/collections/{collection_id}")
    async def change_collection(who: Writer, collection_id: UUID, body: CollectionChange) -> CollectionView:
        """Renames, shares or unshares one."""
        changed = await documents.collections.change(
            who.user_id, collection_id, name=body.name, shared=body.shared, is_admin=who.is_admin
        )
        return CollectionView.model_validate(changed)

    @api.delete("/collections/{collection_id}", status_code=204)
    async def delete_collection(who: Writer, collection_id: UUID) -> None:
        """Deletes one with its documents; it can be restored for seven days."""
        await documents.delete_collection(who.user_id, collection_id, is_admin=who.is_admin)

    @api.post("/collections/{collection_id}/restore")
    async def restore_collection(who: Writer, collection_id: UUID) -> CollectionView:
        """Undoes a deletion."""
        back = await documents.restore_collection(who.user_id, collection_id, is_admin=who.is_admin)
        return CollectionView.model_validate(back)

    @api.get("/collections/{collection_id}/documents")
    async def list_documents(
        request: Request,
        who: Reader,
        collection_id: UUID,
        limit: Annotated[int, Query(ge=1, le=2000)] = 500,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> list[DocumentView]:
        """Documents of a collection with their states, the newest first."""
        rows = await documents.list_documents(who.user_id, collection_id, limit=limit, offset=offset)
        return [_view(row, language_of(request)) for row in rows]


def _add_documents(api: APIRouter, documents: Documents, max_document_bytes: int) -> None:
    @api.post("/documents", status_code=202)
    async def upload(
        request: Request,
        who: Writer,
        collection_id: Annotated[UUID, Form()],
        files: Annotated[list[UploadFile] | None, File(description="One or more files.")] = None,
        file: Annotated[UploadFile | None, File(description="The same for a single file.")] = None,
    ) -> list[UploadedFile]:
        """Brings files into a collection; they are read in the background.

        A file that is refused does not hold up the others. When all are, the reason for the first is the answer.
        """
        language = language_of(request)
        answers: list[UploadedFile] = []
        refusals: list[OndolError] = []
        for each in [*(files or []), *([file] if file else [])]:
            name = clean_name(each.filename or "")
            try:
                if (each.size or 0) > max_document_bytes:
                    raise DocumentTooLarge(limit=max_document_bytes)
                added = await documents.add_file(
                    who.user_id, collection_id, name, await each.read(), is_admin=who.is_admin
                )
            except OndolError as error:
                refusals.append(error)
                problem = error.problem(language)
                answers.append(UploadedFile(file_name=name, document=None, duplicate=False, error=problem))
            else:
                answers.append(_uploaded(name, added, language))
        if not answers:
            raise UploadWithoutFiles
        if len(refusals) == len(answers):
            raise refusals[0]
        return answers

    @api.get("/documents/{document_id}")
    async def get_document(request: Request, who: Reader, document_id: UUID) -> DocumentView:
        """One document with its state."""
        return _view(await documents.get(who.user_id, document_id), language_of(request))

    @api.post("/documents/{document_id}/cancel")
    async def cancel_document(request: Request, who: Writer, document_id: UUID) -> DocumentView:
        """Stops reading one."""
        changed = await documents.cancel(who.user_id, document_id, is_admin=who.is_admin)
        return _view(changed, language_of(request))

    @api.post("/documents/{document_id}/retry")
    async def retry_document(request: Request, who: Writer, document_id: UUID) -> DocumentView:
        """Reads one again that failed or was cancelled."""
        changed = await documents.retry(who.user_id, document_id, is_admin=who.is_admin)
        return _view(changed, language_of(request))

    @api.delete("/documents/{document_id}", status_code=204)
    async def delete_document(who: Writer, document_id: UUID) -> None:
        """Removes one with its passages, for good."""
        await documents.delete(who.user_id, document_id, is_admin=who.is_admin)


def _add_contents(api: APIRouter, documents: Documents) -> None:
    @api.get(
        "/documents/{document_id}/file",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    async def get_file(who: Reader, document_id: UUID) -> Response:
        """The file as it was uploaded."""
        document, content = await documents.original(who.user_id, document_id)
        # Never shown in place: a page that somebody uploaded would run as ours.
        return Response(
            content,
            media_type="application/octet-stream",
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_last(document.file_name), safe='')}",
                "X-Content-Type-Options": "nosniff",
            },
        )

    @api.get(
        "/documents/{document_id}/pages/{page}.png",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}},
    )
    async def get_page(who: Reader, document_id: UUID, page: PageNumber) -> Response:
        """A page of a PDF as a picture."""
        return Response(await documents.page_picture(who.user_id, document_id, page), media_type="image/png")


def _uploaded(name: str, added: Added, language: Language) -> UploadedFile:
    return UploadedFile(
        file_name=name, document=_view(added.document, language), duplicate=added.is_duplicate, error=None
    )


def _view(row: Document, language: Language) -> DocumentView:
    failure = failure_of(row)
    return DocumentView(
        id=row.id,
        collection_id=row.collection_id,
        title=row.title,
        file_name=row.file_name,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        status=row.status,
        progress=row.progress,
        pages=row.pages,
        chunk_count=row.chunk_count,
        error=failure.problem(language) if failure else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _last(name: str) -> str:
    """The name without the folders it had in an archive."""
    return name.rpartition("/")[2] or name
