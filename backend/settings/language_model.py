"""Which engines answer, and how the one started here is run."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from backend.settings.groups import absolute, group

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
    vllm_gpu_memory_utilization: float = Field(
        0.85,
        gt=0,
        le=1,
        validation_alias="VLLM_GPU_MEMORY_UTILIZATION",
        description="`vllm`: share of the GPU's memory the engine takes.",
        json_schema_extra=group("Language model", reserved=True),
    )
    vllm_max_model_len: int | None = Field(
        None,
        ge=512,
        validation_alias="VLLM_MAX_MODEL_LEN",
        description="`vllm`: tokens of context. Other engines: the context to assume when the engine does not tell.",
        json_schema_extra=group("Language model"),
    )
    vllm_tensor_parallel_size: int = Field(
        1,
        ge=1,
        validation_alias="VLLM_TENSOR_PARALLEL_SIZE",
        description="`vllm`: GPUs one model is spread over.",
        json_schema_extra=group("Language model", reserved=True),
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

    @field_validator("ollama_host")
    @classmethod
    def _ollama_address(cls, value: str) -> str:
        if OLLAMA_HOST.fullmatch(value) is None:
            raise ValueError("must be a host, host:port, or an http:// or https:// address without a path")
        return value

    @model_validator(mode="after")
    def _distinct_provider_names(self) -> Self:
        names = [entry.name for entry in self.llm_providers]
        if "main" in names or len(set(names)) != len(names):
            raise ValueError("LLM_PROVIDERS: names must be distinct, and `main` is taken")
        return self

    _absolute_gguf = field_validator("llm_gguf")(absolute)
