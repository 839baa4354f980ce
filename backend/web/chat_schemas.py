"""What the API of conversations takes and gives: the schemas of its OpenAPI page."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticKnownError

_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _whole(value: object) -> object:
    """Refuses halves of surrogate pairs, which JSON can spell and no file or database can hold."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise PydanticKnownError("string_unicode") from None
    return value


def _one_line(value: object) -> object:
    """Control characters, line ends and marks that turn the direction of what follows become spaces."""
    return " ".join(_UNPRINTED.sub(" ", value).split()) if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(_whole)]
Line = Annotated[Words, BeforeValidator(_one_line)]


class ChatRequest(BaseModel):
    """A question. Without `conversation_id` it starts a conversation."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"message": "Explain list comprehensions.", "stream": False}]},
    )

    message: Words
    provider: Words | None = None
    conversation_id: UUID | None = None
    stream: bool = False
    system_prompt: Words = Field("", max_length=20_000, description="For a new conversation.")
    temperature: float | None = Field(None, ge=0, le=2, description="For a new conversation.")
    max_tokens: int | None = Field(None, ge=1, le=32_768, description="For a new conversation.")
    collection_ids: list[UUID] | None = Field(
        None, max_length=100, description="Documents to ask, from now on; left out: those of the conversation."
    )


class Citation(BaseModel):
    """A passage the answer was written from. `[n]` in the answer refers to it."""

    model_config = ConfigDict(from_attributes=True)

    n: int
    cited: bool = Field(description="Whether the answer refers to it.")
    chunk_id: int
    document_id: UUID
    document: str = Field(description="Title of the document.")
    path: str = Field(description="Place in words: headings, `제17조 제1항`.")
    page: int | None = Field(description="From 1; null where the document has no pages.")
    text: str = Field(description="The part the model read; `…` where something was cut off.")
    score: float = Field(description="0 to 1.")
    terms: list[tuple[int, int]] = Field(description="Character ranges of `text` that match the question.")


class TokenUsage(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatResponse(BaseModel):
    """An answer. `processing_time` is in seconds; `trimmed_messages` counts what no longer fitted the context.

    `citations` is null when no documents were asked, and empty when nothing in them has to do with the question.
    """

    response: str
    model_used: str
    provider: str
    processing_time: float
    conversation_id: UUID
    message_id: UUID
    finish_reason: str
    trimmed_messages: int
    usage: TokenUsage | None
    collection_ids: list[UUID]
    citations: list[Citation] | None
    hosted: bool = Field(description="For this answer something was sent to a hosted provider.")
    degraded: bool = Field(description="The documents were searched by words only, because no encoder answered.")


class ConversationSummary(BaseModel):
    """A line of the list."""

    id: UUID
    title: str
    provider: str | None
    created_at: datetime
    updated_at: datetime


class MessageView(BaseModel):
    """A message of the shown branch; `versions` lists what it can be exchanged for."""

    id: UUID
    role: Literal["user", "assistant"]
    content: str
    status: str
    model: str | None
    hosted: bool = Field(description="For this answer something was sent to a hosted provider.")
    error_code: str | None
    usage: TokenUsage | None
    ttft_ms: float | None
    duration_ms: float | None
    rating: int | None
    comment: str | None
    citations: list[Citation] | None
    versions: list[UUID]
    created_at: datetime


class ConversationView(ConversationSummary):
    """A conversation with its messages, oldest first."""

    system_prompt: str
    temperature: float | None
    max_tokens: int | None
    collection_ids: list[UUID]
    messages: list[MessageView]


class ConversationChange(BaseModel):
    """What may be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    title: Line = Field("", min_length=1, max_length=200)
    system_prompt: Words = Field("", max_length=20_000)
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1, le=32_768)
    collection_ids: list[UUID] = Field(default_factory=list, max_length=100)


class Rating(BaseModel):
    """A thumb: 1, -1, or null to take it back."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal[1, -1] | None
    comment: Words | None = Field(None, max_length=2000)
