"""The JSON API of conversations: ask (whole answer or server-sent events), list, read, change, delete, export."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from backend.accounts.identity import Identity, Scope
from backend.chat.asked import Options
from backend.chat.citations import cited
from backend.chat.conversations import Thread
from backend.chat.export import as_json, as_markdown, file_name
from backend.chat.lookup import Stage
from backend.chat.run import Run
from backend.chat.service import ChatService
from backend.documents.collections import Collections
from backend.errors import Language, OndolError
from backend.store.models import Conversation, MessageStatus
from backend.web.chat_schemas import (
    ChatRequest,
    ChatResponse,
    Citation,
    ConversationChange,
    ConversationSummary,
    ConversationView,
    MessageView,
    Rating,
    TokenUsage,
)
from backend.web.identity import require_scope
from backend.web.language import language_of
from backend.web.leaving import while_there

Reader = Annotated[Identity, Depends(require_scope(Scope.READ))]
Asker = Annotated[Identity, Depends(require_scope(Scope.CHAT))]


def router(chat: ChatService, collections: Collections) -> APIRouter:
    """Routes under `/api/v1`. `collections` says which documents a person may ask."""
    api = APIRouter(prefix="/api/v1", tags=["chat"])
    kept = chat.conversations

    @api.post("/chat", response_model=ChatResponse, responses={200: {"content": {"text/event-stream": {}}}})
    async def ask(request: Request, body: ChatRequest, who: Asker) -> Response | ChatResponse:
        """Asks a question. With `stream`, events `start`, `status`, `citations`, `delta`, `done` or `error` follow."""
        begin = time.perf_counter()
        await _readable(collections, who, body.collection_ids)
        run = await chat.ask(
            who.user_id,
            body.message,
            conversation_id=body.conversation_id,
            provider=body.provider,
            options=Options(body.system_prompt, body.temperature, body.max_tokens),
            collection_ids=body.collection_ids,
        )
        if body.stream:
            events = _events(run, begin, language_of(request))
            return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        await while_there(request, run.wait())
        if run.error is not None:
            raise _broken(run, run.error)
        return _answer(run, begin)

    @api.get("/conversations")
    async def list_conversations(
        who: Reader,
        query: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: AwareDatetime | None = None,
    ) -> list[ConversationSummary]:
        """Your conversations, the last changed first; `query` searches titles and messages."""
        rows = await kept.list(who.user_id, query=query, limit=limit, before=before)
        return [_summary(row) for row in rows]

    @api.get("/conversations/{conversation_id}")
    async def get_conversation(who: Reader, conversation_id: UUID) -> ConversationView:
        """One conversation with the messages of its shown branch."""
        return _view(await kept.thread(who.user_id, conversation_id))

    @api.patch("/conversations/{conversation_id}")
    async def change_conversation(who: Asker, conversation_id: UUID, body: ConversationChange) -> ConversationSummary:
        """Renames a conversation or changes how it is answered."""
        await _readable(collections, who, body.collection_ids)
        return _summary(await kept.change(who.user_id, conversation_id, **body.model_dump(exclude_unset=True)))

    @api.delete("/conversations/{conversation_id}", status_code=204)
    async def delete_conversation(who: Asker, conversation_id: UUID) -> None:
        """Deletes a conversation; it can be restored for seven days."""
        chat.stop(who.user_id, conversation_id)
        await kept.delete(who.user_id, conversation_id)

    @api.post("/conversations/{conversation_id}/restore")
    async def restore_conversation(who: Asker, conversation_id: UUID) -> ConversationSummary:
        """Undoes a deletion."""
        return _summary(await kept.restore(who.user_id, conversation_id))

    @api.post("/conversations/{conversation_id}/stop", status_code=204)
    async def stop_answer(who: Asker, conversation_id: UUID) -> None:
        """Stops the answer that is being written; what was written is kept."""
        if not chat.stop(who.user_id, conversation_id):
            await kept.stop_elsewhere(who.user_id, conversation_id)  # another process may be the one that writes

    @api.get("/conversations/{conversation_id}/export")
    async def export_conversation(
        request: Request,
        who: Reader,
        conversation_id: UUID,
        as_: Annotated[Literal["md", "json"], Query(alias="format")] = "md",
    ) -> Response:
        """A conversation as a Markdown or JSON file."""
        thread = await kept.thread(who.user_id, conversation_id)
        body = as_markdown(thread, language_of(request)) if as_ == "md" else as_json(thread)
        media = "text/markdown; charset=utf-8" if as_ == "md" else "application/json"
        return Response(body, media_type=media, headers={"Content-Disposition": file_name(thread, as_)})

    @api.put("/messages/{message_id}/rating", status_code=204)
    async def rate_message(who: Asker, message_id: UUID, body: Rating) -> None:
        """Rates an answer, with a comment if you like."""
        await kept.rate(who.user_id, message_id, body.rating, body.comment)

    return api


async def _readable(collections: Collections, who: Identity, wanted: list[UUID] | None) -> None:
    """Raises UnknownCollection for one that the person may not read."""
    for collection in wanted or ():
        await collections.get(who.user_id, collection)


async def _events(run: Run, begin: float, language: Language) -> AsyncIterator[bytes]:
    """Server-sent events of a run; a comment while nothing comes keeps proxies from closing the connection."""
    yield _event(
        "start",
        {
            "conversation_id": str(run.conversation_id),
            "message_id": str(run.answer_id),
            "model_used": run.model,
            "collection_ids": [str(collection) for collection in run.collection_ids],
        },
    )
    told = None
    async with aclosing(run.read()) as texts:
        async for text in texts:
            if run.activity is not None and run.activity is not told:
                told = run.activity
                yield _event("status", asdict(told))
                if told.stage is Stage.READING:
                    yield _event("citations", {"citations": _given(run)})
            yield _event("delta", {"text": text}) if text else b": waiting\n\n"
    if run.error is not None:
        yield _event("error", _broken(run, run.error).problem(language))
    else:
        yield _event("done", _answer(run, begin).model_dump(mode="json"))


def _broken(run: Run, error: OndolError) -> OndolError:
    """The error of a run, with where to find what was written and to ask again."""
    error.members = {"conversation_id": str(run.conversation_id), "message_id": str(run.answer_id)}
    return error


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _given(run: Run) -> list[dict[str, Any]]:
    """The passages before the answer begins; which of them it cites is told at its end."""
    return [citation.model_dump(mode="json") for citation in citations_of(_stored(run), "") or ()]


def _stored(run: Run) -> list[dict[str, Any]] | None:
    return None if run.sources is None else [source.stored() for source in run.sources]


def citations_of(sources: list[dict[str, Any]] | None, answer: str) -> list[Citation] | None:
    """Stored sources as the API shows them, with which of them the answer cites."""
    if sources is None:
        return None
    numbers = cited(answer)
    return [Citation.model_validate({**source, "cited": source["n"] in numbers}) for source in sources]


def _answer(run: Run, begin: float) -> ChatResponse:
    usage = None
    if run.usage is not None:
        usage = _usage(run.usage.prompt_tokens, run.usage.completion_tokens)
    return ChatResponse(
        response=run.text,
        model_used=run.model,
        provider=run.provider,
        processing_time=round(time.perf_counter() - begin, 4),
        conversation_id=run.conversation_id,
        message_id=run.answer_id,
        finish_reason=run.finish_reason or ("stopped" if run.status is MessageStatus.STOPPED else "interrupted"),
        trimmed_messages=run.dropped,
        usage=usage,
        collection_ids=list(run.collection_ids),
        citations=citations_of(_stored(run), run.text),
        hosted=run.hosted,
        degraded=run.degraded,
    )


def _usage(prompt: int, completion: int) -> TokenUsage:
    return TokenUsage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


def _summary(row: Conversation) -> ConversationSummary:
    return ConversationSummary(
        id=row.id, title=row.title, provider=row.provider, created_at=row.created_at, updated_at=row.updated_at
    )


def _view(thread: Thread) -> ConversationView:
    conversation = thread.conversation
    messages = []
    for item in thread.messages:
        row = item.message
        counted = row.prompt_tokens is not None and row.completion_tokens is not None
        messages.append(
            MessageView(
                id=row.id,
                role="user" if row.role == "user" else "assistant",
                content=row.content,
                status=row.status,
                model=row.model,
                hosted=row.hosted,
                error_code=row.error_code,
                usage=_usage(row.prompt_tokens or 0, row.completion_tokens or 0) if counted else None,
                ttft_ms=row.ttft_ms,
                duration_ms=row.duration_ms,
                rating=row.rating,
                comment=row.comment,
                citations=citations_of(row.sources, row.content),
                versions=list(item.versions),
                created_at=row.created_at,
            )
        )
    return ConversationView(
        **_summary(conversation).model_dump(),
        system_prompt=conversation.system_prompt,
        temperature=conversation.temperature,
        max_tokens=conversation.max_tokens,
        collection_ids=conversation.collection_ids,
        messages=messages,
    )
