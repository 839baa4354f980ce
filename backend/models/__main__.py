"""`python -m backend.models list | fetch [NAME] | verify [NAME]`: the weights from the command line."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from typing import TextIO

from backend.errors import Language, OndolError
from backend.models import manifest, read_header, weights_path
from backend.models.checks import remember_good, sha256_of
from backend.models.fetch import fetch
from backend.models.hub import Hub
from backend.models.manifest import Model
from backend.models.progress import Phase, Progress
from backend.settings import ConfigurationError, Settings, load

_LINE_EVERY_S = 2.0
_BAR_EVERY_S = 0.1
_BAR_WIDTH = 28
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        command: Callable[[Settings, str], int] = options.command
        return command(load(), options.name)
    except KeyboardInterrupt:
        print("\nStopped. What is finished is kept: the same command goes on from there.", file=sys.stderr)
        return _INTERRUPTED
    except ConfigurationError as error:
        print(error, file=sys.stderr)
    except OndolError as error:
        print(error.message(Language.EN), file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'the weights folder'}: {error.strerror}. Check DATA_DIR.", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.models", description="Model weights: list, fetch, verify.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    lister = commands.add_parser("list", help="the models there are, and which of them are on this machine")
    lister.set_defaults(command=_list, name="")
    fetcher = commands.add_parser("fetch", help="download a model, or what is missing of it")
    fetcher.set_defaults(command=_fetch)
    fetcher.add_argument("name", nargs="?", default="", metavar="NAME", help="default: the model the settings ask for")
    verifier = commands.add_parser("verify", help="hash the files and compare them with the manifest")
    verifier.set_defaults(command=_verify)
    verifier.add_argument("name", nargs="?", default="", metavar="NAME", help="default: every model that is there")
    return parser


def _list(settings: Settings, _name: str) -> int:
    entries = manifest()
    width = max(len(model.name) for model in entries.models)
    print(f"{'NAME':{width}}  {'BYTES':>13}  {'LICENCE':10}  HERE")
    for model in entries.models:
        here = _presence(settings, model)
        mark = "  (default)" if model.name == entries.default else ""
        print(f"{model.name:{width}}  {model.size:>13,}  {model.licence:10}  {here}{mark}")
    print(f"\nFolder: {settings.weights_dir}")
    if settings.llm_gguf is not None:
        print(f"LLM_GGUF is set: {weights_path(settings)} is used instead.")
    return 0


def _presence(settings: Settings, model: Model) -> str:
    path = settings.weights_dir / model.file
    if not path.is_file():
        return "no"
    return "yes" if path.stat().st_size == model.size else "damaged"


def _fetch(settings: Settings, name: str) -> int:
    if not name and settings.llm_gguf is not None:
        print(f"{weights_path(settings)}: your own file (LLM_GGUF), nothing to fetch.")
        return 0
    model = manifest().model(name or settings.llm_model)
    print(f"{model.name}: {model.title}, {model.size:,} bytes, {model.licence}", file=sys.stderr)
    display = Display(sys.stderr)
    try:
        path = fetch(
            model,
            settings.weights_dir,
            hub_address=Hub(settings.hf_endpoint, settings.hf_token.get_secret_value()),
            report=display,
        )
    finally:
        display.close()
    print(path)
    return 0


def _verify(settings: Settings, name: str) -> int:
    """Hashes the named model, or all that are there; with none there, the one the settings ask for is missing."""
    if name:
        return 0 if _verify_one(settings, manifest().model(name)) else 1
    here = [model for model in manifest().models if (settings.weights_dir / model.file).is_file()]
    if settings.llm_gguf is not None:
        header = read_header(settings.llm_gguf)
        print(f"ok       {settings.llm_gguf} (your own: {header.architecture}, {header.weights_bytes:,} bytes)")
    elif not here:
        here = [manifest().model(settings.llm_model)]
    results = [_verify_one(settings, model) for model in here]
    return 0 if all(results) else 1


def _verify_one(settings: Settings, model: Model) -> bool:
    path = settings.weights_dir / model.file
    again = f"Fetch it: python -m backend.models fetch {model.name}"
    if not path.is_file():
        print(f"missing  {path}. {again}")
        return False
    size = path.stat().st_size
    if size != model.size:
        print(f"damaged  {path}: {size:,} bytes instead of {model.size:,}. {again}")
        return False
    found = sha256_of(path)
    if found != model.sha256:
        print(f"damaged  {path}: SHA-256 {found} instead of {model.sha256}. {again}")
        return False
    remember_good(path, model)
    print(f"ok       {path} ({size:,} bytes, SHA-256 {found})")
    return True


class Display:
    """A bar that moves on a terminal, a line every two seconds elsewhere."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()
        self._next = 0.0
        self._phase: Phase | None = None
        self._finished = False
        self._open = False

    def __call__(self, progress: Progress) -> None:
        if progress.phase in (Phase.NOTE, Phase.WAITING):
            waiting = "Another download of this file is running; waiting for it."
            self._line(progress.note or waiting)
            return
        now = self._clock()
        finished = progress.done >= progress.total
        if progress.phase is self._phase and (self._finished or (now < self._next and not finished)):
            return
        self._phase, self._finished = progress.phase, finished
        self._next = now + (_BAR_EVERY_S if self._live else _LINE_EVERY_S)
        if self._live:
            self._stream.write(f"\r\x1b[K{_bar(progress)}")
            self._stream.flush()
            self._open = True
        else:
            self._line(_words(progress))

    def close(self) -> None:
        """Ends the bar's line, so that what follows begins on its own."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _line(self, text: str) -> None:
        self.close()
        self._stream.write(f"{text}\n")
        self._stream.flush()


def _words(progress: Progress) -> str:
    share = f"{progress.done / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB ({progress.done / progress.total:.0%})"
    if progress.phase is Phase.CHECKING:
        return f"  checking {share}"
    if not progress.rate:
        return f"  {share} from {progress.source}"
    left = (progress.total - progress.done) / progress.rate
    return f"  {share} from {progress.source}, {progress.rate / 1e6:,.1f} MB/s, {left:,.0f} s left"


def _bar(progress: Progress) -> str:
    filled = round(_BAR_WIDTH * progress.done / progress.total)
    return f"[{'#' * filled}{'-' * (_BAR_WIDTH - filled)}]{_words(progress)}"


if __name__ == "__main__":
    raise SystemExit(main())
