"""`python -m backend.supervision start|status|logs|stop|attach`: what `quick_start.sh` does once Python is there."""

import argparse
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from backend.accounts.administration import FIRST_ADMIN
from backend.errors import Language, OndolError, Text
from backend.models import model_name
from backend.settings import ConfigurationError, Settings, load
from backend.supervision import starting, text
from backend.supervision.daemon import Daemon
from backend.supervision.starting import Running

SERVICES = ("app", "llm", "embedding", "database")
LOGS = (*SERVICES, "supervisord", "install")


class Terminal:
    """Output in one language, with one line that is rewritten while something is awaited."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._live = sys.stdout.isatty()
        self._last_note = ""
        self._noted_at = 0.0

    def say(self, message: Text, **fields: object) -> None:
        self.line(self.filled(message, **fields))

    def line(self, line: str = "") -> None:
        self._clear()
        print(line, flush=True)

    def filled(self, message: Text, **fields: object) -> str:
        return message.in_(self.language).format_map(fields)

    def wait(self, label: Text, note: str, seconds: float) -> None:
        """Shows what is awaited: on a terminal at once, elsewhere every ten seconds or when it changes."""
        line = f"  … {self.filled(label)} {seconds:.0f}s · {note}"
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{_cut(line, width)}", end="", flush=True)
        elif note != self._last_note or seconds - self._noted_at >= 10:
            self._last_note, self._noted_at = note, seconds
            print(line, flush=True)

    def fail(self, error: OndolError) -> int:
        self._clear()
        what, next_step = (part.in_(self.language) for part in (error.what, error.next_step))
        fields = {"retry_after_s": error.retry_after_s, **error.details}
        print(f"\n✗ {what.format_map(fields)}\n  {next_step.format_map(fields)}", file=sys.stderr)
        return 1

    def _clear(self) -> None:
        if self._live:
            print("\r\033[K", end="")


def main() -> int:
    """Exit status: 0 done or healthy, 1 not, 2 wrong use, 130 interrupted."""
    options = _options()
    terminal = Terminal(Language(options.language))
    try:
        settings = load()
        command = {"start": start, "status": status, "stop": stop, "logs": logs, "attach": attach}[options.command]
        return command(terminal, settings, options)
    except ConfigurationError as error:
        print(f"\n✗ {error}", file=sys.stderr)
        return 1
    except OndolError as error:
        return terminal.fail(error)
    except KeyboardInterrupt:
        return 130


def start(terminal: Terminal, settings: Settings, options: argparse.Namespace) -> int:
    """Brings everything up and returns when it answers."""
    if options.new_model:
        starting.require_choosable_model(settings)
    daemon, plan = Daemon(), starting.planned(settings)
    running = starting.last_started() if daemon.is_running() else None
    if running is None or (running.host, running.port) != (plan.host, plan.port):
        starting.require_page_port(plan)  # before what runs is touched and the choice is remembered
    starting.remember(settings, model=options.new_model, port=options.new_port)
    if not starting.fetch_weights(settings):
        terminal.say(text.LATER)
        return 1
    if running is not None and (running.settings, running.code) == (plan.settings, plan.code):
        terminal.say(text.ALREADY)
    else:
        if running is not None:
            terminal.say(text.SETTINGS_CHANGED if running.settings != plan.settings else text.CODE_CHANGED)
        daemon.stop()
        running = starting.launch(settings, plan, daemon)
    _wait(terminal, running, daemon)
    _tell(terminal, settings, running)
    return 0


def status(terminal: Terminal, settings: Settings, _: argparse.Namespace) -> int:
    """A table of the services and what `/health` says; 0 when that is 200."""
    services, running = Daemon().services(), starting.last_started()
    if not services or running is None:
        terminal.say(text.NOT_RUNNING)
        return 1
    port_of = {"app": running.port, "llm": running.llm_port, "embedding": running.embed_port}
    rows = [[heading.in_(terminal.language) for heading in text.HEADER]]
    for service in services:
        there = service.pid > 0
        port = port_of.get(service.name) if there else None
        uptime = _duration(service.uptime_s) if there else "-"
        state = _state(terminal, service.state.lower())
        rows.append([service.name, state, uptime, str(service.pid or "-"), str(port or "-")])
    _table(terminal, rows)
    code, body = starting.health(running)
    terminal.line()
    overall = str(body.get("status", code)) if code else terminal.filled(text.NO_ANSWER)
    terminal.say(text.HEALTH, url=running.url, status=overall)
    for name, check in body.get("checks", {}).items():
        mark = "✓" if check.get("state") == "ready" else "✗"
        terminal.line(f"  {mark} {name}: {_state(terminal, str(check.get('state')))} ({check.get('latency_ms')} ms)")
    return 0 if code == 200 else 1


def stop(terminal: Terminal, settings: Settings, _: argparse.Namespace) -> int:
    """Stops everything and waits for it."""
    terminal.wait(text.STOPPING, "", 0)
    terminal.say(text.STOPPED if Daemon().stop() else text.NOTHING_TO_STOP)
    return 0


def logs(terminal: Terminal, settings: Settings, options: argparse.Namespace) -> int:
    """Shows the end of the logs, and on a terminal what is added to them."""
    if options.service and options.service not in LOGS:
        terminal.say(text.UNKNOWN_SERVICE, name=options.service, known=", ".join(LOGS))
        return 2
    names = (options.service,) if options.service else SERVICES
    files = [file for name in names if (file := _log_file(settings, name)).exists()]
    if not files:
        terminal.say(text.NO_LOGS, names=", ".join(names))
        return 1
    follow = ["-F"] if sys.stdout.isatty() else []
    return subprocess.run(["tail", "-n", "100", *follow, *map(str, files)], check=False).returncode


def attach(terminal: Terminal, settings: Settings, _: argparse.Namespace) -> int:
    """Stays until a signal asks to stop, then stops everything; 1 when supervisord went away by itself."""
    daemon = Daemon()
    with _asked_to_stop() as asked:
        terminal.say(text.FOREGROUND)  # only now: whoever reads it may press Ctrl-C at once
        while not asked:
            if not daemon.is_running():
                terminal.say(text.DIED)
                return 1
            time.sleep(0.5)
        return stop(terminal, settings, argparse.Namespace())


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Collects the signals that mean stop; more of them while stopping change nothing."""
    asked: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(terminal: Terminal, running: Running, daemon: Daemon) -> None:
    begun = time.monotonic()
    for states in starting.wait_until_ready(running, daemon):
        note = " · ".join(f"{name}: {_state(terminal, state)}" for name, state in states.items())
        terminal.wait(text.STARTING, note, time.monotonic() - begun)


def _tell(terminal: Terminal, settings: Settings, running: Running) -> None:
    terminal.line(f"\n✓ {terminal.filled(text.READY, url=running.url)}")
    if running.host not in ("127.0.0.1", "localhost", "::1"):
        terminal.line(f"  {terminal.filled(text.OPEN_TO_NETWORK, host=running.host)}")
    model = running.model
    if running.llm_port is not None:
        model = f"{model_name(settings)}   ({terminal.filled(text.CHANGE_MODEL)})"
    facts = (
        (text.SIGN_IN, _sign_in(terminal, settings)),
        (text.MODEL, model),
        (text.STOP, "./quick_start.sh --stop"),
        (text.LOGS, f"./quick_start.sh --logs   ({_short(settings.data_dir / 'logs')})"),
    )
    for heading, fact in facts:
        if fact:
            terminal.line(f"  {_padded(heading.in_(terminal.language), 9)}{fact}")


def _sign_in(terminal: Terminal, settings: Settings) -> str:
    """The first password, the first time; then where it is kept; nothing of it once it has been changed."""
    file = settings.secrets_dir / "admin_password"
    shown = settings.secrets_dir / "admin_password_shown"
    try:
        password, made = file.read_text().strip(), file.stat().st_mtime_ns
    except OSError:
        shown.unlink(missing_ok=True)
        return terminal.filled(text.OWN_PASSWORD, name=FIRST_ADMIN)
    if shown.exists() and shown.stat().st_mtime_ns >= made:
        return terminal.filled(text.KEPT_PASSWORD, name=FIRST_ADMIN, path=_short(file))
    shown.touch(mode=0o600)
    return terminal.filled(text.FIRST_PASSWORD, name=FIRST_ADMIN, password=password, path=_short(file))


def _table(terminal: Terminal, rows: list[list[str]]) -> None:
    widths = [max(_width(row[column]) for row in rows) + 2 for column in range(len(rows[0]))]
    for row in rows:
        cells = (_padded(cell, width) for cell, width in zip(row, widths, strict=True))
        terminal.line("".join(cells).rstrip())


def _state(terminal: Terminal, state: str) -> str:
    known = text.STATES.get(state)
    return known.in_(terminal.language) if known else state


def _log_file(settings: Settings, name: str) -> Path:
    folder = Path("var/logs") if name == "install" else settings.data_dir / "logs"
    return folder / f"{name}.log"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}h {rest // 60:02}m" if hours else f"{rest // 60}m {rest % 60:02}s"


def _width(line: str) -> int:
    """Columns on a terminal: Hangul takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def _padded(line: str, width: int) -> str:
    return line + " " * (width - _width(line))


def _cut(line: str, width: int) -> str:
    while _width(line) > width:
        line = line[:-1]
    return line


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m backend.supervision", description=__doc__)
    parser.add_argument("--language", choices=[str(language) for language in Language], default="en")
    commands = parser.add_subparsers(dest="command", required=True)
    starter = commands.add_parser("start", help="bring everything up")
    starter.add_argument("--new-model", action="store_true", help="remember the model of LLM_MODEL_NAME")
    starter.add_argument("--new-port", action="store_true", help="remember the port of GRADIO_SERVER_PORT")
    commands.add_parser("status", help="what runs")
    commands.add_parser("stop", help="stop everything")
    commands.add_parser("logs", help="show logs").add_argument("service", nargs="?", default="")
    commands.add_parser("attach", help="stay, and stop everything on Ctrl-C")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
