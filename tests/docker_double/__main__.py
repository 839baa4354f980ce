"""`docker`, as far as deploy/ways/docker.sh uses it. Its state and a record of its calls are in $DOCKER_DOUBLE.

Compose's file is read for real: a required variable that is missing ends a command as it does there. A container is
healthy after it has been looked at once; those named in `sick` never are. vLLM ends at every start when it is given a
longer context than `fits`, or when `ends` is the last line of its log. What is run in a container is run here, with the
variables it is given and no others.
"""

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

_PATIENCE_S = 30.0


def main(words: list[str]) -> int:
    """Exit status of the command."""
    folder = Path(os.environ["DOCKER_DOUBLE"])
    state = json.loads((folder / "state.json").read_text())
    with (folder / "calls").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    if state["engine"] == "down":
        print("Cannot connect to the Docker daemon. Is the docker daemon running?", file=sys.stderr)
        return 1
    match words:
        case ["info", *rest]:
            return _info(state, rest)
        case ["volume", "ls", *rest]:
            wanted = rest[-1].removeprefix("name=^").removesuffix("$")
            print(wanted if wanted in state["volumes"] else "", end="")
            return 0
        case ["run", *rest]:
            return _run(rest)
        case ["inspect", *_, name]:
            print(name, _containers(folder)[name] if _last_words(folder, state) else 0)
            return 0
        case ["compose", *rest]:
            return _compose(folder, state, rest)
    raise SystemExit(f"docker: not known to the double: {words}")


def _info(state: dict[str, Any], rest: list[str]) -> int:
    if "{{json .Runtimes}}" in rest:
        print(json.dumps(state["runtimes"]))
    elif "{{.DockerRootDir}}" in rest:
        print(state["root"])
    return 0


def _run(rest: list[str]) -> int:
    """Only what stands behind the image's name is run, by this Python."""
    given = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    image = next(index for index, word in enumerate(rest) if word.startswith("ondol-"))
    for flag, value in pairwise(rest[:image]):
        if flag == "--env":
            name, _, setting = value.partition("=")
            given[name] = setting
    command = [sys.executable if word == "python" else word for word in rest[image + 1 :]]
    # A container has no .env.
    script = "import backend.settings as s, runpy, sys; s.Settings.model_config['env_file'] = None; "
    script += f"sys.argv = {command[2:]!r}; runpy.run_module({command[2]!r}, run_name='__main__')"
    return subprocess.run(
        [command[0], "-c", script], env=given, cwd=os.environ["ONDOL_CHECKED"], check=False
    ).returncode


def _compose(folder: Path, state: dict[str, Any], rest: list[str]) -> int:
    if rest[0] == "version":
        print(state["compose"])
        return 0
    profiles: set[str] = set()
    while rest[0].startswith("--"):
        profiles.add(rest[1])
        rest = rest[2:]
    match rest:
        case ["ps", *options]:  # asked so often that it has to be quick
            return _ps(folder, state, options)
    from tests.compose_files import MissingVariableError, read_compose, values_beside

    try:
        file = read_compose(Path("docker-compose.yml"), os.environ)
    except MissingVariableError as error:
        print(f"error while interpolating: {error}", file=sys.stderr)
        return 1
    match rest:
        case ["build", *_]:
            if state["build"] == "fails":
                print("failed to solve: no such base image", file=sys.stderr)
            return int(state["build"] == "fails")
        case ["up", *_]:
            profiles |= set(
                values_beside(Path("docker-compose.yml"), os.environ).get("COMPOSE_PROFILES", "").split(",")
            )
            wanted = [
                name
                for name, service in file["services"].items()
                if set(service.get("profiles", ())) <= profiles and service.get("deploy", {}).get("replicas") != "0"
            ]
            (folder / "containers.json").write_text(json.dumps(dict.fromkeys(wanted, 0)))
            (folder / "environment.json").write_text(json.dumps(file["services"]))
            return _wait(folder, state) if "--wait" in rest else 0
        case ["stop", name]:
            left = {each: seen for each, seen in _containers(folder).items() if each != name}
            (folder / "containers.json").write_text(json.dumps(left))
            return 0
        case ["stop", *_]:
            (folder / "containers.json").unlink(missing_ok=True)
            return 0
        case ["logs", *_]:
            print("logs of", rest[-1])
            print(_last_words(folder, state))
            return 0
    raise SystemExit(f"docker compose: not known to the double: {rest}")


def _wait(folder: Path, state: dict[str, Any]) -> int:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        containers = _containers(folder)
        if not _last_words(folder, state) and all(n >= 1 for name, n in containers.items() if name not in _sick(state)):
            break
        time.sleep(0.05)
    for name in _sick(state) & set(_containers(folder)):
        print(f"container ondol-{name}-1 is unhealthy", file=sys.stderr)
    return int(bool(_sick(state)))


def _ps(folder: Path, state: dict[str, Any], options: list[str]) -> int:
    containers = _containers(folder)
    if "--quiet" in options:
        print("\n".join(each for each in containers if each == options[-1]))
        return 0
    for name, seen in containers.items():
        if name == "vllm-server" and _last_words(folder, state):
            print(name, "restarting ")
            continue
        health = "unhealthy" if name in _sick(state) else "healthy" if seen >= 1 else "starting"
        print(f"{name} running {health}" if "--format" in options else f"ondol-{name}-1   Up ({health})")
    if containers:
        partial = folder / "containers.new"
        partial.write_text(json.dumps({name: seen + 1 for name, seen in containers.items()}))
        partial.replace(folder / "containers.json")
    return 0


def _containers(folder: Path) -> dict[str, int]:
    file = folder / "containers.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _last_words(folder: Path, state: dict[str, Any]) -> str:
    """What vLLM writes before it ends; empty when it does not."""
    file = folder / "environment.json"
    if "vllm-server" not in _containers(folder) or not file.exists():
        return ""
    length = int(json.loads(file.read_text())["vllm-server"]["environment"]["VLLM_MAX_MODEL_LEN"])
    if (fits := state.get("fits")) and length > fits:
        return (
            f"ValueError: To serve at least one request with the model's max seq len ({length}), 9.0 GiB KV cache is "
            f"needed, which is larger than the available KV cache memory. The estimated maximum model length is {fits}."
        )
    return str(state.get("ends", ""))


def _sick(state: dict[str, Any]) -> set[str]:
    return set(state["sick"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
