"""The page: where it listens and whom it believes."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from backend.settings.groups import group


class PageSettings(BaseSettings):
    """Group `Page`."""

    server_name: str = Field(
        "127.0.0.1",
        validation_alias="GRADIO_SERVER_NAME",
        description="Address the page listens on. `0.0.0.0` opens it to the network.",
        json_schema_extra=group("Page"),
    )
    server_port: int = Field(
        7860,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("GRADIO_SERVER_PORT", "GRADIO_PORT"),
        description="Port of the page and of the JSON API.",
        json_schema_extra=group("Page"),
    )
    session_days: int = Field(
        30,
        ge=1,
        le=365,
        validation_alias="SESSION_DAYS",
        description="Days a login lasts without being used.",
        json_schema_extra=group("Page"),
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="TRUSTED_PROXIES",
        description="Addresses or networks (comma separated) whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
        json_schema_extra=group("Page"),
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            try:
                ip_network(entry, strict=False)
            except ValueError:
                raise ValueError(f"{entry!r} is neither an address nor a network") from None
        return value
