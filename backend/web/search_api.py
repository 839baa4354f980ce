"""The JSON API of the search: passages for a question, and a passage in its place."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.identity import Identity, Scope
from backend.activity import Activity
from backend.retrieval.place import Place, passage_in_place
from backend.retrieval.search import Search
from backend.retrieval.terms import terms
from backend.store.database import Database
from backend.store.models import Chunk
from backend.web.chat_schemas import Words
from backend.web.identity import require_scope

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]


class SearchRequest(BaseModel):
    """What to look for, and where."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"query": "청약철회는 며칠 안에 해야 하나요?", "limit": 5}]}
    )

    query: Words = Field(min_length=1, max_length=2000)
    collection_ids: list[UUID] | None = Field(None, max_length=100, description="Left out: all you may read.")
    limit: int = Field(8, ge=1, le=50)
    mode: Literal["lexical", "dense", "hybrid"] | None = Field(None, description="Left out: `RETRIEVAL_MODE`.")


class Hit(BaseModel):
    """A passage that was found."""

    model_config = ConfigDict(from_attributes=True)

    chunk_id: int
    document_id: UUID
    document: str = Field(description="Title of the document.")
    path: str = Field(description="Place in words: headings, `제17조 제1항`.")
    page: int | None = Field(description="From 1; null where the document has no pages.")
    text: str
    score: float = Field(description="0 to 1, relative to the best of this search.")
    lexical: float | None = Field(description="BM25; null when words were not searched.")
    dense: float | None = Field(description="Cosine similarity; null when vectors were not searched.")
    terms: list[tuple[int, int]] = Field(default=[], description="Character ranges of `text` that match the query.")


class SearchResponse(BaseModel):
    """What was found, the best first."""

    passages: list[Hit]
    mode: Literal["lexical", "dense", "hybrid"] = Field(description="What the ranking rests on.")
    degraded: bool = Field(description="Vectors were wanted, but no encoder answered.")


class PassageText(BaseModel):
    """A passage of a document."""

    chunk_id: int
    path: str
    page: int | None
    text: str


class PassageView(PassageText):
    """A passage in its place: `passages` are its neighbours and itself, in order."""

    document_id: UUID
    document: str
    file_name: str
    pages: int | None
    page_picture: str | None = Field(
        description="Address of pictures of the pages, with `{page}` to fill in; null where there are none."
    )
    passages: list[PassageText]


def router(search: Search, database: Database, activity: Activity) -> APIRouter:
    """Routes under `/api/v1`. A search is work, and refused while the machine is being stopped."""
    api = APIRouter(prefix="/api/v1", tags=["documents"])

    @api.post("/search")
    async def find(who: Reader, body: SearchRequest) -> SearchResponse:
        """Searches your documents and those shared with you."""
        activity.admit()
        with activity.work("search"):
            found = await search.search(
                who.user_id, body.query, collection_ids=body.collection_ids, limit=body.limit, mode=body.mode
            )
        passages = [Hit.model_validate(passage) for passage in found.passages]
        matches = await asyncio.to_thread(_matches, [passage.text for passage in passages], body.query)
        for passage, ranges in zip(passages, matches, strict=True):
            passage.terms = ranges
        return SearchResponse(passages=passages, mode=found.mode, degraded=found.degraded)

    @api.get("/passages/{chunk_id}")
    async def get_passage(who: Reader, chunk_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> PassageView:
        """A passage with those before and after it, and where to see its page."""
        return _view(await passage_in_place(database, who.user_id, chunk_id))

    return api


def _view(place: Place) -> PassageView:
    document = place.document
    picture = f"/api/v1/documents/{document.id}/pages/{{page}}.png"
    return PassageView(
        **_text(place.chunk).model_dump(),
        document_id=document.id,
        document=document.title,
        file_name=document.file_name,
        pages=document.pages,
        page_picture=picture if document.media_type == "application/pdf" and document.pages else None,
        passages=[_text(chunk) for chunk in place.passages],
    )


def _text(chunk: Chunk) -> PassageText:
    return PassageText(chunk_id=chunk.id, path=chunk.path, page=chunk.page, text=chunk.body)


def _matches(texts: list[str], query: str) -> list[list[tuple[int, int]]]:
    return [terms().matched(text, query) for text in texts]
