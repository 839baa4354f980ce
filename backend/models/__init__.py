"""Weights: a manifest of model files with their hashes, and the fetcher.

What other parts of the system need is here: where the weights lie that the settings ask for, and whether they
can be used.
"""

from pathlib import Path

from backend.errors import WeightsDamaged, WeightsMissing
from backend.models.gguf import GgufHeader, read_header
from backend.models.manifest import Manifest, Model, manifest
from backend.settings import Settings

__all__ = [
    "GgufHeader",
    "Manifest",
    "Model",
    "manifest",
    "model_name",
    "read_header",
    "ready_weights",
    "weights_path",
]


def model_name(settings: Settings) -> str:
    """The name under which llama.cpp serves the model the settings ask for.

    A file of the user's own (`LLM_GGUF`) is called what `LLM_MODEL` says, or after the file.

    Raises:
        UnknownModel: the manifest has no such model.
    """
    if settings.llm_gguf is not None:
        return settings.llm_model or settings.llm_gguf.stem
    return manifest().model(settings.llm_model).name


def weights_path(settings: Settings) -> Path:
    """Where the GGUF lies that the settings ask for. A file of the manifest need not have been fetched yet.

    Raises:
        UnknownModel: the manifest has no such model.
        GgufUnusable: `LLM_GGUF` names a file that is missing, cannot be read or is not a GGUF.
    """
    if settings.llm_gguf is not None:
        read_header(settings.llm_gguf)
        return settings.llm_gguf
    return settings.weights_dir / manifest().model(settings.llm_model).file


def ready_weights(settings: Settings) -> Path:
    """Like `weights_path`, for a file that is complete. The contents are not hashed: that takes seconds.

    Raises:
        UnknownModel, GgufUnusable: as in `weights_path`.
        WeightsMissing: the file has not been fetched.
        WeightsDamaged: the file has another size than the manifest says.
    """
    path = weights_path(settings)
    if settings.llm_gguf is not None:
        return path
    model = manifest().model(settings.llm_model)
    if not path.is_file():
        raise WeightsMissing(model=model.name, path=path)
    size = path.stat().st_size
    if size != model.size:
        raise WeightsDamaged(model=model.name, path=path, reason=f"{size:,} bytes instead of {model.size:,}")
    return path
