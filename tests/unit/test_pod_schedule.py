"""Starts and stops by the clock on the wall, across zones, holidays and the two odd days of the year."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InvalidSchedule
from backend.pod.schedule import DAYS, Change, Due, Schedule, due, parse, text_of, upcoming

SEOUL, BERLIN, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
WORK = parse("mon-fri 09:00-19:00 Asia/Seoul")


def test_weekdays_in_seoul_are_told_in_utc() -> None:
    monday = datetime(2026, 3, 2, tzinfo=SEOUL)
    assert WORK.changes(monday, monday + timedelta(days=1)) == [
        Due(Change.START, datetime(2026, 3, 2, 0, 0, tzinfo=UTC)),
        Due(Change.STOP, datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
    ]
    saturday = datetime(2026, 3, 7, tzinfo=SEOUL)
    assert WORK.changes(saturday, saturday + timedelta(days=2)) == []


def test_of_what_was_missed_the_latest_counts() -> None:
    friday = datetime(2026, 3, 6, 8, 0, tzinfo=SEOUL)
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=SEOUL)
    assert due(WORK, friday, sunday) == Due(Change.STOP, datetime(2026, 3, 6, 19, 0, tzinfo=SEOUL))
    assert due(WORK, sunday, sunday + timedelta(hours=3)) is None
    years_ago = friday - timedelta(days=900)
    assert due(WORK, years_ago, sunday) == due(WORK, friday, sunday)


def test_a_change_is_due_once() -> None:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=SEOUL)
    assert due(WORK, at - timedelta(seconds=1), at) == Due(Change.START, at)
    assert due(WORK, at, at + timedelta(seconds=1)) is None


def test_the_next_change_is_found_across_a_holiday() -> None:
    off = parse("mon-fri 09:00-19:00 Asia/Seoul; not 2026-03-02; not 2026-03-03")
    assert upcoming(off, datetime(2026, 3, 1, tzinfo=SEOUL)) == Due(
        Change.START, datetime(2026, 3, 4, 9, 0, tzinfo=SEOUL)
    )
    assert upcoming(Schedule(), datetime(2026, 3, 1, tzinfo=SEOUL)) is None


def test_a_date_of_its_own_counts_on_a_day_off() -> None:
    some = parse("mon-fri 09:00-19:00 Asia/Seoul; 2026-12-25 10:00-12:00; not 2026-12-25")
    day = datetime(2026, 12, 25, tzinfo=SEOUL)
    assert [found.at.astimezone(SEOUL).hour for found in some.changes(day, day + timedelta(days=1))] == [10, 12]


def test_a_night_ends_on_the_next_day() -> None:
    night = parse("fri 22:00-06:00 Europe/Berlin")
    friday = datetime(2026, 6, 5, 12, 0, tzinfo=BERLIN)
    start, stop = night.changes(friday, friday + timedelta(days=1))
    assert (start.at.astimezone(BERLIN).hour, stop.at.astimezone(BERLIN).isoformat()) == (
        22,
        "2026-06-06T06:00:00+02:00",
    )


def test_hours_that_touch_or_overlap_are_one_stretch() -> None:
    round_the_clock = parse("mon-fri 00:00-24:00 UTC")
    monday = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert [(found.change, found.at.weekday()) for found in round_the_clock.changes(monday, monday + timedelta(7))] == [
        (Change.START, 0),
        (Change.STOP, 5),
    ]
    overlapping = parse("mon 09:00-13:00 UTC; mon 12:00-18:00 UTC")
    assert [found.at.hour for found in overlapping.changes(monday, monday + timedelta(2))] == [9, 18]
    assert parse("daily 00:00-24:00 UTC").changes(monday, monday + timedelta(5)) == []


def test_a_time_that_is_left_out_in_spring_is_moved_on() -> None:
    gap = parse("sun 02:30-04:00 Europe/Berlin")
    day = datetime(2026, 3, 29, tzinfo=BERLIN)  # 02:00 becomes 03:00
    start, stop = gap.changes(day, day + timedelta(days=1))
    assert (start.at, stop.at) == (
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 0, tzinfo=UTC),
    )
    moved_past_its_end = parse("sun 02:45-03:10 Europe/Berlin")
    assert moved_past_its_end.changes(day, day + timedelta(days=1)) == []
    ends_in_gap = parse("sun 01:00-02:30 America/New_York")
    day = datetime(2026, 3, 8, tzinfo=NEW_YORK)
    start, stop = ends_in_gap.changes(day, day + timedelta(hours=12))
    assert stop.at - start.at == timedelta(hours=1, minutes=30)


def test_of_a_time_that_comes_twice_in_autumn_both_count() -> None:
    twice = parse("sun 01:30-02:30 Europe/Berlin")
    day = datetime(2026, 10, 25, tzinfo=BERLIN)  # 03:00 becomes 02:00
    start, stop = twice.changes(day, day + timedelta(days=1))
    assert (start.at, stop.at) == (
        datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    )
    from_the_first = parse("sun 02:30-05:00 Europe/Berlin").changes(day, day + timedelta(days=1))[0]
    assert from_the_first.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "mon-fri 09:00-19:00",
        "mon-fry 09:00-19:00 UTC",
        "mon 25:00-26:00 UTC",
        "mon 09:00-09:00 UTC",
        "mon 09:00-19:00 Mars/Olympus",
        "mon 09:00-19:00 ../../etc/passwd",
        "mon 09:00-19:00 /etc/passwd",
        "not tomorrow",
        "2026-02-30 09:00-10:00 UTC",
        "whenever",
    ],
)
def test_what_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(InvalidSchedule) as error:
        parse(f"sun 01:00-02:00 UTC; {text}" if text.startswith(("not", "when")) else text)
    assert error.value.details["part"] == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon-fri 09:00-19:00 Asia/Seoul",
        "sat,sun 10:00-14:00 Asia/Seoul; mon-wed,fri 22:00-06:00 Europe/Berlin",
        "daily 00:00-24:00 UTC; not 2026-12-25; not 2027-01-01",
        "2026-12-26 10:00-15:00 Asia/Seoul",
    ],
)
def test_a_schedule_is_written_as_it_is_read(text: str) -> None:
    assert text_of(parse(text)) == text


_days = st.sets(st.integers(0, 6), min_size=1).map(lambda days: ",".join(DAYS[day] for day in days))
_times = st.times().map(lambda moment: f"{moment:%H:%M}")
_zones = st.sampled_from(["Asia/Seoul", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"])
_parts = st.tuples(_days, _times, _times, _zones).filter(lambda part: part[1] != part[2])


@given(
    parts=st.lists(_parts.map(lambda part: f"{part[0]} {part[1]}-{part[2]} {part[3]}"), min_size=1, max_size=3),
    now=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
)
def test_starts_and_stops_take_turns_and_round_trip(parts: list[str], now: datetime) -> None:
    schedule = parse("; ".join(parts))
    assert parse(text_of(schedule)) == schedule
    changes = schedule.changes(now, now + timedelta(days=15))
    assert changes == sorted(changes, key=lambda found: found.at)
    assert all(one.change != two.change for one, two in pairwise(changes))
    first = upcoming(schedule, now)
    assert not changes or first == changes[0]
