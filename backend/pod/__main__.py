"""`python -m backend.pod up | down | list | template`: a pod from the laptop, with its price before it is made."""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence

import structlog

from backend.errors import Language, OndolError
from backend.pod.launch import commands
from backend.pod.launch import text as sentences
from backend.pod.launch.telling import Words
from backend.settings import ConfigurationError, Settings, load

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
_MOST_GPUS = 16
_SMALLEST_GB, _LARGEST_GB = 10, 4096  # RunPod's bounds of a volume


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status: 0 done, 1 refused or failed, 2 wrong use or settings, 130 interrupted."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command == "up" and given.new_volume and len(given.region) != 1:
        parser.error("--new-volume needs exactly one --region")
    given.words = Words(Language(given.language))
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(40),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        settings = load()
        if given.command == "template" and not given.create:
            print(commands.printed_template(settings, given))
            return 0
        return asyncio.run(_run(settings, given))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except OndolError as error:
        print(f"✗ {error.message(given.words.language)}", file=sys.stderr)
    except OSError as error:
        print(f"✗ {error.filename or ''}: {error.strerror}", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return FAILED


async def _run(settings: Settings, given: argparse.Namespace) -> int:
    command = {"up": commands.up, "down": commands.down, "list": commands.list_pods, "template": commands.template}
    async with commands.desk_of(settings, given.words) as desk:
        try:
            await command[given.command](desk, given)
        except asyncio.CancelledError:  # Ctrl-C: a pod costs money whether somebody waits for it or not
            if given.command == "up":
                print(f"\n{_interrupted(desk)}", file=sys.stderr)
            raise
    return 0


def _interrupted(desk: commands.Desk) -> str:
    if desk.pod is None:
        return desk.words.of(sentences.INTERRUPTED_EARLY)
    return desk.words.of(sentences.INTERRUPTED, pod=desk.pod.id, usd=desk.usd_per_hour)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend.pod",
        description="Rents a RunPod pod for Ondol, lists pods, stops them. Needs RUNPOD_API_KEY.",
    )
    parser.add_argument("--language", choices=[str(language) for language in Language], default="en")
    parts = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = parts.add_parser("up", help="create a pod, or start the one of this name again, and wait for its page")
    down = parts.add_parser("down", help="stop a pod and prove it; --terminate deletes it")
    listing = parts.add_parser("list", help="all pods of the key")
    template = parts.add_parser("template", help="print RunPod's template as JSON, or create it")
    for part in (up, template):
        _common(part)
    _up(up)
    down.add_argument("pod", nargs="?", default="", metavar="POD", help="id or name; default: the only one that runs")
    down.add_argument("--terminate", action="store_true", help="delete it with its volume, for good")
    down.add_argument(
        "--confirm", default="", metavar="ID", help="with --terminate: the pod's id, instead of typing it"
    )
    listing.add_argument("--json", action="store_true", help="a JSON array")
    template.add_argument("--create", action="store_true", help="create it in the account")
    return parser


def _common(part: argparse.ArgumentParser) -> None:
    option = part.add_argument
    option("--name", default="ondol", help="the pod is known by it, and made once; default: %(default)s")
    option("--disk", type=_gb, default=40, metavar="GB", help="container disk, lost in a stop; default: 40")
    option(
        "--volume",
        type=_volume,
        default="60",
        metavar="GB|ID",
        help="volume on /workspace: a size, 0, or a network volume's id",
    )
    option("--env", action="append", default=[], metavar="KEY[=VALUE]", help="variable of the pod; without VALUE asked")
    option("--env-file", default="", metavar="FILE", help="variables of the pod, KEY=VALUE lines")
    option("--ssh", action="store_true", help="open SSH for the keys that RunPod has")
    option(
        "--cuda",
        type=_cuda,
        default="13.0",
        metavar="X.Y",
        help="CUDA that the host's driver has to know; default: 13.0",
    )


def _up(part: argparse.ArgumentParser) -> None:
    option = part.add_argument
    option("--gpu", action="append", default=[], metavar="NAME", help="GPU type; several: in this order")
    option("--gpus", type=_count, default=1, metavar="N", help="GPUs of the pod; default: 1")
    option("--memory", type=float, default=24, metavar="GB", help="of one GPU, at least; default: 24")
    option("--region", action="append", default=[], metavar="ID", help="data center, as EU-RO-1; several: any of them")
    option("--community", action="store_true", help="the community cloud: cheaper, machines of others")
    option("--spot", action="store_true", help="cheaper, and stopped when somebody bids more")
    option("--max-price", type=float, metavar="USD", help="per hour, for all GPUs of the pod")
    option("--new-volume", type=_gb, default=0, metavar="GB", help="create a network volume in --region")
    option("--yes", action="store_true", help="do not ask")
    option("--no-wait", action="store_true", help="do not wait for the page")
    option("--timeout", type=float, default=40, metavar="MIN", help="wait for so long; default: 40 minutes")


def _gb(text: str) -> int:
    if not text.isdecimal() or not _SMALLEST_GB <= int(text) <= _LARGEST_GB:
        raise argparse.ArgumentTypeError(f"must be a number from {_SMALLEST_GB} to {_LARGEST_GB}")
    return int(text)


def _volume(text: str) -> str:
    return text if text == "0" or not text.isdecimal() else str(_gb(text))


def _cuda(text: str) -> str:
    if text and not re.fullmatch(r"[0-9]{1,2}\.[0-9]{1,2}", text):
        raise argparse.ArgumentTypeError("must be a version such as 13.0, or empty for any")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_GPUS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_MOST_GPUS}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
