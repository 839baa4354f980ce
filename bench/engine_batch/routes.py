"""What the stand-in answers on each path, as vLLM does."""

import math
import resource
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.engine import wire
from bench.engine.routes import Routes
from bench.engine_batch.answers import probabilities_of, rendered, reviewed_text
from bench.engine_batch.connection import BatchConnection
from bench.engine_batch.request import Request
from bench.engine_batch.server import BatchEngine, Feature

_OTHERS = [(f" word{number}", -20.0 - number) for number in range(20)]
_FREE_TEXT = "As an AI language model I would say"


def _completions(engine: BatchEngine, connection: BatchConnection, body: Any) -> None:
    if _fails(engine, connection):
        return None
    prompts = body.get("prompt") or []
    prompts = [prompts] if isinstance(prompts, str) or (prompts and isinstance(prompts[0], int)) else prompts
    tokens = sum(len(prompt) for prompt in prompts if not isinstance(prompt, str))
    texts = [prompt if isinstance(prompt, str) else engine.vocabulary.decode(prompt) for prompt in prompts]
    told = body.get("logprob_token_ids") if Feature.TOKEN_IDS in engine.config.features else None
    labels = [engine.vocabulary.decode([number]) for number in told or ()]

    def choice(index: int) -> dict[str, Any]:
        text = reviewed_text(texts[index])
        if not told or _is_mute(engine, text):
            return {"index": index, "text": "The", "logprobs": {"top_logprobs": [{"The": -0.1}]}}
        logprobs = _logprobs(text, labels)
        best = max(range(len(labels)), key=logprobs.__getitem__)
        names = [f"token_id:{number}" for number in told] if body.get("return_tokens_as_token_ids") else labels
        top = dict(zip(names, logprobs, strict=True))
        return {"index": index, "text": labels[best], "finish_reason": "length", "stop_reason": None,
                "logprobs": {"text_offset": [0], "tokens": [names[best]], "token_logprobs": [logprobs[best]],
                             "top_logprobs": [top]}}  # fmt: skip

    as_text = sum(len(engine.vocabulary.encode(prompt)) for prompt in prompts if isinstance(prompt, str))
    request = Request(engine, connection, texts, choice=choice, kind="text_completion", tokens=tokens + as_text)
    return request.start(tokenised=as_text)


def _chat(engine: BatchEngine, connection: BatchConnection, body: Any) -> None:
    if not _fails(engine, connection):
        _chats(engine, connection, body, [body["messages"]])


def _chat_batch(engine: BatchEngine, connection: BatchConnection, body: Any) -> None:
    if Feature.CHAT_BATCH not in engine.config.features:
        return connection.send(wire.http(404, {"detail": "Not Found"}))
    return None if _fails(engine, connection) else _chats(engine, connection, body, body["messages"])


def _chats(engine: BatchEngine, connection: BatchConnection, body: Any, chats: Sequence[Any]) -> None:
    texts = [rendered(messages) for messages in chats]
    tokens = sum(len(engine.vocabulary.encode(text)) for text in texts)
    features = engine.config.features
    labels = (body.get("structured_outputs") or {}).get("choice") if Feature.CHOICE in features else None
    schema = (body.get("response_format") or {}).get("json_schema") if Feature.JSON_SCHEMA in features else None
    if schema:
        labels = schema["schema"]["properties"]["label"]["enum"]

    def choice(index: int) -> dict[str, Any]:
        text = reviewed_text(texts[index])
        if not labels or _is_mute(engine, text):
            return _message(index, _FREE_TEXT, None)
        logprobs = _logprobs(text, labels)
        best = max(range(len(labels)), key=logprobs.__getitem__)
        answer = f'{{"label": "{labels[best]}"}}' if schema else labels[best]
        told = body.get("logprobs") and not schema
        top = _alternatives(labels, logprobs, body.get("top_logprobs") or 0) if told else None
        return _message(index, answer, top)

    request = Request(engine, connection, texts, choice=choice, kind="chat.completion", tokens=tokens)
    request.start(tokenised=tokens, conversations=len(chats), grammars=len(chats) if labels else 0)


def _alternatives(labels: Sequence[str], logprobs: Sequence[float], count: int) -> list[dict[str, Any]]:
    """As many tokens as were asked for, the labels' first: three letters, as if they were no whole tokens."""
    told = [*zip((label[:3] for label in labels), logprobs, strict=True), *_OTHERS]
    return [{"token": token, "logprob": value, "bytes": list(token.encode())} for token, value in told[: max(1, count)]]


def _message(index: int, content: str, top: list[dict[str, Any]] | None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": None, "tool_calls": []}
    logprobs = {"content": [{**top[0], "top_logprobs": top}]} if top else None
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": "stop"}


def _tokenize(engine: BatchEngine, connection: BatchConnection, body: Any) -> None:
    if Feature.TOKEN_IDS not in engine.config.features:
        return connection.send(wire.http(404, {"detail": "Not Found"}))
    if not {"messages", "prompt"} & body.keys():
        return connection.send(wire.http(400, wire.error("Field required: prompt", "BadRequestError", 400)))
    text = rendered(body["messages"]) if "messages" in body else body["prompt"]
    ids = engine.vocabulary.encode(text)
    strings = [engine.vocabulary.decode([number]) for number in ids] if body.get("return_token_strs") else None
    answer = {"count": len(ids), "max_model_len": engine.config.max_model_len, "tokens": ids, "token_strs": strings}
    request = Request(engine, connection, [], choice=lambda _: {}, kind="", tokens=0)
    return request.reply(wire.http(200, answer), tokenised=len(ids))


def _models(engine: BatchEngine, connection: BatchConnection, _: Any) -> None:
    card = {"id": engine.config.model, "object": "model", "created": 1_700_000_000, "owned_by": "vllm",
            "max_model_len": engine.config.max_model_len}  # fmt: skip
    connection.send(wire.http(200, {"object": "list", "data": [card]}))


def _health(_engine: BatchEngine, connection: BatchConnection, _: Any) -> None:
    connection.send(wire.http(200, b""))


def _metrics(engine: BatchEngine, connection: BatchConnection, _: Any) -> None:
    counters, model = engine.counters, engine.config.model
    rows = [
        ("num_requests_running", "gauge", len(engine.running)),
        ("num_requests_waiting", "gauge", len(engine.waiting)),
        ("generation_tokens_total", "counter", counters.finished),
        ("request_success_total", "counter", counters.finished),
    ]
    lines = []
    for name, kind, value in rows:
        lines += [f"# TYPE vllm:{name} {kind}", f'vllm:{name}{{engine="0",model_name="{model}"}} {value}']
    text = "\n".join([*lines, ""]).encode()
    connection.send(wire.http(200, text, content_type="text/plain; version=0.0.4; charset=utf-8"))


def _stats(engine: BatchEngine, connection: BatchConnection, _: Any) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    now = {"unfinished": engine.unfinished, "cpu_s": used.ru_utime + used.ru_stime}
    connection.send(wire.http(200, {**asdict(engine.counters), **now}))


def _fails(engine: BatchEngine, connection: BatchConnection) -> bool:
    """Whether the next fault in turn has struck."""
    engine.counters.requests += 1
    if not engine.trouble.statuses:
        return False
    status = engine.trouble.statuses.popleft()
    engine.counters.refused += 1
    if status == 0:
        connection.abort()
    elif status == 429 and engine.trouble.retry_after_s is not None:
        body = wire.error("Too many requests", "RateLimitError", 429)
        connection.send(wire.http(429, body, retry_after=str(engine.trouble.retry_after_s)))
    else:
        connection.send(wire.http(status, wire.error("It failed.", "Error", status)))
    return True


def _is_mute(engine: BatchEngine, text: str) -> bool:
    return bool(engine.trouble.mute) and engine.trouble.mute in text


def _logprobs(text: str, labels: Sequence[str]) -> list[float]:
    return [math.log(probability) for probability in probabilities_of(text, labels)]


PROTOCOL: Routes = {
    "/v1/completions": {"POST": _completions},
    "/v1/chat/completions": {"POST": _chat},
    "/v1/chat/completions/batch": {"POST": _chat_batch},
    "/tokenize": {"POST": _tokenize},
    "/v1/models": {"GET": _models},
    "/health": {"GET": _health},
    "/metrics": {"GET": _metrics},
    "/stats": {"GET": _stats},
}
