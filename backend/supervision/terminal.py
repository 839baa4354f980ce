"""What the commands of a start say: one language, and one line that is rewritten while something is awaited."""

import shutil
import sys
import unicodedata

from backend.errors import Language, OndolError, Text


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
            columns = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{_cut(line, columns)}", end="", flush=True)
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


def width_of(line: str) -> int:
    """Columns on a terminal: Hangul takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def padded(line: str, width: int) -> str:
    return line + " " * (width - width_of(line))


def _cut(line: str, width: int) -> str:
    while width_of(line) > width:
        line = line[:-1]
    return line
