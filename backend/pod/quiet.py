"""Hours of the week in which a pod must not be stopped for idleness."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_WEEK = tuple(range(7))


@dataclass(frozen=True)
class QuietWindow:
    """A window that begins on some days of the week.

    Attributes:
        start, end: times of the wall clock of `zone`. An end at or before the start lies on the next day.
        weekdays: days on which it begins, 0 is Monday.
        zone: a name of the IANA database.

    Raises:
        ValueError: a day outside 0 to 6, or a zone that does not exist.
    """

    start: time
    end: time
    weekdays: tuple[int, ...] = _WEEK
    zone: str = "Asia/Seoul"

    def __post_init__(self) -> None:
        if any(day not in _WEEK for day in self.weekdays):
            raise ValueError("weekdays are 0 (Monday) to 6 (Sunday)")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {self.zone}") from None

    def ends_at(self, now: datetime) -> datetime | None:
        """When the window that `now` lies in ends (`now`'s zone is kept), or None outside of it.

        A wall-clock time that a change of summer time skips or repeats is the one `zoneinfo` picks.
        """
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            if day.weekday() not in self.weekdays:
                continue
            begin = datetime.combine(day, self.start, zone)
            last = day if self.end > self.start else day + timedelta(days=1)
            end = datetime.combine(last, self.end, zone)
            if begin.timestamp() <= now.timestamp() < end.timestamp():
                return end.astimezone(now.tzinfo)
        return None


def quiet_until(windows: tuple[QuietWindow, ...], now: datetime) -> datetime | None:
    """When the last of the overlapping or adjoining windows around `now` ends; None outside all of them."""
    until = None
    for _ in range(8 * (len(windows) + 1)):  # a week of adjoining windows has no end; the next week is asked then
        moment = until or now
        later = max((end for window in windows if (end := window.ends_at(moment))), default=None)
        if later is None:
            break
        until = later
    return until
