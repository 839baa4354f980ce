"""Times at which a pod is started and stopped, e.g. `mon-fri 09:00-19:00 Asia/Seoul; not 2026-12-25`. Pure.

Parts are separated by `;`. A part is one of

- days, times and a zone: `mon-fri 09:00-19:00 Asia/Seoul`, `sat,sun 10:00-14:00` (the zone of the part before it),
  `daily 22:00-06:00 Europe/Berlin` (ends on the next day), `mon 00:00-24:00 UTC`;
- a date, times and a zone: `2026-12-26 10:00-15:00 Asia/Seoul`;
- `not` and a date: nothing begins on that day, but for what its own date says.

Local times are those of the clock on the wall. One that is left out when clocks go forward is moved on by as much; of
one that comes twice when they go back, a start takes the first and a stop the second.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from backend.errors import InvalidSchedule

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MISSED_FOR = timedelta(days=60)  # how far back a start or stop that nobody was there to do is looked for
_AHEAD = timedelta(days=370)
_PART = re.compile(r"(?P<on>\S+)\s+(?P<begin>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})(?:\s+(?P<zone>\S+))?")
_NEXT_DAY = timedelta(days=1)


class Change(StrEnum):
    """What a schedule asks for at a moment."""

    START = "start"
    STOP = "stop"


@dataclass(frozen=True)
class Due:
    """A change and when it was (or is) to happen, in UTC."""

    change: Change
    at: datetime


@dataclass(frozen=True)
class Rule:
    """Hours in which the pod runs.

    Attributes:
        on: weekdays (0 is Monday), or one date.
        end: not after `begin` means on the next day; None is midnight at the end of the day.
    """

    on: frozenset[int] | date
    begin: time
    end: time | None
    zone: str

    def window(self, day: date) -> tuple[datetime, datetime]:
        """First and last moment of the hours that begin on a day, in UTC."""
        zone = ZoneInfo(self.zone)
        overnight = self.end is None or self.end <= self.begin
        last = day + _NEXT_DAY if overnight else day
        begins = datetime.combine(day, self.begin, zone)
        ends = datetime.combine(last, self.end or time(), zone).replace(fold=1)
        if not _exists(ends):
            ends = ends.replace(fold=0)  # fold means the offset after the gap, which would move it back
        return begins.astimezone(UTC), ends.astimezone(UTC)


@dataclass(frozen=True)
class Schedule:
    """Rules together; hours that touch or overlap are one stretch."""

    rules: tuple[Rule, ...] = ()
    off: frozenset[date] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.rules)

    def changes(self, since: datetime, until: datetime) -> list[Due]:
        """Every start and stop after `since` up to and at `until`, in order."""
        found = [
            due
            for begins, ends in self._stretches(since, until)
            for due in (Due(Change.START, begins), Due(Change.STOP, ends))
        ]
        return [due for due in found if since < due.at <= until]

    def _stretches(self, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        joined: list[tuple[datetime, datetime]] = []
        for begins, ends in sorted(self._windows(since, until)):
            if joined and begins <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
            else:
                joined.append((begins, ends))
        return joined

    def _windows(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        # A week more on both sides, so that stretches of round-the-clock days are not cut at the edge.
        first, last = since.date() - timedelta(days=8), until.date() + timedelta(days=8)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            for rule in self.rules:
                if rule.on == day if isinstance(rule.on, date) else day.weekday() in rule.on and day not in self.off:
                    begins, ends = rule.window(day)
                    if begins < ends:  # a begin that is left out in spring can be moved on past the end
                        yield begins, ends


def due(schedule: Schedule, since: datetime, now: datetime) -> Due | None:
    """What has become due after `since`: the latest change only, whatever was missed before it."""
    found = schedule.changes(max(since, now - _MISSED_FOR), now) if schedule else []
    return found[-1] if found else None


def upcoming(schedule: Schedule, now: datetime) -> Due | None:
    """The next change, None when there is none within a year."""
    for days in (8, 60, _AHEAD.days) if schedule else ():
        found = schedule.changes(now, now + timedelta(days=days))
        if found:
            return found[0]
    return None


def parse(text: str) -> Schedule:
    """Reads a schedule; an empty text is an empty schedule.

    Raises:
        InvalidSchedule: naming the part that cannot be read.
    """
    rules: list[Rule] = []
    off: set[date] = set()
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        try:
            if part.lower().startswith("not "):
                off.add(date.fromisoformat(part[4:].strip()))
            else:
                rules.append(_rule(part, rules[-1].zone if rules else None))
        except (ValueError, KeyError, OSError):  # what `ZoneInfo` raises for a name that is none
            raise InvalidSchedule(part=part[:80]) from None
    return Schedule(tuple(rules), frozenset(off))


def text_of(schedule: Schedule) -> str:
    """The schedule as `parse` reads it."""
    parts = [
        f"{rule.on.isoformat() if isinstance(rule.on, date) else _days(rule.on)} "
        f"{rule.begin:%H:%M}-{f'{rule.end:%H:%M}' if rule.end else '24:00'} {rule.zone}"
        for rule in schedule.rules
    ]
    return "; ".join(parts + [f"not {day.isoformat()}" for day in sorted(schedule.off)])


def _rule(part: str, zone_before: str | None) -> Rule:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(part)
    zone = found["zone"] or zone_before
    if zone is None:
        raise ValueError("no zone")
    ZoneInfo(zone)
    on = date.fromisoformat(found["on"]) if found["on"][0].isdigit() else _weekdays(found["on"].lower())
    begin = _time(found["begin"])
    end = None if found["end"] == "24:00" else _time(found["end"])
    if begin == end:
        raise ValueError("no time between")
    return Rule(on, begin, end, zone)


def _time(text: str) -> time:
    hours, minutes = text.split(":")
    return time(int(hours), int(minutes))


def _weekdays(text: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(days)


def _days(days: frozenset[int]) -> str:
    """`mon-fri`, `sat,sun`, `daily`: runs of three and more are joined."""
    if len(days) == len(DAYS):
        return "daily"
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ",".join(DAYS[day] for day in run) for run in runs
    )


def _exists(moment: datetime) -> bool:
    """Whether the clock on the wall shows this time at all."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) == moment.replace(tzinfo=None)
