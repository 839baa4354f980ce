"""The guides: what they tell people to type exists, they name every setting, and both languages say the same."""

import argparse
import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from backend.pod import __main__ as pods
from backend.settings import REPOSITORY, Settings, variables

ENGLISH = REPOSITORY / "docs" / "guides"
KOREAN = REPOSITORY / "docs" / "ko" / "guides"
NAMES = sorted({path.name for folder in (ENGLISH, KOREAN) for path in folder.glob("*.md")})
READMES = [REPOSITORY / "README.md", REPOSITORY / "docs" / "ko" / "README.md"]
GUIDES = [folder / name for folder in (ENGLISH, KOREAN) for name in NAMES]
# Everything a person writes; docs/configuration.md is written from the settings and names all of them.
WRITTEN = [path for path in REPOSITORY.glob("docs/**/*.md") if path.name != "configuration.md"] + READMES[:1]
VARIABLES = {name for field in Settings.model_fields for name in variables(field)}
# Programs of the reader's own machine, and RunPod's.
PROGRAMS = frozenset({
    "cat", "cd", "chmod", "cp", "curl", "df", "docker", "du", "echo", "export", "git", "mkdir", "nvidia-smi",
    "runpodctl", "sudo", "tee",
})  # fmt: skip
# Variables that every shell has, or that pip, Compose and git read themselves.
SHELL = frozenset({
    "BASH_SOURCE", "COMPOSE_PROFILES", "EUID", "HOME", "HOSTNAME", "LANG", "LC_ALL", "LC_MESSAGES", "PATH",
    "PYENV_ROOT", "SECONDS", "TERM", "UID",
})  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_parts_and_commands(name: str) -> None:
    english, korean = (_read(folder / name) for folder in (ENGLISH, KOREAN))
    assert _levels(english) == _levels(korean)
    assert [_lines(block) for block in _blocks(english)] == [_lines(block) for block in _blocks(korean)]
    assert _mentioned(english) == _mentioned(korean)


@pytest.mark.parametrize("document", [*GUIDES, *READMES], ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_is_to_be_typed_exists(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in _typed(_read(document)):
        for command in _commands(line):
            _check(command, monkeypatch)


@pytest.mark.parametrize(
    "line",
    [
        "./quick_start.sh --no-such-option",
        "./no_such_script.sh",
        ".venv/bin/python -m backend.backup mend ondol.zip",
        ".venv/bin/python -m backend.pod up --no-such-option",
        "docker compose exec nobody cat file",
        "docker compose exec app python -m backend.accounts mend admin",
        "NO_SUCH_SETTING=1 ./quick_start.sh",
        "no-such-program",
    ],
)
def test_what_does_not_exist_is_noticed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises((AssertionError, SystemExit)):
        _check(shlex.split(line), monkeypatch)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_options_named_in_passing_exist(guide: Path) -> None:
    known = _options_of_pods() | _options_of_scripts() | {"--language", "--replace", "--volumes"}
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", _read(guide), flags=re.M | re.S))
    assert {option for span in spans for option in _options(span)} <= known


def test_every_setting_is_named_where_people_read() -> None:
    text = "\n".join(map(_read, WRITTEN))
    unnamed = [
        names
        for names in map(variables, Settings.model_fields)
        if not any(re.search(rf"\b{name}\b", text) for name in names)
    ]
    assert unnamed == []


def test_every_variable_of_the_containers_and_scripts_is_told() -> None:
    told = VARIABLES | set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", "\n".join(map(_read, WRITTEN))))
    told |= set(re.findall(r"`([A-Z_]+)`", _read(REPOSITORY / "docs" / "configuration.md")))
    handed_over = set(re.findall(r"export ([A-Z_]+)=", _read(REPOSITORY / "deploy" / "ways" / "docker.sh")))
    compose = set(re.findall(r"\$\{([A-Z_]+)", _read(REPOSITORY / "docker-compose.yml")))
    assert compose - handed_over <= told
    assert set(_given_from_outside()) <= told


def test_the_readmes_lead_to_every_guide() -> None:
    for readme, folder in zip(READMES, ("docs/guides", "guides"), strict=True):
        assert {f"{folder}/{name}" for name in NAMES} <= set(re.findall(r"\]\(([^)#]+)", _read(readme)))


class _ParsedError(BaseException):
    """Told by an argument parser that took its command line; a BaseException, so that no command catches it."""


def _check(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the command is none that a reader could give."""
    while command and re.match(r"[A-Z_0-9]+=", command[0]):
        name = command.pop(0).partition("=")[0]
        assert name in VARIABLES or name == "SCREENSHOT", f"no such setting: {name}"
    if not command:
        return
    program, *rest = command
    if program.endswith("python") and rest[:1] == ["-m"]:
        _check_module(rest[1], rest[2:], monkeypatch)
    elif "/" in program:
        script = REPOSITORY / program
        assert script.is_file(), f"no such script: {program}"
        assert _options(" ".join(rest)) <= _options(_usage(script)), command
    elif command[:2] == ["docker", "compose"]:
        _check_compose(rest[1:], monkeypatch)
    else:
        assert program in PROGRAMS, f"no such program: {program}"


def _check_module(module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the module's own parser read the arguments, and no more."""
    parse = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *_: object) -> None:
        parse(self)
        raise _ParsedError

    spec = find_spec(module)
    assert spec is not None, f"no such module: {module}"
    name = f"{module}.__main__" if spec.submodule_search_locations else module
    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        patch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(_ParsedError):
            import_module(name).main()


def _check_compose(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = _read(REPOSITORY / "docker-compose.yml")
    services = set(re.findall(r"^  ([a-z-]+):$", file.partition("\nservices:")[2].partition("\nnetworks:")[0], re.M))
    while arguments[0] in ("-f", "--profile"):
        option, value, *arguments = arguments
        if option == "-f":
            assert (REPOSITORY / value).is_file(), value
        else:
            assert f"profiles: [{value}]" in file
    command, *rest = arguments
    places = [word for word in rest if not word.startswith("-")]
    if command in ("exec", "run"):
        service, *inside = rest[rest.index(places[0]) :]
        assert service in services
        _check(inside, monkeypatch)
    elif command == "cp":
        assert {place.partition(":")[0] for place in places if ":" in place} <= services
    else:
        assert command in ("down", "logs", "ps", "stop", "up", "version"), command
        assert set(places) <= services


def _given_from_outside() -> Iterator[str]:
    """Variables that the scripts read and none of them sets."""
    scripts = [*REPOSITORY.glob("*.sh"), *REPOSITORY.glob("deploy/**/*.sh")]
    text = re.sub(r"^\s*#.*$", "", "\n".join(map(_read, scripts)), flags=re.M)
    read = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*):[-?]", text))
    for line in re.findall(r"\b(?:is_set|setting) ((?:[A-Z_]+ ?)+)", text):
        read |= set(line.split())
    assigned = set(re.findall(r"(?:^|[\s;(])(?:export |local )?([A-Z][A-Z0-9_]*)=", text, re.M))
    yield from sorted(read - SHELL - (assigned - VARIABLES))


def _typed(text: str) -> list[str]:
    return [line for block in _blocks(text) for line in _lines(block)]


def _blocks(text: str) -> list[str]:
    """What is to be typed or written into `.env`; what programs answer is in blocks of another kind."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)


def _lines(block: str) -> list[str]:
    """Without remarks, which are in the language of the page; a quoted text may go on over lines."""
    whole = block.replace("\\\n", " ")
    return [line.strip() for line in re.sub(r"\s+#.*$", "", whole, flags=re.M).splitlines() if line.strip()]


def _commands(line: str) -> Iterator[list[str]]:
    """The commands of a line: `a && b | c` has three."""
    command: list[str] = []
    for word in shlex.split(line):
        if word in ("&&", "|", "||", ";"):
            yield command
            command = []
        else:
            command.append(word)
    yield command


def _levels(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)]


def _mentioned(text: str) -> set[str]:
    """Settings that a page speaks of."""
    return VARIABLES & set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", text))


def _options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", text))


@cache
def _options_of_pods() -> frozenset[str]:
    written = io.StringIO()
    for command in ("up", "down", "list", "template"):
        with contextlib.redirect_stdout(written), pytest.raises(SystemExit):
            pods.main([command, "--help"])
    return frozenset(_options(written.getvalue()))


def _options_of_scripts() -> set[str]:
    return _options(_usage(REPOSITORY / "quick_start.sh")) | _options(_usage(REPOSITORY / "deploy" / "tunnel.sh"))


@cache
def _usage(script: Path) -> str:
    """What the script says of itself: its help where it has one, else its first lines."""
    if "--help" in _read(script):
        done = subprocess.run([str(script), "--help"], capture_output=True, text=True, check=True)
        return done.stdout
    return "\n".join(_read(script).splitlines()[:12])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
