"""Stops an idle pod from outside, when the app on it is gone: `python -m backend.pod.watchdog --pod-id …`.

It runs anywhere with Python and a key: on a laptop, on a server, from cron. The policy and the states of a stop are the
app's own. While the app answers and can act, the app decides and this only watches.

One process at a time works with a folder of states: what it counts, the app's last word and the lease are of one pod.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from filelock import FileLock, Timeout

from backend import logs
from backend.errors import InvalidSchedule, Language, OndolError
from backend.pod.audit import AuditEntry
from backend.pod.clock import Clock, SystemClock
from backend.pod.machine import Order, Phase, Timing
from backend.pod.memory import Memory
from backend.pod.outside import App, Outside
from backend.pod.pods import PodProvider, is_pod_id
from backend.pod.policy import Config
from backend.pod.providers import provider_of
from backend.pod.schedule import parse
from backend.pod.shutdown import Shutdown
from backend.pod.view import PodView
from backend.pod.watchdog_lines import Lines
from backend.pod.webhook import Alerts
from backend.settings import ConfigurationError, Settings, load

OK, FAILED, USAGE, NOT_PROVEN, NOT_READ, ESCALATED = 0, 1, 2, 3, 4, 5
_TICK_S = 1.0
_ONCE_S = 150.0  # a single run sees one request through, not its repetitions


def main(arguments: list[str] | None = None) -> int:
    """Runs until it is told to end, or once; returns the exit status."""
    options = _parser().parse_args(arguments)
    overrides = {name: value for name in _SETTINGS if (value := getattr(options, name)) is not None}
    try:
        settings = load(**overrides)
        logs.configure(settings)
        if not settings.runpod_api_key.get_secret_value() or not is_pod_id(settings.runpod_pod_id):
            print("The watchdog needs RUNPOD_API_KEY and RUNPOD_POD_ID (or --api-key and --pod-id).", file=sys.stderr)
            return USAGE
        if options.runpod_api_key is not None:
            print(
                "A key on the command line shows in the list of processes; set RUNPOD_API_KEY instead.", file=sys.stderr
            )
        return asyncio.run(_run(settings, options))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return USAGE
    except InvalidSchedule as error:
        print(error.message(Language.EN), file=sys.stderr)
        return USAGE
    except OndolError as error:
        print(error.message(Language.EN), file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or options.state}: {error.strerror}.", file=sys.stderr)
    return FAILED


@dataclass
class Watchdog:
    """One pod watched from outside.

    Attributes:
        tell: takes each line that is worth one.
    """

    shutdown: Shutdown
    app: App
    clock: Clock
    tell: Callable[[PodView, list[AuditEntry]], None]
    _known: Memory | None = None
    _told_id: str = ""

    def open(self) -> None:
        self.shutdown.open()
        self._told_id = next((entry.id for entry in self.shutdown.status().audit), "")

    async def tick(self) -> None:
        """One tick, and a line when there was a check or a step."""
        await self.shutdown.tick()
        if self.shutdown.memory is self._known:
            return
        self._known = self.shutdown.memory
        view = self.shutdown.status()
        news = list(takewhile(lambda entry: entry.id != self._told_id, view.audit))
        self._told_id = news[0].id if news else self._told_id
        self.tell(view, news[::-1])


async def _run(settings: Settings, options: argparse.Namespace) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    lock = FileLock(_state_path(options).parent / "watchdog.lock", mode=0o600)
    if not await _has_turn(lock, ended, waits=not options.once):
        return OK
    provider = provider_of(settings)
    try:
        watchdog = _watchdog(settings, options, SystemClock(), provider)
        watchdog.open()
        try:
            return await (_once(watchdog, ended) if options.once else _loop(watchdog, ended))
        finally:
            watchdog.shutdown.close()
    finally:
        if provider is not None:
            await provider.close()
        lock.release()


async def _has_turn(lock: FileLock, ended: asyncio.Event, *, waits: bool) -> bool:
    """Whether the folder is this process' own now: a second one beside the first would tell people everything twice."""
    is_told = False
    while not ended.is_set():
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if not is_told:
                print(f"Another watchdog is at work in {Path(lock.lock_file).parent}.", file=sys.stderr)
            is_told = True
        else:
            return True
        if not waits:
            break
        await _pause(ended)
    return False


async def _loop(watchdog: Watchdog, ended: asyncio.Event) -> int:
    while not ended.is_set():
        await watchdog.tick()
        await _pause(ended)
    return OK


async def _once(watchdog: Watchdog, ended: asyncio.Event) -> int:
    """One check, and if it comes to a stop, the reading back."""
    give_up = watchdog.clock.monotonic() + _ONCE_S
    while True:
        await watchdog.tick()
        view = watchdog.shutdown.status()
        is_at_it = view.progress.phase in {Phase.WARNED, Phase.DRAINING, Phase.REQUESTED}
        if not is_at_it or ended.is_set() or watchdog.clock.monotonic() >= give_up:
            return _status_of(view, watchdog.app)
        if view.progress.phase is Phase.REQUESTED:
            await _pause(ended)


async def _pause(ended: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(ended.wait(), _TICK_S)
    except TimeoutError:
        return


def _watchdog(settings: Settings, options: argparse.Namespace, clock: Clock, provider: PodProvider | None) -> Watchdog:
    state_path, pod_id = _state_path(options), settings.runpod_pod_id
    url = "" if options.no_app else settings.pod_page_url.replace("{pod}", pod_id)
    app = App(url, state_path.parent, clock, pod_id)
    of_settings = Config(
        threshold_percent=settings.idle_threshold,
        check_interval_s=settings.check_interval_s,
        idle_limit=settings.idle_limit,
        min_runtime_s=settings.min_runtime_s,
        warn_s=0.0,
    )

    def config() -> Config:
        return replace(of_settings, quiet=app.quiet())

    outside = Outside(app, lambda: of_settings.threshold_percent, parse(settings.pod_schedule), clock)
    telling = Lines(app, pod_id, as_json=options.json)

    async def may_act(order: Order) -> bool:
        may = await outside.may_act(order)
        if may and options.dry_run:
            telling.say(f"dry run: would {'start' if order.is_start else 'stop'} the pod now ({order.reason})")
            return False
        return may

    shutdown = Shutdown(
        pod_id=pod_id,
        provider=provider,
        reader=outside.sample,
        config=config,
        state_path=state_path,
        timing=lambda: Timing(warn_s=0.0, grace_s=0.0),
        schedule=outside.schedule,
        alerts=Alerts(
            settings.alert_webhook_url.get_secret_value(), settings.alert_email_to, settings.smtp_url.get_secret_value()
        ),
        holder="watchdog",
        guard=may_act,
        patience_s=settings.schedule_patience_s,
        clock=clock,
    )
    return Watchdog(shutdown, app, clock, telling.tell)


def _state_path(options: argparse.Namespace) -> Path:
    """The file of `--state`, in a folder that is there."""
    path = Path(options.state).expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _status_of(view: PodView, app: App) -> int:
    if view.progress.phase is Phase.ESCALATED:
        return ESCALATED
    if view.progress.is_under_way:
        return NOT_PROVEN
    return NOT_READ if view.pod_trouble is not None or not app.is_known else OK


_SETTINGS = (
    "runpod_api_key", "runpod_pod_id", "idle_threshold", "check_interval_s", "idle_limit", "min_runtime_s",
    "pod_schedule", "schedule_patience_s", "pod_page_url",
)  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend.pod.watchdog",
        description="Stops an idle RunPod pod from outside. An option can be given as the variable in its brackets.",
        epilog="With --once: 0 nothing to do, or stopped and proven; 1 it failed; 2 wrong options or settings; "
        "3 a stop is under way and not proven yet; 4 RunPod, or the app's page, could not be asked; "
        "5 it did not stop, people were told.",
    )
    option = parser.add_argument
    option("--api-key", dest="runpod_api_key", metavar="KEY", help="[RUNPOD_API_KEY]; better in the environment")
    option("--pod-id", dest="runpod_pod_id", metavar="ID", help="[RUNPOD_POD_ID]")
    option("--idle-threshold", dest="idle_threshold", type=float, metavar="PERCENT", help="[IDLE_THRESHOLD]")
    option("--check-interval", dest="check_interval_s", type=int, metavar="S", help="[CHECK_INTERVAL]")
    option("--idle-limit", dest="idle_limit", type=int, metavar="CHECKS", help="[IDLE_LIMIT]")
    option("--min-runtime", dest="min_runtime_s", type=int, metavar="S", help="[MIN_RUNTIME]")
    option("--schedule", dest="pod_schedule", metavar="TEXT", help='[POD_SCHEDULE] "mon-fri 09:00-19:00 Asia/Seoul"')
    option("--schedule-patience", dest="schedule_patience_s", type=int, metavar="S", help="[SCHEDULE_PATIENCE]")
    option(
        "--app-url", dest="pod_page_url", metavar="URL",
        help="[POD_PAGE_URL] the app's page, whose heartbeat is asked where none is beside --state; "
        "default: RunPod's address of the pod",
    )  # fmt: skip
    option("--no-app", action="store_true", help="ask no page: the GPU decides, and the heartbeat beside --state")
    option("--state", default="pod-watchdog/state.json", metavar="FILE", help="default: %(default)s")
    option("--once", action="store_true", help="one check, for cron")
    option("--dry-run", action="store_true", help="say what would be done, and do not do it")
    option("--json", action="store_true", help="a JSON object a line instead of words")
    return parser


if __name__ == "__main__":
    sys.exit(main())
