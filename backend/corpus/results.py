"""The folder that results are written to: a file for each part, there whole or not at all, so a job can go on."""

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from backend.corpus.parts import Part

_JOB = "_job.json"


class OutputKind(StrEnum):
    """What can be written; the values are the endings of the files' names."""

    PARQUET = "parquet"
    JSON_LINES = "jsonl"


class OtherJob(Exception):
    """The folder holds the results of another job; the message says what differs."""


class Results:
    """Args:
    folder: seen under this path by every machine that works.
    """

    def __init__(self, folder: Path, kind: OutputKind) -> None:
        self.folder, self._kind = folder, kind

    def claim(self, job: Mapping[str, Any]) -> None:
        """Makes the folder one of this job, or finds that it is.

        Args:
            job: everything that the results depend on, as JSON values.

        Raises:
            OtherJob: it holds the results of another one.
            OSError: it cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = orjson.dumps(job, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        path = self.folder / _JOB
        if not path.exists():
            _write(path, wanted)
            return
        kept = orjson.loads(path.read_bytes())
        differing = sorted(name for name in {*kept, *job} if kept.get(name) != orjson.loads(wanted).get(name))
        if differing:
            raise OtherJob(f"{self.folder} holds results of a job with another {', '.join(differing)}")

    def has(self, part: Part) -> bool:
        """Whether this part was finished."""
        return self._path(part).exists()

    def write(self, part: Part, columns: Mapping[str, Sequence[Any]]) -> None:
        """Keeps the results of a part. Raises OSError."""
        path = self._path(part)
        if self._kind is OutputKind.PARQUET:
            import pyarrow.parquet  # noqa: PLC0415 - optional

            being_written = path.with_name(f"_{path.name}.{os.getpid()}")
            pyarrow.parquet.write_table(_table(columns), being_written)
            being_written.replace(path)
        else:
            rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
            _write(path, b"".join(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n" for row in rows))

    def _path(self, part: Part) -> Path:
        return self.folder / f"part-{part.number:06d}.{self._kind}"


def _table(columns: Mapping[str, Sequence[Any]]) -> Any:
    """An Arrow table whose types are the same in every part, also in one where a column has no value."""
    import pyarrow  # noqa: PLC0415 - optional

    texts = dict.fromkeys(("id", "label", "language", "error"), pyarrow.string())
    types = {**texts, "row": pyarrow.int64(), "vector": pyarrow.list_(pyarrow.float32())}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.float64())) for name in columns])
    return pyarrow.table(dict(columns), schema=schema)


def _write(path: Path, content: bytes) -> None:
    being_written = path.with_name(f"_{path.name}.{os.getpid()}")
    being_written.write_bytes(content)
    being_written.replace(path)
