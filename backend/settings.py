"""Every environment variable Ondol reads, typed and documented.

This is the only module that looks at the environment. `load()` reports everything that is wrong in one
message, so that a person fixes a configuration once and not line by line.
`docs/configuration.md` and `.env.example` are generated from the fields below (`python -m backend.configuration_docs --write`).
"""

import json
import re
import secrets
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from filelock import FileLock
from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parent.parent
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


class ConfigurationError(Exception):
    """The environment cannot be used; the message lists every variable that is wrong, and never its value."""


def _group(name: str, *, reserved: bool = False) -> Any:
    """Marks the section of `docs/configuration.md` in which a field is listed.

    A reserved one is read and checked, so that a wrong value is told at once, and has no effect in this release.
    """
    return {"group": name, "reserved": reserved}


class Settings(BaseSettings):
    """Ondol's configuration. Field descriptions are the documentation of the variables."""

    model_config = SettingsConfigDict(
        env_file=REPOSITORY / ".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )
    GROUPS: ClassVar[tuple[str, ...]] = (
        "Page", "Data", "Language model", "Limits", "Logs", "Documents", "Hints", "Sentiment", "Pod",
    )  # fmt: skip

    # --- Page -----------------------------------------------------------------------------------
    server_name: str = Field(
        "127.0.0.1",
        validation_alias="GRADIO_SERVER_NAME",
        description="Address the page listens on. `0.0.0.0` opens it to the network.",
        json_schema_extra=_group("Page"),
    )
    server_port: int = Field(
        7860,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("GRADIO_SERVER_PORT", "GRADIO_PORT"),
        description="Port of the page and of the JSON API.",
        json_schema_extra=_group("Page"),
    )
    session_days: int = Field(
        30,
        ge=1,
        le=365,
        validation_alias="SESSION_DAYS",
        description="Days a login lasts without being used.",
        json_schema_extra=_group("Page"),
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="TRUSTED_PROXIES",
        description="Addresses or networks (comma separated) whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
        json_schema_extra=_group("Page"),
    )

    # --- Data -----------------------------------------------------------------------------------
    data_dir: Path = Field(
        REPOSITORY / "var",
        validation_alias="DATA_DIR",
        description="Folder for the database, the weights, the logs and generated secrets.",
        json_schema_extra=_group("Data"),
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="DATABASE_URL",
        description="PostgreSQL with pgvector 0.8 or newer, e.g. `postgresql://user:password@host/ondol`. Empty: the embedded server.",
        json_schema_extra=_group("Data"),
    )
    hf_home: Path | None = Field(
        None,
        validation_alias="HF_HOME",
        description="Cache folder of the Hugging Face libraries, where the embedding server uses them.",
        json_schema_extra=_group("Data"),
    )
    hf_endpoint: str = Field(
        "https://huggingface.co",
        validation_alias="HF_ENDPOINT",
        pattern=r"^https?://\S+$",
        description="Address of the Hugging Face hub or of a mirror, tried first when weights are fetched.",
        json_schema_extra=_group("Data"),
    )
    hf_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="HF_TOKEN",
        description="Hugging Face token for models that ask for one.",
        json_schema_extra=_group("Data"),
    )

    # --- Language model -------------------------------------------------------------------------
    service_type: ServiceType = Field(
        ServiceType.LLAMACPP,
        validation_alias="LLM_SERVICE_TYPE",
        description="Engine behind the main address: `llamacpp`, `vllm`, `ollama`, `transformers` or `openai` (any hosted one).",
        json_schema_extra=_group("Language model"),
    )
    llm_url: str = Field(
        "",
        validation_alias="VLLM_SERVER_URL",
        pattern=r"^(https?://\S+)?$",
        description="Address of the main engine, with or without `/v1`. Empty: built from host and port.",
        json_schema_extra=_group("Language model"),
    )
    llm_host: str = Field(
        "127.0.0.1",
        validation_alias="VLLM_HOST",
        description="Host of the main engine.",
        json_schema_extra=_group("Language model"),
    )
    llm_port: int = Field(
        8000,
        ge=1,
        le=65535,
        validation_alias="VLLM_PORT",
        description="Port of the main engine.",
        json_schema_extra=_group("Language model"),
    )
    ollama_host: str = Field(
        "127.0.0.1",
        validation_alias="OLLAMA_HOST",
        description="Host of Ollama (`LLM_SERVICE_TYPE=ollama`); `host:port` and `http://host:port` are understood.",
        json_schema_extra=_group("Language model"),
    )
    ollama_port: int = Field(
        11434,
        ge=1,
        le=65535,
        validation_alias="OLLAMA_PORT",
        description="Port of Ollama.",
        json_schema_extra=_group("Language model"),
    )
    llm_model: str = Field(
        "",
        validation_alias=AliasChoices("LLM_MODEL_NAME", "LLM_MODEL", "VLLM_MODEL"),
        description="Model to use. With `llamacpp` a name of the manifest (`python -m backend.models list`); empty: the default of the engine, for `llamacpp` Qwen2.5-Coder-1.5B-Instruct.",
        json_schema_extra=_group("Language model"),
    )
    llm_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="LLM_API_KEY",
        description="Key of the main engine. Empty with `llamacpp`: one is generated.",
        json_schema_extra=_group("Language model"),
    )
    llm_gguf: Path | None = Field(
        None,
        validation_alias="LLM_GGUF",
        description="A GGUF file of your own for `llamacpp`, instead of a model of the manifest.",
        json_schema_extra=_group("Language model"),
    )
    llm_context: int | None = Field(
        None,
        ge=512,
        validation_alias="LLM_CONTEXT",
        description="`llamacpp`: tokens of context for one conversation. Empty: chosen from the machine's memory.",
        json_schema_extra=_group("Language model"),
    )
    llm_threads: int | None = Field(
        None,
        ge=1,
        validation_alias="LLM_THREADS",
        description="`llamacpp`: computing threads. Empty: chosen from the machine's cores.",
        json_schema_extra=_group("Language model"),
    )
    llm_slots: int | None = Field(
        None,
        ge=1,
        le=64,
        validation_alias="LLM_SLOTS",
        description="`llamacpp`: conversations answered at the same time. Empty: chosen from the machine.",
        json_schema_extra=_group("Language model"),
    )
    llm_wait_policy: Literal["auto", "active", "passive"] = Field(
        "auto",
        validation_alias="LLM_WAIT_POLICY",
        description="`llamacpp`: whether idle threads spin (`active`, fast on a machine of its own) or sleep (`passive`, right on shared cores).",
        json_schema_extra=_group("Language model"),
    )
    llm_providers: Annotated[tuple[ProviderEntry, ...], NoDecode] = Field(
        (),
        validation_alias="LLM_PROVIDERS",
        description='More engines to choose from, as JSON: `[{"name": "pod", "base_url": "http://127.0.0.1:18000/v1", "model": "…", "api_key": "…"}]`.',
        json_schema_extra=_group("Language model"),
    )
    vllm_gpu_memory_utilization: float = Field(
        0.85,
        gt=0,
        le=1,
        validation_alias="VLLM_GPU_MEMORY_UTILIZATION",
        description="`vllm`: share of the GPU's memory the engine takes.",
        json_schema_extra=_group("Language model", reserved=True),
    )
    vllm_max_model_len: int | None = Field(
        None,
        ge=512,
        validation_alias="VLLM_MAX_MODEL_LEN",
        description="`vllm`: tokens of context. Other engines: the context to assume when the engine does not tell.",
        json_schema_extra=_group("Language model"),
    )
    vllm_tensor_parallel_size: int = Field(
        1,
        ge=1,
        validation_alias="VLLM_TENSOR_PARALLEL_SIZE",
        description="`vllm`: GPUs one model is spread over.",
        json_schema_extra=_group("Language model", reserved=True),
    )

    # --- Limits ---------------------------------------------------------------------------------
    max_message_chars: int = Field(
        60_000,
        ge=1000,
        validation_alias="MAX_MESSAGE_CHARS",
        description="Longest message a person may send, in characters.",
        json_schema_extra=_group("Limits"),
    )
    max_request_bytes: int = Field(
        2_000_000,
        ge=10_000,
        validation_alias="MAX_REQUEST_BYTES",
        description="Largest request body accepted, in bytes.",
        json_schema_extra=_group("Limits"),
    )
    requests_per_minute: int = Field(
        240,
        ge=1,
        validation_alias="REQUESTS_PER_MINUTE",
        description="Calls that start work (API calls, page events) a minute for one user.",
        json_schema_extra=_group("Limits"),
    )
    streams_per_user: int = Field(
        4,
        ge=1,
        validation_alias="STREAMS_PER_USER",
        description="Answers one user may have written at the same time.",
        json_schema_extra=_group("Limits"),
    )
    first_token_timeout_s: float = Field(
        120.0,
        gt=0,
        validation_alias="FIRST_TOKEN_TIMEOUT",
        description="Seconds to wait for the first word of an answer.",
        json_schema_extra=_group("Limits"),
    )

    # --- Logs -----------------------------------------------------------------------------------
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        validation_alias="LOG_LEVEL",
        description="Least important level that is written.",
        json_schema_extra=_group("Logs"),
    )
    log_format: Literal["json", "console"] = Field(
        "json",
        validation_alias="LOG_FORMAT",
        description="`json` for machines, `console` for eyes.",
        json_schema_extra=_group("Logs"),
    )
    log_prompts: bool = Field(
        False,
        validation_alias="LOG_PROMPTS",
        description="Write the text of messages and answers into the log. Off: only their lengths.",
        json_schema_extra=_group("Logs"),
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="METRICS_TOKEN",
        description="Bearer token a Prometheus server shows to read `/metrics`. Empty: loopback addresses and admins only.",
        json_schema_extra=_group("Logs"),
    )

    # --- Documents ------------------------------------------------------------------------------
    embedding_model: str = Field(
        "nlpai-lab/KURE-v1",
        validation_alias="EMBEDDING_MODEL_NAME",
        description="Encoder of the embedding server: a name on the hub, a folder, or `use-multilingual-v3` (CPU only, no torch). Not set and no other server given: the last of these.",
        json_schema_extra=_group("Documents"),
    )
    remote_embed_url: str = Field(
        "",
        validation_alias="REMOTE_EMBED_URL",
        pattern=r"^(https?://\S+)?$",
        description="Embedding server on another machine, preferred while it is healthy. When set, none is started here.",
        json_schema_extra=_group("Documents"),
    )
    embed_host: str = Field(
        "127.0.0.1",
        validation_alias="EMBED_HOST",
        description="Host of the local embedding server.",
        json_schema_extra=_group("Documents"),
    )
    embed_port: int = Field(
        8001,
        ge=1,
        le=65535,
        validation_alias="EMBED_PORT",
        description="Port of the local embedding server.",
        json_schema_extra=_group("Documents"),
    )
    embed_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="EMBED_API_KEY",
        description="Key of the embedding servers. Empty: none is asked.",
        json_schema_extra=_group("Documents"),
    )
    retrieval_mode: Literal["lexical", "dense", "hybrid"] = Field(
        "hybrid",
        validation_alias="RETRIEVAL_MODE",
        description="How documents are searched: by words, by meaning, or both. Without an encoder: by words.",
        json_schema_extra=_group("Documents"),
    )
    lexical_weight: float = Field(
        0.8,
        ge=0,
        le=1,
        validation_alias="LEXICAL_WEIGHT",
        description="`RETRIEVAL_MODE=hybrid`: share of the words in a passage's score; the rest is the meaning's.",
        json_schema_extra=_group("Documents"),
    )

    max_document_bytes: int = Field(
        50_000_000,
        ge=100_000,
        le=500_000_000,
        validation_alias="MAX_DOCUMENT_BYTES",
        description="Largest file accepted as a document, in bytes. One upload may bring four times as much.",
        json_schema_extra=_group("Documents"),
    )
    passage_tokens: int | None = Field(
        None,
        ge=100,
        le=100_000,
        validation_alias="PASSAGE_TOKENS",
        description="Tokens of documents the model reads for one answer. Empty: 600 with `llamacpp`, else a quarter of the context, at most 4,000.",
        json_schema_extra=_group("Documents"),
    )
    relevance_words: float = Field(
        0.25,
        ge=0,
        le=1,
        validation_alias="RELEVANCE_WORDS",
        description="Share of a question's words a passage has to have to count as relevant.",
        json_schema_extra=_group("Documents"),
    )
    relevance_similarity: float = Field(
        0.5,
        ge=-1,
        le=1,
        validation_alias="RELEVANCE_SIMILARITY",
        description="Cosine similarity with the question from which a passage counts as relevant whatever its words are.",
        json_schema_extra=_group("Documents"),
    )

    # --- Hints ----------------------------------------------------------------------------------
    problems_path: Path = Field(
        REPOSITORY / "data" / "problems_multi_solution.json",
        validation_alias="DATA_FILE_PATH",
        description="File of coding problems, see `docs/hints-problems.md`.",
        json_schema_extra=_group("Hints"),
    )

    # --- Sentiment ------------------------------------------------------------------------------
    sentiment_max_file_mb: int = Field(
        512,
        ge=1,
        le=4096,
        validation_alias="SENTIMENT_MAX_FILE_MB",
        description="Largest file of reviews accepted, in megabytes.",
        json_schema_extra=_group("Sentiment"),
    )

    # --- Pod ------------------------------------------------------------------------------------
    runpod_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="RUNPOD_API_KEY",
        description="RunPod key; inside a pod it is set by RunPod.",
        json_schema_extra=_group("Pod"),
    )
    runpod_pod_id: str = Field(
        "",
        validation_alias="RUNPOD_POD_ID",
        pattern=r"^([a-zA-Z0-9][a-zA-Z0-9_-]{0,63})?$",
        description="The pod this system runs on; set by RunPod.",
        json_schema_extra=_group("Pod"),
    )
    runpod_api: Literal["auto", "rest", "sdk"] = Field(
        "auto",
        validation_alias="RUNPOD_API",
        description="How RunPod is asked: its REST API, its `runpod` package (GraphQL), or REST and the package where REST is gone.",
        json_schema_extra=_group("Pod"),
    )
    runpod_api_url: str = Field(
        "https://api.runpod.io/v2",
        validation_alias="RUNPOD_API_URL",
        pattern=r"^https?://\S+$",
        description="Address of RunPod's REST API, ends in its version.",
        json_schema_extra=_group("Pod"),
    )
    idle_threshold: float = Field(
        5.0,
        ge=0,
        le=100,
        validation_alias="IDLE_THRESHOLD",
        description="GPU utilisation in percent below which a check counts as idle.",
        json_schema_extra=_group("Pod"),
    )
    check_interval_s: int = Field(
        60,
        ge=1,
        validation_alias="CHECK_INTERVAL",
        description="Seconds between two checks.",
        json_schema_extra=_group("Pod"),
    )
    idle_limit: int = Field(
        5,
        ge=1,
        validation_alias="IDLE_LIMIT",
        description="Idle checks in a row after which the pod is stopped.",
        json_schema_extra=_group("Pod"),
    )
    min_runtime_s: int = Field(
        600,
        ge=0,
        validation_alias="MIN_RUNTIME",
        description="Seconds a pod runs at least, counted from the moment it is ready.",
        json_schema_extra=_group("Pod"),
    )
    idle_probe_command: str = Field(
        "",
        validation_alias="IDLE_PROBE_COMMAND",
        description="A command that tells whether the machine is in use: it ends with 0 when it is, with 1 when it is not, within 10 seconds. Run without a shell.",
        json_schema_extra=_group("Pod"),
    )
    idle_ssh_counts: bool = Field(
        True,
        validation_alias="IDLE_SSH_COUNTS",
        description="An open SSH session keeps the pod awake. `false` where people reach the page through SSH tunnels, which would count as well.",
        json_schema_extra=_group("Pod"),
    )
    idle_warning_s: int = Field(
        120,
        ge=0,
        validation_alias="IDLE_WARNING",
        description="Seconds of countdown in every open page before the pod is stopped.",
        json_schema_extra=_group("Pod"),
    )
    drain_grace_s: int = Field(
        60,
        ge=0,
        validation_alias="DRAIN_GRACE",
        description="Seconds that answers under way have to finish once a stop has been ordered.",
        json_schema_extra=_group("Pod"),
    )
    pod_schedule: str = Field(
        "",
        validation_alias="POD_SCHEDULE",
        description="When the pod is to run, e.g. `mon-fri 09:00-19:00 Asia/Seoul; not 2026-12-25`. The watchdog starts it; the app or the watchdog stops it.",
        json_schema_extra=_group("Pod"),
    )
    schedule_patience_s: int = Field(
        3600,
        ge=0,
        validation_alias="SCHEDULE_PATIENCE",
        description="Seconds that a stop by the schedule waits for work to end, before it goes ahead.",
        json_schema_extra=_group("Pod"),
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="ALERT_WEBHOOK_URL",
        description="Where it is told that a pod could not be stopped or started: a webhook of Slack, of Discord, or any that takes JSON. https, or http to this machine.",
        json_schema_extra=_group("Pod"),
    )
    alert_email_to: str = Field(
        "",
        validation_alias="ALERT_EMAIL_TO",
        description="E-mail addresses (comma separated) that are told the same; needs `SMTP_URL`.",
        json_schema_extra=_group("Pod"),
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="SMTP_URL",
        description="Mail server: `smtp://user:password@host:587` or `smtps://user:password@host:465`.",
        json_schema_extra=_group("Pod"),
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

    @field_validator("runpod_api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            address = urlsplit(value)
            is_whole = bool(address.hostname) and address.port != 0  # a port that is none raises
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError("must be an http:// or https:// address")
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _alerts_are_private(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if url.geturl() and not (
            url.hostname
            and (url.scheme == "https" or (url.scheme == "http" and url.hostname in {"127.0.0.1", "localhost", "::1"}))
        ):
            raise ValueError("must be an https:// address, or an http:// address of this machine")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if url.geturl() and not (url.scheme in {"smtp", "smtps"} and url.hostname):
            raise ValueError("must be smtp://[user:password@]host[:port] or smtps://…")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres_only(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must start with postgresql://")
        return value

    @field_validator("data_dir", "llm_gguf", "problems_path")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().resolve()

    @model_validator(mode="after")
    def _distinct_provider_names(self) -> Self:
        names = [entry.name for entry in self.llm_providers]
        if "main" in names or len(set(names)) != len(names):
            raise ValueError("LLM_PROVIDERS: names must be distinct, and `main` is taken")
        return self

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"

    @property
    def weights_dir(self) -> Path:
        return self.data_dir / "weights"

    def local_secret(self, name: str) -> str:
        """A random secret that is made once and kept in `DATA_DIR/secrets/<name>`, mode 0600.

        Two processes that ask at the same moment get the same value.
        """
        self.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.secrets_dir / name
        with FileLock(self.secrets_dir / ".lock", mode=0o600):
            if not path.exists():
                candidate = self.secrets_dir / f".{name}.new"
                candidate.unlink(missing_ok=True)
                candidate.touch(mode=0o600)
                candidate.write_text(secrets.token_urlsafe(32))
                candidate.replace(path)
        return path.read_text().strip()


def load(**overrides: object) -> Settings:
    """Reads the environment and `.env`.

    Raises:
        ConfigurationError: listing every variable that is wrong.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"  {_variable(e['loc'])}: {_fault(e)}" for e in error.errors()]
        raise ConfigurationError(
            "The configuration cannot be used:\n"
            + "\n".join(lines)
            + "\nCorrect these in the environment or in .env; docs/configuration.md describes each."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError("The file .env cannot be read: it must be text in UTF-8. Save it as such.") from None


def variables(name: str) -> tuple[str, ...]:
    """The environment variables that set a field, the preferred one first."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (str(alias),)


def _variable(location: tuple[int | str, ...]) -> str:
    """Names all spellings of a variable: which of them was set is not told by the validator."""
    if not location:
        return "settings"
    for name in Settings.model_fields:
        if location[0] in variables(name):
            return ".".join(["/".join(variables(name)), *map(str, location[1:])])
    return ".".join(map(str, location))


def _fault(error: ErrorDetails) -> str:
    """What is wrong with a value, without the value; a pattern is told in words."""
    if error["type"] == "string_pattern_mismatch" and "https?" in error["ctx"]["pattern"]:
        return "must be an http:// or https:// address"
    return error["msg"].removeprefix("Value error, ")


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once."""
    return load()
