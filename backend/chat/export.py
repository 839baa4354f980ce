"""A conversation as a file that people and programs can keep."""

from typing import Any, Literal
from urllib.parse import quote

import orjson

from backend.chat.conversations import Thread
from backend.errors import Language, Text

_YOU = Text("질문", "You")
_ANSWER = Text("답변", "Answer")
_EXPORTED = (
    "id", "role", "content", "status", "provider", "model", "error_code", "prompt_tokens", "completion_tokens",
    "ttft_ms", "duration_ms", "sources", "rating", "comment", "created_at",
)  # fmt: skip
_UNTITLED = Text("제목 없는 대화", "Untitled conversation")


def as_markdown(thread: Thread, language: Language) -> str:
    """The shown branch, a heading for each message; the messages' own Markdown is left as it is."""
    conversation = thread.conversation
    parts = [f"# {conversation.title or _UNTITLED.in_(language)}", f"_{conversation.created_at:%Y-%m-%d %H:%M} UTC_"]
    if conversation.system_prompt:
        parts.append("> " + conversation.system_prompt.replace("\n", "\n> "))
    for item in thread.messages:
        row = item.message
        who = _YOU if row.role == "user" else _ANSWER
        model = f" ({row.model})" if row.model else ""
        parts.append(f"## {who.in_(language)}{model}\n\n{row.content}")
        if row.sources:
            parts.append(_sources(row.sources))
    return "\n\n".join(parts) + "\n"


def _sources(sources: list[dict[str, Any]]) -> str:
    """The passages of an answer, a line each."""
    lines = []
    for source in sources:
        page = f"p. {source['page']}" if source.get("page") is not None else ""
        lines.append(f"- [{source['n']}] " + ", ".join(filter(None, (source["document"], source["path"], page))))
    return "\n".join(lines)


def as_json(thread: Thread) -> bytes:
    """Everything that is stored of the shown branch."""
    conversation = thread.conversation
    return orjson.dumps(
        {
            "id": conversation.id,
            "title": conversation.title,
            "system_prompt": conversation.system_prompt,
            "temperature": conversation.temperature,
            "max_tokens": conversation.max_tokens,
            "created_at": conversation.created_at,
            "messages": [{name: getattr(item.message, name) for name in _EXPORTED} for item in thread.messages],
        },
        option=orjson.OPT_INDENT_2,
    )


def file_name(thread: Thread, extension: Literal["md", "json"]) -> str:
    """A Content-Disposition whose name survives in every browser (RFC 6266)."""
    safe = "".join(c if c.isalnum() or c in " ._-" else "_" for c in thread.conversation.title).strip() or "ondol"
    plain = safe.encode("ascii", "ignore").decode().strip() or "ondol"
    return f"attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{quote(safe)}.{extension}"
