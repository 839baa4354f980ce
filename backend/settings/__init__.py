"""Every environment variable Ondol reads, typed and documented.

This package is the only place that looks at the environment. `load()` reports everything that is wrong in one
message, so that a person fixes a configuration once and not line by line.
`docs/configuration.md` and `.env.example` are generated from the fields (`python -m backend.configuration_docs --write`).
"""

import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from filelock import FileLock
from pydantic import AliasChoices, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict

from backend.settings.data import DataSettings
from backend.settings.features import FeatureSettings
from backend.settings.groups import REPOSITORY
from backend.settings.language_model import OLLAMA_HOST, LanguageModelSettings, ProviderEntry, ServiceType
from backend.settings.limits import LimitSettings
from backend.settings.page import PageSettings
from backend.settings.pod import PodSettings
from backend.settings.routing import RouteStep, Workload
from backend.settings.vllm import VllmSettings

__all__ = [
    "OLLAMA_HOST",
    "REPOSITORY",
    "ConfigurationError",
    "ProviderEntry",
    "RouteStep",
    "ServiceType",
    "Settings",
    "Workload",
    "current",
    "load",
    "variables",
]

# Where a container finds its secrets: a file for each, named as the variable (docker-compose.yml).
SECRETS = Path("/run/secrets")


class ConfigurationError(Exception):
    """The environment cannot be used; the message lists every variable that is wrong, and never its value."""


class Settings(
    PodSettings, FeatureSettings, LimitSettings, VllmSettings, LanguageModelSettings, DataSettings, PageSettings
):
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

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"

    @property
    def weights_dir(self) -> Path:
        return self.data_dir / "weights"

    @property
    def vllm_is_here(self) -> bool:
        """Whether the main engine is a vLLM on this machine, given by its port and not by an address."""
        is_local = self.llm_host in ("127.0.0.1", "localhost", "::1")
        return self.service_type is ServiceType.VLLM and not self.llm_url and is_local

    @property
    def hub_home(self) -> Path:
        """Where the language model of a vLLM that is run here is kept, and what the Hugging Face libraries keep beside it."""
        return self.hf_home or self.data_dir / "huggingface"

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
    """Reads the environment, then `.env`, then the files of `SECRETS` where that folder exists.

    Raises:
        ConfigurationError: listing every variable that is wrong.
    """
    readable = os.access(SECRETS, os.R_OK | os.X_OK)
    try:
        return Settings(**{"_secrets_dir": SECRETS if readable else None, **overrides})  # type: ignore[arg-type]
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
