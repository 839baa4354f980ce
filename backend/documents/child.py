"""The process in which files of strangers are opened: `python -m backend.documents.child`.

A file that is made to crash, to eat memory or never to end takes this process down and nothing else: it sets limits
on itself before it opens anything, and the one that started it has a clock. It speaks lines of JSON: a request comes
on standard input, `{"progress": …}` lines and at last one with `"done"` or `"error"` go to standard output.
"""

import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from backend.errors import DocumentDamaged, DocumentTooHard, OndolError
from backend.processes import die_with_parent

_MEMORY_BYTES = 1_000_000_000  # more than what the process has when it starts
_FILE_BYTES = 2_000_000_000
_BATCH = 64
_NICE = 5  # the page and the model's answers come first


def main() -> int:
    """Serves requests until standard input ends."""
    die_with_parent(signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))

    def say(answer: dict[str, Any]) -> None:
        answers.write(orjson.dumps(answer) + b"\n")

    for line in sys.stdin.buffer:
        request = orjson.loads(line)
        try:
            say({"done": _COMMANDS[request.pop("command")](say=say, **request)})
        except OndolError as error:
            say({"error": error.code, "details": _plain(error.details)})
        except MemoryError:
            say({"error": DocumentTooHard.code, "details": {}})
            return 1  # the memory of a process that ran out of it is not to be trusted
        except RecursionError:
            say({"error": DocumentDamaged.code, "details": {}})
        except Exception as error:  # ours, not the file's
            say({"note": f"{type(error).__name__}: {error}"})
            say({"error": OndolError.code, "details": {}})
    return 0


Say = Callable[[dict[str, Any]], None]


def _read(path: str, file_name: str, out: str, say: Say) -> dict[str, Any]:
    """Reads a file into `out`; what is in it is strangers' work, so anything may go wrong."""
    from backend.documents.reading import read_file  # noqa: PLC0415 -- the other commands do without all readers

    _limit_memory()
    try:
        found = read_file(Path(path), file_name)
    except (OndolError, MemoryError, RecursionError):
        raise
    except Exception as error:
        say({"note": f"{type(error).__name__}"})
        raise DocumentDamaged from error
    with Path(out).open("wb") as file:
        pickle.dump(found.blocks, file, protocol=5)
    return {"title": found.title, "pages": found.pages, "blocks": len(found.blocks)}


def _unpack(path: str, folder: str, max_file_bytes: int, say: Say) -> list[dict[str, Any]]:
    from backend.documents.archives import unpack  # noqa: PLC0415

    _limit_memory()
    return [
        {
            "name": member.name,
            "path": str(member.path) if member.path else None,
            "error": member.error.code if member.error else None,
            "details": _plain(member.error.details) if member.error else {},
        }
        for member in unpack(Path(path), Path(folder), max_file_bytes)
    ]


def _picture(path: str, page: int, out: str, say: Say) -> int:
    from backend.documents.readers.pdf import picture_of  # noqa: PLC0415

    _limit_memory()
    return Path(out).write_bytes(picture_of(Path(path), page))


def _analyse(blocks: str, title: str, out: str, say: Say) -> dict[str, Any]:
    """Passages and their search terms, a batch after the other into `out`, each pickled; the terms of the title."""
    from backend.documents.chunking import passages  # noqa: PLC0415
    from backend.retrieval.index import NewChunk, prepare  # noqa: PLC0415
    from backend.retrieval.terms import terms  # noqa: PLC0415

    with Path(blocks).open("rb") as file:
        found = pickle.load(file)  # noqa: S301 -- written by `_read` from plain values, in a folder only we can open
    total = sum(len(block.text) for block in found) or 1
    read = 0

    def counted() -> Iterator[Any]:
        nonlocal read
        for block in found:
            yield block
            read += len(block.text)

    chunks = (NewChunk(each.path, each.page, each.body, each.tokens) for each in passages(counted(), terms().sentences))
    count = 0
    with Path(out).open("wb") as rows:
        while batch := list(islice(chunks, _BATCH)):
            prepared = prepare([f"{chunk.path}\n{chunk.body}" for chunk in batch])
            pickle.dump((batch, prepared), rows, protocol=5)
            count += len(batch)
            say({"progress": read / total})
    return {"chunks": count, "title_terms": list(prepare([title])[0])}


def batches(rows: IO[bytes]) -> Iterator[tuple[Any, Any]]:
    """What `_analyse` has written: `(chunks, prepared)` pairs."""
    while True:
        try:
            yield pickle.load(rows)  # noqa: S301 -- as above
        except EOFError:
            return


_COMMANDS: dict[str, Callable[..., Any]] = {
    "read": _read,
    "unpack": _unpack,
    "picture": _picture,
    "analyse": _analyse,
}


def _limit_memory() -> None:
    """More address space than now plus `_MEMORY_BYTES` is refused."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    limit = pages * resource.getpagesize() + _MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _plain(details: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in details.items() if isinstance(value, str | int | float)}


if __name__ == "__main__":
    sys.exit(main())
