"""Rows of days and hours in a form: quiet hours and the schedule are made of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from backend.errors import InvalidRequest, Language, Text
from backend.pod.schedule import DAYS
from ui.html import act, escape
from ui.text import t

_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_MAX_ROWS = 20


@dataclass(frozen=True)
class Row:
    """Days (0 is Monday) and times of the clock on the wall as `HH:MM`."""

    days: frozenset[int]
    begin: str
    end: str
    zone: str

    @classmethod
    def sent(cls, values: Mapping[str, Any]) -> Self:
        """A row of the form. Raises InvalidRequest."""
        days = values.get("days")
        begin, end, zone = (str(values.get(name, "")).strip()[:64] for name in ("begin", "end", "zone"))
        if not isinstance(days, list) or not days or not all(str(day) in "0123456" for day in days):
            raise InvalidRequest(reason=Text("요일을 하루 이상 골라 주세요", "choose at least one day"))
        if not (_TIME.fullmatch(begin) and _TIME.fullmatch(end)):
            raise InvalidRequest(reason=Text("시각을 09:00처럼 적어 주세요", "write times like 09:00"))
        if not _ZONE.fullmatch(zone):
            raise InvalidRequest(
                reason=Text("시간대를 Asia/Seoul처럼 적어 주세요", "write the time zone like Asia/Seoul")
            )
        return cls(frozenset(int(day) for day in days), begin, end, zone)


def days_of(days: frozenset[int]) -> str:
    """As a schedule writes them."""
    return ",".join(DAYS[day] for day in sorted(days))


def rows(name: str, found: Sequence[Row], zone: str, language: Language) -> str:
    """The rows of one list, and a button for one more; the script copies the empty one that is kept aside."""
    listed = "".join(_row(name, row, language) for row in found)
    spare = _row(name, Row(frozenset(range(5)), "09:00", "19:00", zone), language)
    more = act("add-row", escape(t("pod_add_row", language)), css="button")
    return f"<div class='day-rows' data-name='{name}'>{listed}</div><template>{spare}</template><p>{more}</p>"


def _row(name: str, row: Row, language: Language) -> str:
    boxes = "".join(
        f"<label class='day'><input type='checkbox' data-day='{day}'{' checked' if day in row.days else ''}>"
        f"<span>{escape(t(f'pod_day_{DAYS[day]}', language))}</span></label>"
        for day in range(7)
    )
    times = "".join(
        f"<label>{escape(t(f'pod_row_{part}', language))}"
        f"<input type='time' data-part='{part}' value='{value}' required></label>"
        for part, value in (("begin", row.begin), ("end", row.end))
    )
    gone = act("drop-row", "✕", css="tool", title=t("pod_drop_row", language))
    return (
        f"<fieldset class='day-row'><legend>{escape(t(f'pod_row_{name}', language))}</legend>"
        f"<span class='days'>{boxes}</span>{times}<label>{escape(t('pod_row_zone', language))}"
        f"<input data-part='zone' value='{escape(row.zone)}' required maxlength='64'></label>{gone}</fieldset>"
    )
