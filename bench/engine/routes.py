"""What the stand-in answers on each path, beside the text of the answers."""

import asyncio
import resource
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.engine import wire, words
from bench.engine.completion import BadRequestError, Completion, parse, refusal
from bench.engine.faults import FaultKind, InvalidFaultError, parse_fault

if TYPE_CHECKING:
    from bench.engine.connection import Connection
    from bench.engine.server import EngineDouble

Handler = Callable[["EngineDouble", "Connection", Any], None]
Routes = Mapping[str, Mapping[str, Handler]]


def _chat_completions(engine: "EngineDouble", connection: "Connection", body: Any) -> None:
    engine.counters.requests += 1
    if isinstance(body, dict):
        engine.requests.append(body)
    fault = engine.take_fault()
    if fault.kind is FaultKind.HANG_UP:
        return connection.abort()
    if response := refusal(fault, engine.config.max_model_len):
        engine.counters.refused += 1
        return connection.send(response)
    if option := next((name for name in engine.refused_options if isinstance(body, dict) and name in body), None):
        text, code = f"'{option}' is not supported with this model.", engine.refused_options[option]
        error = {"message": text, "type": "invalid_request_error", "param": option, "code": code}
        return connection.send(wire.http(400, {"error": error}))
    try:
        request = parse(body, model=engine.config.model, max_model_len=engine.config.max_model_len)
    except BadRequestError as error:
        engine.counters.refused += 1
        return connection.send(wire.http(error.status, error.body))
    connection.completion = Completion(engine, connection, request, fault)
    connection.completion.start()
    return None


def _models(engine: "EngineDouble", connection: "Connection", _: Any) -> None:
    if response := _unready(engine):
        return connection.send(response)
    card = {"id": engine.config.model, "object": "model", "created": 1_700_000_000, "owned_by": "vllm",
            "root": engine.config.model, "parent": None, "max_model_len": engine.config.max_model_len}  # fmt: skip
    return connection.send(wire.http(200, {"object": "list", "data": [card]}))


def _health(engine: "EngineDouble", connection: "Connection", _: Any) -> None:
    connection.send(_unready(engine) or wire.http(200, b""))


def _tokenize(engine: "EngineDouble", connection: "Connection", body: Any) -> None:
    if response := _unready(engine):
        return connection.send(response)
    request = body if isinstance(body, dict) else {}
    prompt, messages = request.get("prompt"), request.get("messages")
    if isinstance(prompt, str):
        tokens = [words.token_id(piece) for piece in words.pieces(prompt)]
    elif isinstance(messages, list) and all(isinstance(message, dict) for message in messages):
        tokens = [words.token_id(piece) for piece in words.pieces(words.text_of(messages))]
        tokens += [words.VOCABULARY - 1] * (words.prompt_tokens(messages) - len(tokens))
    else:
        return connection.send(wire.http(400, wire.error("Send `prompt` or `messages`.", "BadRequestError", 400)))
    answer = {"count": len(tokens), "max_model_len": engine.config.max_model_len, "tokens": tokens, "token_strs": None}
    return connection.send(wire.http(200, answer))


def _metrics(engine: "EngineDouble", connection: "Connection", _: Any) -> None:
    counters, batch = engine.counters, engine.batch
    usage = len(batch.running) / engine.config.max_running
    rows: list[tuple[str, str, str, float]] = [
        ("num_requests_running", "gauge", "", len(batch.running)),
        ("num_requests_waiting", "gauge", "", len(batch.waiting)),
        ("kv_cache_usage_perc", "gauge", "", usage),
        ("prompt_tokens_total", "counter", "", counters.prompt_tokens),
        ("generation_tokens_total", "counter", "", counters.generated_tokens),
        ("request_success_total", "counter", 'finished_reason="stop"', counters.stopped),
        ("request_success_total", "counter", 'finished_reason="length"', counters.cut),
        ("request_success_total", "counter", 'finished_reason="abort"', counters.aborted),
        ("time_to_first_token_seconds_sum", "", "", counters.first_token_seconds),
        ("time_to_first_token_seconds_count", "", "", counters.first_tokens),
    ]
    lines = ["# TYPE vllm:time_to_first_token_seconds histogram"]
    for name, kind, label, value in rows:
        declaration = f"# TYPE vllm:{name.removesuffix('_total')} {kind}"
        if kind and declaration not in lines:
            lines.append(declaration)
        labels = ",".join(filter(None, ('engine="0"', f'model_name="{engine.config.model}"', label)))
        lines.append(f"vllm:{name}{{{labels}}} {value}")
    text = "\n".join([*lines, ""]).encode()
    connection.send(wire.http(200, text, content_type="text/plain; version=0.0.4; charset=utf-8"))


def _stats(engine: "EngineDouble", connection: "Connection", _: Any) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    now = {"running": len(engine.batch.running), "waiting": len(engine.batch.waiting),
           "peak_running": engine.batch.peak_running, "cpu_s": used.ru_utime + used.ru_stime,
           "fault": engine.fault.kind, "requests_seen": list(engine.requests)}  # fmt: skip
    connection.send(wire.http(200, {**asdict(engine.counters), **now}))


def _fault(engine: "EngineDouble", connection: "Connection", body: Any) -> None:
    try:
        fault = parse_fault(body)
    except InvalidFaultError as error:
        return connection.send(wire.http(400, wire.error(str(error), "BadRequestError", 400)))
    task = asyncio.create_task(engine.set_fault(fault))
    # Answered when it holds, so that a test may go on at once.
    task.add_done_callback(lambda _: connection.send(wire.http(200, asdict(fault))))
    return None


def _answer(engine: "EngineDouble", connection: "Connection", body: Any) -> None:
    text = body.get("text") if isinstance(body, dict) else 0
    if text is not None and not isinstance(text, str):
        return connection.send(wire.http(400, wire.error("text must be a string or null", "BadRequestError", 400)))
    engine.next_answer = text
    return connection.send(wire.http(200, {"text": text}))


def _unready(engine: "EngineDouble") -> bytes | None:
    """Everything answers 503 while the model is loaded."""
    return refusal(engine.fault, 0) if engine.fault.kind is FaultKind.LOADING else None


CONTROL: Routes = {"/stats": {"GET": _stats}, "/fault": {"POST": _fault}, "/answer": {"POST": _answer}}
PROTOCOL: Routes = {
    "/v1/chat/completions": {"POST": _chat_completions},
    "/v1/models": {"GET": _models},
    "/health": {"GET": _health},
    "/tokenize": {"POST": _tokenize},
    "/metrics": {"GET": _metrics},
    **CONTROL,
}
