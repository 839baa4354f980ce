"""The search for how many requests an engine can use, on a clock of its own."""

from collections.abc import Callable

from backend.sentiment.in_flight import InFlight


class Simulation:
    """An engine whose throughput depends on how much is in flight."""

    def __init__(self, throughput: Callable[[int], float], highest: int = 256) -> None:
        self.throughput = throughput
        self.now = 0.0
        self.found = InFlight(highest, clock=lambda: self.now)

    def run(self, requests: int, *, was_full: bool = True) -> int:
        for _ in range(requests):
            self.now += 1 / self.throughput(self.found.limit)
            self.found.finished(1, was_full=was_full)
        return self.found.limit


def test_it_climbs_to_where_more_brings_no_more() -> None:
    limits = set()
    simulation = Simulation(lambda limit: 20.0 * min(limit, 32))
    for _ in range(2_000):
        limits.add(simulation.run(1))
    assert simulation.run(50) in (32, 64)
    assert max(limits) == 64


def test_it_stays_low_where_an_engine_has_one_slot() -> None:
    simulation = Simulation(lambda _: 4.0)
    simulation.run(40)
    assert simulation.found.limit == 2


def test_it_goes_back_from_what_is_worse() -> None:
    simulation = Simulation(lambda limit: 50.0 * limit if limit <= 8 else 100.0)
    simulation.run(3_000)
    limits = [simulation.run(1) for _ in range(3_000)]
    assert limits.count(8) > 2_000


def test_it_never_passes_the_highest() -> None:
    assert Simulation(lambda limit: 100.0 * limit, highest=12).run(5_000) == 12


def test_a_pace_that_the_reader_sets_tells_nothing() -> None:
    assert Simulation(lambda limit: 100.0 * limit).run(5_000, was_full=False) == 2


def test_an_overload_halves_it_and_holds_it_for_a_while() -> None:
    simulation = Simulation(lambda limit: 10.0 * min(limit, 64))
    before = simulation.run(3_000)
    simulation.found.overloaded()
    after = simulation.found.limit
    assert after <= before // 2
    assert simulation.run(2 * after) == after
    assert simulation.run(20_000) > after  # and it is tried again later


def test_it_looks_again_when_an_engine_gets_faster() -> None:
    slots = 4
    simulation = Simulation(lambda limit: 20.0 * min(limit, slots))
    assert simulation.run(500) <= 8
    slots = 64
    simulation.run(20_000)
    assert simulation.found.limit >= 64
