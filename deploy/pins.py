"""Prints each pinned requirement that is not installed at its version: `python deploy/pins.py requirements-app.txt`.

Needs nothing but the standard library and takes a tenth of a second, so that every start can afford to look.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)$")


def pins(file: Path) -> Iterator[tuple[str, str]]:
    """Name and version of every requirement of a file and of those it includes.

    Raises:
        ValueError: a line is neither a comment, an include, a constraints file nor an exact pin.
    """
    for number, raw in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if not line or line.startswith("-c "):
            continue
        if line.startswith("-r "):
            yield from pins(file.parent / line[3:].strip())
        elif match := _PIN.match(line):
            yield match[1], match[2]
        else:
            raise ValueError(f"{file.name}:{number}: not an exact pin: {line}")


def missing(file: Path) -> list[str]:
    """`name==version` of what this Python does not have."""
    return [f"{name}=={wanted}" for name, wanted in pins(file) if _installed(name) != wanted]


def _installed(name: str) -> str | None:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    print("\n".join(missing(Path(sys.argv[1]))))
