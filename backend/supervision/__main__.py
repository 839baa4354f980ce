"""`python -m backend.supervision start|status|logs|stop|attach`: what `quick_start.sh` does once Python is there."""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from backend.accounts.administration import FIRST_ADMIN
from backend.errors import Language, OndolError
from backend.llm.gpu import gpus
from backend.llm.preparation import Phase, Preparation
from backend.llm.preparation_text import progress_text, trouble_text
from backend.models import model_name
from backend.settings import ConfigurationError, Settings, load
from backend.supervision import gpu_text, starting, text
from backend.supervision.daemon import Daemon
from backend.supervision.engines import start_engines, wait_for_engine, wait_until_page
from backend.supervision.gpu_text import gpu_line
from backend.supervision.starting import Running
from backend.supervision.terminal import Terminal, padded, width_of

SERVICES = ("app", "llm", "embedding", "database")
LOGS = (*SERVICES, "supervisord", "install")


def main() -> int:
    """Exit status: 0 done or healthy, 1 not, 2 wrong use, 130 interrupted."""
    options = _options()
    terminal = Terminal(Language(options.language))
    try:
        settings = load()
        known = {"start": start, "engines": engines, "status": status, "stop": stop, "logs": logs, "attach": attach}
        command = known[options.command]
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
        running = starting.launch(
            settings, plan, daemon, page_first=options.page_first, embedding_python=options.embedding_python
        )
    if options.page_first:
        _wait_for_page(terminal, running, daemon)
    else:
        _wait(terminal, running, daemon)
    _tell(terminal, settings, running)
    return 0


def engines(terminal: Terminal, settings: Settings, _: argparse.Namespace) -> int:
    """Starts what `start --page-first` left out and tells how far it is; 1 when the engine cannot answer."""
    running = starting.last_started()
    daemon = Daemon()
    if running is None or not daemon.is_running():
        terminal.say(text.NOT_RUNNING)
        return 1
    start_engines(settings, running, daemon)
    if running.llm_port is None or not starting.runs_vllm(settings):
        return 0  # another engine leaves no notes to wait for
    found = gpus()
    terminal.line(f"  {gpu_line(found)}" if found else f"  {terminal.filled(gpu_text.NO_GPU)}")
    terminal.line(f"  {terminal.filled(gpu_text.ENGINE_FOLLOWS)}")
    begun, told = time.monotonic(), Preparation(Phase.CHECKING, "")
    for seen in wait_for_engine(settings, daemon):
        if seen is not None:
            _tell_choice(terminal, told, seen.preparation)
            told = seen.preparation
            note = progress_text(seen).in_(terminal.language)
            terminal.wait(gpu_text.ENGINE, note, time.monotonic() - begun)
    if told.phase is Phase.READY:
        terminal.line(f"✓ {terminal.filled(gpu_text.ENGINE_READY, model=told.model)}")
        return 0
    trouble = trouble_text(told, "main")
    terminal.line(f"✗ {trouble.in_(terminal.language) if trouble else told.phase}")
    return 1


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


def _wait_for_page(terminal: Terminal, running: Running, daemon: Daemon) -> None:
    begun = time.monotonic()
    for state in wait_until_page(running, daemon):
        terminal.wait(text.STARTING, _state(terminal, state), time.monotonic() - begun)


def _tell_choice(terminal: Terminal, before: Preparation, now: Preparation) -> None:
    """What was chosen and why, once; then each thing that had to be lowered."""
    if now.chosen and not before.chosen:
        because = gpu_text.reason_text(now.because).in_(terminal.language)
        terminal.line(f"  {terminal.filled(gpu_text.CHOSEN, model=now.model, because=because)}")
        terminal.line("  " + " ".join(f"{name}={value}" for name, value in now.chosen if name != "VLLM_MODEL"))
        terminal.line(f"  {terminal.filled(gpu_text.OVERRIDE)}")
    for step in now.lowered[len(before.lowered) :]:
        line = terminal.filled(gpu_text.LOWERED, setting=step.setting, before=step.before, after=step.after)
        terminal.line(f"  ↓ {line}")


def _tell(terminal: Terminal, settings: Settings, running: Running) -> None:
    opened = text.READY if starting.health(running)[0] == 200 else gpu_text.PAGE_FIRST
    terminal.line(f"\n✓ {terminal.filled(opened, url=running.url)}")
    if running.host not in ("127.0.0.1", "localhost", "::1"):
        terminal.line(f"  {terminal.filled(text.OPEN_TO_NETWORK, host=running.host)}")
    model = running.model
    if running.llm_port is not None and starting.runs_llamacpp(settings):
        model = f"{model_name(settings)}   ({terminal.filled(text.CHANGE_MODEL)})"
    facts = (
        (text.SIGN_IN, _sign_in(terminal, settings)),
        (text.MODEL, model),
        (text.STOP, "./quick_start.sh --stop"),
        (text.LOGS, f"./quick_start.sh --logs   ({_short(settings.data_dir / 'logs')})"),
    )
    for heading, fact in facts:
        if fact:
            terminal.line(f"  {padded(heading.in_(terminal.language), 9)}{fact}")


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
    widths = [max(width_of(row[column]) for row in rows) + 2 for column in range(len(rows[0]))]
    for row in rows:
        cells = (padded(cell, width) for cell, width in zip(row, widths, strict=True))
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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m backend.supervision", description=__doc__)
    parser.add_argument("--language", choices=[str(language) for language in Language], default="en")
    commands = parser.add_subparsers(dest="command", required=True)
    starter = commands.add_parser("start", help="bring everything up")
    starter.add_argument("--new-model", action="store_true", help="remember the model of LLM_MODEL_NAME")
    starter.add_argument("--page-first", action="store_true", help="leave the engines to the command `engines`")
    starter.add_argument("--embedding-python", default="", help="of the embedding server's own environment")
    starter.add_argument("--new-port", action="store_true", help="remember the port of GRADIO_SERVER_PORT")
    commands.add_parser("engines", help="start the embedding server and the engine, and wait for the engine")
    commands.add_parser("status", help="what runs")
    commands.add_parser("stop", help="stop everything")
    commands.add_parser("logs", help="show logs").add_argument("service", nargs="?", default="")
    commands.add_parser("attach", help="stay, and stop everything on Ctrl-C")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
