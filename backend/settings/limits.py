"""What one person may use, and what is written into the log."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from backend.settings.groups import group


class LimitSettings(BaseSettings):
    """Groups `Limits` and `Logs`."""

    max_message_chars: int = Field(
        60_000,
        ge=1000,
        validation_alias="MAX_MESSAGE_CHARS",
        description="Longest message a person may send, in characters.",
        json_schema_extra=group("Limits"),
    )
    max_request_bytes: int = Field(
        2_000_000,
        ge=10_000,
        validation_alias="MAX_REQUEST_BYTES",
        description="Largest request body accepted, in bytes.",
        json_schema_extra=group("Limits"),
    )
    requests_per_minute: int = Field(
        240,
        ge=1,
        validation_alias="REQUESTS_PER_MINUTE",
        description="Calls that start work (API calls, page events) a minute for one user.",
        json_schema_extra=group("Limits"),
    )
    streams_per_user: int = Field(
        4,
        ge=1,
        validation_alias="STREAMS_PER_USER",
        description="Answers one user may have written at the same time.",
        json_schema_extra=group("Limits"),
    )
    first_token_timeout_s: float = Field(
        120.0,
        gt=0,
        validation_alias="FIRST_TOKEN_TIMEOUT",
        description="Seconds to wait for the first word of an answer.",
        json_schema_extra=group("Limits"),
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        validation_alias="LOG_LEVEL",
        description="Least important level that is written.",
        json_schema_extra=group("Logs"),
    )
    log_format: Literal["json", "console"] = Field(
        "json",
        validation_alias="LOG_FORMAT",
        description="`json` for machines, `console` for eyes.",
        json_schema_extra=group("Logs"),
    )
    log_prompts: bool = Field(
        False,
        validation_alias="LOG_PROMPTS",
        description="Write the text of messages and answers into the log. Off: only their lengths.",
        json_schema_extra=group("Logs"),
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="METRICS_TOKEN",
        description="Bearer token a Prometheus server shows to read `/metrics`. Empty: loopback addresses and admins only.",
        json_schema_extra=group("Logs"),
    )
