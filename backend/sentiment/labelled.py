"""Files of reviews whose label is known, to fit and to measure with."""

import csv
from dataclasses import dataclass
from pathlib import Path

from backend.sentiment.labels import Label

_TEXT_COLUMNS = ("document", "text", "content", "review")
_LABELS = {"0": Label.NEGATIVE, "1": Label.POSITIVE, **{label.value: label for label in Label}}


@dataclass(frozen=True)
class Labelled:
    """A review with the label that people gave it."""

    text: str
    label: Label


def read_labelled(path: Path, limit: int | None = None) -> list[Labelled]:
    """The first rows of a UTF-8 file with a header: a column `document`, `text`, `content` or `review`, and `label`.

    A header with a tab makes it tab-separated, without quoting; otherwise it is CSV. Labels are 0 (negative), 1
    (positive) or the words. Rows without text are left out.

    Raises:
        OSError: it cannot be read.
        ValueError: a column is missing, a label is unknown, or no row is left; the message says which.
    """
    found: list[Labelled] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        is_tabbed = "\t" in file.readline()
        file.seek(0)
        rows = csv.DictReader(
            file, delimiter="\t" if is_tabbed else ",", quoting=csv.QUOTE_NONE if is_tabbed else csv.QUOTE_MINIMAL
        )
        columns = rows.fieldnames or ()
        column = next((name for name in _TEXT_COLUMNS if name in columns), None)
        if column is None or "label" not in columns:
            raise ValueError(f"{path} needs the columns {' or '.join(_TEXT_COLUMNS)}, and label")
        for row in rows:
            if limit is not None and len(found) >= limit:
                break
            text, name = (row[column] or "").strip(), (row["label"] or "").strip()
            if name not in _LABELS:
                raise ValueError(f"{path}, line {rows.line_num}: {name[:20]!r} is not one of {', '.join(_LABELS)}")
            if text:
                found.append(Labelled(text, _LABELS[name]))
    if not found:
        raise ValueError(f"{path} has no labelled review")
    return found
