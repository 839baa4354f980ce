"""Runs llama.cpp's own HTTP server in this process, in the foreground: `python -m backend.llm.llama_server`.

A process of its own keeps the page alive when the engine is killed, and lets a supervisor bring it back.
"""

import os
import signal
import sys
from typing import TYPE_CHECKING

import structlog

from backend import logs
from backend.errors import Language, OndolError
from backend.llm.llama_plan import Plan, plan
from backend.llm.machine import this_machine
from backend.models import model_name, read_header, ready_weights
from backend.processes import die_with_parent, require_port
from backend.settings import ConfigurationError, Settings, load

if TYPE_CHECKING:
    import xllamacpp

_PROMPT_CACHE_MIB = 256
_HTTP_THREADS = 64  # each waiting stream holds one; with fewer, /health would queue behind the chats
_LOG_WARNINGS = 2

log = structlog.get_logger()


def main() -> int:
    """Serves until it is told to stop. Returns an exit status only when it cannot start."""
    die_with_parent(signal.SIGTERM)
    try:
        settings = load()
        logs.configure(settings)
        serve(settings)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
    except OndolError as error:
        log.error("model_server_cannot_start", code=error.code, reason=error.message(Language.EN))
    return 1


def serve(settings: Settings) -> None:
    """Loads the model and serves it on `llm_host:llm_port`; returns never.

    Raises:
        WeightsMissing, WeightsDamaged, GgufUnusable, UnknownModel: there is nothing to load.
        PortTaken: the address is in use, or is not this machine's.
    """
    path = ready_weights(settings)
    name = model_name(settings)
    machine = this_machine()
    chosen = plan(machine, read_header(path), settings)
    require_port(settings.llm_host, settings.llm_port, variable="VLLM_PORT")
    log.info(
        "model_server_plan",
        model=name,
        weights=str(path),
        address=f"{settings.llm_host}:{settings.llm_port}",
        context=chosen.context,
        slots=chosen.slots,
        threads=chosen.threads,
        wait_policy=chosen.wait_policy,
        cache_mib=chosen.cache_bytes >> 20,
        cores=machine.cores,
        load=round(machine.load, 2),
        memory_available_mib=machine.memory_available >> 20,
    )
    # libgomp reads this once, when it is loaded by the import below.
    os.environ["OMP_WAIT_POLICY"] = chosen.wait_policy
    server = _start(settings, chosen, str(path), name)
    log.info("model_server_ready", model=name, address=server.listening_address)
    while True:
        signal.pause()


def _start(settings: Settings, chosen: Plan, path: str, name: str) -> "xllamacpp.Server":
    """Blocks until the model is loaded; `/health` answers 503 meanwhile."""
    import xllamacpp  # noqa: PLC0415 - only after OMP_WAIT_POLICY is set

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {name}
    params.hostnames = [settings.llm_host]
    params.port = settings.llm_port
    params.api_keys = [settings.llm_api_key.get_secret_value() or settings.local_secret("llm_key")]
    params.n_ctx = chosen.total_context
    params.n_parallel = chosen.slots
    params.kv_unified = False  # a shared cache can run out under one slot while another grows
    params.fit_params = False  # the plan has looked at the memory already
    params.n_predict = chosen.context
    params.cpuparams.n_threads = chosen.threads
    params.cpuparams_batch.n_threads = chosen.threads
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.n_threads_http = _HTTP_THREADS
    params.ui = False
    params.endpoint_metrics = True
    params.endpoint_slots = False  # it shows what people wrote
    params.cors_origins = "http://localhost"
    params.cors_credentials = False
    params.verbosity = _LOG_WARNINGS
    return xllamacpp.Server(params)


if __name__ == "__main__":
    raise SystemExit(main())
