"""`.env.example` and `docs/configuration.md`, written from the fields of `backend/settings/`.

`python -m backend.configuration_docs --write` brings both up to date, `--check` says whether they are; a test does the
same, so that no variable stays undocumented.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from backend.settings import REPOSITORY, Settings, variables

COMMAND = "python -m backend.configuration_docs --write"

_MARKDOWN_HEAD = f"""# Configuration

<!-- Written by `{COMMAND}` from backend/settings/; change it there. -->

Every setting has a default that works. Change one in the environment or in a file `.env` in the repository's folder
(`cp .env.example .env`, then edit); the environment comes first, and an empty value counts as not set. After a change
run `./quick_start.sh` again: it restarts what has to be restarted.

A file in `/run/secrets` that is named like a variable (`llm_api_key`) sets it where neither the environment nor `.env`
does; containers are given their secrets like that.

Everything is checked at the start. When something is wrong nothing starts, and one message lists every variable
concerned and what is wrong with it, without showing a secret. Of several names for one setting the first that is set
counts.

`--small`, `--model`, `--port` and `--way` of `./quick_start.sh` are remembered in `var/quick_start.env`. An option
beats the environment, the environment beats what was remembered, and that beats `.env`.

Where the meaning ends in *(reserved)*, the variable is read and checked and has no effect in this release.
"""
_MARKDOWN_TAIL = """
## Read by the scripts
These are taken from the environment only, not from `.env`.

| variable | script | meaning |
|---|---|---|
| `ONDOL_PYTHON` | all | Python 3.11 or newer that makes the virtual environment. |
| `ONDOL_VENV` | all | A virtual environment of your own instead of `.venv`. It is used as it is and never changed. |
| `ONDOL_EMBEDDING_VENV` | `quick_start.sh` in a pod | The same for the embedding server ([pod](pod-image.md)). |
| `ONDOL_WORKSPACE` | `quick_start.sh` in a pod | The volume, instead of `/workspace` ([pod](pod-image.md)). |
| `ONDOL_RETRY_S` | the pod image | Seconds between two attempts to start. |
| `VLLM_IMAGE` | `docker-compose.yml` | Another image of vLLM ([Docker](docker.md)); here `.env` counts as well. |
| `ONDOL_URL` | `run_tests.sh system` | The running system to test ([verify](verify.md)). |
| `ONDOL_USER`, `ONDOL_PASSWORD`, `ONDOL_TOKEN` | `run_tests.sh system` | Who signs in there. |
| `CHROMIUM` | `run_tests.sh` | Browser for the browser tests. |
"""
_ENV_HEAD = """# Settings of Ondol. Copy this file to .env and uncomment what you want to change.
# The values below are the defaults; an empty one counts as not set.
# docs/configuration.md says more.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting as it is documented.

    Attributes:
        names: its variables, the preferred one first.
        kind: what values it takes, as Markdown.
        default: as it would be written in `.env`; empty when there is none.
    """

    group: str
    names: tuple[str, ...]
    kind: str
    default: str
    description: str
    reserved: bool


def entries() -> tuple[Entry, ...]:
    """Every setting in the order of the fields.

    Raises:
        ValueError: a field has no description, or a group that is not listed in `Settings.GROUPS`.
    """
    return tuple(_entry(name, field) for name, field in Settings.model_fields.items())


def markdown() -> str:
    """The text of `docs/configuration.md`."""
    parts = [_MARKDOWN_HEAD]
    for group, members in _groups():
        rows = [_row(entry) for entry in members]
        parts.append(
            f"\n## {group}\n| variable | value | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "".join([*parts, _MARKDOWN_TAIL])


def env_example() -> str:
    """The text of `.env.example`."""
    parts = [_ENV_HEAD]
    for group, members in _groups():
        parts.append(f"\n# --- {group} ---\n")
        for entry in members:
            also = f" Also: {', '.join(entry.names[1:])}." if len(entry.names) > 1 else ""
            reserved = " (reserved: no effect in this release)" if entry.reserved else ""
            parts.append(f"\n# {entry.description}{also}{reserved}\n# {entry.names[0]}={entry.default}\n")
    return "".join(parts)


def files() -> dict[Path, str]:
    """What is written where."""
    return {REPOSITORY / ".env.example": env_example(), REPOSITORY / "docs" / "configuration.md": markdown()}


def outdated() -> list[Path]:
    """The files that differ from the fields, or are missing."""
    return [path for path, text in files().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 1 when `--check` finds a file out of date."""
    parser = argparse.ArgumentParser(prog="python -m backend.configuration_docs", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help="write both files")
    choice.add_argument("--check", action="store_true", help="exit with 1 when a file is out of date")
    choice.add_argument("--markdown", action="store_true", help="print docs/configuration.md")
    choice.add_argument("--env", action="store_true", help="print .env.example")
    options = parser.parse_args(arguments)
    if options.markdown or options.env:
        sys.stdout.write(markdown() if options.markdown else env_example())
        return 0
    for path in (stale := outdated()):
        if options.write:
            path.write_text(files()[path], encoding="utf-8")
        sys.stdout.write(
            f"{path.name}: written\n" if options.write else f"{path.name} is out of date. Run: {COMMAND}\n"
        )
    return 1 if stale and options.check else 0


def _groups() -> Iterable[tuple[str, list[Entry]]]:
    found = entries()
    return [(group, [entry for entry in found if entry.group == group]) for group in Settings.GROUPS]


def _entry(name: str, field: FieldInfo) -> Entry:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    group = extra.get("group")
    if not field.description or group not in Settings.GROUPS:
        raise ValueError(f"Settings.{name} needs a description and a group out of {', '.join(Settings.GROUPS)}")
    return Entry(
        group=str(group),
        names=variables(name),
        kind=_kind(field),
        default=_written(field.default),
        description=field.description,
        reserved=bool(extra.get("reserved")),
    )


def _row(entry: Entry) -> str:
    names = "<br>".join(f"`{name}`" for name in entry.names)
    default = f"`{entry.default}`" if entry.default else "–"
    meaning = entry.description + (" *(reserved)*" if entry.reserved else "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (names, entry.kind, default, meaning)) + " |"


def _written(default: object) -> str:
    """A default as text; a path in the repository is told relative to it, so that no machine's folders appear."""
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, Path):
        default = default.relative_to(REPOSITORY).as_posix()
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None or default == () else str(default)


def _kind(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if NoneType in get_args(kind):
        kind = next(part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        return _choice(get_args(kind))
    if get_origin(kind) is tuple:
        return "comma separated list" if get_args(kind)[0] is str else "JSON list"
    if issubclass(kind, StrEnum):
        return _choice(list(kind))
    if issubclass(kind, int | float) and kind is not bool:
        return f"{'whole number' if kind is int else 'number'}{_range(field)}"
    if kind is str and any("https?" in str(getattr(rule, "pattern", "")) for rule in field.metadata):
        return "URL"
    return {bool: "`true` or `false`", SecretStr: "text, kept secret", Path: "path"}.get(kind, "text")


def _choice(values: Iterable[object]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _range(field: FieldInfo) -> str:
    low, high = "", ""
    for rule in field.metadata:
        match rule:
            case Ge(ge=bound):
                low = f"from {bound}"
            case Gt(gt=bound):
                low = f"above {bound}"
            case Le(le=bound):
                high = f" to {bound}"
    return f" {low}{high}" if low or high else ""


if __name__ == "__main__":
    sys.exit(main())
