"""What the API of documents takes and gives: the schemas of its OpenAPI page."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.documents.collections import MAX_NAME
from backend.web.chat_schemas import Line


class NewCollection(BaseModel):
    """A collection to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "규정", "shared": False}]})

    name: Line = Field(min_length=1, max_length=MAX_NAME)
    shared: bool = Field(False, description="Whether everyone may read it.")


class CollectionChange(BaseModel):
    """What may be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Line | None = Field(None, min_length=1, max_length=MAX_NAME)
    shared: bool | None = None


class CollectionView(BaseModel):
    """A collection with how many documents are in it, can be searched, and could not be read."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    shared: bool
    owner: str
    mine: bool
    created_at: datetime
    documents: int
    ready: int
    failed: int


class DocumentView(BaseModel):
    """A document. `status`: queued, reading (`progress` from 0 to 1), ready, failed (`error` says why), cancelled."""

    id: UUID
    collection_id: UUID
    title: str
    file_name: str
    media_type: str
    size_bytes: int
    status: str
    progress: float
    pages: int | None
    chunk_count: int
    error: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


class UploadedFile(BaseModel):
    """A file of an upload: its document, or why it was refused. `duplicate`: the collection had the same file."""

    file_name: str
    document: DocumentView | None
    duplicate: bool
    error: dict[str, Any] | None
