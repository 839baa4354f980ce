"""A model on the Hugging Face hub: what belongs to it, how much of it is here, and where it lies once it is whole.

The files lie in the hub's own cache (`HF_HOME/hub`), so that vLLM, the embedding server and every other program of the
machine share them. The transfer itself is `backend/llm/hub_fetch.py`, in a process of its own.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from backend.errors import ModelDownloadFailed, ModelGated, ModelNotOnHub, NoSpaceForModel
from backend.settings import Settings

_TIMEOUT = httpx.Timeout(20.0)
_OTHER_FORMATS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf", ".ot", ".tflite")
_OF_OTHERS = ("original/", "onnx/", "consolidated", "coreml/", "openvino/")
_KEPT_FREE_BYTES = 1 << 30  # for the database and the logs, which share the disk


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to be fetched of a model.

    Attributes:
        revision: commit, so that files of two versions never mix.
        files: names below the repository.
        total_bytes: of all of them.
    """

    revision: str
    files: tuple[str, ...]
    total_bytes: int


def folder_of(settings: Settings, model: str) -> Path:
    """Where the hub's cache keeps a model."""
    return settings.hub_home / "hub" / f"models--{model.replace('/', '--')}"


def ready_folder(settings: Settings, model: str) -> Path | None:
    """The folder with the model's files once all of them are there; None before."""
    if Path(model).is_dir():
        return Path(model)
    try:
        revision = (folder_of(settings, model) / ".ondol-complete").read_text().strip()
    except OSError:
        return None
    snapshot = folder_of(settings, model) / "snapshots" / revision
    return snapshot if revision and (snapshot / "config.json").exists() else None


def cached_folder(settings: Settings, model: str) -> Path | None:
    """The folder with the version that another program fetched as the newest, when it is whole as far as can be told
    without the hub: its configuration and every file of the weights that its index names."""
    kept = folder_of(settings, model)
    try:
        snapshot = kept / "snapshots" / (kept / "refs" / "main").read_text().strip()
        index = snapshot / "model.safetensors.index.json"
        shards = json.loads(index.read_text())["weight_map"].values() if index.exists() else ["model.safetensors"]
        is_whole = all((snapshot / name).exists() for name in {"config.json", *shards})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return snapshot if is_whole else None


def mark_ready(settings: Settings, model: str, revision: str) -> None:
    (folder_of(settings, model) / ".ondol-complete").write_text(revision)


def listing(settings: Settings, model: str) -> Listing:
    """Asks the hub what belongs to the model.

    Raises:
        ModelNotOnHub, ModelGated
        ModelDownloadFailed: the hub cannot be reached, or answers something else.
    """
    token = settings.hf_token.get_secret_value()
    url = f"{settings.hf_endpoint.rstrip('/')}/api/models/{quote(model)}"
    try:
        answer = httpx.get(
            url,
            params={"blobs": "true"},
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT,
            follow_redirects=True,
        )
        if answer.headers.get("X-Error-Code") == "GatedRepo":
            raise ModelGated(model=model)
        # To those who may not see it the hub does not tell whether a model exists.
        if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ModelNotOnHub(model=model)
        return read_listing(answer.raise_for_status().json())
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        raise ModelDownloadFailed(model=model) from None


def read_listing(answer: Mapping[str, Any]) -> Listing:
    """What vLLM needs of a repository: everything but the weights in other formats where there are safetensors.

    Raises:
        KeyError, TypeError: it is not the hub's answer.
    """
    sizes = {str(entry["rfilename"]): int(entry.get("size") or 0) for entry in answer["siblings"]}
    has_safetensors = any(name.endswith(".safetensors") and not name.startswith(_OF_OTHERS) for name in sizes)
    wanted = {
        name: size
        for name, size in sizes.items()
        if not name.startswith(_OF_OTHERS) and not (has_safetensors and name.endswith(_OTHER_FORMATS))
    }
    return Listing(str(answer["sha"]), tuple(sorted(wanted)), sum(wanted.values()))


def fetched_bytes(settings: Settings, model: str) -> int:
    """What is here of the model, begun files included."""
    total = 0
    for file in folder_of(settings, model).glob("blobs/*"):
        try:
            total += file.stat().st_size
        except OSError:  # renamed meanwhile: it was complete
            continue
    return total


def require_room(settings: Settings, model: str, missing_bytes: int) -> None:
    """Raises NoSpaceForModel where the rest of the model does not fit on the disk."""
    folder = settings.hub_home
    while not folder.exists():
        folder = folder.parent
    if shutil.disk_usage(folder).free < missing_bytes + _KEPT_FREE_BYTES:
        raise NoSpaceForModel(model=model)


def wanted_files(found: Listing) -> str:
    """The listing as one argument for the process that fetches it."""
    return json.dumps({"revision": found.revision, "files": found.files})
