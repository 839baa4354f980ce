"""Where data is kept, and where weights come from."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from backend.settings.groups import REPOSITORY, absolute, group


class DataSettings(BaseSettings):
    """Group `Data`."""

    data_dir: Path = Field(
        REPOSITORY / "var",
        validation_alias="DATA_DIR",
        description="Folder for the database, the weights, the logs and generated secrets.",
        json_schema_extra=group("Data"),
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="DATABASE_URL",
        description="PostgreSQL with pgvector 0.8 or newer, e.g. `postgresql://user:password@host/ondol`. Empty: the embedded server.",
        json_schema_extra=group("Data"),
    )
    hf_home: Path | None = Field(
        None,
        validation_alias="HF_HOME",
        description="Cache folder of the Hugging Face libraries, where the embedding server uses them.",
        json_schema_extra=group("Data"),
    )
    hf_endpoint: str = Field(
        "https://huggingface.co",
        validation_alias="HF_ENDPOINT",
        pattern=r"^https?://\S+$",
        description="Address of the Hugging Face hub or of a mirror, tried first when weights are fetched.",
        json_schema_extra=group("Data"),
    )
    hf_token: SecretStr = Field(
        SecretStr(""),
        validation_alias="HF_TOKEN",
        description="Hugging Face token for models that ask for one.",
        json_schema_extra=group("Data"),
    )

    @field_validator("database_url")
    @classmethod
    def _postgres_only(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must start with postgresql://")
        return value

    _absolute_data_dir = field_validator("data_dir")(absolute)
