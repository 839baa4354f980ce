"""Logs: one structured line an event, each with the id of its request, without secrets and without what people wrote.

Everything that logs through the standard library (uvicorn, SQLAlchemy, APScheduler) takes the same way, so that there
is one format and one redaction.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from backend.settings import Settings

REDACTED = "[redacted]"
# `tokens` (a count) is no secret, `token` is.
_SECRET_KEY = re.compile(
    r"(?:^|[_\-.])(?:password|passwd|secret|token|authorization|cookie|api_?-?key|credentials?|session_id)"
    r"(?:[_\-.](?:hash|value|plain))?$",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@"), rf"\1{REDACTED}@"),
    (
        re.compile(
            r"(?i)\b((?:[a-z]+_)*(?:password|passwd|secret|token|api_?key|ondol_session))(\s*[=:]\s*)[^\s,;&\"')]+"
        ),
        rf"\1\2{REDACTED}",
    ),
)
# What people wrote and models answered; LOG_PROMPTS lets it through.
PROMPT_KEYS = frozenset(
    {"prompt", "system_prompt", "question", "answer", "message", "messages", "content", "completion"}
)
_NOISY_LOGGERS = (
    "httpx", "httpcore", "httpx2", "httpcore2", "openai", "urllib3", "asyncio", "multipart",
    "apscheduler.executors.default",
)  # fmt: skip


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Sets up structlog and the standard library's root logger. Start uvicorn with `log_config=None, access_log=False`.

    Args:
        settings: `log_format`, `log_level` and `log_prompts` are read.
        stream: where lines go, standard error by default.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    console = settings.log_format == "console"
    rendered: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        PromptText(kept=settings.log_prompts),
        redact,
        structlog.dev.ConsoleRenderer(colors=False)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=rendered))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate, logger.disabled = True, False  # a library that was imported may have silenced it
        logger.setLevel(logging.NOTSET)
    # Their INFO lines are addresses of every request made and every tick of a clock, their DEBUG lines whole prompts.
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class PromptText:
    """Processor that replaces what people and models wrote by its length, unless `kept`."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        if not self._kept:
            for key in PROMPT_KEYS & event.keys():
                value = event[key]
                event[key] = f"[{len(value)} characters]" if isinstance(value, str) else "[left out]"
        return event


def redact(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Processor that blanks values whose key names a secret, and secrets that a text carries."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: str, value: Any) -> Any:
    if value is not None and _SECRET_KEY.search(key):
        return REDACTED
    if isinstance(value, str):
        return _without_secrets(value)
    if isinstance(value, Mapping):
        return {k: _redacted(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", item) for item in value]
    return value


def _without_secrets(text: str) -> str:
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text
