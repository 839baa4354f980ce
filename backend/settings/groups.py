"""What every group of settings is written with."""

from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def group(name: str, *, reserved: bool = False) -> Any:
    """Marks the section of `docs/configuration.md` in which a field is listed.

    A reserved one is read and checked, so that a wrong value is told at once, and has no effect in this release.
    """
    return {"group": name, "reserved": reserved}


def absolute(value: Path | None) -> Path | None:
    """A path of the settings, whatever folder a program is started in.

    Validators of one model need names of their own, also those that come from different groups.
    """
    return None if value is None else value.expanduser().resolve()
