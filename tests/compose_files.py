"""docker-compose.yml as Compose reads it: variables filled in from the environment and `.env`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class MissingVariableError(Exception):
    """`${NAME:?message}` of a variable that is not set; told as Compose does."""


def read_compose(file: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """The file with all its variables filled in; `.env` beside it counts where the environment says nothing."""
    found = _filled(yaml.safe_load(file.read_text()), values_beside(file, environment))
    assert isinstance(found, dict)
    return found


def values_beside(file: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a compose file: those of the environment beat those of `.env`."""
    kept = {name: value or "" for name, value in dotenv_values(file.parent / ".env").items()}
    return {**kept, **environment}


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, values) for value in node]
    return interpolate(node, values) if isinstance(node, str) else node


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """`$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, one inside the other, and `$$`."""
    out, at = "", 0
    while (dollar := text.find("$", at)) >= 0:
        out += text[at:dollar]
        if text.startswith("$$", dollar):
            out, at = out + "$", dollar + 2
        elif text.startswith("${", dollar):
            end = _closing(text, dollar + 1)
            out, at = out + _value(text[dollar + 2 : end], values), end + 1
        elif match := _NAME.match(text, dollar + 1):
            out, at = out + values.get(match[0], ""), match.end()
        else:
            raise ValueError(f"invalid interpolation format: {text}")
    return out + text[at:]


def _closing(text: str, at: int) -> int:
    depth = 0
    for index in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    raise ValueError(f"invalid interpolation format: {text}")


def _value(inside: str, values: Mapping[str, str]) -> str:
    match = _NAME.match(inside)
    assert match is not None, inside
    name, rest = match[0], inside[match.end() :]
    if values.get(name):
        return values[name]
    if rest.startswith(":-"):
        return interpolate(rest[2:], values)
    if rest.startswith(":?"):
        raise MissingVariableError(f"required variable {name} is missing a value: {rest[2:]}")
    assert not rest, f"{inside}: not a form that is used here"
    return ""
