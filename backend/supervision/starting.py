"""From settings to a system that answers: what to start, on which ports, and when it is ready."""

import hashlib
import json
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from backend.errors import ModelNotOurs, NotReadyInTime, ServiceKeepsFailing, WeightsDamaged, WeightsMissing
from backend.llm.vllm_command import find_command
from backend.models import model_name, ready_weights
from backend.settings import REPOSITORY, ServiceType, Settings, load
from backend.supervision import ports
from backend.supervision.daemon import Daemon, Service, ServiceState
from backend.supervision.places import choices_file, runtime_dir

READY_DEADLINE_S = 300.0  # a large model on a slow disk takes minutes to read
_TOO_MANY_STARTS = 5
_CODE = ("app.py", "backend/**/*.py", "ui/**/*", "deploy/supervisord.conf", "requirements-*.txt", "constraints.txt")


@dataclass(frozen=True, slots=True)
class Running:
    """What was started, noted for later calls.

    Attributes:
        llm_port: of our own model server, None when the model is elsewhere.
        embed_port: of our own embedding server, None when an address of another one is given.
        settings, code: fingerprints; a difference means the processes are out of date.
    """

    host: str
    port: int
    llm_port: int | None
    database: bool
    model: str
    settings: str
    code: str
    embed_port: int | None = None

    @property
    def url(self) -> str:
        return f"http://{reachable(self.host)}:{self.port}"


def reachable(host: str) -> str:
    """How a program on this machine reaches a server that listens on `host`, as written in a URL."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def last_started() -> Running | None:
    """What runs, or ran last; None before the first start."""
    try:
        return Running(**json.loads(_state_file().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def settings_in_use() -> Settings:
    """The settings of what runs: as `load()`, with the ports and the model that were chosen at the start.

    Raises:
        ConfigurationError
    """
    settings, running = load(), last_started()
    if running is None or not Daemon().is_running():
        return settings
    chosen: dict[str, object] = {"server_port": running.port, "server_name": running.host}
    if running.llm_port is not None:
        chosen["llm_port"] = running.llm_port
        if settings.llm_gguf is None and runs_llamacpp(settings):
            chosen["llm_model"] = running.model
    if running.embed_port is not None:
        chosen["embed_port"] = running.embed_port
    return load(**chosen)


def planned(settings: Settings) -> Running:
    """What the settings ask for; the model server's port is as configured, whether free or not."""
    own_llm = runs_llm(settings)
    return Running(
        host=settings.server_name,
        port=settings.server_port,
        llm_port=settings.llm_port if own_llm else None,
        database=not settings.database_url.get_secret_value(),
        model=model_name(settings) if runs_llamacpp(settings) else settings.llm_model,
        settings=_settings_fingerprint(settings),
        code=_code_fingerprint(),
        embed_port=settings.embed_port if runs_embedding(settings) else None,
    )


def runs_llm(settings: Settings) -> bool:
    """Whether the model server is ours to run, and not an address given by the operator."""
    return runs_llamacpp(settings) or runs_vllm(settings)


def runs_llamacpp(settings: Settings) -> bool:
    return settings.service_type is ServiceType.LLAMACPP and not settings.llm_url


def runs_vllm(settings: Settings) -> bool:
    """Whether a vLLM is to be started: one is named, or there is one here."""
    return settings.vllm_is_here and (bool(settings.vllm_command) or find_command(settings) is not None)


def runs_embedding(settings: Settings) -> bool:
    """Whether the embedding server is ours to run, and not an address given by the operator."""
    return not settings.remote_embed_url


def require_choosable_model(settings: Settings) -> None:
    """For `--small` and `--model`: raises ModelNotOurs when something else decides on the model."""
    if settings.llm_url:
        raise ModelNotOurs(variable="VLLM_SERVER_URL")
    if runs_vllm(settings):
        return
    if settings.llm_gguf is not None:
        raise ModelNotOurs(variable="LLM_GGUF")
    if settings.service_type is not ServiceType.LLAMACPP:
        raise ModelNotOurs(variable="LLM_SERVICE_TYPE")


def remember(settings: Settings, *, model: bool, port: bool) -> None:
    """Keeps options for the next starts; what was remembered before stays unless it is replaced."""
    file = choices_file()
    kept = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line) if file.exists() else {}
    if model:
        kept["LLM_MODEL_NAME"] = settings.llm_model
    if port:
        kept["GRADIO_SERVER_PORT"] = str(settings.server_port)
    file.write_text("".join(f"{name}={value}\n" for name, value in sorted(kept.items())))


def fetch_weights(settings: Settings) -> bool:
    """Fetches the model where it is missing, with its progress on our output; False when that failed."""
    if not runs_llamacpp(settings):
        return True  # vLLM's own are fetched while the page is up
    try:
        ready_weights(settings)
    except (WeightsMissing, WeightsDamaged):
        command = [sys.executable, "-m", "backend.models", "fetch", model_name(settings)]
        return subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=False).returncode == 0
    return True


def require_page_port(plan: Running) -> None:
    """Raises PortInUse or AddressUnusable when the page could not be served there."""
    ports.require_free(plan.host, plan.port, "./quick_start.sh --port N")


def launch(
    settings: Settings, plan: Running, daemon: Daemon, *, page_first: bool = False, embedding_python: str = ""
) -> Running:
    """Starts supervisord on free ports; what was started.

    Args:
        page_first: the engine and the embedding server wait until `Daemon.start_service` is called for them.
        embedding_python: of the embedding server's own environment; empty: it runs in ours.

    Raises:
        PortInUse, AddressUnusable: the page's port, or another that the operator named, cannot be used.
        SupervisorFailed
    """
    require_page_port(plan)
    llm_port = plan.llm_port
    if llm_port is not None:
        if "llm_port" in settings.model_fields_set:
            ports.require_free(settings.llm_host, llm_port, "VLLM_PORT=N ./quick_start.sh")
        else:
            llm_port = ports.next_free(settings.llm_host, llm_port)
    embed_port = plan.embed_port
    if embed_port is not None:
        if "embed_port" in settings.model_fields_set:
            ports.require_free(settings.embed_host, embed_port, "EMBED_PORT=N ./quick_start.sh")
        else:
            embed_port = ports.next_free(settings.embed_host, embed_port)
    logs = settings.data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    started = Running(**{**asdict(plan), "llm_port": llm_port, "embed_port": embed_port})
    daemon.start(
        {
            "ONDOL_PYTHON": sys.executable,
            "ONDOL_ROOT": str(REPOSITORY),
            "ONDOL_RUN": str(runtime_dir()),
            "ONDOL_LOGS": str(logs),
            "ONDOL_DATABASE": str(plan.database).lower(),
            "ONDOL_LLM": str(llm_port is not None and not page_first).lower(),
            "ONDOL_LLM_MODULE": "backend.llm.vllm_server" if runs_vllm(settings) else "backend.llm.llama_server",
            "ONDOL_EMBEDDING": str(embed_port is not None and not page_first).lower(),
            "ONDOL_EMBEDDING_OPTIONS": f"--python {shlex.quote(embedding_python)}" if embedding_python else "",
            "PYTHONUNBUFFERED": "1",
            **({"VLLM_PORT": str(llm_port)} if llm_port is not None else {}),
            **({"EMBED_PORT": str(embed_port)} if embed_port is not None else {}),
        }
    )
    _state_file().write_text(json.dumps(asdict(started)))
    _state_file().chmod(0o600)
    return started


def health(running: Running, timeout_s: float = 5.0) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of `/health`; status 0 when the page does not answer."""
    connection = HTTPConnection(reachable(running.host).strip("[]"), running.port, timeout=timeout_s)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        return answer.status, body if isinstance(body, dict) else {}
    except (OSError, HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()


def wait_until_ready(
    running: Running,
    daemon: Daemon,
    *,
    deadline_s: float = READY_DEADLINE_S,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[dict[str, str]]:
    """Yields the state of each part, several times a second, until `/health` says 200.

    Raises:
        ServiceKeepsFailing: a process ended again and again.
        NotReadyInTime
    """
    begun, starts = clock(), defaultdict[str, set[int]](set)
    while True:
        status, body = health(running)
        if status == 200:
            return
        services = daemon.services()
        states = _states(services, body)
        for service in services:
            starts[service.name].add(service.pid)
            if len(starts[service.name] - {0}) >= _TOO_MANY_STARTS:
                raise ServiceKeepsFailing(service=service.name, line=last_line(service.log))
        if clock() - begun > deadline_s:
            waiting = ", ".join(f"{name}: {state}" for name, state in states.items() if state != "ready")
            raise NotReadyInTime(seconds=deadline_s, waiting=waiting)
        yield states
        time.sleep(0.2)


def _states(services: list[Service], body: dict[str, Any]) -> dict[str, str]:
    """What `/health` tells; as long as it tells nothing, supervisord's words for the processes."""
    checks = body.get("checks") or {}
    if checks:
        return {name: str(check["state"]) for name, check in checks.items() if name != "disk"}
    return {service.name: service.state.lower() for service in services if service.state is not ServiceState.STOPPED}


def last_line(log: Path) -> str:
    """The last line of a log, at most 300 characters."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""


def _state_file() -> Path:
    return runtime_dir() / "running.json"


def _settings_fingerprint(settings: Settings) -> str:
    digest = hashlib.sha256()
    for name in sorted(type(settings).model_fields):
        value = getattr(settings, name)
        digest.update(f"{name}={value.get_secret_value() if isinstance(value, SecretStr) else value}\0".encode())
        if name == "llm_providers":
            digest.update("".join(entry.api_key.get_secret_value() for entry in value).encode())
    return digest.hexdigest()


def _code_fingerprint() -> str:
    digest = hashlib.sha256()
    files = {file for pattern in _CODE for file in REPOSITORY.glob(pattern) if file.is_file()}
    for file in sorted(f for f in files if "__pycache__" not in f.parts):
        digest.update(str(file.relative_to(REPOSITORY)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
