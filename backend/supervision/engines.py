"""The second half of a start that shows the page first: the embedding server, then the engine, and how far it is."""

import time
from collections.abc import Callable, Iterator

from backend.errors import NotReadyInTime, ServiceKeepsFailing
from backend.llm.preparation import Phase, forget
from backend.llm.preparing import Preparing, Seen
from backend.settings import Settings
from backend.supervision.daemon import Daemon
from backend.supervision.starting import READY_DEADLINE_S, Running, health, last_line

_DATABASE_PATIENCE_S = 60.0
_TOO_MANY_STARTS = 5


def wait_until_page(
    running: Running,
    daemon: Daemon,
    *,
    deadline_s: float = READY_DEADLINE_S,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """Yields the page's state until it answers with its database, or answers without one for a minute.

    A database that cannot start (a full disk) is told by the page, so it does not keep the page from being shown.

    Raises:
        ServiceKeepsFailing: the page's process ended again and again.
        NotReadyInTime
    """
    begun, answered_at, pids = clock(), None, set[int]()
    while True:
        code, body = health(running)
        if code:
            answered_at = clock() if answered_at is None else answered_at
            checks = body.get("checks", {})
            has_database = not running.database or checks.get("database", {}).get("state") == "ready"
            if (has_database and body.get("status") != "starting") or clock() - answered_at > _DATABASE_PATIENCE_S:
                return
        app = next((service for service in daemon.services() if service.name == "app"), None)
        if app is not None:
            pids.add(app.pid)
            if len(pids - {0}) >= _TOO_MANY_STARTS:
                raise ServiceKeepsFailing(service=app.name, line=last_line(app.log))
        if clock() - begun > deadline_s:
            raise NotReadyInTime(seconds=deadline_s, waiting="app")
        yield str(body.get("status", "starting"))
        time.sleep(0.2)


def start_engines(settings: Settings, running: Running, daemon: Daemon) -> None:
    """Starts what the page did not wait for. Raises SupervisorFailed."""
    if running.embed_port is not None:
        daemon.start_service("embedding")
    if running.llm_port is not None:
        if not any(service.name == "llm" and service.pid for service in daemon.services()):
            forget(settings)  # a note of an earlier start would be told as if it were of this one
        daemon.start_service("llm")


def wait_for_engine(settings: Settings, daemon: Daemon) -> Iterator[Seen | None]:
    """Yields what the engine's note says, several times a second; ends after one that is READY or FAILED, and when
    everything was stopped meanwhile.

    There is no deadline: a large model takes as long as the network needs, and Ctrl-C stops nothing but the waiting.

    Raises:
        ServiceKeepsFailing: the process that prepares it ended again and again, which no note tells.
    """
    preparing, pids = Preparing(settings), set[int]()
    while daemon.is_running():
        seen = preparing.of("main")
        yield seen
        if seen is not None and seen.preparation.phase in (Phase.READY, Phase.FAILED):
            return
        for service in daemon.services():
            if service.name == "llm" and service.pid:
                pids.add(service.pid)
                if len(pids) >= _TOO_MANY_STARTS:
                    raise ServiceKeepsFailing(service=service.name, line=last_line(service.log))
        time.sleep(0.3)
