"""Runs the embedding server as a part of this system, in the foreground: `python -m backend.embedding_service`.

The server itself is one file that knows nothing of Ondol; this gives it our settings, our logs and our supervisor.
"""

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import structlog
import uvicorn

from backend import logs
from backend.embedding_server import LAPTOP_MODEL, Config, create_app
from backend.errors import Language, OndolError
from backend.processes import die_with_parent, require_port
from backend.settings import ConfigurationError, Settings, load

log = structlog.get_logger()


def main() -> int:
    """Serves until it is told to stop. The exit status is 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m backend.embedding_service", description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, help="of the server's own environment; ours is used where it is missing")
    python: Path | None = parser.parse_args().python
    die_with_parent(signal.SIGTERM)
    try:
        settings = load()
        logs.configure(settings)
        if python is not None and os.access(python, os.X_OK):
            become(python, settings)
        serve(settings)
    except (ConfigurationError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OndolError as error:
        log.error("embedding_server_cannot_start", code=error.code, reason=error.message(Language.EN))
        return 1
    return 0


def serve(settings: Settings) -> None:
    """Serves on `embed_host:embed_port` until a signal; the model is loaded meanwhile.

    Raises:
        PortTaken: the address is in use, or is not this machine's.
        ValueError: one of the server's own variables cannot be used.
    """
    config = replace(
        Config.from_environment(),
        model=encoder_name(settings),
        api_key=settings.embed_api_key.get_secret_value(),
    )
    require_port(settings.embed_host, settings.embed_port, variable="EMBED_PORT")
    _tell_the_hub(settings)
    log.info("embedding_server", model=config.model, address=f"{settings.embed_host}:{settings.embed_port}")
    uvicorn.run(
        create_app(config),
        host=settings.embed_host,
        port=settings.embed_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,  # longer than the client keeps a connection, so that it is never the server that closes
    )


def become(python: Path, settings: Settings) -> None:
    """Turns this process into the server in an environment of its own, which has PyTorch and not our packages.

    Raises:
        PortTaken: the address is in use, or is not this machine's.
    """
    require_port(settings.embed_host, settings.embed_port, variable="EMBED_PORT")
    _tell_the_hub(settings)
    os.environ["HF_HOME"] = str(settings.hub_home)
    os.environ["EMBEDDING_MODEL_NAME"] = settings.embedding_model
    os.environ["EMBED_API_KEY"] = settings.embed_api_key.get_secret_value()
    log.info("embedding_server", model=settings.embedding_model, python=str(python))
    address = ["--host", settings.embed_host, "--port", str(settings.embed_port)]
    options = ["--timeout-keep-alive", "30", "--timeout-graceful-shutdown", "5", "--no-access-log"]
    command = [str(python), "-m", "uvicorn", "backend.embedding_server:app", *address, *options]
    os.execv(python, command)  # noqa: S606 - no shell, and the operator's own program


def encoder_name(settings: Settings) -> str:
    """The encoder to serve here: the one that is set, else the small one that needs no GPU."""
    return settings.embedding_model if "embedding_model" in settings.model_fields_set else LAPTOP_MODEL


def _tell_the_hub(settings: Settings) -> None:
    """Hands what .env says to the libraries that fetch a model; they read the environment themselves."""
    if settings.hf_home is not None:
        os.environ["HF_HOME"] = str(settings.hf_home)
    if token := settings.hf_token.get_secret_value():
        os.environ["HF_TOKEN"] = token
    if "hf_endpoint" in settings.model_fields_set:
        os.environ["HF_ENDPOINT"] = settings.hf_endpoint


if __name__ == "__main__":
    raise SystemExit(main())
