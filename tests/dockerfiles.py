"""A Dockerfile as steps, and what its COPY steps bring into a folder."""

import re
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple


class Step(NamedTuple):
    """One instruction: `RUN`, and what follows it without options such as `--mount`."""

    keyword: str
    text: str


def stages(file: Path) -> dict[str, list[Step]]:
    """The steps of every stage by its name, in their order."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, list[Step]] = {}
    current = ""
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        keyword, _, text = line.strip().partition(" ")
        if keyword == "FROM":
            current = text.split()[-1]
            found[current] = []
        elif keyword and current:
            found[current].append(Step(keyword, re.sub(r"^(?:--\S+\s+)+", "", text)))
    return found


def copy(step: Step, context: Path, target: Path) -> None:
    """Does what a COPY step does, leaving out what .dockerignore names."""
    *sources, destination = step.text.split()
    into = target / destination
    for source in sources:
        for path in sorted(context.glob(source)) if source != "." else [context]:
            if path.is_dir():
                _copy_folder(path, into, context)
            elif not _ignored(path, context):
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, into / path.name)


def _copy_folder(folder: Path, into: Path, context: Path) -> None:
    for path in folder.iterdir():
        if _ignored(path, context):
            continue
        if path.is_dir():
            _copy_folder(path, into / path.name, context)
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, into / path.name)


def _ignored(path: Path, context: Path) -> bool:
    name = path.relative_to(context).as_posix()
    patterns = [line for line in (context / ".dockerignore").read_text().split("\n") if line and line[0] != "#"]
    return any(
        fnmatch(path.name, pattern[3:]) if pattern.startswith("**/") else fnmatch(name, pattern) for pattern in patterns
    )
