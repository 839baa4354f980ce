"""Ondol's front door: `python app.py` serves the pages and the API on one port.

One process with one worker: streams, the scheduler and the state of open pages live in it.
"""

import signal
import sys

import uvicorn

from backend import logs
from backend.processes import die_with_parent
from backend.settings import ConfigurationError, Settings, load
from backend.web.app import create_app
from backend.web.services import services_of
from ui.layout import mount

_LEAVE_AFTER_S = 3  # an open page holds its connection for ever; a stop does not wait for it longer than this


def serve(settings: Settings) -> None:
    """Runs until a signal ends it."""
    services = services_of(settings)
    app = create_app(services)
    mount(app, services)
    uvicorn.run(
        app,
        host=settings.server_name,
        port=settings.server_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LEAVE_AFTER_S,
    )


def main() -> int:
    """Exit status: 2 when the configuration cannot be used."""
    try:
        settings = load()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    die_with_parent(signal.SIGTERM)
    logs.configure(settings)
    serve(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
