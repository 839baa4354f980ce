"""A job shared by two workers that are killed: no review is lost, none counted twice."""

from bench.sentiment_recovery import killed_twice
from tests.fixtures.sentiment import Desk


async def test_killed_twice_every_review_has_its_result_exactly_once(desk: Desk) -> None:
    found = await killed_twice(desk.settings, desk.database, desk.mina, 12_000)
    assert found["exactly_once"], found
    assert (found["rows"], found["skipped"], found["duplicates"]) == (11_988, 12, 300)
