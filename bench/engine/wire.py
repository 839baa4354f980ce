"""Bytes of the OpenAI protocol, as OpenAI and vLLM put them on the wire."""

import time
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
STREAM_END = b"0\r\n\r\n"


def http(status: int, body: Any, content_type: str = "application/json", **headers: str) -> bytes:
    """A whole response; `body` is bytes, or what JSON can hold."""
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"content-type: {content_type}",
        f"content-length: {len(payload)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + payload


def error(message: str, kind: str, code: int, param: str | None = None) -> dict[str, Any]:
    """vLLM's error object."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def event(payload: bytes) -> bytes:
    """One server-sent event in one HTTP chunk."""
    data = b"data: " + payload + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass(slots=True)
class Answer:
    """Builds the messages of one completion; what is the same in all its chunks is encoded once."""

    identifier: str
    model: str
    prompt_tokens: int
    includes_usage: bool

    def __post_init__(self) -> None:
        self._created = int(time.time())
        opening, closing = orjson.dumps(self._chunk([{"cut": "here"}])).split(b'{"cut":"here"}')
        self._opening, self._closing = opening, closing

    _created: int = 0
    _opening: bytes = b""
    _closing: bytes = b""

    def role(self) -> bytes:
        return self._event(b'{"role":"assistant","content":""}', b"null")

    def token(self, text: str) -> bytes:
        return self._event(b'{"content":' + _encoded(text) + b"}", b"null")

    def finish(self, reason: str) -> bytes:
        return self._event(b"{}", orjson.dumps(reason))

    def usage(self, completion_tokens: int) -> bytes:
        return event(orjson.dumps({**self._chunk([]), "usage": self._usage(completion_tokens)}))

    def whole(self, tokens: list[str], reason: str) -> dict[str, Any]:
        """The body of a completion that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(tokens), "refusal": None, "tool_calls": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        body = {**self._chunk([choice]), "object": "chat.completion"}
        return {**body, "usage": self._usage(len(tokens))}

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        chunk = {"id": self.identifier, "object": "chat.completion.chunk", "created": self._created}
        chunk |= {"model": self.model, "choices": choices}
        return {**chunk, "usage": None} if self.includes_usage else chunk

    def _event(self, delta: bytes, reason: bytes) -> bytes:
        choice = b'{"index":0,"delta":' + delta + b',"logprobs":null,"finish_reason":' + reason + b"}"
        return event(self._opening + choice + self._closing)

    def _usage(self, completion_tokens: int) -> dict[str, int]:
        total = self.prompt_tokens + completion_tokens
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}


@lru_cache(maxsize=4096)
def _encoded(text: str) -> bytes:
    return orjson.dumps(text)
