"""Documents, hints and sentiment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from backend.settings.groups import REPOSITORY, absolute, group


class FeatureSettings(BaseSettings):
    """Groups `Documents`, `Hints` and `Sentiment`."""

    embedding_model: str = Field(
        "nlpai-lab/KURE-v1",
        validation_alias="EMBEDDING_MODEL_NAME",
        description="Encoder of the embedding server: a name on the hub, a folder, or `use-multilingual-v3` (CPU only, no torch). Not set and no other server given: the last of these.",
        json_schema_extra=group("Documents"),
    )
    remote_embed_url: str = Field(
        "",
        validation_alias="REMOTE_EMBED_URL",
        pattern=r"^(https?://\S+)?$",
        description="Embedding server on another machine, preferred while it is healthy. When set, none is started here.",
        json_schema_extra=group("Documents"),
    )
    embed_host: str = Field(
        "127.0.0.1",
        validation_alias="EMBED_HOST",
        description="Host of the local embedding server.",
        json_schema_extra=group("Documents"),
    )
    embed_port: int = Field(
        8001,
        ge=1,
        le=65535,
        validation_alias="EMBED_PORT",
        description="Port of the local embedding server.",
        json_schema_extra=group("Documents"),
    )
    embed_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="EMBED_API_KEY",
        description="Key of the embedding servers. Empty: none is asked.",
        json_schema_extra=group("Documents"),
    )
    retrieval_mode: Literal["lexical", "dense", "hybrid"] = Field(
        "hybrid",
        validation_alias="RETRIEVAL_MODE",
        description="How documents are searched: by words, by meaning, or both. Without an encoder: by words.",
        json_schema_extra=group("Documents"),
    )
    lexical_weight: float = Field(
        0.8,
        ge=0,
        le=1,
        validation_alias="LEXICAL_WEIGHT",
        description="`RETRIEVAL_MODE=hybrid`: share of the words in a passage's score; the rest is the meaning's.",
        json_schema_extra=group("Documents"),
    )

    max_document_bytes: int = Field(
        50_000_000,
        ge=100_000,
        le=500_000_000,
        validation_alias="MAX_DOCUMENT_BYTES",
        description="Largest file accepted as a document, in bytes. One upload may bring four times as much.",
        json_schema_extra=group("Documents"),
    )
    passage_tokens: int | None = Field(
        None,
        ge=100,
        le=100_000,
        validation_alias="PASSAGE_TOKENS",
        description="Tokens of documents the model reads for one answer. Empty: 600 with `llamacpp`, else a quarter of the context, at most 4,000.",
        json_schema_extra=group("Documents"),
    )
    relevance_words: float = Field(
        0.25,
        ge=0,
        le=1,
        validation_alias="RELEVANCE_WORDS",
        description="Share of a question's words a passage has to have to count as relevant.",
        json_schema_extra=group("Documents"),
    )
    relevance_similarity: float = Field(
        0.5,
        ge=-1,
        le=1,
        validation_alias="RELEVANCE_SIMILARITY",
        description="Cosine similarity with the question from which a passage counts as relevant whatever its words are.",
        json_schema_extra=group("Documents"),
    )

    problems_path: Path = Field(
        REPOSITORY / "data" / "problems_multi_solution.json",
        validation_alias="DATA_FILE_PATH",
        description="File of coding problems, see `docs/hints-problems.md`.",
        json_schema_extra=group("Hints"),
    )

    sentiment_max_file_mb: int = Field(
        512,
        ge=1,
        le=4096,
        validation_alias="SENTIMENT_MAX_FILE_MB",
        description="Largest file of reviews accepted, in megabytes.",
        json_schema_extra=group("Sentiment"),
    )

    _absolute_problems = field_validator("problems_path")(absolute)
