"""The words of the commands on a terminal: what was ordered, how far it is, and the table of pods."""

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from backend.errors import Language, Text
from backend.pod.launch import text
from backend.pod.launch.choosing import Candidate
from backend.pod.launch.order import VLLM_IMAGE, Order
from backend.pod.launch.waiting import Stage
from backend.pod.pods import Pod, PodStatus

_NOTE_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences in one language."""

    language: Language

    def of(self, message: Text, **fields: object) -> str:
        filled = {
            name: value.in_(self.language) if isinstance(value, Text) else value for name, value in fields.items()
        }
        return message.in_(self.language).format(**filled)


def described(order: Order, candidates: Sequence[Candidate], words: Words, *, volume_name: str, is_spot: bool) -> str:
    """What is about to be created and what it costs; names of variables, never their values."""
    storage, dearest = order.storage, max(each.usd_per_hour for each in candidates)
    price = words.of(text.PER_HOUR, usd=candidates[0].usd_per_hour)
    if dearest > candidates[0].usd_per_hour:
        price += " " + words.of(text.UP_TO, usd=dearest)
    months = {"running": storage.usd_a_month_running, "stopped": storage.usd_a_month_stopped}
    gpus = ", ".join(f"{each.gpu.name} {each.gpu.memory_gb:g} GB (${each.usd_per_hour:.2f})" for each in candidates)
    rows = [
        (text.NAME, order.name),
        (text.IMAGE, order.image),
        *([(text.RUNS, order.env.get("ONDOL_REPOSITORY", ""))] if order.image == VLLM_IMAGE else []),
        (text.GPU, f"{order.gpu_count} × {gpus}" if order.gpu_count > 1 else gpus),
        (text.PLACE, ", ".join(order.data_centers) or words.of(text.ANYWHERE)),
        (text.DISK, f"{words.of(text.CONTAINER_DISK, gb=storage.container_gb)}, {_volume(order, volume_name, words)}"),
        (text.VARIABLES, ", ".join(sorted(order.env))),
        (text.PRICE, price),
        (None, words.of(text.STORAGE, **months)),
    ]
    notes = [*([text.COMMUNITY] if order.community else []), *([text.SPOT] if is_spot else [])]
    rows += [(None, words.of(note)) for note in notes]
    labels = [words.of(label) if label else "" for label, _ in rows]
    width = max(map(columns, labels)) + 2
    return "\n".join(
        [
            words.of(text.ORDER),
            *(f"  {padded(label, width)}{fact}" for label, (_, fact) in zip(labels, rows, strict=True)),
        ]
    )


def _volume(order: Order, name: str, words: Words) -> str:
    if order.storage.network_id:
        size = f", {order.storage.network_gb} GB" if order.storage.network_gb else ""
        return words.of(text.NETWORK_VOLUME, name=name or order.storage.network_id, gb=size)
    if order.storage.volume_gb:
        return words.of(text.VOLUME, gb=order.storage.volume_gb)
    return words.of(text.NO_VOLUME)


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line when something changes, and every half minute."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._is_live = sys.stdout.isatty()
        self._last, self._noted_at, self._had_page = "", 0.0, False

    def show(self, stage: Stage, url: str) -> None:
        if stage.has_page and not self._had_page:
            self._had_page = True
            self.say(self._words.of(text.PAGE_OPEN, url=url))
        parts = ", ".join(f"{name} {state}" for name, state in stage.parts)
        note = f"{stage.state} ({parts})" if parts else stage.state
        line = f"  … {self._words.of(text.WAITING)} {duration(stage.elapsed_s)} · {note}"
        if self._is_live:
            sys.stdout.write(f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}")
            sys.stdout.flush()
        elif note != self._last or stage.elapsed_s - self._noted_at >= _NOTE_EVERY_S:
            self._last, self._noted_at = note, stage.elapsed_s
            self.say(line)

    def say(self, line: str) -> None:
        """A line that stays."""
        sys.stdout.write(("\r\033[K" if self._is_live else "") + line + "\n")
        sys.stdout.flush()


def table(pods: Sequence[Pod], words: Words, page_of: str) -> str:
    """A line for each pod."""
    rows = [[words.of(heading) for heading in text.HEADER]]
    for pod in pods:
        gpu = f"{pod.gpu_count} × {pod.gpu_type}" if pod.gpu_count > 1 else pod.gpu_type or "–"
        runs = pod.status is PodStatus.RUNNING
        rows.append(
            [
                pod.name or "–",
                pod.id,
                str(pod.status),
                gpu,
                "–" if pod.cost_per_hour is None else f"{pod.cost_per_hour:.2f}",
                duration(pod.uptime_s) if pod.uptime_s is not None else "–",
                page_of.replace("{pod}", pod.id) if runs else "–",
            ]
        )
    widths = [max(columns(row[place]) for row in rows) + 2 for place in range(len(rows[0]))]
    return "\n".join("".join(padded(c, w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def duration(seconds: float) -> str:
    """`3m 05s`, `2h 10m`, `4d 3h`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m {rest:02d}s"


def padded(cell: str, width: int) -> str:
    return cell + " " * (width - columns(cell))


def columns(cell: str) -> int:
    """Hangul takes two columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in cell)
