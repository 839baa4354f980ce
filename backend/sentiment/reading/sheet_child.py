"""The process in which a workbook is opened: `python -m backend.sentiment.reading.sheet_child FILE`.

A workbook that is made to eat memory or never to end takes this process down and nothing else. To standard output
come lines of JSON: `{"rows": …}`, then the cells of each row that is not blank as text, then `null`; or `{"error": …}`
alone.
"""

import os
import resource
import signal
import sys
from datetime import date, datetime, time, timedelta

import orjson
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from backend.processes import die_with_parent

_MEMORY_BYTES = 2_000_000_000
_CPU_S = 120
_NICE = 5
ENCRYPTED, DAMAGED, TOO_WIDE, TOO_HARD = "encrypted", "damaged", "too_wide", "too_hard"
Cell = int | float | str | bool | time | date | datetime | timedelta


def main(path: str, most_columns: int) -> int:
    """Writes the first sheet that has rows."""
    die_with_parent(signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    try:
        book = CalamineWorkbook.from_path(path)
        sheets = (book.get_sheet_by_index(number) for number in range(len(book.sheet_names)))
        sheet = next((each for each in sheets if each.height), None)
        if sheet is not None and sheet.width > most_columns:
            answers.write(_line({"error": TOO_WIDE}))
        elif sheet is None:
            answers.write(_line({"rows": 0}) + _line(None))
        else:
            answers.write(_line({"rows": sheet.height}))
            for row in sheet.iter_rows():
                cells = [_cell(value) for value in row]
                if any(map(str.strip, cells)):
                    answers.write(_line(cells))
            answers.write(_line(None))
    except PasswordError:
        answers.write(_line({"error": ENCRYPTED}))
    except MemoryError:
        answers.write(_line({"error": TOO_HARD}))
    except (CalamineError, OSError, ValueError):
        answers.write(_line({"error": DAMAGED}))
    answers.flush()
    return 0


def _line(value: object) -> bytes:
    return orjson.dumps(value) + b"\n"


def _cell(value: Cell) -> str:
    """Numbers without a needless fraction, days and times in ISO 8601."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
