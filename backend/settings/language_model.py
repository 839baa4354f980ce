"""Which engines answer, and how the one started here is run."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from backend.settings.groups import absolute, group
from backend.settings.routing import RouteStep, Workload, is_outside, read_routes

# `host`, `host:port`, `:port`, `[ipv6]:port`, bare IPv6, each with http:// or https:// in front if wished.
OLLAMA_HOST = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*(?::[0-9A-Fa-f.]*){2,}|[^\s/?#@:\[\]]*)"
    r"(?::(?P<port>\d{1,5}))?/?"
)


class ServiceType(StrEnum):
    """Which engine speaks the OpenAI protocol at the language model's address."""

    LLAMACPP = "llamacpp"
    VLLM = "vllm"
    OLLAMA = "ollama"
    TRANSFORMERS = "transformers"
    OPENAI = "openai"


class ProviderEntry(BaseModel):
    """One more engine beside the main one, as written in `LLM_PROVIDERS`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    base_url: Annotated[str, Field(pattern=r"^https?://")]
    model: str = ""
    api_key: SecretStr = SecretStr("")
    service_type: ServiceType = ServiceType.OPENAI
    context: Annotated[int, Field(ge=512)] | None = None  # tokens, where the engine does not tell
    hosted: bool | None = None  # None: seen from the address
    usd_per_million_input: Annotated[float, Field(ge=0)] | None = None
    usd_per_million_output: Annotated[float, Field(ge=0)] | None = None

    @property
    def is_hosted(self) -> bool:
        """What it is asked leaves the operator's own machines."""
        return is_outside(self.base_url) if self.hosted is None else self.hosted


class LanguageModelSettings(BaseSettings):
    """Group `Language model`."""

    service_type: ServiceType = Field(
        ServiceType.LLAMACPP,
        validation_alias="LLM_SERVICE_TYPE",
        description="Engine behind the main address: `llamacpp`, `vllm`, `ollama`, `transformers` or `openai` (any hosted one).",
        json_schema_extra=group("Language model"),
    )
    llm_url: str = Field(
        "",
        validation_alias="VLLM_SERVER_URL",
        pattern=r"^(https?://\S+)?$",
        description="Address of the main engine, with or without `/v1`. Empty: built from host and port.",
        json_schema_extra=group("Language model"),
    )
    llm_host: str = Field(
        "127.0.0.1",
        validation_alias="VLLM_HOST",
        description="Host of the main engine.",
        json_schema_extra=group("Language model"),
    )
    llm_port: int = Field(
        8000,
        ge=1,
        le=65535,
        validation_alias="VLLM_PORT",
        description="Port of the main engine.",
        json_schema_extra=group("Language model"),
    )
    ollama_host: str = Field(
        "127.0.0.1",
        validation_alias="OLLAMA_HOST",
        description="Host of Ollama (`LLM_SERVICE_TYPE=ollama`); `host:port` and `http://host:port` are understood.",
        json_schema_extra=group("Language model"),
    )
    ollama_port: int = Field(
        11434,
        ge=1,
        le=65535,
        validation_alias="OLLAMA_PORT",
        description="Port of Ollama.",
        json_schema_extra=group("Language model"),
    )
    ollama_pull: bool = Field(
        True,
        validation_alias="OLLAMA_PULL",
        description="Whether a model that Ollama does not have is downloaded by it, for every provider of the type `ollama`. Off: `ollama pull` is yours to run.",
        json_schema_extra=group("Language model"),
    )
    llm_model: str = Field(
        "",
        validation_alias=AliasChoices("LLM_MODEL_NAME", "LLM_MODEL", "VLLM_MODEL"),
        description="Model to use. With `llamacpp` a name of the manifest (`python -m backend.models list`); empty: the default of the engine, for `llamacpp` Qwen2.5-Coder-1.5B-Instruct.",
        json_schema_extra=group("Language model"),
    )
    llm_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="LLM_API_KEY",
        description="Key of the main engine. Empty with `llamacpp`: one is generated.",
        json_schema_extra=group("Language model"),
    )
    llm_gguf: Path | None = Field(
        None,
        validation_alias="LLM_GGUF",
        description="A GGUF file of your own for `llamacpp`, instead of a model of the manifest.",
        json_schema_extra=group("Language model"),
    )
    llm_context: int | None = Field(
        None,
        ge=512,
        validation_alias="LLM_CONTEXT",
        description="`llamacpp`: tokens of context for one conversation. Empty: chosen from the machine's memory.",
        json_schema_extra=group("Language model"),
    )
    llm_threads: int | None = Field(
        None,
        ge=1,
        validation_alias="LLM_THREADS",
        description="`llamacpp`: computing threads. Empty: chosen from the machine's cores.",
        json_schema_extra=group("Language model"),
    )
    llm_slots: int | None = Field(
        None,
        ge=1,
        le=64,
        validation_alias="LLM_SLOTS",
        description="`llamacpp`: conversations answered at the same time. Empty: chosen from the machine.",
        json_schema_extra=group("Language model"),
    )
    llm_wait_policy: Literal["auto", "active", "passive"] = Field(
        "auto",
        validation_alias="LLM_WAIT_POLICY",
        description="`llamacpp`: whether idle threads spin (`active`, fast on a machine of its own) or sleep (`passive`, right on shared cores).",
        json_schema_extra=group("Language model"),
    )
    llm_providers: Annotated[tuple[ProviderEntry, ...], NoDecode] = Field(
        (),
        validation_alias="LLM_PROVIDERS",
        description='More engines to choose from, as JSON: `[{"name": "pod", "base_url": "http://127.0.0.1:18000/v1", "model": "…", "api_key": "…"}]`.',
        json_schema_extra=group("Language model"),
    )
    llm_routes: Annotated[dict[Workload, tuple[RouteStep, ...]], NoDecode] = Field(
        {},
        validation_alias="LLM_ROUTES",
        description='Which engines a kind of work asks, in order, as JSON: `{"light": ["main"], "heavy": ["pod", "main"], "bulk": ["pod:9", "other:1"]}` (`docs/providers.md`). Empty: the main one does everything.',
        json_schema_extra=group("Language model"),
    )
    llm_allow_hosted: bool = Field(
        False,
        validation_alias="LLM_ALLOW_HOSTED",
        description="Whether routes and people may use engines outside your own machines: what is asked leaves them.",
        json_schema_extra=group("Language model"),
    )

    @field_validator("llm_providers", mode="before")
    @classmethod
    def _json_list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if not isinstance(found, list):
            raise ValueError("must be a JSON list of objects")
        return found

    @field_validator("llm_routes", mode="before")
    @classmethod
    def _routes(cls, value: object) -> dict[Workload, tuple[RouteStep, ...]]:
        return read_routes(value)

    @field_validator("ollama_host")
    @classmethod
    def _ollama_address(cls, value: str) -> str:
        if OLLAMA_HOST.fullmatch(value) is None:
            raise ValueError("must be a host, host:port, or an http:// or https:// address without a path")
        return value

    @property
    def main_is_hosted(self) -> bool:
        """What the main engine is asked leaves the operator's own machines.

        Only one that is called hosted: an engine of one's own may have a public name, as a pod behind RunPod's proxy.
        """
        return self.service_type is ServiceType.OPENAI and is_outside(
            self.llm_url or f"http://{self.llm_host}:{self.llm_port}"
        )

    @model_validator(mode="after")
    def _providers(self) -> Self:
        names = [entry.name for entry in self.llm_providers]
        if "main" in names or len(set(names)) != len(names):
            raise ValueError("LLM_PROVIDERS: names must be distinct, and `main` is taken")
        hosted = {"main": self.main_is_hosted} | {entry.name: entry.is_hosted for entry in self.llm_providers}
        for workload in Workload if self.llm_routes else ():
            steps = self.llm_routes.get(workload, (RouteStep("main", None),))
            for step in steps:
                if step.provider not in hosted:
                    raise ValueError(
                        f"LLM_ROUTES: {workload}: there is no provider `{step.provider}`; there are: {', '.join(hosted)}"
                    )
            if not self.llm_allow_hosted and all(hosted[step.provider] for step in steps):
                raise ValueError(
                    f"LLM_ROUTES: {workload}: only hosted providers, which get what people write; "
                    "add one of your own, or allow them with LLM_ALLOW_HOSTED=true"
                )
        return self

    _absolute_gguf = field_validator("llm_gguf")(absolute)
