"""What an engine is doing before it answers, noted by whoever prepares it and read by the page and the console.

A model of 15 GB takes minutes to fetch and to load, in another process than the one that serves the page. Between the
two lies one small file for each provider: `DATA_DIR/run/preparation-NAME.json`, replaced in one step, so that a reader
sees the old note or the new one and never a half.
"""

import contextlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from backend.settings import Settings

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Phase(StrEnum):
    """How far it is. LOWERED: a start ran out of memory and is tried again with less."""

    CHECKING = "checking"
    DOWNLOADING = "downloading"
    LOADING = "loading"
    LOWERED = "lowered"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Lowered:
    """One setting that was taken down after a start ran out of memory; `setting` is the name of its variable."""

    setting: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preparation:
    """The state of one engine's preparation. It holds no secrets.

    Attributes:
        done_bytes, total_bytes: of the weights, while DOWNLOADING; `total_bytes` None: not known.
        chosen: the settings it is started with, each as (name of the variable, value).
        because: code of the reason for the choice; empty: nothing was chosen.
        lowered: what was taken down, in the order in which it happened.
        error: code of an OndolError; empty: none. With a phase other than FAILED it is tried again.
        at: unix seconds.
    """

    phase: Phase
    model: str
    done_bytes: int = 0
    total_bytes: int | None = None
    chosen: tuple[tuple[str, str], ...] = ()
    because: str = ""
    lowered: tuple[Lowered, ...] = ()
    error: str = ""
    at: float = field(default_factory=time.time)


def note(settings: Settings, preparation: Preparation, name: str = "main") -> None:
    """Replaces the note of the provider `name`.

    A note that cannot be written (a full disk) is dropped: preparing the engine matters more than telling about it.
    """
    file = _file(settings, name)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.write_text(json.dumps(asdict(preparation)))
        partial.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def noted(settings: Settings, name: str = "main") -> Preparation | None:
    """The last note of the provider `name`; None when there is none that can be read."""
    try:
        fields: dict[str, Any] = json.loads(_file(settings, name).read_text())
        return Preparation(
            **{
                **fields,
                "phase": Phase(fields["phase"]),
                "chosen": tuple((str(setting), str(value)) for setting, value in fields["chosen"]),
                "lowered": tuple(Lowered(**step) for step in fields["lowered"]),
            }
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def forget(settings: Settings, name: str = "main") -> None:
    """Removes the note of the provider `name`, for an engine that is not prepared here any more."""
    _file(settings, name).unlink(missing_ok=True)


def _file(settings: Settings, name: str) -> Path:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"not the name of a provider: {name!r}")
    return settings.data_dir / "run" / f"preparation-{name}.json"
